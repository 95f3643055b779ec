"""Who asks. There is no authentication yet: everybody is nobody, in the default workspace."""

from __future__ import annotations

from typing import Any, NamedTuple

from trackway.storage.database import DEFAULT_WORKSPACE


class Identity(NamedTuple):
    """The caller, and the workspace that the request is about."""

    user: str | None
    workspace: int


_NOBODY = Identity(user=None, workspace=DEFAULT_WORKSPACE)


def identify(environ: dict[str, Any]) -> Identity:
    """Name the caller of a WSGI request. Raises ``Unauthenticated`` for credentials that are no good."""
    return _NOBODY

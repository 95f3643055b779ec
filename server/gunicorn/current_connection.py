"""The connection whose request the current pool thread answers."""

from __future__ import annotations

import threading
from typing import Any

_here = threading.local()


def set_connection(conn: Any) -> None:
    """Say whose request this thread answers."""
    _here.conn = conn


def connection() -> Any | None:
    """Return the connection, or None in a thread that answers no requests."""
    return getattr(_here, "conn", None)


def is_cut() -> bool:
    """Return whether the server has ended this thread's wait for a client because the client was too slow."""
    return getattr(connection(), "is_cut", False)

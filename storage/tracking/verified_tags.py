"""Tags of runs that say which CI job created them. Only the server sets them, from a verified token.

The tags that begin with ``trackway.ci.`` are never set or deleted by a client. ``gitlab.CI_JOB_ID``, which
clients have set themselves so far, is such a tag only on the run of a verified GitLab job. A client that
sends the value that is stored already is not refused: scripts set the job's id as GitLab documents it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from trackway.client_compat.errors import PermissionDenied
from trackway.client_compat.trust_rules import GITLAB, GITLAB_JOB_TAG, PROVIDER_TAG, TAG_PREFIX

from ..database import Tx
from ..schema.tracking import run_tags


def guarded(keys: Iterable[str]) -> list[str]:
    """Return the keys that may belong to verified tags."""
    return [key for key in keys if key.startswith(TAG_PREFIX) or key == GITLAB_JOB_TAG]


def check_new(tags: Mapping[str, str], verified: Mapping[str, str]) -> None:
    """Raise ``PermissionDenied`` if the tags of a new run have other values than the verified ones."""
    for key in guarded(tags):
        if key in verified or key.startswith(TAG_PREFIX):
            _check(key, tags[key], verified.get(key))


def check(tx: Tx, run_id: int, tags: Mapping[str, str | None]) -> None:
    """Raise ``PermissionDenied`` if the tags would change verified ones of a run. None deletes a tag."""
    keys = guarded(tags)
    if not keys:
        return
    query = sa.select(run_tags.c.key, run_tags.c.value).where(
        run_tags.c.run_id == run_id, run_tags.c.key.in_([*keys, PROVIDER_TAG])
    )
    stored = {row.key: row.value for row in tx.execute(query)}
    for key in keys:
        if key.startswith(TAG_PREFIX) or (stored.get(PROVIDER_TAG) == GITLAB and key in stored):
            _check(key, tags[key], stored.get(key))


def _check(key: str, value: str | None, verified: str | None) -> None:
    if value is None or value != verified:
        raise PermissionDenied(
            f"The tag {key} is set by the server, from the verified token of a CI job; a client cannot "
            "change it. Use another key."
        )

"""Files that clients uploaded to a run or logged model after it was purged.

The audit says what this database has purged, so files of another server in the same store are left alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from trackway.client_compat.errors import InvalidParameter, PermissionDenied

from ..artifacts.locations import Locations, Place
from ..database import Tx
from ..schema.audit import audit
from ..schema.tracking import experiments
from .trash import EXPERIMENT, MODEL, RUN

_PURGES = {kind.action for kind in (RUN, MODEL, EXPERIMENT)}
_MODELS_FOLDER = "models"


def purged(tx: Tx) -> set[str]:
    """Return what has been purged in the workspace, as the audit names it, such as ``run:4f0c...``."""
    query = sa.select(audit.c.target).where(audit.c.workspace_id == tx.workspace, audit.c.action.in_(_PURGES))
    return set(tx.execute(query).scalars())


def roots(tx: Tx, purged: set[str], artifact_root: str) -> list[str]:
    """Return the artifact locations of all experiments, and of those that were purged."""
    query = sa.select(experiments.c.artifact_location).where(experiments.c.workspace_id == tx.workspace)
    locations = list(tx.execute(query).scalars())
    prefix = f"{EXPERIMENT.noun}:"
    ids = [target.removeprefix(prefix) for target in purged if target.startswith(prefix)]
    return locations + [f"{artifact_root.rstrip('/')}/{experiment_id}" for experiment_id in sorted(ids)]


def find(locations: Locations, roots: list[str], purged: set[str]) -> Iterator[Place]:
    """Yield the folders of purged runs and models that have files again."""
    for root in roots:
        try:
            place = locations.place(root)
        except (InvalidParameter, PermissionDenied):  # in a store that the server does not access
            continue
        for noun, folder in ((RUN.noun, place), (MODEL.noun, place.at(_MODELS_FOLDER))):
            for entry in folder.store.list(folder.path):
                if entry.is_dir and f"{noun}:{entry.path.rpartition('/')[2]}" in purged:
                    yield Place(folder.store, entry.path)

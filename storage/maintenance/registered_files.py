"""Runs and logged models whose files a registered model version uses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ..database import Tx
from ..schema.registry import model_versions, registered_models

if TYPE_CHECKING:
    from .trash import TrashItem


_SCHEMES = {"run": "runs", "logged_model": "models"}


def uses(tx: Tx, items: Iterable[TrashItem]) -> dict[TrashItem, str]:
    """Return those of the runs and models whose files a version uses, each with the name of the version.

    A name is, for example, "version 3 of model 'm'".

    A version uses the files of the folder in which its storage location lies, which may be given as a URI of
    its run or logged model.
    """
    by_location = {}
    for item in items:
        by_location[item.location.rstrip("/")] = item
        by_location[f"{_SCHEMES[item.kind.noun]}:/{item.key}"] = item
    found: dict[TrashItem, str] = {}
    if not by_location:
        return found
    query = (
        sa.select(registered_models.c.name, model_versions.c.version, model_versions.c.storage_location)
        .join_from(model_versions, registered_models)
        .where(registered_models.c.workspace_id == tx.workspace)
    )
    for row in tx.execute(query):
        folder = row.storage_location.rstrip("/")
        while folder:
            if owner := by_location.get(folder):
                found.setdefault(owner, f"version {row.version} of model {row.name!r}")
                break
            folder = folder.rpartition("/")[0]
    return found

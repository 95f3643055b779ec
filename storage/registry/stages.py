"""Stages of model versions: move a version to another stage, find the newest version of each stage."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa

from trackway.client_compat import messages as m
from trackway.client_compat import registry_rules
from trackway.client_compat.registry_rules import ARCHIVED

from .. import search
from ..database import Tx
from ..governance import gates
from ..governance.gates import NOBODY, Actor, Passed
from ..schema import registry
from . import history, model_rows, model_versions
from .history import Change

_V = registry.model_versions.c


def transition(
    tx: Tx,
    name: str,
    version: str,
    stage: str,
    archive_existing_versions: bool,
    actor: Actor = NOBODY,
) -> tuple[m.ModelVersion, Passed]:
    """Move a version to a stage. Return it, and what policies said.

    With ``archive_existing_versions`` the other versions in that stage move to the stage "Archived". Raise
    ``PermissionDenied`` if a policy refuses it.
    """
    stage = registry_rules.canonical_stage(stage)
    model, row = model_versions.lock(tx, name, version)
    passed = gates.NO_POLICY
    if row.current_stage != stage:
        gates.check_release(tx, model, f"stage:{row.current_stage}", actor)
        passed = gates.check_naming(tx, model, row, f"stage:{stage}", actor, "stage")
    changes = []
    if archive_existing_versions:
        others = (_V.model_id == row.model_id, _V.current_stage == stage, _V.version != row.version)
        archived = tx.execute(sa.select(_V.version).where(*others).order_by(_V.version)).scalars()
        changes = [Change(history.STAGE_CHANGED, each, None, stage, ARCHIVED) for each in archived]
        tx.execute(
            sa.update(registry.model_versions)
            .where(*others)
            .values(current_stage=ARCHIVED, last_updated_time=tx.now_ms)
        )
    if row.current_stage != stage:
        changes.append(Change(history.STAGE_CHANGED, row.version, None, row.current_stage, stage))
    model_versions.change(tx, row.id, {"current_stage": stage})
    model_rows.touch(tx, row.model_id)
    changes += history.overriding(passed, row.version, stage)
    history.record(tx, row.model_id, name, *changes)
    return model_versions.get(tx, name, version), passed


def latest(tx: Tx, model_ids: Sequence[int]) -> dict[int, list[m.ModelVersion]]:
    """Return the newest version in each stage, by id of the model; without aliases, as in MLflow."""
    rows = _latest_rows(tx, model_ids)
    found: dict[int, list[m.ModelVersion]] = {}
    for row, message in zip(rows, model_versions.messages(tx, rows, aliases=False), strict=True):
        found.setdefault(row.model_id, []).append(message)
    return found


def latest_in(tx: Tx, name: str, stages: Collection[str]) -> list[m.ModelVersion]:
    """Return the newest version of a model in each of the stages, or in every stage if none is given."""
    model = model_rows.find(tx, name)
    wanted = {registry_rules.canonical_stage(stage) for stage in stages}
    rows = [row for row in _latest_rows(tx, [model.id]) if not wanted or row.current_stage in wanted]
    return model_versions.messages(tx, rows, aliases=True)


def _latest_rows(tx: Tx, model_ids: Sequence[int]) -> list[sa.Row[Any]]:
    """Return the rows of the newest versions, by id of the model, then by stage.

    The stages of a model are in the order of their oldest versions.
    """
    if not model_ids:
        return []
    ends = (
        sa.select(
            _V.model_id,
            sa.func.max(_V.version).label("newest"),
            sa.func.min(_V.version).label("oldest"),
        )
        .where(_V.model_id.in_(search.inline(model_ids)))
        .group_by(_V.model_id, _V.current_stage)
        .subquery()
    )
    is_newest = sa.and_(_V.model_id == ends.c.model_id, _V.version == ends.c.newest)
    newest = model_versions.NAMED.join(ends, is_newest).order_by(ends.c.model_id, ends.c.oldest)
    return list(tx.execute(newest).all())

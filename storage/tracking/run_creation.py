"""Creation of runs: the row of a run and its first tags.

The experiment is locked, shared, while the run is added (``experiments.lock_parent``).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import sqlalchemy as sa

from trackway.client_compat import messages as m
from trackway.client_compat import names, rules, uris
from trackway.client_compat.errors import InvalidParameter

from ..database import Prepared, Tx, new_version
from ..schema.tracking import run_tags, runs
from . import experiments, run_json, verified_tags
from .runs import SET_TAG


class _NewRun(NamedTuple):
    run_uuid: str
    experiment_id: int
    name: str
    user_id: str
    status: str
    start_time: int
    lifecycle_stage: str
    artifact_uri: str
    version: int
    end_time: int | None = None


_INSERT = Prepared(sa.insert(runs).returning(runs.c.id), *_NewRun._fields)


def _insert_with_tags() -> sa.Insert:
    """Build PostgreSQL's statement for a run with its tags.

    It returns no rows, so the pipeline sends it together with a later statement: it needs no round trip of
    its own.
    """
    new = {name: sa.bindparam(name, type_=runs.c[name].type) for name in _NewRun._fields}
    made = sa.insert(runs).values(new).returning(runs.c.id).cte("made")
    arrays = [sa.bindparam(f"{name}s", type_=sa.ARRAY(run_tags.c[name].type)) for name in ("key", "value")]
    tags = sa.func.unnest(*arrays).table_valued("key", "value").render_derived()
    rows = sa.select(made.c.id, tags.c.key, tags.c.value).select_from(made.join(tags, sa.true()))
    return sa.insert(run_tags).from_select(["run_id", "key", "value"], rows)


_INSERT_WITH_TAGS = Prepared(_insert_with_tags(), *_NewRun._fields, "keys", "values")


def create(tx: Tx, req: m.CreateRun, verified: Mapping[str, str] = MappingProxyType({})) -> m.Run:
    """Create a run in status RUNNING. ``verified`` are tags that the server adds (``verified_tags``).

    Its name is the request's ``run_name``, else the value of the tag ``mlflow.runName``, else a random one.
    Raise ``InvalidParameter`` if the request has both and they differ. Of a tag given twice the last value
    is stored.
    """
    parent = experiments.lock_parent(tx, req.experiment_id)
    tags = {tag.key or "": tag.value or "" for tag in req.tags}
    tag_name = tags.get(rules.RUN_NAME_TAG)
    if req.run_name and tag_name and req.run_name != tag_name:
        raise InvalidParameter(
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with "
            f"different values (run_name='{req.run_name}', mlflow.runName='{tag_name}')."
        )
    verified_tags.check_new(tags, verified)
    tags |= verified
    name = req.run_name or tag_name or names.random_run_name()
    tags[rules.RUN_NAME_TAG] = name
    run_uuid = uuid.uuid4().hex
    run = _NewRun(
        run_uuid=run_uuid,
        experiment_id=parent.id,
        name=name,
        user_id=req.user_id or "",
        status="RUNNING",
        start_time=req.start_time or 0,
        lifecycle_stage=experiments.ACTIVE,
        artifact_uri=uris.append(parent.artifact_location, run_uuid, "artifacts"),
        version=new_version(),
    )
    if tx.dialect == "postgresql":
        tx.run(_INSERT_WITH_TAGS, *run, list(tags), list(tags.values()))
    else:
        row = tx.first(_INSERT, *run)
        tx.run_many(SET_TAG, [(row.id, key, value) for key, value in tags.items()])
    return m.Run(
        info=run_json.info(run),
        data=m.RunData(tags=[m.RunTag(key=key, value=value) for key, value in tags.items()]),
        inputs=m.RunInputs(),
    )


__all__ = ["create"]

"""Versions of registered models: create, read, search, change and delete them; their tags.

Every function that writes locks the model's row first (``model_rows``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa

from trackway.client_compat import messages as m
from trackway.client_compat import registry_rules, searchable
from trackway.client_compat.errors import NotFound
from trackway.client_compat.filters import parse_order_by
from trackway.client_compat.model_sources import Source

from .. import search
from ..database import Tx
from ..governance import gates
from ..schema.registry import model_version_tags, model_versions, registered_model_aliases, registered_models
from ..search import pages
from ..search.visible import ALL_MODELS, VisibleModels
from ..webhooks import outbox
from . import history, model_rows
from . import tags as registry_tags
from .history import Change
from .tags import VERSION_TAGS, with_prompt_filter

_MAX_VERSION = (1 << 63) - 1

NAMED = sa.select(model_versions, registered_models.c.name).join(registered_models)
_FIND = NAMED.where(
    registered_models.c.workspace_id == sa.bindparam("workspace"),
    registered_models.c.name == sa.bindparam("name"),
    model_versions.c.version == sa.bindparam("version"),
)
_INSERT = sa.insert(model_versions)
# If any version of a model has the prompt tag, no version of the model is found, as in MLflow.
_PROMPTS = sa.select(model_versions.c.model_id).join(model_version_tags).where(*VERSION_TAGS.prompt_filter)
_IS_NO_PROMPT = model_versions.c.model_id.not_in(_PROMPTS)
_SEARCH = search.Entity(
    searchable.MODEL_VERSIONS,
    owner=model_versions.c.id,
    attributes={
        "name": registered_models.c.name,
        "run_id": model_versions.c.run_id,
        "source_path": model_versions.c.source,
        "version_number": model_versions.c.version,
        "creation_timestamp": model_versions.c.creation_time,
        "last_updated_timestamp": model_versions.c.last_updated_time,
    },
    children={"tag": search.Child(model_version_tags, model_version_tags.c.version_id)},
)
_SEARCH = with_prompt_filter(_SEARCH, _IS_NO_PROMPT)


def create(tx: Tx, req: m.CreateModelVersion, source: Source) -> m.ModelVersion:
    """Create a version with the next number. Numbers of deleted versions are not used again.

    Raise ``NotFound`` if the model does not exist.
    """
    model = model_rows.lock(tx, req.name)
    tags = {tag.key: tag.value for tag in req.tags}
    number: int = model.last_version + 1
    model_rows.touch(tx, model.id, last_version=number)
    row = tx.execute(
        _INSERT.returning(model_versions),
        {
            "model_id": model.id,
            "version": number,
            "creation_time": tx.now_ms,
            "last_updated_time": tx.now_ms,
            "description": req.description or "",
            "user_id": tx.user,
            "current_stage": registry_rules.NO_STAGE,
            "source": source.uri,
            "storage_location": source.location,
            "run_id": source.run_id,
            "run_link": req.run_link or "",
            "logged_model_id": source.model_id,
        },
    ).one()
    VERSION_TAGS.put(tx, row.id, tags)
    history.record(
        tx,
        model.id,
        req.name,
        Change(history.VERSION_CREATED, number, new_value=source.uri),
        *([Change(history.VERSION_DESCRIBED, number, new_value=req.description)] if req.description else []),
        *(Change(history.VERSION_TAG_SET, number, key, None, value) for key, value in tags.items()),
    )
    payload = {"name": req.name, "version": str(number), "description": req.description or None}
    if registry_rules.is_prompt(tags):
        text = tags.get(registry_rules.PROMPT_TEXT_TAG)
        visible = registry_rules.visible_tags(tags, registry_rules.PROMPT_TEXT_TAG)
        outbox.emit(tx, "prompt_version.created", {**payload, "template": text, "tags": visible})
    else:
        about = {"source": source.uri, "run_id": source.run_id or None, "tags": tags}
        outbox.emit(tx, "model_version.created", {**payload, **about})
    return _message(row, req.name, tags, ())


def get(tx: Tx, name: str, version: str) -> m.ModelVersion:
    """Return the version with its tags and aliases. Raise ``NotFound`` if it does not exist."""
    return messages(tx, [find(tx, name, version)], aliases=True)[0]


def find(tx: Tx, name: str, version: str) -> sa.Row[Any]:
    """Return the version's row, with a column ``name``, the model's. Raise ``NotFound`` if there is none."""
    registry_rules.check_model_name(name)
    number = registry_rules.parse_version(version)
    row = None
    if abs(number) <= _MAX_VERSION:
        row = tx.execute(_FIND, {"workspace": tx.workspace, "name": name, "version": number}).first()
    if row is None:
        raise NotFound(f"Model Version (name={name}, version={number}) not found")
    return row


def find_locked(tx: Tx, name: str, version: str) -> sa.Row[Any]:
    """Lock the version's model for a change of the version or its aliases, and return the version's row."""
    return lock(tx, name, version)[1]


def lock(tx: Tx, name: str, version: str) -> tuple[sa.Row[Any], sa.Row[Any]]:
    """Do the same as ``find_locked``, and return the rows of the model and of the version."""
    model = model_rows.lock_if_exists(tx, name)
    row = find(tx, name, version)
    assert model is not None, "the version belongs to it"
    return model, row


def describe(tx: Tx, name: str, version: str, description: str | None) -> m.ModelVersion:
    """Set the description and return the version. None, for a request without one, removes it."""
    row = find_locked(tx, name, version)
    change(tx, row.id, {"description": description})
    if (description or "") != (row.description or ""):
        changed = Change(
            history.VERSION_DESCRIBED,
            row.version,
            old_value=row.description or None,
            new_value=description or None,
        )
        history.record(tx, row.model_id, name, changed)
    return get(tx, name, version)


def delete(tx: Tx, name: str, version: str) -> None:
    """Delete the version with its tags and aliases. Its number is not used again.

    Raise ``PermissionDenied`` if something names it that a policy guards.
    """
    model, row = lock(tx, name, version)
    gates.check_deletion(tx, model, [row.version])
    aliases = aliases_of(tx, [row.model_id]).get(row.model_id, {}).get(row.version, [])
    tx.execute(sa.delete(model_versions).where(model_versions.c.id == row.id))
    model_rows.touch(tx, row.model_id)
    number = row.version
    history.record(
        tx,
        row.model_id,
        name,
        *(Change(history.ALIAS_REMOVED, number, alias, old_value=str(number)) for alias in aliases),
        Change(history.VERSION_DELETED, number, old_value=row.source),
    )


def download_uri(tx: Tx, name: str, version: str) -> str:
    """Return where the version's artifacts are, as it was stored at its creation."""
    return str(find(tx, name, version).storage_location)


def find_page(
    tx: Tx, req: m.SearchModelVersions, visible: VisibleModels = ALL_MODELS
) -> tuple[list[m.ModelVersion], str | None]:
    """Return a page of versions of the visible models, without aliases as in MLflow, and the next token.

    The order is last updated first, unless the request has an ``order_by``. Prompt versions are found only
    by a filter that asks for prompts.
    """
    scope = [registered_models.c.workspace_id == tx.workspace]
    if not registry_rules.asks_for_prompts(req.filter, searchable.MODEL_VERSIONS):
        scope.append(_IS_NO_PROMPT)
    scope += visible.conditions(registered_models.c.name, _IS_NO_PROMPT)
    found = pages.Search(
        _SEARCH,
        NAMED,
        scope=scope,
        query=("model versions", tx.workspace),
        filter=req.filter,
        order=parse_order_by(req.order_by, searchable.MODEL_VERSIONS),
    )
    make = partial(messages, tx, aliases=False)
    return found.fetch_results(tx, req.max_results, req.page_token or None, make)


def set_tag(tx: Tx, name: str, version: str, key: str, value: str) -> None:
    """Set a tag of a version."""
    row = find_locked(tx, name, version)
    old = VERSION_TAGS.get(tx, row.id, key)
    if old != value:
        VERSION_TAGS.put(tx, row.id, {key: value})
        changed = Change(history.VERSION_TAG_SET, row.version, key, old, value)
        history.record(tx, row.model_id, name, changed)
    event = registry_tags.event_kind(tx, row.model_id, "model") + "_version_tag.set"
    outbox.emit(tx, event, {"name": name, "version": version, "key": key, "value": value})


def delete_tag(tx: Tx, name: str, version: str, key: str) -> None:
    """Delete a tag of a version. Idempotent: if there is no such tag, only the webhook event is sent."""
    row = find_locked(tx, name, version)
    old = VERSION_TAGS.get(tx, row.id, key)
    if old is not None:
        VERSION_TAGS.delete(tx, row.id, key)
        changed = Change(history.VERSION_TAG_DELETED, row.version, key, old)
        history.record(tx, row.model_id, name, changed)
    event = registry_tags.event_kind(tx, row.model_id, "model") + "_version_tag.deleted"
    outbox.emit(tx, event, {"name": name, "version": version, "key": key})


def messages(tx: Tx, rows: Sequence[sa.Row[Any]], *, aliases: bool) -> list[m.ModelVersion]:
    """Return the versions of rows that have the models' ``name``, with their tags and, if asked, aliases."""
    named = aliases_of(tx, sorted({row.model_id for row in rows})) if aliases else {}
    tags = search.children_of(tx, model_version_tags, model_version_tags.c.version_id, [r.id for r in rows])
    return [
        _message(
            row,
            row.name,
            {tag.key: tag.value for tag in tags.get(row.id, ())},
            named.get(row.model_id, {}).get(row.version, ()),
        )
        for row in rows
    ]


def aliases_of(tx: Tx, model_ids: Sequence[int]) -> dict[int, dict[int, list[str]]]:
    """Return the aliases of several models by id of the model, then by version, in alphabetical order."""
    table = registered_model_aliases
    found: dict[int, dict[int, list[str]]] = {}
    for model_id, rows in search.children_of(tx, table, table.c.model_id, model_ids, table.c.alias).items():
        for row in rows:
            found.setdefault(model_id, {}).setdefault(row.version, []).append(row.alias)
    return found


def change(tx: Tx, version_id: int, values: Mapping[str, Any]) -> None:
    """Set columns of a version of a locked model, and its time of the last update."""
    tx.execute(
        sa.update(model_versions)
        .where(model_versions.c.id == version_id)
        .values(last_updated_time=tx.now_ms, **values)
    )


def _message(row: sa.Row[Any], name: str, tags: Mapping[str, str], aliases: Sequence[str]) -> m.ModelVersion:
    return m.ModelVersion(
        name=name,
        version=str(row.version),
        creation_timestamp=row.creation_time,
        last_updated_timestamp=row.last_updated_time,
        description=row.description,
        user_id=row.user_id,
        current_stage=row.current_stage,
        source=row.source,
        run_id=row.run_id,
        status=m.ModelVersionStatus.READY,
        tags=[m.ModelVersionTag(key=key, value=value) for key, value in tags.items()],
        run_link=row.run_link,
        aliases=list(aliases),
        model_id=row.logged_model_id or None,
    )

"""Registered models: create, read, search, describe, rename and delete them; their tags.

Every function that changes a model locks the model's row first (``model_rows``). A prompt is a registered
model with a special tag (``tags``).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from trackway.client_compat import messages as m
from trackway.client_compat import registry_rules, searchable
from trackway.client_compat.errors import AlreadyExists
from trackway.client_compat.filters import parse_order_by

from .. import search
from ..database import Tx, insert_new
from ..governance import gates
from ..governance.gates import NOBODY, Actor
from ..schema import registry
from ..schema.registry import registered_model_aliases, registered_model_tags, registered_models
from ..search import pages
from ..search.visible import ALL_MODELS, VisibleModels
from ..webhooks import outbox
from . import history, model_rows, stages
from . import tags as registry_tags
from .history import Change
from .tags import MODEL_TAGS, with_prompt_filter

_INSERT = insert_new(registered_models).returning(registered_models.c.id)
_PROMPTS = sa.select(registered_model_tags.c.model_id).where(*MODEL_TAGS.prompt_filter)
_IS_NO_PROMPT = registered_models.c.id.not_in(_PROMPTS)
_SEARCH = search.Entity(
    searchable.REGISTERED_MODELS,
    owner=registered_models.c.id,
    attributes={
        "name": registered_models.c.name,
        "last_updated_timestamp": registered_models.c.last_updated_time,
    },
    children={"tag": search.Child(registered_model_tags, registered_model_tags.c.model_id)},
)
_SEARCH = with_prompt_filter(_SEARCH, _IS_NO_PROMPT)


def create(tx: Tx, req: m.CreateRegisteredModel) -> m.RegisteredModel:
    """Create a model, or a prompt if its tags say so. Of a tag given twice the last value is stored.

    Raise ``AlreadyExists`` if the name is taken.
    """
    tags = {tag.key: tag.value for tag in req.tags}
    values = {
        "workspace_id": tx.workspace,
        "name": req.name,
        "description": req.description or "",
        "creation_time": tx.now_ms,
        "last_updated_time": tx.now_ms,
        "last_version": 0,
    }
    model_id = tx.execute(_INSERT, values).scalar()
    if model_id is None:
        existing = model_rows.find(tx, req.name)
        raise registry_rules.name_taken(req.name, old=MODEL_TAGS.get_all(tx, existing.id), new=tags)
    MODEL_TAGS.put(tx, model_id, tags)
    history.record(
        tx,
        model_id,
        req.name,
        Change(history.MODEL_CREATED, new_value=req.description or None),
        *(Change(history.MODEL_TAG_SET, key=key, new_value=value) for key, value in tags.items()),
    )
    is_prompt = registry_rules.is_prompt(tags)
    outbox.emit(
        tx,
        "prompt.created" if is_prompt else "registered_model.created",
        {
            "name": req.name,
            "tags": registry_rules.visible_tags(tags) if is_prompt else tags,
            "description": req.description or "",
        },
    )
    return m.RegisteredModel(
        name=req.name,
        creation_timestamp=tx.now_ms,
        last_updated_timestamp=tx.now_ms,
        description=req.description or None,
        tags=[m.RegisteredModelTag(key=key, value=value) for key, value in tags.items()],
    )


def get(tx: Tx, name: str) -> m.RegisteredModel:
    """Return the model with its tags, aliases and the newest version of each stage."""
    return _messages(tx, [model_rows.find(tx, name)])[0]


def describe(tx: Tx, name: str, description: str) -> m.RegisteredModel:
    """Set the description and return the model."""
    row = model_rows.lock(tx, name)
    model_rows.touch(tx, row.id, description=description)
    if description != (row.description or ""):
        changed = Change(
            history.MODEL_DESCRIBED, old_value=row.description or None, new_value=description or None
        )
        history.record(tx, row.id, name, changed)
    return get(tx, name)


def rename(tx: Tx, name: str, new_name: str, actor: Actor = NOBODY) -> m.RegisteredModel:
    """Rename the model and return it. Its versions also get a new time of the last update, as in MLflow.

    Raise ``AlreadyExists`` if the name is taken, and ``PermissionDenied`` if a policy refuses it.
    """
    row = model_rows.lock(tx, name)
    if new_name != name:
        gates.check_rename(tx, row, new_name, model_rows.is_guarded(tx, new_name), actor)
    try:
        model_rows.touch(tx, row.id, name=new_name)
    except IntegrityError:
        raise AlreadyExists(f"Registered Model (name={new_name}) already exists.") from None
    versions = registry.model_versions
    tx.execute(sa.update(versions).where(versions.c.model_id == row.id).values(last_updated_time=tx.now_ms))
    if new_name != name:
        changed = Change(history.MODEL_RENAMED, old_value=name, new_value=new_name)
        history.record(tx, row.id, new_name, changed)
    return get(tx, new_name)


def delete(tx: Tx, name: str) -> None:
    """Delete the model with its versions, tags and aliases. Its history is not deleted.

    Raise ``PermissionDenied`` if one of its aliases or stages is guarded by a policy.
    """
    row = model_rows.lock(tx, name)
    gates.check_deletion(tx, row)
    aliases = search.children_of(
        tx,
        registered_model_aliases,
        registered_model_aliases.c.model_id,
        [row.id],
        registered_model_aliases.c.alias,
    )
    tx.execute(sa.delete(registered_models).where(registered_models.c.id == row.id))
    history.record(
        tx,
        row.id,
        name,
        *(
            Change(history.ALIAS_REMOVED, alias.version, alias.alias, old_value=str(alias.version))
            for alias in aliases.get(row.id, ())
        ),
        Change(history.MODEL_DELETED),
    )


def find_page(
    tx: Tx, req: m.SearchRegisteredModels, visible: VisibleModels = ALL_MODELS
) -> tuple[list[m.RegisteredModel], str | None]:
    """Return a page of the models that are visible and the token of the next page.

    The order is by name, unless the request has an ``order_by``. Prompts are found only by a filter that asks
    for prompts.
    """
    scope = [registered_models.c.workspace_id == tx.workspace]
    if not registry_rules.asks_for_prompts(req.filter, searchable.REGISTERED_MODELS):
        scope.append(_IS_NO_PROMPT)
    scope += visible.conditions(registered_models.c.name, _IS_NO_PROMPT)
    found = pages.Search(
        _SEARCH,
        sa.select(registered_models),
        scope=scope,
        query=("registered models", tx.workspace),
        filter=req.filter,
        order=parse_order_by(req.order_by, searchable.REGISTERED_MODELS),
    )
    return found.fetch_results(tx, req.max_results, req.page_token or None, partial(_messages, tx))


def set_tag(tx: Tx, name: str, key: str, value: str) -> None:
    """Set a tag of a model. Only prompts have a webhook event for this, as in MLflow."""
    row = model_rows.lock(tx, name)
    old = MODEL_TAGS.get(tx, row.id, key)
    if old != value:
        MODEL_TAGS.put(tx, row.id, {key: value})
        history.record(tx, row.id, name, Change(history.MODEL_TAG_SET, None, key, old, value))
    if registry_tags.is_prompt(tx, row.id):
        outbox.emit(tx, "prompt_tag.set", {"name": name, "key": key, "value": value})


def delete_tag(tx: Tx, name: str, key: str) -> None:
    """Delete a tag of a model. Idempotent. Only prompts have a webhook event for this, as in MLflow."""
    row = model_rows.lock(tx, name)
    old = MODEL_TAGS.get(tx, row.id, key)
    if old is not None:
        MODEL_TAGS.delete(tx, row.id, key)
        history.record(tx, row.id, name, Change(history.MODEL_TAG_DELETED, None, key, old))
    if registry_tags.is_prompt(tx, row.id):
        outbox.emit(tx, "prompt_tag.deleted", {"name": name, "key": key})


def _messages(tx: Tx, rows: Sequence[sa.Row[Any]]) -> list[m.RegisteredModel]:
    """Return the model of each row with its tags, aliases and newest versions.

    Each kind of child is read with one statement, however many models there are.
    """
    ids = [row.id for row in rows]
    tags = search.children_of(tx, registered_model_tags, registered_model_tags.c.model_id, ids)
    aliases = search.children_of(
        tx,
        registered_model_aliases,
        registered_model_aliases.c.model_id,
        ids,
        registered_model_aliases.c.alias,
    )
    latest = stages.latest(tx, ids)
    return [
        m.RegisteredModel(
            name=row.name,
            creation_timestamp=row.creation_time,
            last_updated_timestamp=row.last_updated_time,
            description=row.description or None,
            latest_versions=latest.get(row.id, []),
            tags=[m.RegisteredModelTag(key=tag.key, value=tag.value) for tag in tags.get(row.id, ())],
            aliases=[
                m.RegisteredModelAlias(alias=alias.alias, version=str(alias.version))
                for alias in aliases.get(row.id, ())
            ],
        )
        for row in rows
    ]

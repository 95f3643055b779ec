"""Tags of registered models and of versions, and prompts, which are models that a tag makes so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import sqlalchemy as sa

from trackway.client_compat import registry_rules
from trackway.client_compat.filters import Comparison

from .. import search
from ..database import Tx, upsert
from ..schema.registry import model_version_tags, registered_model_tags


class TagTable:
    """The tags of one kind of owner, who is locked by then."""

    def __init__(self, table: sa.Table, owner: str) -> None:
        self._owner = owner
        self._put = upsert(table, "value")
        of = sa.select(table.c.key, table.c.value).where(table.c[owner] == sa.bindparam("owner"))
        self._of = of.order_by(table.c.key)
        self._one = of.where(table.c.key == sa.bindparam("tag"))
        self._remove = sa.delete(table).where(
            table.c[owner] == sa.bindparam("owner"), table.c.key == sa.bindparam("tag")
        )
        # As the index of prompts is declared, so that SQLite uses it.
        self.of_prompts = (
            table.c.key == sa.literal_column(f"'{registry_rules.PROMPT_TAG}'"),
            table.c.value == sa.literal_column("'true'"),
        )

    def put(self, tx: Tx, owner_id: int, tags: Mapping[str, str]) -> None:
        rows = [{self._owner: owner_id, "key": key, "value": value} for key, value in tags.items()]
        if rows:
            tx.execute(self._put, rows)

    def of(self, tx: Tx, owner_id: int) -> dict[str, str]:
        return {row.key: row.value for row in tx.execute(self._of, {"owner": owner_id})}

    def one(self, tx: Tx, owner_id: int, key: str) -> str | None:
        row = tx.execute(self._one, {"owner": owner_id, "tag": key}).first()
        return None if row is None else row.value

    def remove(self, tx: Tx, owner_id: int, key: str) -> None:
        tx.execute(self._remove, {"owner": owner_id, "tag": key})


MODEL_TAGS = TagTable(registered_model_tags, "model_id")
VERSION_TAGS = TagTable(model_version_tags, "version_id")


def is_prompt(tx: Tx, model_id: int) -> bool:
    value = MODEL_TAGS.one(tx, model_id, registry_rules.PROMPT_TAG)
    return registry_rules.is_prompt({registry_rules.PROMPT_TAG: value or ""})


def event_kind(tx: Tx, model_id: int, of_model: str) -> str:
    """What the names of webhook events begin with: "prompt" for prompts, else ``of_model``."""
    return "prompt" if is_prompt(tx, model_id) else of_model


def aware_of_prompts(entity: search.Entity, is_no_prompt: search.Column) -> search.Entity:
    """The entity, with MLflow's meaning of a comparison of the tag that makes prompts.

    Asking for prompts looks at the tag. Asking for all else (``!= 'true'``) is true of what has no
    such tag, against the rule for other tags.
    """

    def by_tag(comparison: Comparison) -> search.Column:
        if registry_rules.names_prompts(comparison) is False:
            return is_no_prompt
        return search.condition(entity, comparison)

    return replace(entity, special={"tag": by_tag})

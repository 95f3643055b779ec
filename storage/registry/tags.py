"""Tags of registered models and of their versions, and the rules for prompts.

A prompt is a registered model with the tag ``mlflow.prompt.is_prompt`` = "true".
"""

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
    """The tags of one kind of owner: models or versions. A caller that writes has locked the model."""

    def __init__(self, table: sa.Table, owner: str) -> None:
        self._owner = owner
        self._put = upsert(table, "value")
        tags = sa.select(table.c.key, table.c.value).where(table.c[owner] == sa.bindparam("owner"))
        self._get_all = tags.order_by(table.c.key)
        self._get = tags.where(table.c.key == sa.bindparam("tag"))
        self._delete = sa.delete(table).where(
            table.c[owner] == sa.bindparam("owner"), table.c.key == sa.bindparam("tag")
        )
        # Literals as in the partial index for prompts: SQLite uses the index only for the same condition.
        self.prompt_filter = (
            table.c.key == sa.literal_column(f"'{registry_rules.PROMPT_TAG}'"),
            table.c.value == sa.literal_column("'true'"),
        )

    def put(self, tx: Tx, owner_id: int, tags: Mapping[str, str]) -> None:
        """Set tags; existing values are replaced."""
        rows = [{self._owner: owner_id, "key": key, "value": value} for key, value in tags.items()]
        if rows:
            tx.execute(self._put, rows)

    def get_all(self, tx: Tx, owner_id: int) -> dict[str, str]:
        """Return the tags, sorted by key."""
        return {row.key: row.value for row in tx.execute(self._get_all, {"owner": owner_id})}

    def get(self, tx: Tx, owner_id: int, key: str) -> str | None:
        """Return the value of a tag, or None if there is no such tag."""
        row = tx.execute(self._get, {"owner": owner_id, "tag": key}).first()
        return None if row is None else row.value

    def delete(self, tx: Tx, owner_id: int, key: str) -> None:
        """Delete a tag. Idempotent."""
        tx.execute(self._delete, {"owner": owner_id, "tag": key})


MODEL_TAGS = TagTable(registered_model_tags, "model_id")
VERSION_TAGS = TagTable(model_version_tags, "version_id")


def is_prompt(tx: Tx, model_id: int) -> bool:
    """Return whether the model is a prompt."""
    value = MODEL_TAGS.get(tx, model_id, registry_rules.PROMPT_TAG)
    return registry_rules.is_prompt({registry_rules.PROMPT_TAG: value or ""})


def event_kind(tx: Tx, model_id: int, otherwise: str) -> str:
    """Return how the names of the model's webhook events begin: "prompt" for a prompt, else ``otherwise``."""
    return "prompt" if is_prompt(tx, model_id) else otherwise


def with_prompt_filter(entity: search.Entity, is_no_prompt: search.Column) -> search.Entity:
    """Return the search entity, with MLflow's rule for comparisons of the prompt tag.

    A comparison that asks for prompts is evaluated like that of any other tag. All other
    comparisons of the prompt tag, such as ``!= 'true'``, become ``is_no_prompt``. That is also true if there
    is no such tag, unlike comparisons of other tags.
    """

    def by_tag(comparison: Comparison) -> search.Column | None:
        return is_no_prompt if registry_rules.names_prompts(comparison) is False else None

    return replace(entity, special={"tag": by_tag})

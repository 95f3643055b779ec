"""``Visible``: which resources the caller of a search may see, as a condition of its statement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import sqlalchemy as sa


class Visible(NamedTuple):
    """All resources but ``others``, which are ids; only ``others`` if ``by_default`` is false."""

    by_default: bool
    others: frozenset[str] = frozenset()

    def conditions(
        self, column: sa.ColumnElement[Any], value_of: Callable[[str], Any] = str
    ) -> list[sa.ColumnElement[bool]]:
        """Return the conditions on the column with the resources' ids; none if all are visible.

        ``value_of`` makes a value of the column of an id; a ``ValueError`` means that no resource has it.
        """
        values = []
        for resource_id in sorted(self.others):
            try:
                values.append(value_of(resource_id))
            except ValueError:
                continue
        if self.by_default:
            return [column.not_in(values)] if values else []
        return [column.in_(values)]


EVERYTHING, NOTHING = Visible(True), Visible(False)


class ShownRuns(NamedTuple):
    """Runs that are not in the trash: all, or only those with ``ids``."""

    ids: tuple[str, ...] | None


class VisibleModels(NamedTuple):
    """The registered models and the prompts that a search may find, by name."""

    models: Visible
    prompts: Visible

    def conditions(
        self, name: sa.ColumnElement[Any], is_no_prompt: sa.ColumnElement[bool]
    ) -> list[sa.ColumnElement[bool]]:
        """Return the conditions on the column with the names."""
        if self.models == self.prompts:
            return self.models.conditions(name)
        return [
            sa.or_(
                sa.and_(is_no_prompt, *self.models.conditions(name)),
                sa.and_(sa.not_(is_no_prompt), *self.prompts.conditions(name)),
            )
        ]


ALL_MODELS = VisibleModels(EVERYTHING, EVERYTHING)

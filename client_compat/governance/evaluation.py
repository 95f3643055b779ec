"""Says of a rule whether it holds for a version, and by which values.

A comparison with a fact that is not known does not hold, with or without NOT around it: a gate stays closed
while something is missing. IS NULL asks for what is known to be absent, so it does not hold either as long as
a fact may still appear. A comparison with a fact of an alias that names no version holds, with or without
NOT: there is nothing yet that the first version could be worse than.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from ..fields import Scalar
from ..filters import And, Comparison, Node, Not
from .facts import Fact
from .rule_language import RuleComparison, facts_of

# absent: there is no such value. pending: it is being determined. no_version: the alias names no version.
State = Literal["known", "absent", "pending", "no_version"]
_NUMERIC: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
}


class Found(NamedTuple):
    """What is found for a fact. ``note`` says of a fact without a value why it has none."""

    value: Scalar | None
    state: State = "known"
    note: str = ""
    # The version that an alias names, for facts of it.
    version: int | None = None


class Result(NamedTuple):
    """What a rule says of a version. ``values`` are the facts that it names, in its order."""

    name: str
    expression: str
    holds: bool
    values: tuple[tuple[Fact, Found], ...]

    @property
    def is_pending(self) -> bool:
        """Whether the rule may hold as soon as something is determined that is not yet."""
        return not self.holds and any(found.state == "pending" for _, found in self.values)

    @property
    def reasons(self) -> str:
        """The values as a sentence, for an error message."""
        return "; ".join(_sentence(fact, found) for fact, found in self.values)


def evaluate(name: str, expression: str, node: Node, found: Mapping[Fact, Found]) -> Result:
    """Return what a rule says. ``found`` has its facts."""
    values = tuple((fact, found[fact]) for fact in facts_of(node))
    return Result(name, expression, _is(node, True, found), values)


def _is(node: Node, wanted: bool, found: Mapping[Fact, Found]) -> bool:
    """Return whether a part of a rule is certainly true (``wanted``), or certainly false."""
    if isinstance(node, Not):
        return _is(node.part, not wanted, found)
    if isinstance(node, Comparison):
        assert isinstance(node, RuleComparison)
        return _compares(node, wanted, found)
    combine = all if isinstance(node, And) == wanted else any
    return combine(_is(part, wanted, found) for part in node.parts)


def _compares(comparison: RuleComparison, wanted: bool, found: Mapping[Fact, Found]) -> bool:
    left = found[comparison.fact]
    right = found[comparison.other] if comparison.other is not None else None
    if left.state == "no_version" or (right is not None and right.state == "no_version"):
        return True
    if comparison.op in ("IS NULL", "IS NOT NULL"):
        if left.state == "pending":
            return False
        return (left.state == "absent") == ((comparison.op == "IS NULL") == wanted)
    if not _is_usable(left) or (right is not None and not _is_usable(right)):
        return False
    value: Any = comparison.value
    if right is not None:
        value = right.value
        if not isinstance(value, str) and (comparison.factor != 1 or comparison.offset):
            value = comparison.factor * value + comparison.offset
    return _holds(comparison.op, left.value, value) == wanted


def _is_usable(found: Found) -> bool:
    return found.state == "known" and not (isinstance(found.value, float) and math.isnan(found.value))


def _holds(op: str, left: Any, right: Any) -> bool:
    if op in _NUMERIC:
        return _NUMERIC[op](left, right)
    if op in ("IN", "NOT IN"):
        return (left in right) == (op == "IN")
    if op == "BETWEEN":
        return bool(right[0] <= left <= right[1])
    from ..traces import patterns

    return patterns.like(right, ignore_case=op == "ILIKE")(left)


def _sentence(fact: Fact, found: Found) -> str:
    of_version = f" of version {found.version}" if found.version is not None else ""
    if found.state == "known":
        value = repr(found.value) if isinstance(found.value, str) else f"{found.value:.15g}"
        return f"{fact.text}{of_version} is {value}"
    return f"{fact.text}{of_version} is not known: {found.note}"

"""Facts: what rules may ask about a model version, such as ``metrics.accuracy``.

    metrics.KEY             of its logged model, else of its source run
    params.KEY              likewise
    on."DATASET".KEY        a metric that was logged with the dataset of this name or digest
    tags.KEY                its own tag, else that of its source run
    description, age_hours  its own
    approvals.count         users who approve of it for the policy's target; .others: except who created it
    approvals.rejected      users who reject it
    alias.NAME.FACT         the same fact of the version that the alias names now

A key with other characters than letters, digits and "_" is written in double quotes or backticks.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from ..errors import InvalidParameter

Kind = Literal["number", "text"]
NUMBER: Kind = "number"
TEXT: Kind = "text"

ALIAS, DATASET = "alias", "on"
# Facts whose keys the user chooses: prefix -> kind.
KEYED: Mapping[str, Kind] = {"metrics": NUMBER, "params": TEXT, DATASET: NUMBER, "tags": TEXT}
# All others, by their whole names.
NAMED: Mapping[str, Kind] = {
    "description": TEXT,
    "age_hours": NUMBER,
    "approvals.count": NUMBER,
    "approvals.others": NUMBER,
    "approvals.rejected": NUMBER,
}
_PART = re.compile(r"""`([^`]*)`|"([^"]*)"|'([^']*)'|(\w+)""")


class Fact(NamedTuple):
    """One fact. ``text`` is what the user wrote; two facts are the same if all but this is."""

    text: str
    # "metrics", "on", ...; the whole name of a fact of `NAMED`.
    group: str
    key: str = ""
    dataset: str = ""  # of "on"
    alias: str = ""  # "": the version itself

    @property
    def kind(self) -> Kind:
        return KEYED.get(self.group) or NAMED[self.group]


def parse(text: str) -> Fact:
    """Return the fact of a key in a rule. Raise ``InvalidParameter``, with the nearest name."""
    return _parse(text, text, "")


def _parse(whole: str, text: str, alias: str) -> Fact:
    prefix, rest = _first_part(whole, text)
    if prefix == ALIAS and rest:
        if alias:
            raise InvalidParameter(f"{whole} has an alias within an alias; a fact may have one.")
        name, rest = _first_part(whole, rest)
        if not rest:
            raise _incomplete(whole, f"{text}.metrics.accuracy")
        return _parse(whole, rest, name)
    if prefix == DATASET:
        dataset, key = _first_part(whole, rest) if rest else ("", "")
        if not key:
            raise _incomplete(whole, 'on."iris-test".accuracy')
        return Fact(whole, prefix, _unquoted(key), dataset, alias)
    if prefix in KEYED:
        if not rest:
            raise _incomplete(whole, f"{prefix}.name")
        return Fact(whole, prefix, _unquoted(rest), "", alias)
    name = f"{prefix}.{rest}" if rest else prefix
    if name in NAMED:
        return Fact(whole, name, "", "", alias)
    raise InvalidParameter(f"There is no fact {whole}.{_nearest(name, prefix)}")


def _first_part(whole: str, text: str) -> tuple[str, str]:
    """Return the first part of a dotted key, without its quotes, and the rest."""
    match = _PART.match(text)
    if match is None or text[match.end() : match.end() + 1] not in ("", "."):
        raise InvalidParameter(f"There is no fact {whole}.{_nearest(text, text)}")
    return match[match.lastindex or 0], text[match.end() + 1 :]


def _unquoted(key: str) -> str:
    match = _PART.fullmatch(key)
    return match[match.lastindex or 0] if match else key


def _incomplete(whole: str, example: str) -> InvalidParameter:
    return InvalidParameter(f"{whole} is incomplete; write for example {example}.")


def _nearest(name: str, prefix: str) -> str:
    """Return a sentence with the nearest name, or with all."""
    names = (*NAMED, *(f"{group}.KEY" for group in KEYED if group != DATASET))
    found = nearest(name, NAMED) or nearest(prefix, (*KEYED, ALIAS))
    if found:
        return f" Did you mean {found if found in NAMED else f'{found}.KEY'}?"
    return f" The facts are {', '.join(sorted(names))}, on.DATASET.KEY and alias.NAME.FACT."


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word that is nearest to this one; "" if none is near."""
    return next(iter(difflib.get_close_matches(word, list(known), 1, 0.6)), "")

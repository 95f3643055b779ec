"""Which RPC answers on which path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from ..backend import Backend
from ..dispatch import NO_PATH_VALUES, Answer, Environ, PathValues

# Where the variables are, and the steps that are none.
_Shape = tuple[tuple[int, ...], str]


class Responder(Protocol):
    """An RPC, or what stands in for one."""

    def answer(
        self, backend: Backend, environ: Environ, request_id: str, path_values: PathValues = NO_PATH_VALUES
    ) -> Answer: ...


class Found(NamedTuple):
    """What is mounted on a path: its rule, who answers to which verb, and the rule's variables."""

    rule: str
    by_verb: Mapping[str, Responder]
    values: PathValues = NO_PATH_VALUES


class Paths:
    """Looks paths up, and tries no rule after another as Flask does, whose rules take 5 KiB each.

    A variable, ``<name>``, stands for one step of a path. Rules have them in few places; a path is looked
    up with its steps in those places left out.
    """

    def __init__(self) -> None:
        self._fixed: dict[str, dict[str, Responder]] = {}
        self._variable: dict[_Shape, tuple[str, dict[str, Responder]]] = {}
        # By the number of steps: where rules have variables.
        self._places: dict[int, list[tuple[int, ...]]] = {}

    def mount(self, verb: str, rule: str, responder: Responder) -> Responder:
        """The first on a path stays; whoever answers to the verb now."""
        if "<" in rule:
            steps = rule.split("/")
            places = tuple(place for place, step in enumerate(steps) if step.startswith("<"))
            known_places = self._places.setdefault(len(steps), [])
            if places not in known_places:
                known_places.append(places)
                known_places.sort(reverse=True)  # where two rules fit, that whose variable comes later
            known, by_verb = self._variable.setdefault(_shape(steps, places), (rule, {}))
            if known != rule:
                raise ValueError(
                    f"{rule} and {known} are the same paths; their variables need the same names."
                )
        else:
            by_verb = self._fixed.setdefault(rule, {})
        by_verb.setdefault(verb, responder)
        if verb == "GET":
            by_verb.setdefault("HEAD", responder)
        return by_verb[verb]

    def find(self, path: str) -> Found | None:
        by_verb = self._fixed.get(path)
        if by_verb is not None:
            return Found(path, by_verb)
        steps = path.split("/")
        for places in self._places.get(len(steps), ()):
            found = self._variable.get(_shape(steps, places))
            if found and all(steps[place] for place in places):
                rule, by_verb = found
                names = rule.split("/")
                values = {names[place][1:-1]: _text(steps[place]) for place in places}
                return Found(rule, by_verb, values)
        return None


def _shape(steps: list[str], places: tuple[int, ...]) -> _Shape:
    return places, "/".join(step for place, step in enumerate(steps) if place not in places)


def _text(step: str) -> str:
    """WSGI hands over a path's bytes as if they were Latin-1."""
    return step.encode("latin-1").decode(errors="replace")

"""Which RPC answers on which path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from ..backend import Backend
from ..dispatch import NO_PATH_VALUES, Answer, Environ, PathValues

_ANY = "<>"


class Responder(Protocol):
    """An RPC, or what stands in for one."""

    @property
    def is_short(self) -> bool: ...

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

    A variable, ``<name>``, stands for one step of a path. There are few shapes of rules, by where they
    have variables; a path is looked up with its steps in those places left out.
    """

    def __init__(self) -> None:
        self._by_verb: dict[str, dict[str, Responder]] = {}
        # Of a path with variables, by the path without them.
        self._rules: dict[str, str] = {}
        # By the number of steps: where variables are.
        self._shapes: dict[int, list[tuple[int, ...]]] = {}

    def mount(self, verb: str, rule: str, responder: Responder) -> Responder:
        """The first on a path stays; whoever answers to the verb now."""
        if "<" in rule:
            steps = rule.split("/")
            places = tuple(place for place, step in enumerate(steps) if step.startswith("<"))
            shapes = self._shapes.setdefault(len(steps), [])
            if places not in shapes:
                shapes.append(places)
                shapes.sort(reverse=True)  # where two rules fit, that whose variable comes later, as in Flask
            known = self._rules.setdefault(_without(steps, places), rule)
            if known != rule:
                raise ValueError(
                    f"{rule} and {known} are the same paths; their variables need the same names."
                )
        by_verb = self._by_verb.setdefault(rule, {})
        by_verb.setdefault(verb, responder)
        if verb == "GET":
            by_verb.setdefault("HEAD", responder)
        return by_verb[verb]

    def find(self, path: str) -> Found | None:
        by_verb = self._by_verb.get(path)
        if by_verb is not None:
            return Found(path, by_verb)
        steps = path.split("/")
        for places in self._shapes.get(len(steps), ()):
            rule = self._rules.get(_without(steps, places))
            if rule and all(steps[place] for place in places):
                names = rule.split("/")
                values = {names[place][1:-1]: _text(steps[place]) for place in places}
                return Found(rule, self._by_verb[rule], values)
        return None


def _without(steps: list[str], places: tuple[int, ...]) -> str:
    return "/".join(_ANY if place in places else step for place, step in enumerate(steps))


def _text(step: str) -> str:
    """WSGI hands over a path's bytes as if they were Latin-1."""
    return step.encode("latin-1").decode(errors="replace")

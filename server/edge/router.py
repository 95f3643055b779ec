"""The router: finds the responder for a verb and a path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple, Protocol

from ..auth.identity import Identity
from ..request_body import Environ
from ..responses import Answer, Stream

PathValues = Mapping[str, str]
NO_PATH_VALUES: PathValues = {}

# <name>, <path:name>, <any('zip', 'tar.gz'):name>
_VARIABLE = re.compile(r"<(?:(?P<kind>path|any\((?P<words>[^)]*)\)):)?(?P<name>\w+)>")

# A byte that is not UTF-8, decoded with "surrogateescape".
_NOT_UTF8 = re.compile("[\udc80-\udcff]")


class Request(NamedTuple):
    """A request that has passed the security checks, and the identity of its caller."""

    environ: Environ
    id: str
    identity: Identity
    path_values: PathValues = NO_PATH_VALUES


class Responder(Protocol):
    """Answers the requests on a path: an RPC, a transfer, a probe, a page.

    It may raise any exception: an ``ApiError`` becomes the error response; any other exception is logged and
    the response is 500.
    """

    @property
    def streams(self) -> bool:
        """Whether a request or response body may be streamed. If so, the WSGI server handles the request.

        If not, gunicorn's fast path may handle it, which reads the body first and sends a whole response.
        """

    def answer(self, request: Request) -> Answer | Stream: ...


class Match(NamedTuple):
    """The rule that matches a path, its responders by verb, and the values of its variables."""

    rule: str
    by_verb: Mapping[str, Responder]
    values: PathValues = NO_PATH_VALUES


class _Node:
    """A node of the tree of rules. Its children are found by the next segment of a path."""

    __slots__ = ("by_verb", "literals", "patterns", "rest", "rule", "variable")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        # Segments with text and variables, such as "<version>.<format>".
        self.patterns: dict[re.Pattern[str], _Node] = {}
        self.variable: _Node | None = None
        # "<path:name>", which matches all remaining segments.
        self.rest: _Node | None = None
        self.rule = ""
        self.by_verb: dict[str, Responder] = {}


class Router:
    """Finds rules without variables in a dictionary, other rules in a tree of their segments.

    If several rules match, a literal segment takes precedence over one with text and variables, that over a
    variable, and that over ``<path:name>``. Flask's routing is not used: it takes 59 µs a request and 5 KiB
    of memory a rule.
    """

    def __init__(self) -> None:
        self._fixed: dict[str, dict[str, Responder]] = {}
        self._root = _Node()

    def mount(self, verb: str, rule: str, responder: Responder) -> None:
        """Register a responder for a verb and a rule. A responder for GET answers HEAD as well.

        If there is one already, it remains. Raise ``ValueError`` if a rule for the same paths has other
        variable names.
        """
        by_verb = self._node(rule).by_verb if "<" in rule else self._fixed.setdefault(rule, {})
        by_verb.setdefault(verb, responder)
        if verb == "GET":
            by_verb.setdefault("HEAD", responder)

    def find(self, path: str) -> Match | None:
        """Return the match for a path as WSGI passes it (bytes decoded as Latin-1), or None."""
        by_verb = self._fixed.get(path)
        if by_verb is not None:
            return Match(path, by_verb)
        found = _find(self._root, path.split("/"), 0, ())
        if found is None:
            return None
        node, values = found
        names = (variable["name"] for variable in _VARIABLE.finditer(node.rule))
        return Match(node.rule, node.by_verb, dict(zip(names, map(_decode, values), strict=True)))

    def _node(self, rule: str) -> _Node:
        node = self._root
        for segment in rule.split("/"):
            variable = _VARIABLE.fullmatch(segment)
            if "<" not in segment:
                node = node.literals.setdefault(segment, _Node())
            elif variable is None:
                node = node.patterns.setdefault(_pattern(segment), _Node())
            elif variable["kind"] == "path":
                node.rest = node.rest or _Node()
                node = node.rest
            else:
                node.variable = node.variable or _Node()
                node = node.variable
        if node.rule not in ("", rule):
            raise ValueError(
                f"{rule} and {node.rule} match the same paths, so their variables must have the same names."
            )
        node.rule = rule
        return node


def _find(
    node: _Node, segments: list[str], index: int, values: tuple[str, ...]
) -> tuple[_Node, tuple[str, ...]] | None:
    """Return the node for the segments from ``index`` on, and all values of variables in their order."""
    if index == len(segments):
        return (node, values) if node.rule else None
    segment = segments[index]
    found = None
    if literal := node.literals.get(segment):
        found = _find(literal, segments, index + 1, values)
    if found is None and segment:
        for pattern, child in node.patterns.items():
            if (match := pattern.fullmatch(segment)) and found is None:
                found = _find(child, segments, index + 1, values + match.groups())
        if found is None and node.variable:
            found = _find(node.variable, segments, index + 1, (*values, segment))
    if found is None and node.rest and (rest := "/".join(segments[index:])):
        found = node.rest, (*values, rest)
    return found


def _pattern(segment: str) -> re.Pattern[str]:
    """Return a regular expression for a segment that contains variables, with a group for each."""
    text, end = "", 0
    for variable in _VARIABLE.finditer(segment):
        words = [re.escape(word.strip(" '")) for word in (variable["words"] or "").split(",")]
        text += re.escape(segment[end : variable.start()]) + f"({'|'.join(words) if any(words) else '.+'})"
        end = variable.end()
    return re.compile(text + re.escape(segment[end:]))


def _decode(value: str) -> str:
    """Decode as UTF-8. WSGI passes the bytes of a path decoded as Latin-1 (PEP 3333).

    Bytes that are not UTF-8 stay percent-encoded. With U+FFFD for each, as in MLflow, the artifacts ``a%80``
    and ``a%81`` would be one file.
    """
    data = value.encode("latin-1")
    try:
        return data.decode()
    except UnicodeDecodeError:
        decoded = data.decode(errors="surrogateescape")
        return _NOT_UTF8.sub(lambda found: f"%{ord(found.group()) - 0xDC00:02x}", decoded)

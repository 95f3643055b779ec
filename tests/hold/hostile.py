"""Requests that no client would send, made over the table of endpoints by a generator with a fixed seed.

Each begins with a request that makes sense, with ids that exist, so that it gets past the first checks; then
one thing in it, or several, are replaced.
"""

from __future__ import annotations

import json
import random
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPException, HTTPResponse
from operator import attrgetter
from typing import Any, NamedTuple
from urllib.parse import quote, quote_from_bytes

from trackway.client_compat import genai_messages, messages
from trackway.client_compat.wire import Endpoint, Enumeration, Message
from trackway.server import dispatch
from trackway.server.app import all_endpoints, paths_of
from trackway.server.edge import transfers

_VARIABLE = re.compile(r"<(?:(path|any\([^)]*\)):)?(\w+)>")
_STATES = re.compile(rb'"error_code": ?"(INVALID_STATE|FEATURE_DISABLED)"')
_DEPTHS = (10, 100, 1_000, 20_000)

# JSON texts, as bytes.
_NUMBERS = (
    *(b"1e999 -1e999 1e-999 NaN Infinity -Infinity -0 -1 0.1 1e18 1E400 01 1. +1 0x10".split()),
    *(b"2147483648 9223372036854775807 9223372036854775808 -9223372036854775809".split()),
    *(b"9" * 400, b"-" + b"9" * 400, b"9" * 5000, b"0." + b"3" * 5000, b'"' + b"9" * 5000 + b'"'),
)
_WRONG_TYPES = (
    *(b'null true false 1 0.5 "x" "" [] {} [[]] [null] [{}] [1,"a",null] {"a":{"b":[]}} {"":""}'.split()),
    *(rb'"\u0000" "\ud800" "\udfff\ud800" "\u202e" "1e5" "NaN" "null" "%s%n{0}" "a\nb"'.split()),
    *(
        b'"' + b"a" * 20_000 + b'"',
        '"ａ１²𝕏"'.encode(),
        b'"../../../etc/passwd"',
        b'"\'; DROP TABLE runs; --"',
    ),
)
_BROKEN_TEXT = (
    *(b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x80", b"\x00", b"\x1f"),
    *(b"\\u12", b"\\x41", b"\xef\xbb\xbf"),
)
_SEGMENTS = (
    *(b".. . %2e%2e %2E%2e%2F..%2f etc%2Fpasswd %00 a%00b %ff%fe %c0%ae%c0%ae %ed%a0%80 %25%32%65 %".split()),
    *(b"%zz ; a;b ~ * @ $ & + , = : ' %22 %5c..%5c %20 %0d%0aX:1 %E2%80%AE -1 0 1e9 NaN null".split()),
    *(b"a" * 300, b"a" * 5_000, b"%C3%A4" * 200, b"9" * 5_000, b""),
)
_FILTERS = (
    *(
        "' ''",
        "a",
        "metrics.a > 'x'",
        "metrics.`a`` > 1",
        "params.a = 1 AND",
        "((((((((",
        "tags.a LIKE '%' OR",
    ),
    *("name = 'a' AND name", "attributes.run_id IN ()", "attributes.start_time > 1e400", "metrics.a = NaN"),
    *(
        "tags.\"a = 'b'",
        "name LIKE '" + "%_" * 200 + "'",
        " OR ".join(["metrics.a > 1"] * 300),
        "NOT " * 500 + "a",
    ),
    *(
        "tags.a = '\x00'",
        "metrics.a > " + "9" * 400,
        "order by",
        'dataset.name = "\'"',
        "(" * 3_000 + ")" * 3_000,
    ),
)
_QUERIES = (
    '{ mlflowGetRun(input: {runId: "x"}) { run { info { runId } } } }',
    "query Q($a: MlflowGetRunInput!) { mlflowGetRun(input: $a) { run { data { metrics { key value } } } } }",
    "query Q($a: [String]) { mlflowSearchRuns(input: {experimentIds: $a}) { runs { info { runId } } } }",
    '{ mlflowGetExperiment(input: {experimentId: "0"}) { ...F } } fragment F on MlflowExperiment { ...F }',
    "{ "
    + " ".join(f'a{n}: mlflowGetRun(input: {{runId: "x"}}) {{ apiError {{ code }} }}' for n in range(200))
    + " }",
    "{ a" * 500 + " }" * 500,
    "{ __schema { types { fields { type { ofType { ofType { name } } } } } } }",
    "mutation { mlflowSearchModelVersions(input: {}) { modelVersions { name } } }",
)
_VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "FOO")


class Attack(NamedTuple):
    kind: str
    verb: str
    target: bytes
    body: bytes | None

    def to_bytes(self) -> bytes:
        head = b"%s %s HTTP/1.1\r\nHost: localhost\r\n" % (self.verb.encode(), self.target)
        if self.body is not None:
            head += b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(self.body)
        return head + b"\r\n" + (self.body or b"")


class Attacker:
    """An endless sequence of hostile requests. ``known`` has values of fields that make sense, by name."""

    def __init__(self, seed: int, known: Mapping[str, Any]) -> None:
        self._dice = random.Random(seed)
        self._known = known
        self._endpoints = [(endpoint, path) for endpoint in all_endpoints() for path in paths_of(endpoint)]
        handled = {**dispatch.HANDLERS, **transfers.HANDLERS}
        self._handled = [one for one in self._endpoints if one[0].request in handled]
        self._kinds: dict[str, Callable[[Endpoint, str], Attack]] = {
            "broken JSON": self._broken_json,
            "deep nesting": lambda *to: self._replaced("deep nesting", *to, self._deep),
            "huge and odd numbers": lambda *to: self._replaced("huge and odd numbers", *to, self._number),
            "wrong types": lambda *to: self._replaced("wrong types", *to, self._wrong_type),
            "broken UTF-8": self._broken_text,
            "odd filters and page tokens": self._filters,
            "odd GraphQL": self._graphql,
            "odd paths": self._odd_path,
            "other verbs": self._other_verb,
        }

    def __iter__(self) -> Iterator[Attack]:
        while True:
            for make in self._kinds.values():
                # Most of the others answer 501, whatever the request.
                yield make(
                    *self._dice.choice(self._handled if self._dice.random() < 0.9 else self._endpoints)
                )

    def _broken_json(self, endpoint: Endpoint, path: str) -> Attack:
        text = bytearray(json.dumps(self._values(endpoint.request)).encode())
        for _ in range(self._dice.randint(1, 4)):
            place = self._dice.randrange(len(text) + 1)
            what = self._dice.choice(
                (b"", b"{", b"}", b"[", b'"', b"\\", b",", b":", b"/*", b"'", b"0", b"e")
            )
            text[place : place + self._dice.randint(0, 3)] = what
        other = (
            b"",
            b"null",
            b"[]",
            b'"x"',
            b"1",
            b"{}{}",
            b"{'a':1}",
            b"\x00" * 50,
            self._dice.randbytes(200),
        )
        body = bytes(text) if self._dice.random() < 0.7 else self._dice.choice(other)
        verb = endpoint.verb if endpoint.verb != "GET" else "POST"
        return Attack("broken JSON", verb, self._path(path), body)

    def _replaced(self, kind: str, endpoint: Endpoint, path: str, token: Callable[[], bytes]) -> Attack:
        return self._request(kind, endpoint, path, {"": [token() for _ in range(3)]})

    def _broken_text(self, endpoint: Endpoint, path: str) -> Attack:
        tokens = [b'"a' + self._dice.choice(_BROKEN_TEXT) + b'b"' for _ in range(3)]
        return self._request("broken UTF-8", endpoint, path, {"": tokens})

    def _filters(self, _endpoint: Endpoint, _path: str) -> Attack:
        fields = {"filter", "filter_string", "order_by", "page_token", "max_results"}
        searches = [one for one in self._handled if fields & set(one[0].request._fields)]
        endpoint, path = self._dice.choice(searches)
        odd = {
            name: [json.dumps(self._dice.choice(_FILTERS)).encode()]
            for name in fields
            if self._dice.random() < 0.5
        }
        return self._request("odd filters and page tokens", endpoint, path, odd)

    def _graphql(self, _endpoint: Endpoint, _path: str) -> Attack:
        query = self._dice.choice(_QUERIES)
        place = self._dice.randrange(len(query))
        if self._dice.random() < 0.5:
            query = query[:place] + self._dice.choice("{}()[]\"':$@#.,! \x00é") + query[place + 1 :]
        request = {"query": query, "operationName": None, "variables": {"a": "@0@"}}
        token = self._dice.choice((self._number, self._wrong_type, self._deep))()
        return Attack("odd GraphQL", "POST", b"/graphql", _filled(request, {"@0@": token}))

    def _odd_path(self, endpoint: Endpoint, path: str) -> Attack:
        segments = path.encode().split(b"/")
        odd = b"/".join(self._dice.choice(_SEGMENTS) for _ in range(self._dice.randint(1, 3)))
        if _VARIABLE.search(path):
            target = self._path(path, odd)
        else:
            segments[self._dice.randrange(1, len(segments) + 1) :] = [odd]
            target = b"/".join(segments)
        body = b"x" * self._dice.choice((0, 1, 1000)) if endpoint.verb != "GET" else None
        return Attack("odd paths", endpoint.verb, target, body)

    def _other_verb(self, endpoint: Endpoint, path: str) -> Attack:
        verb = self._dice.choice(_VERBS)
        body = None if verb in ("GET", "HEAD") else json.dumps(self._values(endpoint.request)).encode()
        return Attack("other verbs", verb, self._path(path), body)

    def _deep(self) -> bytes:
        depth = self._dice.choice(_DEPTHS)
        opening, closing = self._dice.choice(((b"[", b"]"), (b'{"a":', b"}"), (b'[{"key":', b"}]")))
        return opening * depth + b"1" + closing * depth

    def _number(self) -> bytes:
        return self._dice.choice(_NUMBERS)

    def _wrong_type(self) -> bytes:
        return self._dice.choice(_WRONG_TYPES)

    def _request(self, kind: str, endpoint: Endpoint, path: str, odd: Mapping[str, list[bytes]]) -> Attack:
        """Make a request whose fields have other JSON texts: those of their name, or ``odd[""]`` anywhere."""
        values = self._values(endpoint.request)
        texts: dict[str, bytes] = {}

        def replace(within: Any, key: Any, text: bytes) -> None:
            mark = f"@{len(texts)}@"
            texts[mark] = text
            within[key] = mark

        for name, tokens in odd.items():
            for token in tokens:
                if name:
                    replace(values, name, token)
                elif values:
                    replace(*self._dice.choice(list(_places(values))), token)
        if endpoint.verb in ("GET", "DELETE") and self._dice.random() < 0.8:
            pairs = []
            for name, value in values.items():
                text = _filled(value, texts)
                pairs.append(quote(name).encode() + b"=" + quote_from_bytes(text.strip(b'"')).encode())
            return Attack(kind, endpoint.verb, self._path(path) + b"?" + b"&".join(pairs)[:60_000], None)
        return Attack(kind, endpoint.verb, self._path(path), _filled(values, texts))

    def _path(self, path: str, odd: bytes | None = None) -> bytes:
        def value(found: re.Match[str]) -> str:
            if odd is not None:
                return odd.decode()
            if found[1] and found[1].startswith("any"):
                return re.findall(r"'([^']*)'", found[1])[0]
            return quote(str(self._known.get(found[2], "x")))

        return _VARIABLE.sub(value, path).encode()

    def _values(self, message: type[Message], depth: int = 0) -> dict[str, Any]:
        if depth > 2:
            return {}
        return {
            name: self._known[name]
            if name in self._known
            else self._value(message, kind.split(" ")[0], depth)
            for name, kind in message._fields.items()
            if depth == 0 or self._dice.random() < 0.7
        }

    def _value(self, message: type[Message], kind: str, depth: int) -> Any:
        if kind.endswith("[]"):
            return [self._value(message, kind[:-2], depth) for _ in range(2)]
        if kind.startswith("map<"):
            return {"a": self._value(message, kind[4:-1].split(",", 1)[1], depth)}
        if kind in ("string", "bytes"):
            return "x"
        if kind == "bool":
            return True
        if kind.startswith("google."):
            return self._dice.choice(("2026-01-01T00:00:00Z", "1s", "a,b", {"a": 1}))
        if kind in ("double", "float"):
            return 0.5
        if re.fullmatch(r"u?(int|fixed)\d+", kind):
            return 1
        found = None
        for module in (messages, genai_messages):
            try:
                found = attrgetter(kind)(module)
            except AttributeError:
                continue
        if isinstance(found, type) and issubclass(found, Enumeration):
            return self._dice.choice(found.names())
        return (
            self._values(found, depth + 1) if isinstance(found, type) and issubclass(found, Message) else {}
        )


def _places(values: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each place of a JSON value that can be replaced: a dict or list, and a key or index in it."""
    for key, value in values.items() if isinstance(values, dict) else enumerate(values):
        yield values, key
        if isinstance(value, dict | list):
            yield from _places(value)


def _filled(value: Any, texts: Mapping[str, bytes]) -> bytes:
    text = json.dumps(value).encode()
    for mark, token in texts.items():
        text = text.replace(b'"%s"' % mark.encode(), token)
    return text


class Tally:
    """What the server answered. ``wrong`` describes answers that show a fault of the server, or no answer.

    Right are 501 for what is not implemented, and the errors to which the protocol gives the status 500, such
    as that a deleted experiment cannot be renamed.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.wrong: dict[str, list[str]] = {}

    def note(self, attack: Attack, status: int, body: bytes) -> None:
        self.counts[attack.kind] += 1
        self.statuses[status] += 1
        is_fault = status == 0 or (status >= 500 and status != 501 and not _STATES.search(body))
        if is_fault or b"Traceback" in body or b'File "' in body:
            sent = f"{attack.verb} {attack.target[:300]!r} {(attack.body or b'')[:300]!r}"
            self.wrong.setdefault(attack.kind, []).append(f"{status} {sent}: {body[:200]!r}")


def attack(port: int, attacker: Attacker, count: int, *, connections: int = 6) -> Tally:
    """Send ``count`` requests. A request without a complete response counts as status 0."""
    attacks = zip(range(count), attacker, strict=False)
    tally, lock = Tally(), threading.Lock()

    def take() -> Attack | None:
        with lock:
            return next((made for _, made in attacks), None)

    def run() -> None:
        sock: socket.socket | None = None
        while made := take():
            sock = sock or socket.create_connection(("127.0.0.1", port), timeout=40)
            status, body, is_kept = _send(sock, made)
            if not is_kept:
                sock.close()
                sock = None
            with lock:
                tally.note(made, status, body)
        if sock:
            sock.close()

    with ThreadPoolExecutor(connections) as pool:
        for running in [pool.submit(run) for _ in range(connections)]:
            running.result()
    return tally


def _send(sock: socket.socket, made: Attack) -> tuple[int, bytes, bool]:
    """Return status and body of the response, and whether the connection can be used again."""
    with suppress(OSError):  # the server may answer before it has the whole request
        sock.sendall(made.to_bytes())
    try:
        with HTTPResponse(sock, method=made.verb) as answer:
            answer.begin()
            body = answer.read()
            return answer.status, body, not answer.will_close
    except (OSError, HTTPException) as error:
        return 0, repr(error).encode(), False

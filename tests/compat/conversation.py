"""Send the same requests to two servers and compare their responses, field by field.

Ids that a server generates get a name (``save``), which later requests use as ``$name``. Times, page tokens
and random names are compared by kind, not by value.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

_TIME_FIELDS = re.compile(r"(_time|_timestamp|_time_ms|_timestamp_ms|^timestamp)$")
_SOME_TIME_AGO_MS = 1_750_000_000_000  # times of servers are later, those that tests send are earlier
_SOME_TIME_AGO = "2025-06-15T"
_RANDOM_NAME = re.compile(r"[a-z]+-[a-z]+-\d{1,4}")
_PRINTED_SET = re.compile(r"\{('[^{}]*')\}")
_RANDOM_ID = re.compile(r"(?<!\w)[0-9a-f]{32}(?!\w)")
_LOCAL_ID = re.compile(r"\$\w+")


@dataclass(frozen=True)
class Ask:
    """A request. ``save`` maps names to paths of values in the response, for example run.info.run_id.

    ``ours`` is the reason why the response intentionally differs from MLflow's, or empty.
    """

    verb: str
    path: str
    body: Any = None
    query: Mapping[str, Any] | Sequence[tuple[str, Any]] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    save: Mapping[str, str] = field(default_factory=dict)
    ours: str = ""


@dataclass(frozen=True)
class Heard:
    status: int
    body: Any


def hold(url: str, asks: Sequence[Ask]) -> Iterator[tuple[Ask, Heard]]:
    """Send requests one after another. Yield the responses, with all values that may differ replaced."""
    ids: dict[str, str] = {}
    for ask in asks:
        status, text = _send(url, ask, ids)
        try:
            body = json.loads(text)
        except ValueError:
            body = text
        for name, path in ask.save.items():
            ids[name] = _follow(body, path)
        yield ask, Heard(status, _plain(body, {value: f"${name}" for name, value in ids.items()}))


def _id_pattern(real: str) -> re.Pattern[str]:
    """Return a pattern that finds an id in a text; a number only where an experiment's id is expected."""
    if real.isdecimal():
        return re.compile(
            rf"(?:^|(?<=id=)|(?<=with id )|(?<=experiment )|(?<=artifacts:/)){real}(?:$|(?=[ /]|\.(?!\d)))"
        )
    return re.compile(rf"(?<![0-9A-Za-z-]){re.escape(real)}(?![0-9A-Za-z-])")


def unique(text: str) -> str:
    """Return a unique name, for a server that many tests share."""
    return f"{text} {uuid.uuid4().hex}"


def sort_printed_sets(text: str) -> str:
    """Sort the items of printed Python sets. Some messages of MLflow contain them, in random order."""
    return _PRINTED_SET.sub(lambda found: "{" + ", ".join(sorted(found[1].split(", "))) + "}", text)


def _send(url: str, ask: Ask, ids: Mapping[str, str]) -> tuple[int, str]:
    def fill(text: str) -> str:
        return _LOCAL_ID.sub(lambda found: ids.get(found.group()[1:], found.group()), text)

    target = url + fill(ask.path)
    if ask.query is not None:
        target += "?" + fill(urlencode(ask.query, doseq=True, safe="$"))
    data, headers = None, {name: fill(value) for name, value in ask.headers.items()}
    if ask.body is not None:
        text = ask.body if isinstance(ask.body, str) else json.dumps(ask.body)
        data = fill(text).encode()
        headers["Content-Type"] = "application/json"
    request = urllib.request.Request(target, data, headers, method=ask.verb)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def _follow(body: Any, path: str) -> str:
    for step in path.split("."):
        body = body[int(step)] if step.isdecimal() else body[step]
    return str(body)


def _plain(value: Any, names: Mapping[str, str], key: str = "") -> Any:
    if isinstance(value, dict):
        return {k: _plain(v, names, k) for k, v in value.items() if k != "request_id"}
    if isinstance(value, list):
        items = [_plain(item, names, key) for item in value]
        if key in {"tags", "params", "request_metadata"} or (key == "metrics" and not _is_history(value)):
            items.sort(key=lambda item: str(item.get("key")))  # their order is not specified
        return items
    if isinstance(value, int) and _TIME_FIELDS.search(key) and value > _SOME_TIME_AGO_MS:
        return "<time>"
    if isinstance(value, str):
        if key == "next_page_token":
            return "<token>"
        for real, name in names.items():
            value = _id_pattern(real).sub(name, value)
        if _TIME_FIELDS.search(key) and value > _SOME_TIME_AGO and value.endswith("Z"):
            return "<time>"
        value = _RANDOM_ID.sub("<id>", value)
        value = sort_printed_sets(value)
        return "<random name>" if _RANDOM_NAME.fullmatch(value) else value
    return value


def _is_history(metrics: list[Any]) -> bool:
    keys = [metric.get("key") for metric in metrics]
    return len(set(keys)) < len(keys)


def compare(ours: str, theirs: str, asks: Sequence[Ask]) -> list[str]:
    """Return the differences between the responses of the two servers, one paragraph each."""
    differences = []
    for (ask, heard), (_, expected) in zip(hold(ours, asks), hold(theirs, asks), strict=True):
        if (heard == expected) == bool(ask.ours):
            said = f"{ask.verb} {ask.path} {ask.body if ask.body is not None else ask.query}"
            why = f"  expected to differ ({ask.ours}), but it does not\n" if ask.ours else ""
            differences.append(f"{said}\n{why}  Trackway: {heard}\n  MLflow:   {expected}")
    return differences

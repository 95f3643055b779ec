"""Our codec against protobuf's own json_format in MLflow's hands: every message, both ways."""

from __future__ import annotations

import json
import random
from functools import cache
from operator import attrgetter
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message as Proto
from google.protobuf.message_factory import GetMessageClass
from mlflow.utils.proto_json_utils import message_to_json

from trackway.client_compat import _generate, codec, quirks
from trackway.client_compat import genai_messages as g
from trackway.client_compat import messages as m
from trackway.client_compat.errors import InvalidParameter
from trackway.client_compat.plans import plan_of
from trackway.client_compat.wire import Message

TEXTS = ["loss", "", "ünï", "a/b c", "日本語 \U0001f600", "NaN", "1", '"quoted"\n']
INTS = {
    "int32": [7, 0, -1, 2**31 - 1, -(2**31)],
    "int64": [7, 0, -1, 2**63 - 1, -(2**63), 2**53 + 1],
    "uint32": [7, 0, 2**32 - 1],
    "fixed32": [7, 0, 2**32 - 1],
    "fixed64": [7, 0, 2**64 - 1, 2**53 + 1],
}
DOUBLES = [0.5, 0.0, -1.0, 1e300, 5e-324, float("inf"), float("-inf"), float("nan")]
VALUES = [True, 0.25, "text", [1.0, "a", None, {"b": False}], {"c": {"d": [2.0]}}, None, "", [], {}]


@cache
def protos() -> dict[type[Message], Any]:
    """Our class to protobuf's descriptor."""
    names = _generate._Names(list(_generate._rows()))
    found = {}
    for descriptor in names.messages.values():
        name = names.of(descriptor)
        module = m if hasattr(m, name.partition(".")[0]) else g
        found[attrgetter(name)(module)] = descriptor
    return found


class Filler:
    """Fills protobuf messages with data; `share` is how many optional fields are set."""

    def __init__(self, seed: int, share: float) -> None:
        self.random = random.Random(seed)
        self.share = share

    def fill(self, ours: type[Message], proto: Proto, depth: int = 0) -> None:
        defaults = getattr(ours.__init__, "__kwdefaults__", None) or {}
        taken = set()
        fields = list(proto.DESCRIPTOR.fields)
        self.random.shuffle(fields)
        for field in fields:
            oneof = field.containing_oneof and field.containing_oneof.name
            must = field.name not in defaults or defaults[field.name] is not None
            if oneof in taken or not (must or self.random.random() < self.share):
                continue
            if oneof:
                taken.add(oneof)
            self.set(ours, proto, field, field.name not in defaults, depth)
        for name, aliases in quirks.ALIASES.items():
            # Our decoder fills the one from the other, protobuf does not.
            if name in ours._fields and any(a in ours._fields and proto.HasField(a) for a in aliases):
                self.set(ours, proto, proto.DESCRIPTOR.fields_by_name[name], True, depth)

    def set(self, ours: type[Message], proto: Proto, field: Any, required: bool, depth: int) -> None:
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            value = field.message_type.fields_by_name["value"]
            for key in self.random.sample(TEXTS, self.random.randint(1, 3)):
                getattr(proto, field.name)[key] = self.scalar(value, ours, False)
        elif field.message_type is not None:
            count = self.random.randint(1, 3) if field.is_repeated else 1
            for _ in range(count if depth < 4 or required else 0):
                holder = getattr(proto, field.name)
                self.message(holder.add() if field.is_repeated else holder, depth)
        elif field.is_repeated:
            items = [self.scalar(field, ours, False) for _ in range(self.random.randint(1, 3))]
            getattr(proto, field.name).extend(items)
        else:
            setattr(proto, field.name, self.scalar(field, ours, required))

    def message(self, proto: Any, depth: int) -> None:
        kind = proto.DESCRIPTOR.full_name
        if kind == "google.protobuf.Timestamp":
            proto.FromNanoseconds(
                self.random.choice([0, 1_700_000_000_123_000_000, -1, 123_456_789, 5 * 10**17])
            )
        elif kind == "google.protobuf.Duration":
            proto.FromNanoseconds(self.random.choice([0, 1_500_000_000, -1_500_000, 1, 86_400 * 10**9]))
        elif kind == "google.protobuf.FieldMask":
            proto.paths.extend(["name", "trace_metadata.some_key"])
        elif kind == "google.protobuf.Value":
            ParseDict(self.random.choice(VALUES), proto)
        else:
            proto.SetInParent()
            ours = next(ours for ours, found in protos().items() if found.full_name == kind)
            self.fill(ours, proto, depth + 1)

    def scalar(self, field: Any, ours: type[Message], required: bool) -> Any:
        if field.name in quirks.BOUNDS.get(ours.__qualname__, {}):
            return 7
        if field.enum_type is not None:
            return self.random.choice(field.enum_type.values).number
        kind, _ = _generate._SCALARS[field.type]
        if kind == "string":
            return self.random.choice([t for t in TEXTS if t or not required])
        if kind == "bool":
            return self.random.random() < 0.5
        if kind == "double":
            return self.random.choice(DOUBLES)
        if kind == "float":
            return self.random.choice([0.1, 1.5, 3.4e38, float("nan")])
        if kind == "bytes":
            return self.random.choice([b"", b"\x00\xff\xfe", b"span-id-"])
        return self.random.choice(INTS[kind])


@pytest.mark.parametrize(("seed", "share"), [(1, 1.0), (2, 1.0), (3, 1.0), (4, 0.5), (5, 0.5), (6, 0.0)])
def test_every_message_reads_and_writes_as_protobuf_does(seed: int, share: float) -> None:
    for ours, descriptor in protos().items():
        proto = GetMessageClass(descriptor)()
        Filler(seed, share).fill(ours, proto)
        snake = json.loads(message_to_json(proto))
        camel = MessageToDict(proto)
        message = codec.decode(ours, snake)
        assert codec.decode(ours, camel) == message or "NaN" in json.dumps(snake), ours
        assert codec.encode(message) == snake, ours
        assert json.loads(codec.dumps(message)) == snake, ours
        again = GetMessageClass(descriptor)()
        ParseDict(codec.encode(message), again)
        assert MessageToDict(again) == camel, ours


def test_every_message_has_exactly_the_protos_fields_and_those_that_a_quirk_adds() -> None:
    for ours, descriptor in protos().items():
        added = quirks.ADDED.get(ours.__qualname__, {})
        assert list(ours._fields) == [*(field.name for field in descriptor.fields), *added]


ODD: list[Any] = [
    *(True, False, 0, 1, -1, 5, 1.0, 1.5, -0.0, 1e3, 1e300, 2**31, 2**63, -(2**63), 2**64, 10**400),
    *("", "1", "-1", "1.0", "1.5", "1e3", "x", " 1", "1 ", "1_0", "+1", "١", "0x1", "true", "1e999"),
    *("NaN", "nan", "Infinity", "-Infinity", "inf", "RUNNING", "running", "4", "YQ==", "YQ", "_-8"),
    *(
        "2025-04-15T08:49:18.699Z",
        "2025-04-15T08:49:18.699+02:00",
        "2025-04-15",
        "2025-02-30T00:00:00Z",
        "1.5s",
    ),
    *("-0.000000001s", "a,bC", [], {}, ["a"], [1], [None], [True], {"a": 1}, {"a": "b"}, {"a": None}),
]
PROBED = [
    (m.Metric, "value"),
    (m.Metric, "timestamp"),
    (m.SearchLoggedModels.OrderBy, "field_name"),
    (m.SearchLoggedModels.OrderBy, "ascending"),
    (m.SearchLoggedModels, "experiment_ids"),
    (m.RunInfo, "status"),
    (g.DeleteTraces, "max_traces"),
    (g.TraceInfoV3, "tags"),
    (g.TraceInfoV3, "request_time"),
    (g.TraceInfoV3, "execution_duration"),
    (g.UpdateAssessment, "update_mask"),
    (g.Span, "trace_id"),
    (m.Run, "info"),
    (m.RunData, "metrics"),
]
BASES: dict[type[Message], dict[str, Any]] = {
    m.Metric: {"key": "k", "value": 1, "timestamp": 1},
    g.DeleteTraces: {"experiment_id": "0"},
    g.UpdateAssessment: {"assessment": {}, "update_mask": "name"},
}
# What protobuf takes and we refuse, on purpose: numbers that Python's int() and float() read and JSON does
# not mean, bytes that are not base64, names an enumeration lacks and values that are no object where a
# message belongs (protobuf goes on without either).
REFUSED_BY_US: dict[str, set[str]] = {
    "double": {" 1", "1 ", "1_0", "١"},
    "int64": {"1_0", "١"},
    "int32": {"1_0", "١"},
    "bytes": {"2025-02-30T00:00:00Z", "1.5s", "a,bC", "١"},
}


@pytest.mark.parametrize(("ours", "name"), PROBED, ids=lambda part: getattr(part, "__qualname__", part))
def test_odd_values_are_taken_and_refused_as_by_protobuf(ours: type[Message], name: str) -> None:
    descriptor = protos()[ours]
    field = plan_of(ours).fields[name]
    base = BASES.get(ours, {})
    for value in ODD:
        theirs = _by_protobuf(descriptor, {**base, name: value}).get(name)
        found = _by_us(ours, {**base, name: value}).get(name)
        if found == theirs:
            continue
        if found == REFUSED:
            on_purpose = (
                field.type[0].isupper()
                or (isinstance(value, str) and value in REFUSED_BY_US.get(field.type, ()))
                or (value == "" and name in base)
            )
            assert on_purpose, (value, theirs)
        else:
            # protobuf wants camelCase in masks; hand-written clients send the fields' own names.
            assert (field.type, theirs) == ("google.FieldMask", REFUSED), (value, found)


REFUSED = "(refused)"


class _Refused(dict[str, Any]):
    def get(self, key: str, default: Any = None) -> Any:
        return REFUSED


def _by_protobuf(descriptor: Any, data: dict[str, Any]) -> dict[str, Any]:
    proto = GetMessageClass(descriptor)()
    try:
        ParseDict(data, proto, ignore_unknown_fields=True)
    except Exception:  # besides ParseError, protobuf lets AttributeError and the like through
        return _Refused()
    return json.loads(message_to_json(proto))


def _by_us(ours: type[Message], data: dict[str, Any]) -> dict[str, Any]:
    try:
        return codec.encode(codec.decode(ours, data))
    except InvalidParameter:
        return _Refused()

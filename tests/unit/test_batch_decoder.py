"""The compiled decoder of batches: it takes what clients send, as the codec would."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackway.client_compat import codec
from trackway.client_compat import messages as m
from trackway.client_compat.errors import ApiError
from trackway.client_compat.wire import Message
from trackway.server import batch_decoder, request_body

POINT = '{"key":"loss","value":0.5,"timestamp":1}'


def plainly(body: bytes) -> m.LogBatch | str:
    """What the codec makes of a body, or the words in which it is refused."""
    try:
        return codec.decode(m.LogBatch, request_body.parse(body))
    except ApiError as error:
        return error.message


def quickly(body: bytes) -> m.LogBatch | None:
    batch = batch_decoder.decode(body)
    return batch and m.LogBatch(
        run_id=batch.run_id,
        metrics=[as_message(m.Metric, metric) for metric in batch.metrics],
        params=[as_message(m.Param, param) for param in batch.params],
        tags=[as_message(m.RunTag, tag) for tag in batch.tags],
    )


def as_message(cls: type[Any], stand_in: object) -> Any:
    return cls(**{name: getattr(stand_in, name) for name in cls._fields})


def assert_same_or_left_to_the_codec(body: bytes) -> None:
    quick = quickly(body)
    # As texts, for which 1 and 1.0 differ.
    assert quick is None or repr(quick) == repr(plainly(body))


texts = st.text(max_size=5) | st.sampled_from(["", "loss", "NaN", "1", "\0", "\ud800", "\U0001f600", "\x7f"])
numbers = (
    st.integers()
    | st.integers(2**63 - 2, 2**63 + 1)
    | st.integers(-(2**63) - 1, -(2**63) + 1)
    | st.integers(10**300, 10**310)
    | st.floats()
)
odd = st.none() | st.booleans() | texts | numbers | st.lists(st.none(), max_size=2) | st.just({})
counts = st.integers(-(2**63), 2**63 - 1)


def rarely(strange: st.SearchStrategy[Any], usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 9).flatmap(lambda n: usual if n else strange)


def objects(needed: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Objects with a few values of another kind, names that are missing, and names that nobody knows."""
    values = {name: rarely(odd, usual) for name, usual in (needed | optional).items()}
    complete = st.fixed_dictionaries(
        {name: values[name] for name in needed}, optional={name: values[name] for name in optional}
    )
    with_more = st.fixed_dictionaries(
        {}, optional=values | dict.fromkeys(("colour", "runId", "run_uuid", "modelId"), odd)
    )
    return rarely(with_more, complete)


names = texts.filter(bool)
points = objects(
    {"key": names, "value": st.floats() | st.integers(), "timestamp": counts},
    {"step": counts, "model_id": texts, "dataset_name": texts, "dataset_digest": texts, "run_id": texts},
)
pairs = objects({"key": names}, {"value": texts})
batches = objects(
    {"run_id": st.just("r")},
    {"metrics": st.lists(points, max_size=3), "params": st.lists(pairs, max_size=2), "tags": st.lists(pairs)},
)


# The machine may be busy with other tests.
calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@calm
@given(batches, st.booleans(), st.sampled_from([None, 2]))
def test_what_it_takes_is_what_the_codec_makes_of_it(data: Any, is_ascii: bool, indent: int | None) -> None:
    text = json.dumps(data, ensure_ascii=is_ascii, indent=indent)
    assert_same_or_left_to_the_codec(text.encode("utf-8", "surrogatepass"))


@calm
@given(st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?", fullmatch=True))
def test_numbers_are_the_same_to_the_last_bit(number: str) -> None:
    for field in ("value", "timestamp"):
        point = POINT.replace(
            "0.5" if field == "value" else ":1}", number if field == "value" else f":{number}}}"
        )
        assert_same_or_left_to_the_codec(f'{{"run_id":"r","metrics":[{point}]}}'.encode())


@calm
@given(st.data())
def test_a_body_that_was_damaged_is_left_to_the_codec_or_means_the_same(data: st.DataObject) -> None:
    body = bytearray(b'{"run_id":"r","metrics":[%b],"tags":[{"key":"k","value":"\\u00e9"}]}' % POINT.encode())
    place = data.draw(st.integers(0, len(body) - 1))
    body[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    assert_same_or_left_to_the_codec(bytes(body))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"{\\"run_id\\":\\"r\\"}"',
        b'\xef\xbb\xbf{"run_id":"r"}',
        b'{"run_id":"r"} x',
        b'{"run_id":"a","run_id":"b"}',
        b'{"run_id":"r","metrics":null}',
        b'{"run_id":"r","metrics":[' + POINT.encode() + b'],"metrics":[]}',
        b'{"run_id":"r","metrics":' + b"[" * 100_000,
        b'{"run_id":"r","colour":' + b"[" * 100_000,
        b'{"run_id":"r","tags":[{"key":"k","value":"a\0b"}]}',
        b'{"run_id":"r","tags":[{"key":"k","value":"\\u0000"}]}',
        b'{"run_id":"r","tags":[{"key":"k","value":"\\\\u0000"}]}',
        b'{"run_id":"r","tags":[{"key":"k","value":"\\ud800"}]}',
        b'{"run_id":"r","tags":[{"key":"k","value":"\\ud83d\\ude00"}]}',
        b'{"run_id":"r","tags":[{"key":"k","value":"\xed\xa0\x80"}]}',
        b'{"run_\\u0069d":"r"}',
        b'{"run_id":"r","metrics":[{"key":"k","value":1' + b"0" * 5000 + b',"timestamp":1}]}',
        b'{"run_id":"r","metrics":[{"key":"k","value":0.' + b"1" * 5000 + b',"timestamp":1}]}',
        b'{"run_id":"r","metrics":[{"key":"k","value":NaN,"timestamp":1}]}',
    ],
    ids=lambda body: body[:50].decode(errors="replace"),
)
def test_strange_bodies_are_left_to_the_codec_or_mean_the_same(body: bytes) -> None:
    try:
        assert_same_or_left_to_the_codec(body)
    except RecursionError:  # the codec's way; the RPC answers it
        assert batch_decoder.decode(body) is None


ODD = [
    *(
        "null",
        "true",
        '""',
        '"\\u0000"',
        '"\\ud800"',
        '"1"',
        '"1e3"',
        '" 1"',
        "[]",
        "{}",
        "[null]",
        '[["k", "v"]]',
    ),
    *("0", "-0", "1.0", "1e3", "1e999", "1e-999", "NaN", "Infinity", '"NaN"', "01", "1" + "0" * 400, "x"),
    *(str(2**63 - 1), str(2**63), str(-(2**63)), str(-(2**63) - 1), str(2**53 + 1)),
]
FIELDS = ("key", "value", "timestamp", "step", "dataset_name", "model_id", "run_id", "modelId", "colour")


@pytest.mark.parametrize("value", ODD, ids=range(len(ODD)))
def test_every_value_in_every_place_is_left_to_the_codec_or_means_the_same(value: str) -> None:
    for name in ("run_id", "run_uuid", "metrics", "params", "tags", "colour"):
        assert_same_or_left_to_the_codec(f'{{"{name}":{value}}}'.encode())
        assert_same_or_left_to_the_codec(f'{{"run_id":"r","{name}":{value}}}'.encode())
    for items in ("metrics", "params", "tags"):
        good = {"key": '"k"', "value": "1", "timestamp": "1"} if items == "metrics" else {"key": '"k"'}
        for name in FIELDS:
            item = ",".join(f'"{field}":{text}' for field, text in {**good, name: value}.items())
            assert_same_or_left_to_the_codec(f'{{"run_id":"r","{items}":[{{{item}}}]}}'.encode())
            item = ",".join(f'"{field}":{text}' for field, text in good.items() if field != name)
            assert_same_or_left_to_the_codec(f'{{"run_id":"r","{items}":[{{{item}}}]}}'.encode())


@pytest.mark.parametrize("is_ascii", [True, False])
def test_what_clients_send_is_taken(is_ascii: bool) -> None:
    data = {
        "run_id": "r",
        "metrics": [
            {"key": "loss", "value": 0.1, "timestamp": 1764000000000, "step": -1},
            {"key": "größe", "value": 3, "timestamp": 0, "step": 0, "model_id": "m-1"},
            {"key": "x", "value": 1e-7, "timestamp": 1, "dataset_name": "d", "dataset_digest": "1"},
        ],
        "params": [{"key": "lr", "value": ""}],
        "tags": [{"key": "mood", "value": "\U0001f600"}],
    }
    body = json.dumps(data, ensure_ascii=is_ascii).encode()
    assert quickly(body) == plainly(body) == codec.decode(m.LogBatch, data)


@pytest.mark.parametrize(
    ("stand_in", "message"),
    [
        (batch_decoder.LogBatch, m.LogBatch),
        (batch_decoder.Metric, m.Metric),
        (batch_decoder.Pair, m.Param),
        (batch_decoder.Pair, m.RunTag),
    ],
)
def test_stand_ins_have_the_fields_and_defaults_of_the_messages(
    stand_in: type[Any], message: type[Message]
) -> None:
    assert stand_in.__struct_fields__ == tuple(message._fields)
    needed = {"run_id": "r"} if message is m.LogBatch else {"key": "k"}
    if message is m.Metric:
        needed |= {"value": 0.5, "timestamp": 1}  # type: ignore[dict-item]
    assert as_message(message, stand_in(**needed)) == message(**needed)


@pytest.fixture
def without_msgspec(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    request_body._batch_decoder.cache_clear()
    monkeypatch.setitem(sys.modules, "msgspec", None)
    monkeypatch.delitem(sys.modules, "trackway.server.batch_decoder")
    monkeypatch.delattr("trackway.server.batch_decoder")
    yield
    request_body._batch_decoder.cache_clear()


@pytest.mark.usefixtures("without_msgspec")
def test_where_msgspec_is_not_installed_the_codec_reads_all() -> None:
    assert request_body._batch_decoder() is None

"""Spans by OTLP: what is refused, and in which order spans and what clients say of their trace may come."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import threading
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.api.test_traces import NEW_CLIENT, V3, info
from tests.api.test_tracking import ask, database_of
from tests.databases import statements_of
from tests.services import TrackwayServer
from tests.spans import HEADERS, PATH, START_NS, body_of, export, span_of

JSON = {**HEADERS, "Content-Type": "application/json"}


def post(api, data: bytes, headers: dict[str, str] = HEADERS, **more: str) -> Any:
    return api.post(PATH, data=data, headers={**headers, **more})


def detail(answer: Any) -> tuple[int, Any]:
    return answer.status_code, answer.get_json()["detail"]


def refused(answer: Any) -> tuple[int, str, str]:
    body = answer.get_json()
    return answer.status_code, body["error_code"], body["message"]


def whole(api, trace_id: str) -> Any:
    return ask(api, "GET", f"{V3}/get?trace_id={trace_id}")["trace"]


def names(api, trace_id: str) -> list[str]:
    return [span["name"] for span in whole(api, trace_id)["spans"]]


def json_of(*spans: dict[str, Any]) -> bytes:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}).encode()


def json_span(**changes: Any) -> dict[str, Any]:
    return {
        "traceId": os.urandom(16).hex(),
        "spanId": os.urandom(8).hex(),
        "name": "root",
        "startTimeUnixNano": str(START_NS),
        "endTimeUnixNano": START_NS + 1_000_000_000,
        **changes,
    }


def test_a_request_without_an_experiment_is_refused(api):
    headers = {"Content-Type": "application/x-protobuf"}
    assert detail(post(api, body_of(span_of("a")), headers)) == (
        422,
        [
            {
                "type": "missing",
                "loc": ["header", "x-mlflow-experiment-id"],
                "msg": "Field required",
                "input": None,
            }
        ],
    )


@pytest.mark.parametrize("kind", ["text/plain", "application/grpc", "application/jsonx", ""])
def test_other_content_types_are_refused(api, kind):
    answer = post(api, body_of(span_of("a")), {**HEADERS, "Content-Type": kind})
    expected = "Expected: application/x-protobuf or application/json"
    assert detail(answer) == (400, f"Invalid Content-Type: {kind or None}. {expected}")


@pytest.mark.parametrize("kind", ["application/x-protobuf; charset=utf-8", "Application/X-Protobuf"])
def test_content_types_may_have_parameters(api, kind):
    assert post(api, body_of(span_of("a")), {**HEADERS, "Content-Type": kind}).status_code == 200


@pytest.mark.parametrize(
    ("data", "headers", "said"),
    [
        (b"\xff\xff", HEADERS, "Invalid OpenTelemetry format"),
        (b"", HEADERS, "Invalid OpenTelemetry format - no spans found"),
        (b"", JSON, "Invalid OpenTelemetry format"),
        (b"{", JSON, "Invalid OpenTelemetry format"),
        (b"[]", JSON, "Invalid OpenTelemetry format"),
        (b"{}", JSON, "Invalid OpenTelemetry format - no spans found"),
        (b'{"resourceSpans": [1]}', JSON, "Invalid OpenTelemetry format"),
        (b'{"resourceSpans": 7}', JSON, "Invalid OpenTelemetry format"),
        (b'{"a":' * 100_000, JSON, "Invalid OpenTelemetry format"),
        (b'{"resourceSpans": [{"scopeSpans": 7}]}', JSON, "Invalid OpenTelemetry format"),
    ],
)
def test_what_is_no_otlp_is_refused(api, data, headers, said):
    assert detail(post(api, data, headers)) == (400, said)


def test_requests_without_spans_are_accepted(api):
    assert post(api, body_of()).status_code == 200
    answer = post(api, b'{"resourceSpans": [{"resource": {}}]}', JSON)
    assert (answer.status_code, answer.get_json()) == (200, {})


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda data: zlib.compress(data, wbits=-15)),
        ("identity", bytes),
    ],
)
def test_compressed_bodies(api, encoding, encode):
    span = span_of("a")
    answer = post(api, encode(body_of(span)), **{"Content-Encoding": encoding})
    assert (answer.status_code, answer.data, answer.content_type) == (200, b"", "application/x-protobuf")
    assert names(api, f"tr-{span.trace_id.hex()}") == ["a"]


@pytest.mark.parametrize(
    ("encoding", "data", "said"),
    [
        ("br", b"x", "Unsupported Content-Encoding: br. Expected: gzip or deflate"),
        ("gzip", b"x", "The request body cannot be decompressed as gzip"),
        ("gzip", gzip.compress(b"x" * 100, mtime=0)[:-9], "The request body cannot be decompressed as gzip"),
        ("deflate", b"\xff\xff", "The request body cannot be decompressed as deflate"),
    ],
)
def test_broken_and_unknown_encodings_are_refused(api, encoding, data, said):
    assert detail(post(api, data, **{"Content-Encoding": encoding})) == (400, said)


def test_a_body_that_unpacks_to_a_gigabyte_is_refused(api):
    packer = zlib.compressobj(1, wbits=31)
    zeros = bytes(1 << 20)
    data = b"".join([packer.compress(zeros) for _ in range(1024)]) + packer.flush()
    assert len(data) < 8 * 2**20
    status, _, message = refused(post(api, data, **{"Content-Encoding": "gzip"}))
    assert (status, message) == (413, f"The request body unpacks to more than {64 * 2**20} bytes.")


def test_half_a_character_is_replaced_in_json_and_rejects_one_span_in_protobuf(api):
    half = json_span(name="x\ud800y", attributes=[{"key": "k", "value": {"stringValue": "\udfff\x00"}}])
    assert post(api, json_of(half), JSON).status_code == 200
    [span] = whole(api, f"tr-{half['traceId']}")["spans"]
    assert span["name"] == "x\ufffdy"
    good = span_of("good")
    body = body_of(good, span_of("aaaa")).replace(b"aaaa", b"aa\xe2\x82")
    success = ExportTraceServiceResponse.FromString(post(api, body).data).partial_success
    assert (success.rejected_spans, names(api, f"tr-{good.trace_id.hex()}")) == (1, ["good"])


def test_nul_characters_are_replaced(api):
    trace_id = export(api, span_of("a\x00b", attributes={"k\x00": "v\x00", "mlflow.spanInputs": '"\x00"'}))
    [span] = whole(api, trace_id)["spans"]
    assert span["name"] == "a\ufffdb"


def test_spans_without_ids_are_refused_alone(api):
    good, bad = span_of("good"), Span(name="bad", trace_id=bytes(17 * [1]), span_id=os.urandom(8))
    answer = export(api, good, bad, Span(name="no ids"), raw=True)
    response = ExportTraceServiceResponse.FromString(answer.data)
    assert (answer.status_code, response.partial_success.rejected_spans) == (200, 2)
    said = (
        "The span 'bad' was rejected: its trace_id is not valid: it has 17 bytes, at most 16 are allowed. "
        "The span 'no ids' was rejected: its trace_id is not valid: it is empty or zero."
    )
    assert response.partial_success.error_message == said
    assert names(api, f"tr-{good.trace_id.hex()}") == ["good"]
    one = json_span()
    wrong = [json_span(**change) for change in (
        {"spanId": ""}, {"traceId": "xyz"}, {"startTimeUnixNano": str(1 << 63)},
        {"startTimeUnixNano": "soon"}, {"events": 7},
    )]  # fmt: skip
    answer = post(api, json_of(one, *wrong), JSON)
    assert answer.get_json()["partialSuccess"]["rejectedSpans"] == str(len(wrong))
    assert names(api, f"tr-{one['traceId']}") == ["root"]


def test_json_is_answered_by_json_and_keeps_all_of_a_span(api):
    span = json_span(
        traceId=os.urandom(16).hex().upper(),
        kind=3,
        traceState="a=b",
        flags=257,
        status={"code": "STATUS_CODE_ERROR", "message": "bad"},
        attributes=[
            {"key": "n", "value": {"intValue": "9223372036854775807"}},
            {"key": "d", "value": {"doubleValue": "NaN"}},
            {"key": "b", "value": {"bytesValue": "AAE="}},
            {"key": "a", "value": {"arrayValue": {"values": [{"boolValue": True}, {}]}}},
            {"key": "m", "value": {"kvlistValue": {"values": [{"key": "x", "value": {"doubleValue": 1.5}}]}}},
        ],
        events=[{"name": "e", "timeUnixNano": "5"}],
        links=[{"traceId": "ab" * 16, "spanId": "cd" * 8}],
        unknownField=1,
    )
    answer = post(api, json_of(span), JSON)
    assert (answer.status_code, answer.content_type, answer.get_json()) == (200, "application/json", {})
    [found] = whole(api, f"tr-{span['traceId'].lower()}")["spans"]
    values = {item["key"]: item["value"] for item in found["attributes"]}
    assert values["n"] == {"int_value": 9223372036854775807}
    assert (values["d"], values["b"]) == ({"double_value": "NaN"}, {"string_value": "AAE="})
    assert values["a"] == {"array_value": {"values": [{"bool_value": True}, {}]}}
    assert values["m"] == {"kvlist_value": {"values": [{"key": "x", "value": {"double_value": 1.5}}]}}
    assert (found["kind"], found["trace_state"], found["flags"]) == ("SPAN_KIND_CLIENT", "a=b", 257)
    assert found["status"] == {"code": "STATUS_CODE_ERROR", "message": "bad"}
    assert (found["events"][0]["time_unix_nano"], len(found["links"])) == (5, 1)


@pytest.mark.parametrize(
    ("experiment", "expected"),
    [
        ("999", (404, "RESOURCE_DOES_NOT_EXIST", "No Experiment with id=999 exists")),
        ("mine", (400, "INVALID_PARAMETER_VALUE", None)),
    ],
)
def test_experiments_that_do_not_exist(api, experiment, expected):
    status, code, message = refused(
        export(api, span_of("a"), raw=True, **{"X-Mlflow-Experiment-Id": experiment})
    )
    assert (status, code) == expected[:2]
    assert expected[2] in (None, message)


def test_a_deleted_experiment_still_takes_spans(api):
    made = ask(api, "POST", "/api/2.0/mlflow/experiments/create", {"name": "gone"})
    ask(api, "POST", "/api/2.0/mlflow/experiments/delete", made)
    trace_id = export(api, span_of("late"), **{"X-Mlflow-Experiment-Id": made["experiment_id"]})
    assert names(api, trace_id) == ["late"]


@pytest.mark.parametrize(("verb", "path"), [("GET", PATH), ("POST", PATH + "/"), ("PUT", PATH)])
def test_other_verbs_and_paths_are_not_found(api, verb, path):
    assert api.open(path, method=verb, headers=HEADERS).status_code in (404, 405)


def test_traces_whose_root_is_in_the_request_are_linked_to_the_run(api):
    run_id = ask(api, "POST", "/api/2.0/mlflow/runs/create", {"experiment_id": "0"})["run"]["info"]["run_id"]
    root, other = span_of("root"), span_of("other")
    child = span_of("child", parent=other)
    export(api, root, child, **{"X-Mlflow-Run-Id": run_id})
    with database_of(api).begin(write=False) as tx:
        from trackway.storage.schema.traces import trace_runs, traces

        found = tx.execute(traces.select().join(trace_runs).where(trace_runs.c.run_uuid == run_id)).all()
    assert [row.trace_id for row in found] == [f"tr-{root.trace_id.hex()}"]


def test_a_span_that_is_sent_again_counts_once_and_as_it_was_sent_last(api):
    usage = json.dumps({"input_tokens": 3, "output_tokens": 4, "total_tokens": 7})
    root = span_of("root")
    child = span_of("child", parent=root, attributes={"mlflow.chat.tokenUsage": usage})
    for _ in range(2):
        export(api, child)
        export(api, root, child)
    child.name = "renamed"
    trace_id = export(api, child)
    found = whole(api, trace_id)
    assert [span["name"] for span in found["spans"]] == ["root", "renamed"]
    assert json.loads(found["trace_info"]["trace_metadata"]["mlflow.trace.tokenUsage"])["total_tokens"] == 7


USAGE = json.dumps({"input_tokens": 1, "output_tokens": 2, "total_tokens": 3})
COST = json.dumps({"input_cost": 0.5, "output_cost": 1.0, "total_cost": 1.5})
FINISHED = info(request_preview="asked", trace_metadata={"mlflow.trace.user": "ann", "k": "v"})
WITHOUT_VALUES = {key: FINISHED[key] for key in ("trace_id", "trace_location", "tags")}


def pieces(said: dict[str, Any]) -> tuple[str, list[Callable[[Any], object]]]:
    """Return the id of a new trace, and the calls that make it: three with spans, and StartTraceV3."""
    root = span_of(
        "root",
        attributes={"mlflow.spanInputs": '{"q": 1}', "mlflow.spanOutputs": '"so"', "session.id": "s"},
        duration_ns=5_000_000_000,
    )
    first = span_of(
        "first",
        parent=root,
        start_ns=START_NS + 10**9,
        attributes={"mlflow.chat.tokenUsage": USAGE, "mlflow.llm.cost": COST},
    )
    second = span_of(
        "second", parent=first, start_ns=START_NS - 10**9, attributes={"mlflow.chat.tokenUsage": USAGE}
    )
    trace_id = f"tr-{root.trace_id.hex()}"
    body = {"trace": {"trace_info": {**said, "trace_id": trace_id}}}
    return trace_id, [
        lambda api: export(api, root, resource={"service.name": "shop"}),
        lambda api: export(api, first, resource={"service.name": "shop"}),
        lambda api: export(api, second, resource={"service.name": "shop"}),
        lambda api: api.post(V3, json=body, headers=NEW_CLIENT),
    ]


@pytest.mark.parametrize("said", [FINISHED, WITHOUT_VALUES], ids=["finished", "without values"])
def test_the_order_of_spans_and_of_what_the_client_says_does_not_matter(api, said):
    found = {}
    for order in itertools.permutations(range(4)):
        trace_id, calls = pieces(said)
        for number in (*order, order[0]):  # the first one is sent again
            calls[number](api)
        text = json.dumps(whole(api, trace_id)["trace_info"], sort_keys=True).replace(trace_id, "ID")
        found.setdefault(text, []).append(order)
    assert len(found) == 1, found
    result = json.loads(next(iter(found)))
    if said is FINISHED:
        assert (result["execution_duration"], result["request_preview"]) == ("1.500s", "asked")
    else:
        assert (result["execution_duration"], result["state"]) == ("6s", "OK")
    assert result["response_preview"] == '"so"'
    assert json.loads(result["trace_metadata"]["mlflow.trace.tokenUsage"])["total_tokens"] == 3
    assert result["trace_metadata"]["mlflow.trace.session"] == "s"
    assert result["tags"]["service.name"] == "shop"


def test_many_exporters_at_once_lose_and_double_nothing(
    serve: Callable[..., TrackwayServer],
) -> None:
    """32 exporters send the spans of shared traces, each twice, to two processes."""
    server = serve("--workers", "2")
    roots = [span_of(f"root {number}") for number in range(4)]
    answers: list[int] = []

    def send(data: bytes) -> int:
        request = urllib.request.Request(server.url + PATH, data, HEADERS)
        while True:
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return int(answer.status)
            except urllib.error.HTTPError as error:
                if error.code != 429:  # the exporter is asked to come again
                    return error.code

    def work(number: int) -> None:
        for step in range(4):
            root = roots[(number + step) % len(roots)]
            child = span_of(f"child {number} {step}", parent=root)
            own = span_of(f"own {number} {step}")
            for spans in ((child, own), (own, root, child)):
                answers.append(send(body_of(*spans)))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * (32 * 4 * 2)
    for number, root in enumerate(roots):
        path = f"{V3}/get?trace_id=tr-{root.trace_id.hex()}"
        _, body = server.send("GET", path)
        found = [span["name"] for span in json.loads(body)["trace"]["spans"]]
        children = [(n, step) for n in range(32) for step in range(4) if (n + step) % 4 == number]
        assert sorted(found) == sorted([f"root {number}", *(f"child {n} {step}" for n, step in children)])


def test_the_statements_of_an_export(api):
    """The first one of a kind of span, one of a known kind, and one for a trace that exists."""
    database = database_of(api)
    root = span_of("root")
    counted = []
    export(api, span_of("other"))  # the process has its connections and caches
    for spans in ([span_of("child", parent=root)], [span_of("child", parent=span_of("x"))], [root]):
        statements = statements_of(database)
        export(api, *spans)
        counted.append([text for text in statements if not text.startswith(("BEGIN", "COMMIT"))])
    assert [len(found) for found in counted] == [9, 6, 12], counted

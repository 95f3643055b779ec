"""``traces.json``: uploads become spans in the database, and downloads are made from them."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from tests.access import ADMIN, authorization, closed_server
from tests.api.test_traces import TRACE, V2, V3, info
from tests.api.test_tracking import ask

SERVED = "/api/2.0/mlflow-artifacts"
TRACE_BYTES = bytes.fromhex("ab" * 16)
ROOT, CHILD = bytes.fromhex("11" * 8), bytes.fromhex("22" * 8)
BEGAN = 1_767_225_600_123_456_789
OLD, NEW, NODE = "mlflow-python-client/2.14.3", "mlflow-python-client/3.17.2", "node"


@pytest.fixture
def api(store_api):
    return store_api


def b64(data: bytes) -> str:
    return b64encode(data).decode()


def texts(trace_id: str, **more: Any) -> dict[str, str]:
    return {key: json.dumps(value) for key, value in {"mlflow.traceRequestId": trace_id, **more}.items()}


ATTRIBUTES = {"mlflow.spanInputs": {"question": "how?"}, "mlflow.spanOutputs": "so", "n": 3, "word": "1"}


def old_file(trace_id: str, prefix: str) -> dict[str, Any]:
    """A file of MLflow 2."""

    def span(span_id: bytes, parent: bytes | None, name: str, code: str) -> dict[str, Any]:
        return {
            "name": name,
            "context": {"span_id": f"{prefix}{span_id.hex()}", "trace_id": f"{prefix}{'cd' * 16}"},
            "parent_id": f"{prefix}{parent.hex()}" if parent else None,
            "start_time": BEGAN,
            "end_time": BEGAN + 5_000_000,
            "status_code": code,
            "status_message": "bad" if code == "ERROR" else "",
            "attributes": texts(trace_id, **ATTRIBUTES),
            "events": [{"name": "e", "timestamp": BEGAN + 1, "attributes": {"a": 1}}],
        }

    return {
        "spans": [span(ROOT, None, "root", "OK"), span(CHILD, ROOT, "child", "ERROR")],
        "request": '{"question": "how?"}',
        "response": '"so"',
    }


def new_file(trace_id: str, generation: str) -> dict[str, Any]:
    """A file of MLflow 3."""

    def span(span_id: bytes, parent: bytes | None, name: str, code: str) -> dict[str, Any]:
        made = {
            "trace_id": b64(TRACE_BYTES),
            "span_id": b64(span_id),
            "parent_span_id": b64(parent) if parent else None,
            "name": name,
            "start_time_unix_nano": BEGAN,
            "end_time_unix_nano": BEGAN + 5_000_000,
            "events": [{"name": "e", "time_unix_nano": BEGAN + 1, "attributes": {"a": 1}}],
            "status": {"code": f"STATUS_CODE_{code}", "message": "bad" if code == "ERROR" else ""},
            "attributes": texts(trace_id, **ATTRIBUTES),
        }
        if generation == "3.5.0":
            made |= {
                "trace_id": trace_id,
                "span_id": span_id.hex(),
                "parent_span_id": parent.hex() if parent else None,
                "status": {"code": code, "message": made["status"]["message"]},
            }
        if generation == "typescript":
            made |= {
                "trace_id": b64(b"tr-" + TRACE_BYTES[:13]),
                "attributes": {"mlflow.traceRequestId": trace_id, **ATTRIBUTES},
                "links": [],
            }
        return made

    return {"spans": [span(ROOT, None, "root", "OK"), span(CHILD, ROOT, "child", "ERROR")]}


GENERATIONS = ["2.14", "2.22", "3.0", "3.5.0", "typescript"]


def file_of(generation: str, trace_id: str) -> dict[str, Any]:
    if generation.startswith("2."):
        return old_file(trace_id, "0x" if generation == "2.14" else "")
    return new_file(trace_id, generation)


def begin(api, generation: str) -> str:
    """Begin a trace as a client of a generation does."""
    if generation.startswith("2."):
        begun = ask(api, "POST", V2, {"experiment_id": "0", "timestamp_ms": BEGAN // 1_000_000})
        return begun["trace_info"]["request_id"]
    answer = api.post(V3, json={"trace": {"trace_info": info(TRACE)}}, headers={"User-Agent": NODE})
    assert "mlflow.trace.spansLocation" not in answer.json["trace"]["trace_info"]["tags"]
    return TRACE


def path_of(trace_id: str, name: str = "traces.json") -> str:
    return f"{SERVED}/artifacts/0/traces/{trace_id}/artifacts/{name}"


def put(api, trace_id: str, data: object, name: str = "traces.json") -> None:
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    answer = api.put(path_of(trace_id, name), data=body)
    assert (answer.status_code, answer.get_json()) == (200, {}), answer.text


def get(api, path: str, agent: str = NEW) -> Any:
    answer = api.get(path, headers={"User-Agent": agent})
    assert answer.status_code == 200, answer.text
    return answer


def tags_of(api, trace_id: str) -> dict[str, str]:
    return ask(api, "GET", f"{V3}/{trace_id}")["trace"]["trace_info"]["tags"]


def listed(api, path: str) -> list[dict[str, Any]]:
    return get(api, f"{SERVED}/artifacts?path={path}").get_json().get("files", [])


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_file_of_each_generation_becomes_spans(api, generation):
    trace_id = begin(api, generation)
    put(api, trace_id, file_of(generation, trace_id))
    whole = ask(api, "GET", f"{V3}/get?trace_id={trace_id}")["trace"]
    assert whole["trace_info"]["tags"]["mlflow.trace.spansLocation"] == "TRACKING_STORE"
    assert whole["trace_info"]["tags"]["mlflow.traceName"] == ("answer" if trace_id == TRACE else "root")
    root, child = whole["spans"]
    assert (root["name"], root["span_id"], child["parent_span_id"]) == ("root", b64(ROOT), b64(ROOT))
    assert root["trace_id"] == b64(TRACE_BYTES if trace_id == TRACE else bytes.fromhex("cd" * 16))
    assert child["status"] == {"message": "bad", "code": "STATUS_CODE_ERROR"}
    assert (root["start_time_unix_nano"], root["end_time_unix_nano"]) == (BEGAN, BEGAN + 5_000_000)
    assert root["events"][0]["time_unix_nano"] == BEGAN + 1
    values = {found["key"]: found["value"] for found in root["attributes"]}
    assert values["mlflow.traceRequestId"] == {"string_value": trace_id}
    assert (values["n"], values["word"]) == ({"int_value": 3}, {"string_value": "1"})
    assert values["mlflow.spanOutputs"] == {"string_value": "so"}


@pytest.mark.parametrize("generation", GENERATIONS)
def test_each_client_reads_a_file_that_it_understands(folder_api, generation):
    trace_id = begin(folder_api, generation)
    put(folder_api, trace_id, file_of(generation, trace_id))
    path = path_of(trace_id)
    for agent in (NEW, NODE):
        found = get(folder_api, path, agent).get_json()["spans"]
        assert found[1]["parent_span_id"] == b64(ROOT)
        assert found[0]["attributes"]["n"] == "3"
    of_tracking = f"/ajax-api/2.0/mlflow/get-trace-artifact?request_id={trace_id}"
    assert get(folder_api, of_tracking).data == get(folder_api, path).data
    old = get(folder_api, path, OLD).get_json()
    expected = old_file(trace_id, "")
    if trace_id == TRACE:
        for span in expected["spans"]:
            span["context"]["trace_id"] = "ab" * 16
    assert old == expected


def test_the_file_is_listed_and_not_stored(api, tmp_path):
    trace_id = begin(api, "2.14")
    folder = f"0/traces/{trace_id}/artifacts"
    assert listed(api, folder) == []
    put(api, trace_id, file_of("2.14", trace_id))
    put(api, trace_id, b"picture", "attachments/a.png")
    assert listed(api, folder) == [
        {"path": "attachments", "is_dir": True},
        {"path": "traces.json", "is_dir": False},
    ]
    assert not list(tmp_path.rglob("traces.json"))
    assert get(api, path_of(trace_id, "attachments/a.png")).data == b"picture"
    attached = f"/ajax-api/3.0/mlflow/get-trace-artifact?request_id={trace_id}&path=a.png"
    assert get(api, attached).data == b"picture"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no JSON",
        b"[]",
        b'{"spans": 1}',
        b'{"spans": []}',
        b'{"spans": [{"name": "x"}]}',
        b"[" * 100_000,
    ],
    ids=lambda data: data[:20].decode(),
)
def test_what_cannot_be_read_stays_a_file(api, data):
    begin(api, "3.0")
    put(api, TRACE, data)
    assert tags_of(api, TRACE)["mlflow.trace.spansLocation"] == "ARTIFACT_REPO"
    assert get(api, path_of(TRACE)).data == data
    assert get(api, f"/ajax-api/2.0/mlflow/get-trace-artifact?request_id={TRACE}").data == data
    found = listed(api, f"0/traces/{TRACE}/artifacts")
    assert found == [{"path": "traces.json", "is_dir": False, "file_size": len(data)}]


def test_a_file_that_is_too_large_to_be_parsed_stays_a_file(folder_api, monkeypatch):
    monkeypatch.setattr("trackway.server.handlers.traces.files._MAX_FILE_BYTES", 1000)
    begin(folder_api, "3.0")
    data = json.dumps(file_of("3.0", TRACE)).encode()
    assert len(data) > 1000
    put(folder_api, TRACE, data)
    assert get(folder_api, path_of(TRACE)).data == data
    assert tags_of(folder_api, TRACE)["mlflow.trace.spansLocation"] == "ARTIFACT_REPO"


def test_a_file_of_that_name_elsewhere_is_a_file(folder_api):
    begin(folder_api, "3.0")
    data = json.dumps(file_of("3.0", TRACE)).encode()
    for path in ("0/traces/tr-absent/artifacts", f"1/traces/{TRACE}/artifacts", f"0/traces/{TRACE}/other"):
        answer = folder_api.put(f"{SERVED}/artifacts/{path}/traces.json", data=data)
        assert answer.status_code == 200
        assert get(folder_api, f"{SERVED}/artifacts/{path}/traces.json").data == data
    assert "mlflow.trace.spansLocation" not in tags_of(folder_api, TRACE)


def test_the_same_file_twice_counts_once(folder_api):
    begin(folder_api, "3.0")
    for _ in range(2):
        put(folder_api, TRACE, file_of("3.0", TRACE))
    assert len(ask(folder_api, "GET", f"{V3}/get?trace_id={TRACE}")["trace"]["spans"]) == 2


def test_clients_are_sent_from_presigned_transfers_to_this_server(s3_api):
    begin(s3_api, "3.0")
    body = {"path": "traces.json", "num_parts": 1}
    folder = f"0/traces/{TRACE}/artifacts"
    answer = s3_api.post(f"{SERVED}/mpu/create/{folder}", json=body)
    assert (answer.status_code, answer.get_json()["message"]) == (
        501,
        "Multipart upload is not supported for the current artifact repository",
    )
    put(s3_api, TRACE, file_of("3.0", TRACE))
    answer = get(s3_api, f"{SERVED}/presigned/{folder}/traces.json").get_json()
    assert "file_size" not in answer


def set_rules(api, rules: dict[str, Any]) -> None:
    tag = {"experiment_id": "0", "key": "trackway.trace.ingestRules", "value": json.dumps(rules)}
    ask(api, "POST", "/api/2.0/mlflow/experiments/set-experiment-tag", tag)


def test_rules_of_the_experiment_hold_for_files(folder_api, tmp_path):
    set_rules(folder_api, {"mask": [{"attribute": "mlflow.spanOutputs"}]})
    begin(folder_api, "3.0")
    put(folder_api, TRACE, file_of("3.0", TRACE))
    assert b'"so' not in get(folder_api, path_of(TRACE)).data
    answer = folder_api.put(path_of(TRACE), data=b"unreadable")
    assert answer.status_code == 400
    assert "masking rules" in answer.get_json()["message"]
    set_rules(folder_api, {"sample": 1e-9})
    other = TRACE[:-2] + "cd"
    put(folder_api, other, file_of("3.0", other))
    assert not list(tmp_path.rglob("traces.json"))


def test_an_upload_has_one_row_in_the_audit_and_counts_for_the_quota(folder_api):
    begin(folder_api, "3.0")
    put(folder_api, TRACE, file_of("3.0", TRACE))
    entries = ask(folder_api, "GET", "/api/3.0/trackway/audit")["entries"]
    path = f"artifact:0/traces/{TRACE}/artifacts/traces.json"
    assert [entry["target"] for entry in entries if entry["action"] == "UploadArtifact"] == [path]


def test_who_may_not_write_to_an_experiment_uploads_no_spans(store_uri, tmp_path):
    with closed_server(store_uri, tmp_path / "artifacts") as server:
        server.ok("POST", V3, trace={"trace_info": info()})
        made = {"username": "alice", "experiment_id": "0", "permission": "READ"}
        server.ok("POST", "/api/2.0/mlflow/experiments/permissions/create", **made)
        made = {"username": "bob", "experiment_id": "0", "permission": "NO_PERMISSIONS"}
        server.ok("POST", "/api/2.0/mlflow/experiments/permissions/create", **made)
        data = json.dumps(file_of("3.0", TRACE)).encode()

        def send(verb: str, who: str) -> int:
            headers = authorization(who)
            return server.client.open(path_of(TRACE), method=verb, data=data, headers=headers).status_code

        assert [send("PUT", who) for who in ("alice", "bob")] == [403, 403]
        assert send("PUT", ADMIN) == 200
        assert [send("GET", who) for who in ("alice", "bob")] == [200, 403]
        folder = f"{SERVED}/artifacts?path=0/traces/{TRACE}/artifacts"
        assert server.client.get(folder, headers=authorization("bob")).status_code == 403
        seen = server.client.get(folder, headers=authorization("alice")).get_json()
        assert seen["files"] == [{"path": "traces.json", "is_dir": False}]

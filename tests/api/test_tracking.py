"""The tracking API as it stands on the wire: literal JSON in and out."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from tests.databases import statements_of
from trackway.storage.database import Database, Tx

API = "/api/2.0/mlflow"


def ask(api: FlaskClient, verb: str, path: str, body: Any = None) -> Any:
    answer = api.open(path, method=verb, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json


def new_run(api: FlaskClient, **body: Any) -> str:
    made = ask(api, "POST", f"{API}/runs/create", {"experiment_id": "0", **body})
    return str(made["run"]["info"]["run_id"])


def database_of(api: FlaskClient) -> Database:
    database = api.application.extensions["trackway"].database
    assert isinstance(database, Database)
    return database


def test_a_run_as_json(api: FlaskClient) -> None:
    run = new_run(api, start_time=5, user_id="ann", run_name="first")
    ask(api, "POST", f"{API}/runs/log-metric", {"run_id": run, "key": "m", "value": "NaN", "timestamp": "7"})
    ask(api, "POST", f"{API}/runs/log-parameter", {"run_id": run, "key": "p", "value": ""})
    assert ask(api, "GET", f"{API}/runs/get?run_id={run}") == {
        "run": {
            "info": {
                "run_id": run,
                "run_uuid": run,
                "run_name": "first",
                "experiment_id": "0",
                "user_id": "ann",
                "status": "RUNNING",
                "start_time": 5,
                "artifact_uri": f"mlflow-artifacts:/0/{run}/artifacts",
                "lifecycle_stage": "active",
            },
            "data": {
                "metrics": [{"key": "m", "value": "NaN", "timestamp": 7, "step": 0}],
                "params": [{"key": "p", "value": ""}],
                "tags": [{"key": "mlflow.runName", "value": "first"}],
            },
            "inputs": {},
            "outputs": {},
        }
    }


@pytest.mark.parametrize("prefix", [API, "/ajax-api/2.0/mlflow", "/api/2.0/preview/mlflow"])
def test_every_call_is_reached_by_all_of_its_paths(api: FlaskClient, prefix: str) -> None:
    assert ask(api, "GET", f"{prefix}/experiments/get?experiment_id=0")["experiment"]["name"] == "Default"


def test_clients_of_1x_list_experiments(api: FlaskClient) -> None:
    ask(api, "POST", f"{API}/experiments/create", {"name": "b"})
    gone = ask(api, "POST", f"{API}/experiments/create", {"name": "a"})["experiment_id"]
    ask(api, "POST", f"{API}/experiments/delete", {"experiment_id": gone})

    def names(query: str) -> list[str]:
        found = ask(api, "GET", f"{API}/experiments/list{query}")["experiments"]
        return [experiment["name"] for experiment in found]

    assert names("") == ["Default", "b"]
    assert names("?view_type=ALL") == ["Default", "b", "a"]
    assert names("?view_type=DELETED_ONLY&max_results=5") == ["a"]


def test_clients_of_1x_search_runs_with_get_and_call_ids_uuids(api: FlaskClient) -> None:
    run = new_run(api)
    ask(api, "POST", f"{API}/runs/set-tag", {"run_uuid": run, "key": "k", "value": "v"})
    found = ask(api, "GET", "/api/2.0/preview/mlflow/runs/search?experiment_ids=0&filter=tags.k%3D'v'")
    assert [r["info"]["run_uuid"] for r in found["runs"]] == [run]
    assert ask(api, "GET", f"{API}/runs/get?run_uuid={run}")["run"]["info"]["run_id"] == run


def test_a_body_that_was_encoded_twice_is_understood(api: FlaskClient) -> None:
    twice = json.dumps(json.dumps({"name": "twice"}))
    answer = api.post(f"{API}/experiments/create", data=twice, content_type="application/json")
    assert answer.status_code == 200


def test_a_body_may_begin_with_a_byte_order_mark(api: FlaskClient) -> None:
    body = b"\xef\xbb\xbf" + json.dumps({"name": "marked"}).encode()
    answer = api.post(f"{API}/experiments/create", data=body, content_type="application/json")
    assert answer.status_code == 200


def test_a_refused_batch_stores_nothing_of_it(api: FlaskClient) -> None:
    run = new_run(api)
    ask(api, "POST", f"{API}/runs/log-parameter", {"run_id": run, "key": "p", "value": "1"})
    answer = api.post(
        f"{API}/runs/log-batch",
        json={
            "run_id": run,
            "metrics": [{"key": "m", "value": 1, "timestamp": 1, "step": 0}],
            "params": [{"key": "new", "value": "1"}, {"key": "p", "value": "2"}],
            "tags": [{"key": "t", "value": "1"}],
        },
    )
    assert answer.status_code == 400
    assert answer.json
    assert "key='p' was already logged with value='1'" in answer.json["message"]
    data = ask(api, "GET", f"{API}/runs/get?run_id={run}")["run"]["data"]
    assert [param["key"] for param in data["params"]] == ["p"]
    assert "metrics" not in data
    assert [tag["key"] for tag in data["tags"]] == ["mlflow.runName"]


@pytest.mark.parametrize(("metrics", "keys"), [(1, 1), (1000, 1), (1000, 10), (999, 999)])
def test_a_batch_takes_the_same_statements_whatever_its_size(
    api: FlaskClient, metrics: int, keys: int
) -> None:
    run = new_run(api)
    body = {
        "run_id": run,
        "metrics": [{"key": f"m{n % keys}", "value": n, "timestamp": n, "step": n} for n in range(metrics)],
    }
    statements = statements_of(database_of(api))
    ask(api, "POST", f"{API}/runs/log-batch", body)
    # The run, its series, new series and their ids, the points by 50 and the rest, the audit; SQLite's BEGIN.
    assert len([text for text in statements if not text.startswith("BEGIN")]) <= 7


def test_a_search_that_is_asked_again_takes_one_statement(api: FlaskClient) -> None:
    run = new_run(api)
    experiment = ask(api, "GET", f"{API}/runs/get?run_id={run}")["run"]["info"]["experiment_id"]
    search = {"experiment_ids": [experiment], "filter": "tags.`mlflow.runName` LIKE '%'"}
    first = ask(api, "POST", f"{API}/runs/search", search)
    statements = statements_of(database_of(api))
    assert ask(api, "POST", f"{API}/runs/search", search) == first
    # The runs; their texts are kept, and that the experiment is there is known.
    assert len([text for text in statements if text.startswith("SELECT")]) == 1


@pytest.mark.parametrize("value", ["0.5", "NaN", '"0.5"', "true", "null", '""', "[]", "1e999", "01"])
def test_a_large_batch_means_what_a_small_one_means(api: FlaskClient, value: str) -> None:
    """Large bodies have a decoder of their own."""
    answers, stored = [], []
    for blanks in (0, 5000):
        run = new_run(api, run_name="r")
        point = f'{{"key": "m", "value": {value}, "timestamp": 1}}'
        body = f'{{"run_id": "{run}", "metrics": [{point}]}}'
        answer = api.post(f"{API}/runs/log-batch", data=body + " " * blanks, content_type="application/json")
        shown = {name: text for name, text in (answer.json or {}).items() if name != "request_id"}
        answers.append((answer.status_code, json.dumps(shown).replace(run, "RUN")))
        stored.append(ask(api, "GET", f"{API}/runs/get?run_id={run}")["run"]["data"])
    assert answers[0] == answers[1]
    assert stored[0] == stored[1]


def test_every_write_is_in_the_audit_and_a_refused_one_is_not(api: FlaskClient) -> None:
    run = new_run(api)
    ask(api, "POST", f"{API}/runs/set-tag", {"run_id": run, "key": "k", "value": "v"})
    api.post(f"{API}/runs/set-tag", json={"run_id": run, "key": "../k", "value": "v"})
    ask(api, "GET", f"{API}/runs/get?run_id={run}")
    with database_of(api).begin(write=False) as tx:
        rows = tx.execute(sa.text('SELECT action, target, "user", time_ms FROM audit ORDER BY id')).all()
    assert [(row.action, row.target, row.user) for row in rows] == [
        ("CreateRun", f"run:{run}", None),
        ("SetTag", f"run:{run}", None),
    ]
    assert all(row.time_ms > 1_700_000_000_000 for row in rows)


def test_appended_points_get_one_row_of_the_audit_a_minute(api: FlaskClient, monkeypatch) -> None:
    minute = 28_000_000
    monkeypatch.setattr(Tx, "now_ms", property(lambda tx: minute * 60_000 + 1))
    run = new_run(api)
    point = {"key": "m", "value": 1, "timestamp": 1}
    for step in range(3):
        ask(api, "POST", f"{API}/runs/log-metric", {"run_id": run, "step": step, **point})
        ask(api, "POST", f"{API}/runs/log-batch", {"run_id": run, "metrics": [{"step": 10 + step, **point}]})
        ask(
            api,
            "POST",
            f"{API}/runs/log-batch",
            {"run_id": run, "params": [{"key": f"p{step}", "value": "1"}]},
        )
    minute += 1
    ask(api, "POST", f"{API}/runs/log-metric", {"run_id": run, "step": 20, **point})
    with database_of(api).begin(write=False) as tx:
        actions = tx.execute(sa.text("SELECT action FROM audit ORDER BY id")).scalars().all()
    assert actions == ["CreateRun", "LogMetric", "LogBatch", "LogBatch", "LogBatch", "LogBatch", "LogMetric"]


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ({"run_name": "x" * 1001}, "'run_name' exceeds the maximum length of 1000 characters"),
        ({"user_id": "x" * 257}, "'user_id' exceeds the maximum length of 256 characters"),
        ({"tags": [{"key": f"k{n}", "value": ""} for n in range(1001)]}, "at most 1000 tags. Got 1001 tags."),
        ({"tags": [{"key": "x" * 251, "value": ""}]}, "'tags[0].key' exceeds the maximum length of 250"),
        ({"tags": [{"key": "mlflow.runName", "value": "x" * 1001}]}, "'run_name' exceeds"),
    ],
)
def test_a_new_run_has_limits(api: FlaskClient, run: dict[str, Any], message: str) -> None:
    answer = api.post(f"{API}/runs/create", json={"experiment_id": "0", **run})
    assert answer.status_code == 400
    assert answer.json
    assert message in answer.json["message"]


def test_models_logged_as_before_3_0_stand_in_a_tag_and_a_tag_written_over_is_named(api: FlaskClient) -> None:
    run = new_run(api)
    model = {"artifact_path": "m", "flavors": {}, "utc_time_created": "now", "run_id": run}
    logged = {"run_id": run, "model_json": json.dumps(model)}
    for _ in range(2):
        ask(api, "POST", f"{API}/runs/log-model", logged)
    tags = ask(api, "GET", f"{API}/runs/get?run_id={run}")["run"]["data"]["tags"]
    [value] = [tag["value"] for tag in tags if tag["key"] == "mlflow.log-model.history"]
    assert [entry["artifact_path"] for entry in json.loads(value)] == ["m", "m"]
    over = {"run_id": run, "key": "mlflow.log-model.history", "value": "nonsense"}
    ask(api, "POST", f"{API}/runs/set-tag", over)
    answer = api.post(f"{API}/runs/log-model", json=logged)
    assert answer.status_code == 400
    assert answer.json
    assert answer.json["message"] == (
        "The tag 'mlflow.log-model.history' must hold a JSON list, not \"nonsense\". "
        "Delete the tag and try again."
    )


def test_a_run_without_an_experiment_is_refused(api: FlaskClient) -> None:
    for body in ({}, {"experiment_id": ""}, {"experiment_id": None, "run_name": "n"}):
        answer = api.post(f"{API}/runs/create", json=body)
        assert (answer.status_code, answer.json["error_code"]) == (400, "INVALID_PARAMETER_VALUE")  # type: ignore[index]
        assert "Missing value for required parameter 'experiment_id'" in answer.text


@pytest.mark.parametrize("way", ["set-tag", "log-batch", "create"])
def test_json_in_a_tag_is_stored_whole_or_refused(api: FlaskClient, way: str) -> None:
    def send(value: str) -> Any:
        tag = {"key": "t", "value": value}
        if way == "create":
            return api.post(f"{API}/runs/create", json={"experiment_id": "0", "tags": [tag]})
        run = new_run(api)
        body = {"run_id": run, **(tag if way == "set-tag" else {"tags": [tag]})}
        return api.post(f"{API}/runs/{way}", json=body)

    def stored() -> str:
        found = ask(api, "POST", f"{API}/runs/search", {"experiment_ids": ["0"]})["runs"]
        [value] = [tag["value"] for run in found for tag in run["data"]["tags"] if tag["key"] == "t"]
        return str(value)

    for bad in ("[" + "x" * 499_999, '{"a": ' * 80_000):  # begins as JSON, but is none: truncated
        assert send(bad).status_code == 200
        assert stored() == bad[:8000]
        [run] = [
            r
            for r in ask(api, "POST", f"{API}/runs/search", {"experiment_ids": ["0"]})["runs"]
            if any(tag["key"] == "t" for tag in r["data"]["tags"])
        ]
        ask(api, "POST", f"{API}/runs/delete", {"run_id": run["info"]["run_id"]})
    longest = json.dumps({"a": "x" * (500_000 - 9)})
    answer = send(longest[:-2] + 'x"}')
    assert answer.status_code == 400
    assert "exceeds the maximum length of 500000 characters" in answer.text
    assert send(longest).status_code == 200
    assert stored() == longest


def test_the_list_of_logged_models_is_never_cut(api: FlaskClient) -> None:
    run = new_run(api)
    model = {
        "artifact_path": "m",
        "utc_time_created": "now",
        "run_id": run,
        "flavors": {"f": {"a": "x" * 5000}},
    }
    for _ in range(3):
        ask(api, "POST", f"{API}/runs/log-model", {"run_id": run, "model_json": json.dumps(model)})
    tags = ask(api, "GET", f"{API}/runs/get?run_id={run}")["run"]["data"]["tags"]
    [value] = [tag["value"] for tag in tags if tag["key"] == "mlflow.log-model.history"]
    assert len(json.loads(value)) == 3
    model["flavors"] = {"f": {"a": "x" * 490_000}}
    answer = api.post(f"{API}/runs/log-model", json={"run_id": run, "model_json": json.dumps(model)})
    assert answer.status_code == 400
    assert "exceeds the maximum length of 500000 characters" in answer.text

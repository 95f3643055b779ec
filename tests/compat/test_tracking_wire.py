"""The tracking API over plain HTTP: the same requests to Trackway and to MLflow's own server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.services import MlflowServer, TrackwayServer

from .conversation import Ask, compare, unique

API = "/api/2.0/mlflow"
MODEL = (
    '{"artifact_path": "m", "flavors": {"f": {"a": 1, "config": {"x": 1}}}, '
    '"utc_time_created": "now", "run_id": "r", "model_uuid": "u"}'
)


def post(path: str, body: Any, ours: str = "", **save: str) -> Ask:
    return Ask("POST", f"{API}/{path}", body, save=save, ours=ours)


def get(path: str, ours: str = "", **query: Any) -> Ask:
    return Ask("GET", f"{API}/{path}", query=query, ours=ours)


def new_experiment(name: str, **more: Any) -> Ask:
    return post("experiments/create", {"name": name, **more}, e="experiment_id")


def new_run(save: str = "r", **body: Any) -> Ask:
    return post(
        "runs/create",
        {"experiment_id": "$e", "start_time": 1_700_000_000_000, **body},
        **{save: "run.info.run_id"},
    )


def experiments() -> list[Ask]:
    name, other = unique("exp"), unique("other")
    return [
        new_experiment(name, tags=[{"key": "k", "value": "v"}, {"key": "empty", "value": ""}]),
        get("experiments/get", experiment_id="$e"),
        get("experiments/get-by-name", experiment_name=name),
        post("experiments/create", {"name": name}, ours="says what to do instead of showing SQL"),
        post("experiments/create", {}),
        post("experiments/create", {"name": ""}),
        post("experiments/create", {"name": None}),
        post("experiments/create", {"name": 3}),
        post("experiments/create", {"name": "x" * 501}),
        post("experiments/create", {"name": unique("p"), "artifact_location": "s3://b/x#frag"}),
        post("experiments/create", {"name": unique("p"), "artifact_location": "s3://b/x?q=../y"}),
        post("experiments/create", {"name": unique("p"), "artifact_location": "runs:/abc"}),
        post("experiments/create", {"name": unique("p"), "artifact_location": "ftp://elsewhere/x"}),
        post("experiments/create", {"name": unique("p"), "artifact_location": "mlflow-artifacts://h:1/x"}),
        post("experiments/create", {"name": unique("p"), "artifact_location": "s3://" + "x" * 2048}),
        post("experiments/create", {"name": unique("p"), "tags": [{"key": "k" * 251, "value": "v"}]}),
        post("experiments/create", {"name": unique("p"), "tags": [{"key": "a/../b", "value": "v"}]}),
        get("experiments/get", experiment_id="987654321"),
        get("experiments/get", experiment_id="abc"),
        get("experiments/get"),
        get("experiments/get-by-name", experiment_name="no such name"),
        get("experiments/get-by-name"),
        post("experiments/set-experiment-tag", {"experiment_id": "$e", "key": "k2", "value": "v2"}),
        post("experiments/set-experiment-tag", {"experiment_id": "$e", "key": "k2"}),
        post("experiments/set-experiment-tag", {"experiment_id": "$e", "key": "bad$key", "value": "v"}),
        post("experiments/set-experiment-tag", {"experiment_id": "$e", "key": "k", "value": "x" * 20001}),
        post("experiments/set-experiment-tag", {"experiment_id": "$e", "value": "x"}),
        post("experiments/delete-experiment-tag", {"experiment_id": "$e", "key": "k2"}),
        post("experiments/delete-experiment-tag", {"experiment_id": "$e", "key": "k2"}),
        get("experiments/get", experiment_id="$e"),
        post("experiments/update", {"experiment_id": "$e", "new_name": other}),
        post("experiments/update", {"experiment_id": "$e"}),
        post("experiments/update", {"experiment_id": "$e", "new_name": ""}),
        get("experiments/get", experiment_id="$e"),
        post("experiments/delete", {"experiment_id": "$e"}),
        post("experiments/delete", {"experiment_id": "$e"}),
        get("experiments/get", experiment_id="$e"),
        get("experiments/get-by-name", experiment_name=other),
        post("experiments/create", {"name": other}, ours="says that the name is in the trash"),
        post("experiments/set-experiment-tag", {"experiment_id": "$e", "key": "k2", "value": "v2"}),
        post("experiments/delete-experiment-tag", {"experiment_id": "$e", "key": "k"}),
        post("experiments/update", {"experiment_id": "$e", "new_name": "x"}, ours="400: 500 is repeated"),
        post("runs/create", {"experiment_id": "$e"}),
        post("experiments/restore", {"experiment_id": "$e"}),
        post("experiments/restore", {"experiment_id": "$e"}),
        get("experiments/get", experiment_id="$e"),
        post("experiments/search", {"max_results": 0}),
        post("experiments/search", {"max_results": -1}),
        post("experiments/search", {"max_results": 50001}),
        post("experiments/search", {}, ours="a first page instead of 'Invalid value 0'"),
        post("experiments/search", {"max_results": 5, "filter": f"name = '{other}'"}),
        post("experiments/search", {"max_results": 5, "filter": f"name = '{other}'", "view_type": 2}),
        post("experiments/search", {"max_results": 5, "filter": f"name = '{other}'", "view_type": "ALL"}),
        post("experiments/search", {"max_results": 5, "filter": "nope = 'x'"}),
        post("experiments/search", {"max_results": 5, "order_by": ["nope"]}),
        post("experiments/search", {"max_results": 5, "page_token": "garbage"}),
        Ask("GET", f"{API}/experiments/search", query={"max_results": 5, "filter": f"name = '{other}'"}),
    ]


def archiving() -> list[Ask]:
    """Two tags of an experiment say when its traces go to the archive, so their values are looked at."""

    def keep(value: str, key: str = "mlflow.trace.archivalRetention") -> Ask:
        return post("experiments/set-experiment-tag", {"experiment_id": "$e", "key": key, "value": value})

    durations = ["30d", " 12h ", "1m", "0d", "030d", "30", "d", "30w", "3 d", "3d\\n", "", "9" * 31 + "d"]
    durations += ["9" * 32 + "d", "\u0663d"]
    texts = ["", "30d", "[]", "null", "{", "{}", '{"type": "duration"}', '{"type": "x", "value": "1d"}']
    texts += ['{"value": "1d"}', '{"type": "duration", "value": 5}', '{"type": "duration", "value": null}']
    texts += [f'{{"type": "duration", "value": "{duration}"}}' for duration in durations]
    orders = ["", "now", "[]", "{}", '{"older_than": null}', '{"older_than": 7}', '{"older_than": "7d"}']
    orders += ['{"older_than": ""}', '{"older_than": "7y"}']
    tag = {"key": "mlflow.trace.archiveNow", "value": "now"}
    return [
        new_experiment(unique("archiving")),
        *map(keep, texts),
        *(keep(text, "mlflow.trace.archiveNow") for text in orders),
        post("experiments/set-experiment-tag", {"experiment_id": "$e", "key": tag["key"]}),
        post("experiments/create", {"name": unique("archiving"), "tags": [tag]}),
        get("experiments/get", experiment_id="$e"),
    ]


def runs() -> list[Ask]:
    return [
        new_experiment(unique("runs")),
        new_run(
            user_id="ann", run_name="first", tags=[{"key": "t", "value": "v"}, {"key": "empty", "value": ""}]
        ),
        new_run("anonymous"),
        post("runs/create", {"experiment_id": "$e"}),
        post("runs/create", {"experiment_id": "987654321"}),
        post("runs/create", {"experiment_id": "x"}),
        post("runs/create", {}, ours="names the missing field; MLflow shows the SQL of a failed INSERT"),
        post("runs/create", {"experiment_id": ""}, ours="as without the field"),
        post(
            "runs/create",
            {"experiment_id": "$e", "run_name": "a", "tags": [{"key": "mlflow.runName", "value": "b"}]},
        ),
        post(
            "runs/create",
            {"experiment_id": "$e", "run_name": "a", "tags": [{"key": "mlflow.runName", "value": "a"}]},
        ),
        post("runs/create", {"experiment_id": "$e", "start_time": "soon"}),
        post("runs/create", {"experiment_id": "$e", "start_time": "1700000000000", "run_name": "text"}),
        get("runs/get", run_id="$r"),
        get("runs/get", run_uuid="$r"),
        get("runs/get", run_id="nope"),
        get("runs/get"),
        post("runs/update", {"run_id": "$r", "status": "FINISHED", "end_time": 1_700_000_000_005}),
        post("runs/update", {"run_id": "$r", "run_name": "second"}),
        post("runs/update", {"run_id": "$r", "run_name": ""}),
        post("runs/update", {"run_uuid": "$r", "status": 4}),
        post("runs/update", {"run_id": "$r", "status": "NOPE"}, ours="MLflow ignores an unknown status"),
        get("runs/get", run_id="$r"),
        post("runs/set-tag", {"run_id": "$r", "key": "t2", "value": "x" * 9000}),
        post("runs/set-tag", {"run_id": "$r", "key": "json", "value": json.dumps(["x" * 9000])}),
        get("runs/get", run_id="$r", ours="MLflow cuts JSON in the middle"),
        post("runs/delete-tag", {"run_id": "$r", "key": "json"}),
        post("runs/set-tag", {"run_uuid": "$r", "key": "t3", "value": ""}),
        post("runs/set-tag", {"run_id": "$r", "key": "t4"}),
        post("runs/set-tag", {"run_id": "$r", "key": "", "value": "v"}),
        post("runs/set-tag", {"run_id": "$r", "key": "x" * 251, "value": "v"}),
        post("runs/set-tag", {"run_id": "$r", "key": "../x", "value": "v"}),
        post("runs/set-tag", {"run_id": "$r", "key": "x", "value": 5}),
        post("runs/set-tag", {"run_id": "$r", "key": "mlflow.runName", "value": "third"}),
        post("runs/set-tag", {"run_id": "$r", "key": "mlflow.note.content", "value": "# note\nä"}),
        post("runs/set-tag", {"run_id": "nope", "key": "k", "value": "v"}),
        post("runs/set-tag", {"key": "k", "value": "v"}),
        post("runs/delete-tag", {"run_id": "$r", "key": "t3"}),
        post("runs/delete-tag", {"run_id": "$r", "key": "t3"}),
        post("runs/log-parameter", {"run_id": "$r", "key": "p", "value": "0.1"}),
        post("runs/log-parameter", {"run_id": "$r", "key": "p", "value": "0.1"}),
        post("runs/log-parameter", {"run_id": "$r", "key": "p", "value": "another"}),
        post("runs/log-parameter", {"run_uuid": "$r", "key": "q"}),
        post("runs/log-parameter", {"run_id": "$r", "key": "long", "value": "y" * 6001}),
        post("runs/log-parameter", {"run_id": "$r", "key": "a//b", "value": "1"}),
        post("runs/log-parameter", {"run_id": "$r", "key": "a*b", "value": "1"}),
        post("runs/log-parameter", {"run_id": "$r", "value": "1"}),
        get("runs/get", run_id="$r"),
        post("runs/delete", {"run_id": "$r"}),
        post("runs/delete", {"run_id": "$r"}),
        get("runs/get", run_id="$r"),
        post("runs/set-tag", {"run_id": "$r", "key": "k", "value": "v"}),
        post("runs/delete-tag", {"run_id": "$r", "key": "t"}),
        post("runs/log-parameter", {"run_id": "$r", "key": "z", "value": "1"}),
        post("runs/log-metric", {"run_id": "$r", "key": "m", "value": 1, "timestamp": 1}),
        post("runs/update", {"run_id": "$r", "status": "FINISHED"}),
        post("runs/log-batch", {"run_id": "$r"}),
        post("runs/restore", {"run_id": "$r"}),
        post("runs/restore", {"run_id": "$r"}),
        post("runs/delete", {"run_id": "nope"}),
        post("runs/delete", {}),
        get("runs/get", run_id="$r"),
    ]


def metrics() -> list[Ask]:
    def log(ours: str = "", **body: Any) -> Ask:
        return post(
            "runs/log-metric", {"run_id": "$r", "key": "m", "value": 0.5, "timestamp": 5, **body}, ours
        )

    return [
        new_experiment(unique("metrics")),
        new_run(),
        log(),
        log(),
        log(step=3),
        log(step=-2, value=7),
        log(step=3, value=0.25, timestamp=6),
        log(key="nan", value="NaN"),
        log(key="inf", value="Infinity"),
        log(key="-inf", value="-Infinity"),
        log(key="text", value="0.125", timestamp="7", step="2"),
        log(key="big", value=1e308, timestamp=9007199254740993),
        log(value="x"),
        log(value=None),
        log(key="n", value=1),
        log(timestamp=None),
        log(timestamp=-1),
        log(timestamp="x"),
        log("MLflow takes it and stores 0", timestamp=1.5),
        log(value=float("nan"), key="bare"),  # stored as NaN; MLflow stores 0
        log(step="x"),
        log(key=""),
        log(key=None),
        log(key="a/../b"),
        log(key="/a"),
        log(key="x" * 251),
        log(key="spaces and:colons/ok.1_-"),
        log(run_id="nope"),
        # From here on MLflow has points that we refused, or took for what they say.
        new_run(),
        log(),
        log(step=-2, value=7),
        log(step=3, value=0.25, timestamp=6),
        log(key="nan", value="NaN"),
        log(key="inf", value="Infinity"),
        get("runs/get", run_id="$r"),
        get("metrics/get-history", run_id="$r", metric_key="m"),
        get("metrics/get-history", run_id="$r", metric_key="m", max_results=2),
        get("metrics/get-history", run_id="$r", metric_key="m", max_results=4),
        get("metrics/get-history", run_id="$r", metric_key="nan"),
        get("metrics/get-history", run_id="$r", metric_key="inf"),
        get("metrics/get-history", run_id="$r", metric_key="never"),
        get("metrics/get-history", run_id="$r", metric_key="m", max_results=0),
        get("metrics/get-history", run_id="$r"),
        get("metrics/get-history", metric_key="m"),
        get("metrics/get-history", run_id="nope", metric_key="m"),
        Ask(
            "GET", "/ajax-api/2.0/mlflow/metrics/get-history-bulk", query={"run_id": "$r", "metric_key": "m"}
        ),
        Ask(
            "GET",
            "/ajax-api/2.0/mlflow/metrics/get-history-bulk",
            query={"run_id": ["$r", "$r"], "metric_key": "m", "max_results": 2},
        ),
        Ask("GET", "/ajax-api/2.0/mlflow/metrics/get-history-bulk", query={"metric_key": "m"}),
        Ask("GET", "/ajax-api/2.0/mlflow/metrics/get-history-bulk", query={"run_id": "$r"}),
        Ask(
            "GET",
            "/ajax-api/2.0/mlflow/metrics/get-history-bulk",
            query={"run_id": [f"r{n}" for n in range(101)], "metric_key": "m"},
        ),
        Ask(
            "GET",
            "/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval",
            query={"run_ids": "$r", "metric_key": "m"},
        ),
        Ask(
            "GET",
            "/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval",
            query={"run_ids": "$r", "metric_key": "m", "start_step": 0, "end_step": 3},
        ),
        Ask(
            "GET",
            "/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval",
            query={"run_ids": "$r", "metric_key": "m", "start_step": 0},
        ),
        Ask(
            "GET",
            "/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval",
            query={"run_ids": "$r", "metric_key": "m", "start_step": 40000, "end_step": 30000},
        ),
        Ask(
            "GET",
            "/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval",
            query={"run_ids": "$r", "metric_key": "m", "max_results": 0},
        ),
        Ask(
            "GET",
            "/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval",
            query={"run_ids": "$r", "metric_key": "m", "max_results": 2501},
        ),
        Ask("GET", "/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval", query={"metric_key": "m"}),
        Ask(
            "GET",
            "/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval",
            query={"run_ids": [f"r{n}" for n in range(101)], "metric_key": "m"},
        ),
    ]


def batches() -> list[Ask]:
    metric = {"key": "m", "value": 1.0, "timestamp": 1, "step": 0}

    def log(ours: str = "", **body: Any) -> Ask:
        return post("runs/log-batch", {"run_id": "$r", **body}, ours)

    return [
        new_experiment(unique("batches")),
        new_run(run_name="b"),
        log(),
        log(
            metrics=[metric, metric, {**metric, "step": 1}],
            params=[{"key": "p", "value": "one"}],
            tags=[{"key": "t", "value": "one"}, {"key": "t", "value": "two"}],
        ),
        log(
            metrics=[{**metric, "key": "late"}],
            params=[{"key": "p", "value": "other"}],
            ours="names the key, the old and the new value as for one param",
        ),
        log(params=[{"key": "p", "value": "one"}, {"key": "p", "value": "one"}]),
        log(params=[{"key": "d", "value": "one"}, {"key": "d", "value": "two"}]),
        log(metrics=[{"key": "m", "value": 1.0}]),
        log(metrics=[{"key": "m", "timestamp": 1}]),
        log(metrics=[{"value": 1.0, "timestamp": 1}]),
        log(metrics=[metric, {**metric, "key": ""}]),
        log(metrics=[metric, {**metric, "timestamp": -5}]),
        log(metrics=[metric, {**metric, "key": "a/../b"}]),
        log(params=[{"value": "one"}]),
        log(params=[{"key": "nothing"}]),
        log(tags=[{"value": "one"}]),
        log(tags=[{"key": "k" * 251, "value": "one"}]),
        log(metrics="x"),
        log(metrics={"key": "m"}),
        log(metrics=[{**metric, "step": n} for n in range(1001)]),
        log(params=[{"key": f"p{n}", "value": "one"} for n in range(101)]),
        log(tags=[{"key": f"t{n}", "value": "one"} for n in range(101)]),
        log(
            metrics=[{**metric, "step": n} for n in range(901)],
            params=[{"key": f"p{n}", "value": "one"} for n in range(100)],
        ),
        log(tags=[{"key": "mlflow.runName", "value": "renamed"}]),
        log(run_id="nope"),
        log(run_id="bad id!"),
        log(run_id=""),
        log(metrics=[{**metric, "key": "nan", "value": "NaN"}, {**metric, "key": "nan", "value": "NaN"}]),
        get("runs/get", run_id="$r"),
        get("metrics/get-history", run_id="$r", metric_key="m"),
    ]


def inputs() -> list[Ask]:
    dataset = {
        "name": "d",
        "digest": "x",
        "source_type": "local",
        "source": "{}",
        "schema": "s",
        "profile": "p",
    }

    def in_context(context: str) -> dict[str, Any]:
        return {"dataset": dataset, "tags": [{"key": "mlflow.data.context", "value": context}]}

    return [
        new_experiment(unique("inputs")),
        new_run(),
        post(
            "runs/log-inputs",
            {"run_id": "$r", "datasets": [in_context("train")]},
        ),
        post("runs/log-inputs", {"run_id": "$r", "datasets": [{"dataset": dataset}]}),
        get("runs/get", run_id="$r"),
        post("runs/log-inputs", {"run_id": "$r", "datasets": [{"dataset": {**dataset, "digest": "x" * 37}}]}),
        post("runs/log-inputs", {"run_id": "$r", "datasets": [{"dataset": {**dataset, "name": "n" * 501}}]}),
        *(
            post("runs/log-inputs", {"run_id": "$r", "datasets": [given]})
            for name in ("name", "digest", "source_type", "source")
            for given in (
                {"dataset": {key: text for key, text in dataset.items() if key != name}},
                {"dataset": {**dataset, "digest": f"empty {name}", name: ""}},
                {"dataset": {**dataset, "digest": f"null {name}", name: None}},
            )
        ),
        post("runs/log-inputs", {"run_id": "$r", "datasets": [{"dataset": {}}]}),
        post("runs/log-inputs", {"run_id": "$r", "datasets": [{"dataset": None}]}),
        post("runs/log-inputs", {"run_id": "$r", "datasets": [{}]}),
        post("runs/log-inputs", {"run_id": "nope", "datasets": [{"dataset": dataset}]}),
        post("runs/log-inputs", {"datasets": []}),
        get("runs/get", run_id="$r"),
        Ask("POST", "/ajax-api/2.0/mlflow/experiments/search-datasets", {"experiment_ids": ["$e"]}),
        Ask("POST", "/ajax-api/2.0/mlflow/experiments/search-datasets", {}),
        Ask("POST", "/ajax-api/2.0/mlflow/experiments/search-datasets", {"experiment_ids": [""]}),
        Ask(
            "POST",
            "/ajax-api/2.0/mlflow/experiments/search-datasets",
            {"experiment_ids": [str(n) for n in range(21)]},
        ),
        post("runs/search", {"experiment_ids": ["$e"], "filter": "dataset.name = 'd'"}),
        post("runs/log-model", {"run_id": "$r", "model_json": "{}"}),
        post("runs/log-model", {"run_id": "$r", "model_json": "nonsense"}),
        post(
            "runs/log-model",
            {
                "run_id": "$r",
                "model_json": MODEL,
            },
        ),
        get("runs/get", run_id="$r"),
        new_run("other"),
        post("runs/log-inputs", {"run_id": "$other", "datasets": [in_context("train"), in_context("eval")]}),
        post("runs/log-inputs", {"run_id": "$other", "datasets": [in_context("test")]}),
        get("runs/get", run_id="$other", ours="MLflow keeps the first context of a dataset only"),
    ]


def searches() -> list[Ask]:
    def find(filter: str = "", ours: str = "", **body: Any) -> Ask:
        return post("runs/search", {"experiment_ids": ["$e"], "filter": filter, **body}, ours)

    def run(name: str, loss: Any, lr: str, start: int) -> list[Ask]:
        return [
            new_run(name, run_name=name, start_time=start),
            post(
                "runs/log-batch",
                {
                    "run_id": f"${name}",
                    "metrics": [{"key": "loss", "value": loss, "timestamp": 1, "step": 0}],
                    "params": [{"key": "lr", "value": lr}],
                    "tags": [{"key": "team x", "value": name.upper()}],
                },
            ),
        ]

    return [
        new_experiment(unique("search")),
        *run("a", 0.1, "0.1", 10),
        *run("b", "NaN", "0.01", 20),
        *run("c", "Infinity", "1", 30),
        new_run("d", run_name="d", start_time=40),
        find(),
        find(max_results=2),
        find(order_by=["metrics.loss ASC"]),
        find(order_by=["metrics.loss DESC"]),
        find(order_by=["params.lr DESC", "start_time ASC"]),
        find(order_by=["tags.`team x`"]),
        find("metrics.loss > 0"),
        find("metrics.loss != 0.1"),
        find("params.lr != '1'"),
        find("tags.`team x` = 'A'"),
        find("tags.\"team x\" ILIKE 'a'"),
        find("tags.`team x` IS NULL"),
        find("attributes.run_name LIKE '%a%'"),
        find("run_name = 'a' AND start_time >= 10"),
        find("attributes.status = 'RUNNING' and metrics.loss <= 0.1"),
        find("run_id IN ('$a', '$d')"),
        find("metrics.loss > 'x'"),
        find("params.lr = 1"),
        find("attributes.experiment_id = '1'"),
        find("attributes.lifecycle_stage = 'active'"),
        find("loss > 1"),
        find("nonsense"),
        find("metrics.loss >"),
        find("metrics.loss IS NULL"),
        find("attribute.status IS NULL"),
        find("spam.x = 'y'"),
        find("metrics.loss LIKE 'x'"),
        find("params.lr > '1'"),
        find("run_id IN ()"),
        find("dataset.nope = 'x'"),
        find(order_by=["nope"]),
        find(order_by=["metrics.loss SIDEWAYS"]),
        find(order_by=["metrics.loss", "metrics.loss"], ours="MLflow answers 500"),
        find(max_results=0),
        find(max_results=-5),
        find(max_results=50001),
        find(max_results="many"),
        find(page_token="garbage"),
        find(run_view_type="DELETED_ONLY"),
        find(run_view_type="ALL"),
        post("runs/search", {"experiment_ids": []}),
        post("runs/search", {}),
        post("runs/search", {"experiment_ids": ["x"]}),
        post("runs/search", {"experiment_ids": [""]}),
        post("runs/search", {"experiment_ids": ["$e", ""]}),
        post("runs/search", {"experiment_ids": "0"}),
        post("runs/search", {"experiment_ids": [1]}, ours="MLflow goes on without the field"),
    ]


def protocol() -> list[Ask]:
    return [
        post("experiments/create", "no json", ours="MLflow takes it for an empty object"),
        post("experiments/create", "[1]", ours="MLflow answers 500"),
        post("experiments/create", '"{}"'),
        post("runs/log-metric", '{"runId": "x", "run_id": "y"}'),
        post(
            "runs/log-metric",
            {"runId": "nope", "key": "m", "value": 1, "timestamp": 1},
            ours="MLflow looks for run_id only",
        ),
        Ask("GET", "/version"),
        Ask("GET", "/health"),
    ]


def in_workspace(
    verb: str, path: str, body: Any = None, name: str = "team-a", ours: str = "400: 500 is repeated"
) -> Ask:
    return Ask(verb, path, body, headers={"X-MLFLOW-WORKSPACE": name}, ours=ours)


def workspaces() -> list[Ask]:
    """While there are none, whoever names one is refused, wherever it is but where clients ask for them."""
    create = f"{API}/experiments/create"
    return [
        in_workspace("POST", create, {"name": unique("team")}),
        in_workspace("POST", create, {"name": unique("default")}, name="default"),
        in_workspace("GET", f"{API}/experiments/get?experiment_id=0", name="  ", ours=""),
        in_workspace("GET", f"{API}/experiments/get?experiment_id=0"),
        in_workspace("PUT", "/api/2.0/mlflow-artifacts/artifacts/team/file.txt", {}),
        in_workspace("GET", "/api/2.0/mlflow-artifacts/artifacts/team/file.txt"),
        in_workspace("GET", "/get-artifact?run_id=nope&path=x"),
        in_workspace("POST", "/graphql", {"query": "{ test }"}),
        in_workspace("POST", "/api/3.0/mlflow/traces/search", {"locations": []}),
        in_workspace("GET", "/no/such/page"),
        in_workspace("GET", "/health"),
    ]


@pytest.mark.parametrize(
    "conversation",
    [experiments, archiving, runs, metrics, batches, inputs, searches, protocol, workspaces],
    ids=lambda f: f.__name__,
)
def test_the_answers_are_mlflows(
    conversation: Any, shared_server: TrackwayServer, mlflow_server: MlflowServer
) -> None:
    assert not compare(shared_server.url, mlflow_server.url, conversation())

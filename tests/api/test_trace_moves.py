"""Spans that a client sends to another experiment than that of their trace."""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.access import authorization, closed_server, error_code
from tests.api.test_ingest_rules import TAG
from tests.api.test_traces import V3, info, start
from tests.api.test_tracking import ask
from tests.spans import HEADERS, PATH, body_of, export, span_of

# The current experiment of the client, and the one that it names.
CURRENT = "0"
EMAIL = {"attribute": "*", "pattern": r"[\w.]+@[\w.]+", "replacement": "[email]"}


def create(api, name="wanted"):
    return ask(api, "POST", "/api/2.0/mlflow/experiments/create", {"name": name})["experiment_id"]


def in_experiment(experiment_id):
    return {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment_id}}


def headers(experiment_id):
    return {"X-Mlflow-Experiment-Id": experiment_id}


def found(api, experiment_id, words):
    body = {"locations": [in_experiment(experiment_id)], "filter": words}
    return [trace["trace_id"] for trace in ask(api, "POST", f"{V3}/search", body).get("traces", [])]


def whole(api, trace_id):
    return ask(api, "GET", f"{V3}/get?trace_id={trace_id}&allow_partial=true")["trace"]


def family():
    """Return a root and a span below it, as clients 3.5 to 3.11 send them."""
    root = span_of("root", attributes={"mlflow.spanInputs": '"of ann@example.org"'})
    return root, span_of("search", parent=root, status=2, attributes={"mlflow.spanType": '"TOOL"'})


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
def test_a_trace_is_where_its_client_says_in_whatever_order_its_parts_come(api, order):
    wanted = create(api)
    root, child = family()
    trace_id = f"tr-{root.trace_id.hex()}"
    parts = [
        lambda: export(api, child, **headers(CURRENT)),
        lambda: export(api, root, **headers(wanted)),
        lambda: start(api, trace_id, trace_location=in_experiment(wanted)),
    ]
    for number in order:
        parts[number]()
    trace = whole(api, trace_id)
    assert [span["name"] for span in trace["spans"]] == ["root", "search"]
    assert trace["trace_info"]["trace_location"] == in_experiment(wanted)
    words = "span.name = 'search' AND span.type = 'TOOL' AND span.status = 'ERROR'"
    assert (found(api, wanted, words), found(api, CURRENT, "")) == ([trace_id], [])


def test_a_trace_that_a_client_has_described_stays_where_it_is(api):
    wanted = create(api)
    root, child = family()
    trace_id = export(api, root, child, **headers(CURRENT))
    start(api, trace_id)
    body = {"trace": {"trace_info": info(trace_id, trace_location=in_experiment(wanted))}}
    answer = api.post(V3, json=body)
    assert error_code(answer) == (400, "INVALID_PARAMETER_VALUE")
    assert f"Trace with ID '{trace_id}' already exists in another experiment." in answer.text
    assert (found(api, wanted, ""), found(api, CURRENT, "span.name = 'search'")) == ([], [trace_id])


def set_rules(api, experiment_id, **rules):
    body = {"experiment_id": experiment_id, "key": TAG, "value": json.dumps(rules)}
    ask(api, "POST", "/api/2.0/mlflow/experiments/set-experiment-tag", body)


@pytest.mark.parametrize("described_first", [True, False])
def test_the_rules_are_those_of_the_experiment_that_the_client_says(api, described_first):
    wanted = create(api)
    set_rules(api, wanted, mask=[EMAIL, {"attribute": "input.value"}])
    # Rules of the current experiment leave out nothing that belongs to the other one.
    set_rules(api, CURRENT, sample=1e-9 if described_first else 1)
    root, _ = family()
    call = span_of(
        "call",
        parent=root,
        attributes={"openinference.span.kind": "LLM", "input.value": "secret", "note": "bob@example.org"},
    )
    trace_id = f"tr-{root.trace_id.hex()}"
    if described_first:
        start(api, trace_id, trace_location=in_experiment(wanted))
    resource = {"owner": "eve@example.org"}
    export(api, root, call, resource=resource, **headers(CURRENT))
    if not described_first:
        assert "bob@example.org" in json.dumps(whole(api, trace_id))
        start(api, trace_id, trace_location=in_experiment(wanted))
    text = json.dumps(whole(api, trace_id))
    assert [word for word in ("example.org", "secret") if word in text] == []
    assert text.count("[email]") >= 2
    assert text.count("[masked]") == 2  # the attribute, and the inputs that were made of it
    assert found(api, wanted, "trace.text LIKE '%secret%'") == []


def test_nobody_writes_to_an_experiment_in_this_way_who_may_not(store_uri, tmp_path):
    with closed_server(store_uri, tmp_path / "artifacts") as server:
        create_one = "/api/2.0/mlflow/experiments/create"
        ours = server.ok("POST", create_one, name="ours")["experiment_id"]
        theirs = server.ok("POST", create_one, name="theirs")["experiment_id"]
        for experiment_id, level in ((ours, "EDIT"), (theirs, "NO_PERMISSIONS")):
            made = {"username": "alice", "experiment_id": experiment_id, "permission": level}
            server.ok("POST", "/api/2.0/mlflow/experiments/permissions/create", **made)

        def send(span, experiment_id, who):
            sent = {**HEADERS, **headers(experiment_id), **authorization(who)}
            return server.client.post(PATH, data=body_of(span), headers=sent)

        def describe(span, experiment_id, who):
            described = info(f"tr-{span.trace_id.hex()}", trace_location=in_experiment(experiment_id))
            return server.call("POST", V3, who=who, trace={"trace_info": described})

        root, child = family()
        trace = f"{V3}/tr-{root.trace_id.hex()}"
        assert send(root, theirs, "admin").status_code == 200
        assert error_code(send(child, ours, "alice")) == (400, "INVALID_PARAMETER_VALUE")
        assert error_code(describe(root, ours, "alice")) == (400, "INVALID_PARAMETER_VALUE")
        assert len(server.ok("GET", f"{V3}/get", trace_id=trace.rpartition("/")[2])["trace"]["spans"]) == 1

        # Who reads it where it is no longer reads it where it has moved to.
        root, child = family()
        trace = f"{V3}/tr-{root.trace_id.hex()}"
        assert send(child, ours, "alice").status_code == 200
        assert server.call("GET", trace, who="alice").status_code == 200
        assert describe(root, theirs, "admin").status_code == 200
        assert server.call("GET", trace, who="alice").status_code == 403
        assert error_code(send(root, ours, "alice")) == (400, "INVALID_PARAMETER_VALUE")


def test_parts_that_come_at_the_same_time_end_in_one_place(serve):
    server = serve("--workers", "2")
    created = requests.post(f"{server.url}/api/2.0/mlflow/experiments/create", json={"name": "wanted"})
    wanted = created.json()["experiment_id"]
    parts, ids = [], []
    for number in range(16):
        root = span_of("root")
        ids.append(f"tr-{root.trace_id.hex()}")
        described = info(ids[-1], trace_location=in_experiment(wanted))
        parts.append((V3, {"json": {"trace": {"trace_info": described}}}))
        for span, experiment_id in [(root, wanted)] + [
            (span_of(f"step {number} {step}", parent=root), CURRENT) for step in range(4)
        ]:
            sent = {**HEADERS, **headers(experiment_id)}
            parts.append((PATH, {"data": body_of(span), "headers": sent}))
    random.Random(3).shuffle(parts)

    def send(part):
        path, sent = part
        while (answer := requests.post(server.url + path, timeout=60, **sent)).status_code == 429:
            pass  # the exporter is asked to come again
        return answer.status_code

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(send, parts)) == {200}
    for trace_id in ids:
        trace = requests.get(f"{server.url}{V3}/get?trace_id={trace_id}", timeout=60).json()["trace"]
        assert (len(trace["spans"]), trace["trace_info"]["trace_location"]) == (5, in_experiment(wanted))
    body = {"locations": [in_experiment(wanted)], "filter": "span.name LIKE 'step %'"}
    found_ids = requests.post(f"{server.url}{V3}/search", json=body, timeout=60).json()["traces"]
    assert sorted(trace["trace_id"] for trace in found_ids) == sorted(ids)

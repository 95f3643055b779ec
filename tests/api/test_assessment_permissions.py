"""Who may read and write assessments of traces."""

from __future__ import annotations

import json

import pytest

from tests.access import closed_server, error_code

M2, M3 = "/api/2.0/mlflow", "/api/3.0/mlflow"
TRACE = "tr-" + "c" * 32
PATH = f"{M3}/traces/{TRACE}/assessments"
DENIED = (403, "PERMISSION_DENIED")
NEW = {"assessment_name": "correct", "feedback": {"value": "yes"}}


@pytest.fixture
def server(store_uri, tmp_path):
    with closed_server(store_uri, tmp_path / "artifacts") as server:
        yield server


@pytest.fixture
def experiment_id(server):
    """An experiment with a trace, which has an assessment."""
    experiment_id = server.ok("POST", f"{M2}/experiments/create", name="e")["experiment_id"]
    info = {
        "trace_id": TRACE,
        "trace_location": {
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": experiment_id},
        },
        "request_time": "2026-01-01T00:00:00Z",
        "state": "OK",
        "assessments": [{"assessment_id": "a-1", **NEW}],
    }
    server.ok("POST", f"{M3}/traces", trace={"trace_info": info})
    return experiment_id


def grant(server, resource_type, resource_id, permission):
    body = {"username": "alice", "resource_type": resource_type, "resource_id": resource_id}
    server.ok("POST", f"{M3}/users/permissions/grant", **body, permission=permission)
    server.client.application.wsgi_app._gate._checked_at = 0


def attempts(server, experiment_id):
    """Return which of the calls alice may do: read, create, edit, delete, and statistics."""
    change = {"assessment": {"rationale": "r"}, "update_mask": "rationale"}
    count = {"experiment_ids": [experiment_id], "aggregations": [{"aggregation_type": "COUNT"}]}
    answers = {
        "read": server.call("GET", f"{PATH}/a-1", who="alice"),
        "create": server.call("POST", PATH, who="alice", assessment=NEW),
        "edit": server.call("PATCH", f"{PATH}/a-1", who="alice", **change),
        "delete": server.call("DELETE", f"{PATH}/a-2", who="alice"),
        "count": server.call(
            "POST",
            f"{M3}/traces/metrics",
            who="alice",
            **count,
            view_type="ASSESSMENTS",
            metric_name="assessment_count",
        ),
        "count traces": server.call(
            "POST",
            f"{M3}/traces/metrics",
            who="alice",
            **count,
            view_type="TRACES",
            metric_name="trace_count",
        ),
    }
    for answer in answers.values():
        assert answer.status_code == 200 or error_code(answer) == DENIED
    return {name for name, answer in answers.items() if answer.status_code == 200}


READS = {"read", "count", "count traces"}
WRITES = {"create", "edit", "delete"}


@pytest.mark.parametrize(
    ("grants", "allowed"),
    [
        ({"experiment": "READ"}, READS),
        ({"experiment": "EDIT"}, READS | WRITES),
        ({"experiment": "DENY"}, set()),
        # A permission on traces allows to create them, and takes nothing away.
        ({"experiment": "READ", "trace": "EDIT"}, READS | {"create"}),
        ({"experiment": "EDIT", "trace": "READ"}, READS | WRITES),
        ({"experiment": "EDIT", "trace": "DENY"}, set()),
        ({"experiment": "EDIT", "assessment": "DENY"}, {"count traces"}),
        ({"experiment": "READ", "assessment": "EDIT"}, READS | {"edit"}),
        ({"experiment": "READ", "assessment": "MANAGE"}, READS | {"edit", "delete"}),
    ],
)
def test_what_permissions_allow(server, experiment_id, grants, allowed):
    for resource_type, permission in grants.items():
        grant(server, resource_type, experiment_id if resource_type == "experiment" else "*", permission)
    assert attempts(server, experiment_id) == allowed


def test_denied_assessments_do_not_show_in_traces(server, experiment_id):
    grant(server, "experiment", experiment_id, "EDIT")

    def answers():
        return [
            server.ok("GET", f"{M3}/traces/{TRACE}", who="alice"),
            server.ok("GET", f"{M3}/traces/get", who="alice", trace_id=TRACE, allow_partial=True),
            server.ok("GET", f"{M3}/traces/batchGet", who="alice", trace_ids=[TRACE]),
            server.ok("POST", f"{M3}/traces/batchGetInfos", who="alice", trace_ids=[TRACE]),
        ]

    assert all("a-1" in json.dumps(answer) for answer in answers())
    grant(server, "assessment", "*", "DENY")
    for answer in answers():
        assert TRACE in json.dumps(answer)
        assert "assessments" not in json.dumps(answer)

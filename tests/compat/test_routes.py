"""Each path of MLflow's own server is known here: it is handled, or answers 501, but never 404."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

# The pages' own files, and two paths of MLflow's that lack a slash.
NOT_OURS = re.compile(r"^/build/|^/static-files/|/2\.0mlflow/")


@pytest.fixture
def dialect() -> str:
    """None of this depends on the database."""
    return "sqlite"


def mlflow_routes() -> Iterator[tuple[str, str]]:
    """Verb and path of each route, with ``x`` for every variable."""
    from mlflow.server import app
    from mlflow.server.artifact_router import artifact_router
    from mlflow.server.assistant.api import assistant_router
    from mlflow.server.gateway_api import gateway_router
    from mlflow.server.job_api import job_api_router
    from mlflow.server.mcp_server_api import get_mcp_server_api_route_prefixes, mcp_server_router
    from mlflow.server.otel_api import otel_router
    from mlflow.server.server_info_api import server_info_router

    found = {(verb, rule.rule) for rule in app.url_map.iter_rules() for verb in rule.methods or ()}
    routers = (
        artifact_router,
        assistant_router,
        gateway_router,
        job_api_router,
        otel_router,
        server_info_router,
    )
    for router in routers:
        found |= {(verb, route.path) for route in router.routes for verb in route.methods}
    for prefix in get_mcp_server_api_route_prefixes():
        found |= {(verb, prefix + route.path) for route in mcp_server_router.routes for verb in route.methods}
    for verb, path in sorted(found):
        if verb not in {"HEAD", "OPTIONS"} and not NOT_OURS.search(path):
            yield verb, re.sub(r"<[^>]*>|\{[^}]*\}", "x", path)


def test_every_path_of_mlflows_server_is_known(api: FlaskClient) -> None:
    unknown = []
    for verb, path in mlflow_routes():
        response = api.open(path, method=verb, json={})
        code = (response.get_json(silent=True) or {}).get("error_code")
        if code == "ENDPOINT_NOT_FOUND" or response.status_code == 405:
            unknown.append(f"{verb} {path}: {response.status_code}")
    assert not unknown

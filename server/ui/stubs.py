"""Responses to requests of the web UI that concern features which this server does not have.

The pages of experiments, runs and traces also request judges, evaluation data or issues. If such a request
fails, they show an error instead of the page. So lists are empty, and a single object is not found, with a
message that says why. This holds only below the path prefix that the UI uses: API clients get 501. A stub has
no effect once its RPC has a handler. ``page_script`` adds the sentence that a page's feature is missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from trackway.client_compat.errors import NotFound
from trackway.client_compat.wire import Endpoint
from trackway.server.dispatch import UI_MOUNT, handler_of
from trackway.server.responses import JSON_TYPE

from ..edge import transfers
from ..edge.probes import Constant
from ..edge.router import Request
from ..edge.wsgi import WsgiApp

# RPCs whose answer is an empty message. The page of reviews creates a queue for its user when it is opened.
EMPTY: frozenset[str] = frozenset(
    {
        "ListScorers",
        "ListScorerVersions",
        "SearchEvaluationDatasets",
        "GetDatasetRecords",
        "GetDatasetExperimentIds",
        "SearchIssues",
        "ListLabelSchemas",
        "ListReviewQueues",
        "ListReviewQueueItems",
        "GetOrCreateUserQueue",
        "SearchPromptOptimizationJobs",
        "ListGatewayEndpoints",
        "ListGatewaySecretInfos",
        "ListGatewayModelDefinitions",
        "ListEndpointBindings",
        "ListEndpointGuardrailConfigs",
        "ListBudgetPolicies",
        "ListBudgetWindows",
        "ListGatewayGuardrails",
    }
)
# Answers of GET requests outside the protos: paths of `unserved.py`.
_BODIES: dict[str, Any] = {
    "/2.0/mlflow/gateway-proxy": {"endpoints": []},
    "/3.0/mlflow/gateway/supported-providers": {"providers": []},
    "/3.0/mlflow/gateway/supported-models": {"models": []},
    "/3.0/mlflow/gateway/secrets/config": {"secrets_available": False},
    "/3.0/mlflow/scorers/online-configs": {"configs": []},
    "/3.0/mlflow/mcp-servers": {"mcp_servers": []},
    "/3.0/mlflow/assistant/config": {"providers": {}, "projects": {}, "remote_access_allowed": False},
    "/3.0/mlflow/assistant/providers": {"providers": [], "resolved": None, "gateway_vendor_options": {}},
}
# The objects that are not found, by the first part of their paths after the version and "mlflow".
_OBJECTS = {
    "datasets": "evaluation datasets",
    "scorers": "judges",
    "issues": "issues",
    "label-schemas": "questions for reviewers",
    "review-queues": "review queues",
    "mcp-servers": "MCP servers",
    "gateway": "gateway endpoints",
    "prompt-optimization": "prompt optimization",
    "jobs": "jobs",
}


class _Missing:
    """Answers each request with 404 and the same sentence."""

    streams = False

    def __init__(self, message: str) -> None:
        self._message = message

    def answer(self, request: Request) -> Any:
        raise NotFound(self._message)


def mount(wsgi: WsgiApp, endpoints: Iterable[Endpoint]) -> None:
    """Mount the stubs. Call this before the RPCs are mounted: the first responder of a path is used."""
    endpoints = [endpoint for endpoint in endpoints if UI_MOUNT in endpoint.mounts]
    served = served_paths(endpoints)
    for path, body in _BODIES.items():
        if ("GET", path) not in served:
            wsgi.mount("GET", UI_MOUNT + path, Constant(json.dumps(body), JSON_TYPE))
    for endpoint in endpoints:
        if _is_served(endpoint):
            continue
        if endpoint.rpc in EMPTY:
            wsgi.mount(endpoint.verb, UI_MOUNT + endpoint.path, Constant("{}", JSON_TYPE))
        elif endpoint.verb == "GET" and (objects := _OBJECTS.get(_first_part(endpoint.path))):
            message = f"This server (Trackway) has no {objects} yet, so it has none of this name or id."
            wsgi.mount("GET", UI_MOUNT + endpoint.path, _Missing(message))


def served_paths(endpoints: Iterable[Endpoint]) -> frozenset[tuple[str, str]]:
    """Return the verbs and paths of the endpoints that have a handler."""
    return frozenset((endpoint.verb, endpoint.path) for endpoint in endpoints if _is_served(endpoint))


def _is_served(endpoint: Endpoint) -> bool:
    return handler_of(endpoint) is not None or endpoint.loaded in transfers.HANDLERS


def _first_part(path: str) -> str:
    """Return `traces` for `/3.0/mlflow/traces/<trace_id>`, and `jobs` for `/3.0/jobs/<job_id>`."""
    _, _, *parts = path.split("/")
    return parts[1] if parts[0] == "mlflow" else parts[0]

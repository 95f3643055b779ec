"""Empty responses to requests of the web UI that concern features which this server does not have.

The pages of experiments, runs and models also request traces, judges or evaluation data. If such a request
fails, they show an error instead of the page. These reads therefore return nothing, but only below the path
prefix that the UI uses: API clients get 501. An entry has no effect once its RPC has a handler.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from trackway.client_compat.wire import Endpoint
from trackway.server.dispatch import UI_MOUNT, handler_of
from trackway.server.responses import JSON_TYPE

from ..edge.probes import Constant
from ..edge.wsgi import WsgiApp

EMPTY: frozenset[str] = frozenset(
    {
        "SearchTraces",
        "SearchTracesV3",
        "QueryTraceMetrics",
        "ListScorers",
        "SearchEvaluationDatasets",
        "SearchIssues",
        "ListLabelSchemas",
        "ListReviewQueues",
        "SearchPromptOptimizationJobs",
        "ListGatewayEndpoints",
        "ListGatewaySecretInfos",
        "ListGatewayModelDefinitions",
        "ListEndpointBindings",
        "ListBudgetPolicies",
        "ListBudgetWindows",
        "ListGatewayGuardrails",
    }
)
# Paths of unserved.py. The runs table requests the gateway's endpoints for its prompt playground.
_UNSERVED: dict[str, Any] = {
    "/2.0/mlflow/gateway-proxy": {"endpoints": []},
    "/3.0/mlflow/gateway/supported-providers": {"providers": []},
    "/3.0/mlflow/gateway/supported-models": {"models": []},
    "/3.0/mlflow/gateway/secrets/config": {"secrets_available": False},
    "/3.0/mlflow/scorers/online-configs": {"configs": []},
}


def mount(wsgi: WsgiApp, endpoints: Iterable[Endpoint]) -> None:
    """Mount the stubs. Call this before the RPCs are mounted: the first responder of a path is used."""
    for path, body in _UNSERVED.items():
        wsgi.mount("GET", UI_MOUNT + path, Constant(json.dumps(body), JSON_TYPE))
    for endpoint in endpoints:
        if endpoint.rpc in EMPTY and not handler_of(endpoint) and UI_MOUNT in endpoint.mounts:
            wsgi.mount(endpoint.verb, UI_MOUNT + endpoint.path, Constant("{}", JSON_TYPE))

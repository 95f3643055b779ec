"""What the UI asks of features that this server does not have: answers by which its pages stay whole.

The pages of experiments, runs and models ask for traces, judges or evaluation data beside their own,
and show an error over everything when they get one. So these reads find nothing, for the UI alone:
clients of the API are told the truth, 501. An entry ends by itself when its RPC gets a handler.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from trackway.client_compat.wire import Endpoint
from trackway.server.dispatch import handler_of
from trackway.server.responses import JSON_TYPE

from ..edge.probes import Constant
from ..edge.wsgi import WsgiApp

UI_MOUNT = "/ajax-api"
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
# Paths of unserved.py. The runs table asks for the gateway's endpoints to offer a prompt playground.
_UNSERVED: dict[str, Any] = {
    "/2.0/mlflow/gateway-proxy": {"endpoints": []},
    "/3.0/mlflow/gateway/supported-providers": {"providers": []},
    "/3.0/mlflow/gateway/supported-models": {"models": []},
    "/3.0/mlflow/gateway/secrets/config": {"secrets_available": False},
    "/3.0/mlflow/scorers/online-configs": {"configs": []},
}


def mount(wsgi: WsgiApp, endpoints: Iterable[Endpoint]) -> None:
    """To be called before the RPCs are mounted: the first on a path stays."""
    for path, body in _UNSERVED.items():
        wsgi.mount("GET", UI_MOUNT + path, Constant(json.dumps(body), JSON_TYPE))
    for endpoint in endpoints:
        if endpoint.rpc in EMPTY and not handler_of(endpoint) and UI_MOUNT in endpoint.mounts:
            wsgi.mount(endpoint.verb, UI_MOUNT + endpoint.path, Constant("{}", JSON_TYPE))

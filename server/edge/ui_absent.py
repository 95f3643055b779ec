"""What the UI asks of features that this server does not have: answers by which its pages stay whole.

The pages of experiments, runs and models ask for traces, judges or evaluation data beside their own,
and show an error over everything when they get one. So these reads find nothing, for the UI alone:
clients of the API are told the truth, 501. An entry ends by itself when its RPC gets a handler.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from trackway.client_compat import messages as m
from trackway.client_compat.wire import Endpoint, Message
from trackway.server.dispatch import HANDLERS, JSON_TYPE

from .front import Constant, Front

UI_MOUNT = "/ajax-api"
EMPTY: frozenset[type[Message]] = frozenset(
    {
        m.SearchTraces,
        m.SearchTracesV3,
        m.QueryTraceMetrics,
        m.ListScorers,
        m.SearchEvaluationDatasets,
        m.SearchIssues,
        m.ListLabelSchemas,
        m.ListReviewQueues,
        m.SearchPromptOptimizationJobs,
        m.ListGatewayEndpoints,
        m.ListGatewaySecretInfos,
        m.ListGatewayModelDefinitions,
        m.ListGatewayEndpointBindings,
        m.ListGatewayBudgetPolicies,
        m.ListGatewayBudgetWindows,
        m.ListGatewayGuardrails,
    }
)
# Paths that are in no proto. The runs table asks for the gateway's endpoints to offer a prompt playground.
_BESIDE: dict[str, Any] = {
    "/2.0/mlflow/gateway-proxy": {"endpoints": []},
    "/3.0/mlflow/gateway/supported-providers": {"providers": []},
    "/3.0/mlflow/gateway/supported-models": {"models": []},
    "/3.0/mlflow/gateway/secrets/config": {"secrets_available": False},
    "/3.0/mlflow/scorers/online-configs": {"configs": []},
}


def mount(front: Front, endpoints: Iterable[Endpoint]) -> None:
    """To be called before the RPCs are mounted: the first on a path stays."""
    for path, body in _BESIDE.items():
        front.mount("GET", UI_MOUNT + path, Constant(json.dumps(body), JSON_TYPE))
    for endpoint in endpoints:
        if endpoint.request in EMPTY and endpoint.request not in HANDLERS and UI_MOUNT in endpoint.mounts:
            front.mount(endpoint.verb, UI_MOUNT + endpoint.path, Constant("{}", JSON_TYPE))

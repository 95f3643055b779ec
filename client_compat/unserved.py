"""Endpoints outside MLflow's protos that this server does not implement; and the areas of all unserved calls.

These endpoints have no messages. Outside its services, MLflow mounts FastAPI routers and pages of the UI.
They are listed here so that they answer 501, as unimplemented endpoints of the protos do, instead of 404. An
endpoint that is implemented moves to `extra.py`, with its messages.
"""

from __future__ import annotations

import re

from .wire import Endpoint, Message


class Unserved(Message):
    """Placeholder for the request and the response of these endpoints. It is never decoded."""

    __slots__ = ()


_BOTH = ("/api", "/ajax-api")
_UI = ("/ajax-api",)
_ROOT = ("",)

# (service, mounts) -> rows of (verb, path, MLflow's name of the endpoint).
_ROWS: dict[tuple[str, tuple[str, ...]], tuple[tuple[str, str, str], ...]] = {
    ("MlflowService", _UI): (
        ("POST", "/2.0/mlflow/runs/create-promptlab-run", "CreatePromptlabRun"),
        ("POST", "/3.0/mlflow/demo/generate", "GenerateDemo"),
        ("POST", "/3.0/mlflow/demo/delete", "DeleteDemo"),
        ("POST", "/3.0/mlflow/scorer/invoke", "InvokeScorer"),
        ("POST", "/3.0/mlflow/issues/invoke", "InvokeIssueDetection"),
        ("POST", "/3.0/mlflow/issues/schedule/state", "SyncIssueDetectionSchedule"),  # MLflow 3.18
        ("POST", "/3.0/mlflow/genai/evaluate/invoke", "InvokeGenaiEvaluate"),
        ("GET", "/3.0/mlflow/jobs/<job_id>", "GetJob"),
        ("PATCH", "/3.0/mlflow/jobs/cancel/<job_id>", "CancelJob"),
        ("GET", "/3.0/jobs/<job_id>", "GetJob"),
        ("POST", "/3.0/jobs/", "SubmitJob"),
        ("PATCH", "/3.0/jobs/cancel/<job_id>", "CancelJob"),
        ("POST", "/3.0/jobs/search", "SearchJobs"),
        ("GET", "/2.0/mlflow/gateway-proxy", "GatewayProxy"),
        ("POST", "/2.0/mlflow/gateway-proxy", "GatewayProxy"),
        ("GET", "/3.0/mlflow/gateway/supported-providers", "ListSupportedProviders"),
        ("GET", "/3.0/mlflow/gateway/supported-models", "ListSupportedModels"),
        ("GET", "/3.0/mlflow/gateway/provider-config", "GetProviderConfig"),
        ("GET", "/3.0/mlflow/gateway/secrets/config", "GetSecretsConfig"),
    ),
    ("MlflowService", _BOTH): (
        ("GET", "/3.0/mlflow/scorers/online-configs", "GetOnlineScoringConfigs"),
        ("PUT", "/3.0/mlflow/scorers/online-config", "UpsertOnlineScoringConfig"),
    ),
    # Names of skills (new in MLflow 3.18) and of MCP servers may contain slashes. One rule for each verb
    # therefore matches all paths below them (versions, endpoints, tags and aliases): a rule takes 5 KiB.
    ("Skills", _BOTH): (
        ("POST", "/3.0/mlflow/skills", "CreateSkill"),
        ("GET", "/3.0/mlflow/skills", "SearchSkills"),
        ("POST", "/3.0/mlflow/skills/<path:name>", "AddToSkill"),
        ("GET", "/3.0/mlflow/skills/<path:name>", "GetSkill"),
        ("PATCH", "/3.0/mlflow/skills/<path:name>", "UpdateSkill"),
        ("DELETE", "/3.0/mlflow/skills/<path:name>", "DeleteSkill"),
    ),
    ("McpServers", _BOTH): (
        ("POST", "/3.0/mlflow/mcp-servers", "CreateMCPServer"),
        ("GET", "/3.0/mlflow/mcp-servers", "SearchMCPServers"),
        ("POST", "/3.0/mlflow/mcp-servers/<path:name>", "AddToMCPServer"),
        ("GET", "/3.0/mlflow/mcp-servers/<path:name>", "GetMCPServer"),
        ("PATCH", "/3.0/mlflow/mcp-servers/<path:name>", "UpdateMCPServer"),
        ("DELETE", "/3.0/mlflow/mcp-servers/<path:name>", "DeleteMCPServer"),
    ),
    ("Assistant", _UI): (
        ("POST", "/3.0/mlflow/assistant/message", "SendMessage"),
        ("GET", "/3.0/mlflow/assistant/sessions/<session_id>/stream", "StreamResponse"),
        ("PATCH", "/3.0/mlflow/assistant/sessions/<session_id>", "PatchSession"),
        ("POST", "/3.0/mlflow/assistant/sessions/<session_id>/permission", "ResolvePermission"),
        ("POST", "/3.0/mlflow/assistant/sessions/<session_id>/tool-result", "ResolveClientToolResult"),
        ("GET", "/3.0/mlflow/assistant/providers/<provider>/health", "CheckProviderHealth"),
        ("GET", "/3.0/mlflow/assistant/providers/<provider>/models", "ListProviderModels"),
        ("GET", "/3.0/mlflow/assistant/providers", "GetProviders"),
        ("GET", "/3.0/mlflow/assistant/config", "GetAssistantConfig"),
        ("PUT", "/3.0/mlflow/assistant/config", "UpdateAssistantConfig"),
        ("POST", "/3.0/mlflow/assistant/skills/install", "InstallSkills"),
    ),
    ("Gateway", _ROOT): (
        ("POST", "/gateway/<endpoint_name>/mlflow/invocations", "Invocations"),
        ("POST", "/gateway/mlflow/v1/chat/completions", "ChatCompletions"),
        ("GET", "/gateway/mlflow/v1/models", "ListModels"),
        ("POST", "/gateway/openai/v1/chat/completions", "OpenaiPassthroughChat"),
        ("POST", "/gateway/openai/v1/embeddings", "OpenaiPassthroughEmbeddings"),
        ("POST", "/gateway/openai/v1/responses", "OpenaiPassthroughResponses"),
        ("POST", "/gateway/openai/v1/responses/compact", "OpenaiPassthroughResponsesCompact"),
        ("POST", "/gateway/anthropic/v1/messages", "AnthropicPassthroughMessages"),
        ("POST", "/gateway/typesafe/v1/systemone", "TypesafePassthroughSystemOne"),
        # <endpoint_name>:generateContent or :streamGenerateContent
        ("POST", "/gateway/gemini/v1beta/models/<call>", "GeminiPassthroughGenerateContent"),
        ("POST", "/gateway/proxy/<endpoint_name>/<path:path>", "RawProxy"),
    ),
}

ENDPOINTS: tuple[Endpoint, ...] = tuple(
    Endpoint(verb, path, rpc, Unserved, Unserved, service, mounts=mounts)
    for (service, mounts), rows in _ROWS.items()
    for verb, path, rpc in rows
)

# What the calls belong to, by the first step of the path. docs/unserved.md has a section for each area.
_AREA_OF: dict[str, str] = {
    **dict.fromkeys(("traces", "unified-traces", "get-online-trace-details", "get-trace-artifact"), "traces"),
    **dict.fromkeys(("datasets", "scorers", "scorer", "genai", "demo"), "evaluation"),
    **dict.fromkeys(("issues", "label-schemas", "review-queues"), "issues and reviews"),
    **dict.fromkeys(("gateway", "gateway-proxy", "runs"), "gateway"),
    "prompt-optimization": "prompt optimization",
    "jobs": "jobs",
    "assistant": "assistant",
    "mcp-servers": "MCP servers",
    "skills": "skills",
}
AREAS: tuple[str, ...] = tuple(dict.fromkeys(_AREA_OF.values()))
_FIRST_STEP = re.compile(r"(?:/v1|/[23]\.0(?:/mlflow)?)?/([\w-]+)")


def area_of(path: str) -> str:
    """Return the area of MLflow that an unserved path belongs to, one of `AREAS`."""
    found = _FIRST_STEP.match(path)
    return _AREA_OF.get(found[1] if found else "", "such calls")

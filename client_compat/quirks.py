"""Rules of MLflow's server that its protos do not state, as tables; checked against MLflow 3.17.2.

`_generate.py` writes REQUIRED, DEFAULTS and ADDED into the generated messages, so that their types agree with
the checks, and BINDINGS into the endpoints. ALIASES and BOUNDS are applied when a message is decoded.
Keys are the names of message classes in `messages.py`, `genai_messages.py`, `extra.py` and `trackway_*.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .errors import SEE_DOCS

# Required fields. In the protos all fields are optional; these are from the request checks of MLflow's
# handlers. A field that is absent, null or "" is missing; an empty list is not.
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "AbortMultipartUpload": ("path",),
    "AddGuardrailToEndpoint": ("endpoint_id", "guardrail_id"),
    "AddItemsToReviewQueue": ("queue_id",),
    "AttachModelToGatewayEndpoint": ("endpoint_id", "model_config"),
    "BatchGetTraceInfos": ("trace_ids",),
    "BatchGetTraces": ("trace_ids",),
    "CalculateTraceFilterCorrelation": ("experiment_ids", "filter_string1", "filter_string2"),
    "CompleteMultipartUpload": ("path", "parts"),
    "CreateAssessment": ("assessment",),
    "CreateDataset": ("name",),
    "CreateExperiment": ("name",),
    "CreateGatewayBudgetPolicy": (
        "budget_unit",
        "budget_amount",
        "duration",
        "target_scope",
        "budget_action",
    ),
    "CreateGatewayEndpoint": ("name", "model_configs"),
    "CreateGatewayEndpointBinding": ("endpoint_id", "resource_type", "resource_id"),
    "CreateGatewayGuardrail": ("name", "scorer_id", "scorer_version", "stage", "action"),
    "CreateGatewayModelDefinition": ("name", "secret_id", "provider", "model_name"),
    "CreateGatewaySecret": ("secret_name",),
    "CreateIssue": ("name", "description", "experiment_id"),
    "CreateLabelSchema": ("experiment_id", "name"),
    "CreateLoggedModel": ("experiment_id",),
    "CreateModelVersion": ("name", "source"),
    "CreateMultipartUpload": ("path",),
    "CreatePresignedDownloadUrl": ("run_id", "path"),
    "CreatePresignedUploadUrl": ("path",),
    "CreatePromptOptimizationJob": ("source_prompt_uri", "config"),
    "CreateRegisteredModel": ("name",),
    "CreateReviewQueue": ("experiment_id", "name"),
    # MLflow's own answer is 400 BAD_REQUEST with the SQL of a failed INSERT.
    "CreateRun": ("experiment_id",),
    "CreateWebhook": ("name", "url", "events"),
    "CreateWorkspace": ("name",),
    "DeleteExperiment": ("experiment_id",),
    "DeleteExperimentTag": ("experiment_id", "key"),
    "DeleteGatewayBudgetPolicy": ("budget_policy_id",),
    "DeleteGatewayEndpoint": ("endpoint_id",),
    "DeleteGatewayEndpointBinding": ("endpoint_id", "resource_type", "resource_id"),
    "DeleteGatewayEndpointTag": ("endpoint_id", "key"),
    "DeleteGatewayGuardrail": ("guardrail_id",),
    "DeleteGatewayModelDefinition": ("model_definition_id",),
    "DeleteGatewaySecret": ("secret_id",),
    "DeleteLabelSchema": ("schema_id",),
    "DeleteModelVersion": ("name", "version"),
    "DeleteModelVersionTag": ("name", "version", "key"),
    "DeleteRegisteredModel": ("name",),
    "DeleteRegisteredModelAlias": ("name", "alias"),
    "DeleteRegisteredModelTag": ("name", "key"),
    "DeleteReviewQueue": ("queue_id",),
    "DeleteRun": ("run_id",),
    "DeleteScorer": ("experiment_id", "name"),
    "DeleteTag": ("run_id", "key"),
    "DeleteTraceTag": ("key",),
    "DeleteTraceTagV3": ("key",),
    "DeleteTraces": ("experiment_id",),
    "DetachModelFromGatewayEndpoint": ("endpoint_id", "model_definition_id"),
    "FinalizeLoggedModel": ("model_id", "status"),
    "GetExperiment": ("experiment_id",),
    "GetExperimentByName": ("experiment_name",),
    "GetGatewayBudgetPolicy": ("budget_policy_id",),
    "GetGatewayGuardrail": ("guardrail_id",),
    "GetGatewayModelDefinition": ("model_definition_id",),
    "GetGatewaySecretInfo": ("secret_id",),
    "GetLabelSchema": ("schema_id",),
    "GetLabelSchemaByName": ("experiment_id", "name"),
    "GetLatestVersions": ("name",),
    "GetMetricHistory": ("run_id", "metric_key"),
    "GetMetricHistoryBulkInterval": ("run_ids", "metric_key"),
    "GetModelVersion": ("name", "version"),
    "GetModelVersionByAlias": ("name", "alias"),
    "GetOrCreateUserQueue": ("experiment_id", "user"),
    "GetRegisteredModel": ("name",),
    "GetReviewQueue": ("queue_id",),
    "GetReviewQueueByName": ("experiment_id", "name"),
    "GetRun": ("run_id",),
    "GetScorer": ("experiment_id", "name"),
    "GetTrace": ("trace_id",),
    "LinkPromptsToTrace": ("trace_id", "prompt_versions"),
    "LinkTracesToRun": ("trace_ids", "run_id"),
    "ListArtifacts": ("run_id",),
    "ListEndpointGuardrailConfigs": ("endpoint_id",),
    "ListLabelSchemas": ("experiment_id",),
    "ListReviewQueueItems": ("queue_id",),
    "ListReviewQueues": ("experiment_id",),
    "ListScorerVersions": ("experiment_id", "name"),
    "LogBatch": ("run_id",),
    "LogInputs": ("run_id",),
    "LogLoggedModelParamsRequest": ("model_id",),
    "LogMetric": ("run_id", "key", "value", "timestamp"),
    "LogModel": ("run_id", "model_json"),
    "LogOutputs": ("run_id", "models"),
    "LogParam": ("run_id", "key"),
    "QueryTraceMetrics": ("experiment_ids", "view_type", "metric_name", "aggregations"),
    "RegisterScorer": ("experiment_id", "name", "serialized_scorer"),
    "RemoveGuardrailFromEndpoint": ("endpoint_id", "guardrail_id"),
    "RemoveItemsFromReviewQueue": ("queue_id",),
    "RenameRegisteredModel": ("name", "new_name"),
    "RestoreExperiment": ("experiment_id",),
    "RestoreRun": ("run_id",),
    "SearchLoggedModels": ("experiment_ids",),
    "SearchPromptOptimizationJobs": ("experiment_id",),
    "SearchTraces": ("experiment_ids",),
    "SearchTracesV3": ("locations",),
    "SetDatasetTags": ("tags",),
    "SetExperimentTag": ("experiment_id", "key"),
    "SetGatewayEndpointTag": ("endpoint_id", "key"),
    "SetModelVersionTag": ("name", "version", "key"),
    "SetRegisteredModelAlias": ("name", "alias", "version"),
    "SetRegisteredModelTag": ("name", "key"),
    "SetReviewQueueItemStatus": ("queue_id", "item_id"),
    "SetTag": ("run_id", "key"),
    "SetTraceTag": ("key",),
    "SetTraceTagV3": ("key",),
    "StartTraceV3": ("trace",),
    "TransitionModelVersionStage": ("name", "version", "stage"),
    "UpdateAssessment": ("assessment", "update_mask"),
    "UpdateEndpointGuardrailConfig": ("endpoint_id", "guardrail_id"),
    "UpdateExperiment": ("experiment_id", "new_name"),
    "UpdateGatewayBudgetPolicy": ("budget_policy_id",),
    "UpdateGatewayEndpoint": ("endpoint_id",),
    "UpdateGatewayModelDefinition": ("model_definition_id",),
    "UpdateGatewaySecret": ("secret_id",),
    "UpdateIssue": ("issue_id",),
    "UpdateLabelSchema": ("schema_id",),
    "UpdateModelVersion": ("name", "version"),
    "UpdateRegisteredModel": ("name",),
    "UpdateReviewQueue": ("queue_id",),
    "UpdateRun": ("run_id",),
    "UpsertDatasetRecords": ("records",),
    # Items of lists. Errors name their index: "metrics[0].timestamp".
    "Metric": ("key", "value", "timestamp"),
    "Param": ("key",),
    "RunTag": ("key",),
    "TraceRequestMetadata": ("key",),
    "TraceTag": ("key",),
    # Trackway's own rules: MLflow stores items with an empty key, or answers 500.
    "ExperimentTag": ("key",),
    "RegisteredModelTag": ("key",),
    "ModelVersionTag": ("key",),
    "LoggedModelTag": ("key",),
    "LoggedModelParameter": ("key",),
    "InputTag": ("key",),
}

# Defaults of fields that have none in the proto: MLflow's handlers read "" from an absent string.
DEFAULTS: Mapping[str, Mapping[str, str | int | bool]] = {
    "Param": {"value": ""},
    "RunTag": {"value": ""},
    "ExperimentTag": {"value": ""},
    "RegisteredModelTag": {"value": ""},
    "ModelVersionTag": {"value": ""},
    "LoggedModelTag": {"value": ""},
    "LoggedModelParameter": {"value": ""},
    "InputTag": {"value": ""},
    "Dataset": {"name": "", "digest": "", "source_type": "", "source": ""},
    "TraceRequestMetadata": {"value": ""},
    "TraceTag": {"value": ""},
    "LogParam": {"value": ""},
    "SetTag": {"value": ""},
    "SetExperimentTag": {"value": ""},
    "SetRegisteredModelTag": {"value": ""},
    "SetModelVersionTag": {"value": ""},
    "SetTraceTag": {"value": ""},
    "SetTraceTagV3": {"value": ""},
    # MLflow reads an absent max_results as 0 here and refuses it; its client always sends 1000.
    "SearchExperiments": {"view_type": "ACTIVE_ONLY", "max_results": 1000},
}

# Fields that MLflow's server reads although its protos lack them, with their types. MLflow's REST store sends
# allow_deleted.
ADDED: Mapping[str, Mapping[str, str]] = {
    "GetLoggedModel": {"allow_deleted": "bool"},
}

# Other names of a field, used if the field itself is absent. Clients before 1.0 send run_uuid.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "run_id": ("run_uuid",),
}

# Enumerations of which an unknown name counts as unspecified, as MLflow's server reads it, and their former
# names. The client's class resolves AI_JUDGE (mlflow/entities/assessment_source.py).
OPEN_ENUMERATIONS: Mapping[str, Mapping[str, str]] = {
    "AssessmentSource.SourceType": {"AI_JUDGE": "LLM_JUDGE"},
}

# Path variables that are stored in a field of another name. A path variable that is not listed here
# is stored in the field of the same name; if there is none (artifact_path), only the handler reads it.
BINDINGS: Mapping[str, Mapping[str, str]] = {
    "UpdateAssessment": {"trace_id": "assessment.trace_id", "assessment_id": "assessment.assessment_id"},
}


class Bound(NamedTuple):
    """The range of a number, both ends included.

    `low_text` and `high_text` are MLflow's error messages for this field, with {value} for the value. Without
    them the error is `InvalidParameter.invalid`.
    """

    low: int | None = None
    high: int | None = None
    low_text: str | None = None
    high_text: str | None = None


_INVALID = "Invalid value {value} for parameter 'max_results' supplied."
_POSITIVE = f"{_INVALID} It must be a positive integer"
_BETWEEN = "max_results must be between 1 and {high}."


def _checked_in_handler(high: int) -> Mapping[str, Bound]:
    return {"max_results": Bound(1, high, low_text=_POSITIVE)}


def _checked_in_store(high: int) -> Mapping[str, Bound]:
    return {"max_results": Bound(1, high, _POSITIVE, f"{_INVALID} It must be at most {high}")}


def _between(low: int, high: int, more: str) -> Mapping[str, Bound]:
    text = _BETWEEN.replace("{high}", str(high)) + more
    return {"max_results": Bound(low, high, text, text)}


# Limits of the page size. The error messages are copied from answers of MLflow's server.
BOUNDS: Mapping[str, Mapping[str, Bound]] = {
    "SearchRuns": _checked_in_handler(50_000),
    "SearchTraces": _checked_in_handler(500),
    "SearchTracesV3": _checked_in_handler(500),
    # MLflow returns an empty page for 0 and pages backwards for -1. The lower bound is Trackway's own.
    "SearchRegisteredModels": _checked_in_handler(1_000),
    # 0 selects the default, although the error message asks for a positive integer. There is no upper bound.
    # MLflow pages backwards for -1.
    "SearchLoggedModels": {"max_results": Bound(0, None, _POSITIVE)},
    "SearchModelVersions": {
        "max_results": Bound(
            1, 200_000, "Invalid value for max_results. It must be a positive integer, but got {value}"
        )
    },
    "SearchExperiments": _checked_in_store(50_000),
    "SearchEvaluationDatasets": _checked_in_store(50_000),
    "SearchIssues": _checked_in_store(50_000),
    # No upper bound: MLflow reduces larger values to 25000.
    "GetMetricHistory": {"max_results": Bound(1, None, f"{_POSITIVE}.")},
    "GetMetricHistoryBulkInterval": _between(1, 2_500, SEE_DOCS),
    # 0 selects no points. MLflow returns all of them for -1; both bounds are Trackway's own.
    "QueryTraceMetrics": {
        "max_results": Bound(0, 100_000, *2 * ("max_results must be between 0 and 100000.",))
    },
    "ListLabelSchemas": _between(1, 50_000, SEE_DOCS),
    "ListReviewQueues": _between(1, 50_000, SEE_DOCS),
    "ListReviewQueueItems": _between(1, 50_000, SEE_DOCS),
    # 0 selects the default, although the error message says "between 1 and 1000".
    "ListWebhooks": _between(0, 1_000, ""),
    # Endpoints of MLflow 1.x, in extra.py.
    "ListExperiments": _checked_in_store(50_000),
    "ListRegisteredModels": _checked_in_handler(1_000),
    # Trackway's own endpoints.
    "GetRegisteredModelHistory": _checked_in_store(1_000),
    "ListWebhookDeliveries": _between(1, 1_000, ""),
}

# Endpoints that answer with another status than 200. The response 204 has no body.
STATUSES: Mapping[str, int] = {
    "CreateWorkspace": 201,
    "DeleteWorkspace": 204,
    "DeleteWorkspacePermission": 204,
}

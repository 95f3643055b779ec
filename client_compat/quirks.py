"""What MLflow's protos do not say, as data; checked against MLflow 3.17.2.

The generator writes REQUIRED, DEFAULTS and ADDED into the messages, so types and checks agree, and BINDINGS
into the endpoints. ALIASES and BOUNDS are applied when a message is decoded. Messages are named as in
the generated modules, or in those that are written by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .errors import SEE_DOCS

# Fields that a request must carry although every field of every proto is optional: absent, null and
# "" count as missing, an empty list does not. From the request checks of MLflow's handlers.
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
    # Items of lists, checked with their place: "metrics[0].timestamp".
    "Metric": ("key", "value", "timestamp"),
    "Param": ("key",),
    "RunTag": ("key",),
    "TraceRequestMetadata": ("key",),
    "TraceTag": ("key",),
    # Ours: MLflow stores items with an empty key or fails on them with 500.
    "ExperimentTag": ("key",),
    "RegisteredModelTag": ("key",),
    "ModelVersionTag": ("key",),
    "LoggedModelTag": ("key",),
    "LoggedModelParameter": ("key",),
    "InputTag": ("key",),
}

# What an absent field means where the proto states no default: MLflow's handlers read "" from it.
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
    # MLflow reads 0 from an absent max_results here and refuses it; its client always sends 1000.
    "SearchExperiments": {"view_type": "ACTIVE_ONLY", "max_results": 1000},
}

# Fields that MLflow's server reads beside its protos, and their types. Its REST store sends allow_deleted.
ADDED: Mapping[str, Mapping[str, str]] = {
    "GetLoggedModel": {"allow_deleted": "bool"},
}

# Other names of a field, taken when the field itself is absent. Clients before 1.0 say run_uuid.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "run_id": ("run_uuid",),
}

# Path variables that fill a field of another name. Where no line says so and no field has its name, a
# variable (artifact_path) is the handler's alone.
BINDINGS: Mapping[str, Mapping[str, str]] = {
    "UpdateAssessment": {"trace_id": "assessment.trace_id", "assessment_id": "assessment.assessment_id"},
}


class Bound(NamedTuple):
    """The values a number may have. A text, with {value}, is the whole message where MLflow has its own."""

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


# How long a page may be. Each text as MLflow's server was seen to answer it.
BOUNDS: Mapping[str, Mapping[str, Bound]] = {
    "SearchRuns": _checked_in_handler(50_000),
    "SearchTraces": _checked_in_handler(500),
    "SearchTracesV3": _checked_in_handler(500),
    # MLflow answers nothing to 0 and pages backwards from -1; the lower bound is ours.
    "SearchRegisteredModels": _checked_in_handler(1_000),
    # 0 stands for the default, whatever the text says, and there is no upper bound. MLflow pages backwards
    # from -1.
    "SearchLoggedModels": {"max_results": Bound(0, None, _POSITIVE)},
    "SearchModelVersions": {
        "max_results": Bound(
            1, 200_000, "Invalid value for max_results. It must be a positive integer, but got {value}"
        )
    },
    "SearchExperiments": _checked_in_store(50_000),
    "SearchEvaluationDatasets": _checked_in_store(50_000),
    "SearchIssues": _checked_in_store(50_000),
    # No upper bound: MLflow clamps at 25000.
    "GetMetricHistory": {"max_results": Bound(1, None, f"{_POSITIVE}.")},
    "GetMetricHistoryBulkInterval": _between(1, 2_500, SEE_DOCS),
    "ListLabelSchemas": _between(1, 50_000, SEE_DOCS),
    "ListReviewQueues": _between(1, 50_000, SEE_DOCS),
    "ListReviewQueueItems": _between(1, 50_000, SEE_DOCS),
    # 0 stands for the default, whatever the text says.
    "ListWebhooks": _between(0, 1_000, ""),
    # Of 1.x, in extra.py.
    "ListExperiments": _checked_in_store(50_000),
    "ListRegisteredModels": _checked_in_handler(1_000),
    # Our own.
    "GetRegisteredModelHistory": _checked_in_store(1_000),
    "ListWebhookDeliveries": _between(1, 1_000, ""),
}

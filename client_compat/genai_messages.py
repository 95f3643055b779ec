"""Messages of MLflow's protocol that only its endpoints for generative AI use.

Generated from the protos of MLflow 3.17.2 by `python -m trackway.client_compat._generate`.
Do not edit. Rules that the protos do not state are in `quirks.py`; `wire.py` explains the classes.
"""

from __future__ import annotations

from typing import Final

from .wire import Enumeration, Json, Message


class TraceStatus(Enumeration):
    TRACE_STATUS_UNSPECIFIED: Final = "TRACE_STATUS_UNSPECIFIED"
    OK: Final = "OK"
    ERROR: Final = "ERROR"
    IN_PROGRESS: Final = "IN_PROGRESS"
    _numbers = {
        "TRACE_STATUS_UNSPECIFIED": 0,
        "OK": 1,
        "ERROR": 2,
        "IN_PROGRESS": 3,
    }


class MetricViewType(Enumeration):
    TRACES: Final = "TRACES"
    SPANS: Final = "SPANS"
    ASSESSMENTS: Final = "ASSESSMENTS"
    _numbers = {
        "TRACES": 1,
        "SPANS": 2,
        "ASSESSMENTS": 3,
    }


class AggregationType(Enumeration):
    COUNT: Final = "COUNT"
    SUM: Final = "SUM"
    AVG: Final = "AVG"
    PERCENTILE: Final = "PERCENTILE"
    MIN: Final = "MIN"
    MAX: Final = "MAX"
    _numbers = {
        "COUNT": 1,
        "SUM": 2,
        "AVG": 3,
        "PERCENTILE": 4,
        "MIN": 5,
        "MAX": 6,
    }


class GatewayModelLinkageType(Enumeration):
    LINKAGE_TYPE_UNSPECIFIED: Final = "LINKAGE_TYPE_UNSPECIFIED"
    PRIMARY: Final = "PRIMARY"
    FALLBACK: Final = "FALLBACK"
    _numbers = {
        "LINKAGE_TYPE_UNSPECIFIED": 0,
        "PRIMARY": 1,
        "FALLBACK": 2,
    }


class RoutingStrategy(Enumeration):
    ROUTING_STRATEGY_UNSPECIFIED: Final = "ROUTING_STRATEGY_UNSPECIFIED"
    REQUEST_BASED_TRAFFIC_SPLIT: Final = "REQUEST_BASED_TRAFFIC_SPLIT"
    _numbers = {
        "ROUTING_STRATEGY_UNSPECIFIED": 0,
        "REQUEST_BASED_TRAFFIC_SPLIT": 1,
    }


class FallbackStrategy(Enumeration):
    FALLBACK_STRATEGY_UNSPECIFIED: Final = "FALLBACK_STRATEGY_UNSPECIFIED"
    SEQUENTIAL: Final = "SEQUENTIAL"
    _numbers = {
        "FALLBACK_STRATEGY_UNSPECIFIED": 0,
        "SEQUENTIAL": 1,
    }


class BudgetUnit(Enumeration):
    BUDGET_UNIT_UNSPECIFIED: Final = "BUDGET_UNIT_UNSPECIFIED"
    USD: Final = "USD"
    _numbers = {
        "BUDGET_UNIT_UNSPECIFIED": 0,
        "USD": 1,
    }


class BudgetDurationUnit(Enumeration):
    DURATION_UNIT_UNSPECIFIED: Final = "DURATION_UNIT_UNSPECIFIED"
    MINUTES: Final = "MINUTES"
    HOURS: Final = "HOURS"
    DAYS: Final = "DAYS"
    WEEKS: Final = "WEEKS"
    MONTHS: Final = "MONTHS"
    _numbers = {
        "DURATION_UNIT_UNSPECIFIED": 0,
        "MINUTES": 1,
        "HOURS": 2,
        "DAYS": 3,
        "WEEKS": 4,
        "MONTHS": 5,
    }


class BudgetTargetScope(Enumeration):
    TARGET_SCOPE_UNSPECIFIED: Final = "TARGET_SCOPE_UNSPECIFIED"
    GLOBAL: Final = "GLOBAL"
    WORKSPACE: Final = "WORKSPACE"
    ENDPOINT: Final = "ENDPOINT"
    USER: Final = "USER"
    _numbers = {
        "TARGET_SCOPE_UNSPECIFIED": 0,
        "GLOBAL": 1,
        "WORKSPACE": 2,
        "ENDPOINT": 3,
        "USER": 4,
    }


class BudgetAction(Enumeration):
    BUDGET_ACTION_UNSPECIFIED: Final = "BUDGET_ACTION_UNSPECIFIED"
    ALERT: Final = "ALERT"
    REJECT: Final = "REJECT"
    _numbers = {
        "BUDGET_ACTION_UNSPECIFIED": 0,
        "ALERT": 1,
        "REJECT": 2,
    }


class GuardrailStage(Enumeration):
    GUARDRAIL_STAGE_UNSPECIFIED: Final = "GUARDRAIL_STAGE_UNSPECIFIED"
    BEFORE: Final = "BEFORE"
    AFTER: Final = "AFTER"
    _numbers = {
        "GUARDRAIL_STAGE_UNSPECIFIED": 0,
        "BEFORE": 1,
        "AFTER": 2,
    }


class GuardrailAction(Enumeration):
    GUARDRAIL_ACTION_UNSPECIFIED: Final = "GUARDRAIL_ACTION_UNSPECIFIED"
    VALIDATION: Final = "VALIDATION"
    SANITIZATION: Final = "SANITIZATION"
    _numbers = {
        "GUARDRAIL_ACTION_UNSPECIFIED": 0,
        "VALIDATION": 1,
        "SANITIZATION": 2,
    }


class LabelSchemaType(Enumeration):
    LABEL_SCHEMA_TYPE_UNSPECIFIED: Final = "LABEL_SCHEMA_TYPE_UNSPECIFIED"
    FEEDBACK: Final = "FEEDBACK"
    EXPECTATION: Final = "EXPECTATION"
    _numbers = {
        "LABEL_SCHEMA_TYPE_UNSPECIFIED": 0,
        "FEEDBACK": 1,
        "EXPECTATION": 2,
    }


class OptimizerType(Enumeration):
    OPTIMIZER_TYPE_UNSPECIFIED: Final = "OPTIMIZER_TYPE_UNSPECIFIED"
    OPTIMIZER_TYPE_GEPA: Final = "OPTIMIZER_TYPE_GEPA"
    OPTIMIZER_TYPE_METAPROMPT: Final = "OPTIMIZER_TYPE_METAPROMPT"
    _numbers = {
        "OPTIMIZER_TYPE_UNSPECIFIED": 0,
        "OPTIMIZER_TYPE_GEPA": 1,
        "OPTIMIZER_TYPE_METAPROMPT": 2,
    }


class JobStatus(Enumeration):
    JOB_STATUS_UNSPECIFIED: Final = "JOB_STATUS_UNSPECIFIED"
    JOB_STATUS_PENDING: Final = "JOB_STATUS_PENDING"
    JOB_STATUS_IN_PROGRESS: Final = "JOB_STATUS_IN_PROGRESS"
    JOB_STATUS_COMPLETED: Final = "JOB_STATUS_COMPLETED"
    JOB_STATUS_FAILED: Final = "JOB_STATUS_FAILED"
    JOB_STATUS_CANCELED: Final = "JOB_STATUS_CANCELED"
    JOB_STATUS_NEEDS_RECOVERY: Final = "JOB_STATUS_NEEDS_RECOVERY"
    _numbers = {
        "JOB_STATUS_UNSPECIFIED": 0,
        "JOB_STATUS_PENDING": 1,
        "JOB_STATUS_IN_PROGRESS": 2,
        "JOB_STATUS_COMPLETED": 3,
        "JOB_STATUS_FAILED": 4,
        "JOB_STATUS_CANCELED": 5,
        "JOB_STATUS_NEEDS_RECOVERY": 6,
    }


class ReviewQueueType(Enumeration):
    REVIEW_QUEUE_TYPE_UNSPECIFIED: Final = "REVIEW_QUEUE_TYPE_UNSPECIFIED"
    USER: Final = "USER"
    CUSTOM: Final = "CUSTOM"
    _numbers = {
        "REVIEW_QUEUE_TYPE_UNSPECIFIED": 0,
        "USER": 1,
        "CUSTOM": 2,
    }


class ReviewItemType(Enumeration):
    REVIEW_ITEM_TYPE_UNSPECIFIED: Final = "REVIEW_ITEM_TYPE_UNSPECIFIED"
    TRACE: Final = "TRACE"
    _numbers = {
        "REVIEW_ITEM_TYPE_UNSPECIFIED": 0,
        "TRACE": 1,
    }


class ReviewStatus(Enumeration):
    REVIEW_STATUS_UNSPECIFIED: Final = "REVIEW_STATUS_UNSPECIFIED"
    PENDING: Final = "PENDING"
    COMPLETE: Final = "COMPLETE"
    DECLINED: Final = "DECLINED"
    _numbers = {
        "REVIEW_STATUS_UNSPECIFIED": 0,
        "PENDING": 1,
        "COMPLETE": 2,
        "DECLINED": 3,
    }


class SetTraceTag(Message):
    """PATCH /2.0/mlflow/traces/<request_id>/tags"""

    _fields = {
        "request_id": "string",
        "key": "string",
        "value": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        request_id: str,
        key: str,
        value: str = "",
    ) -> None:
        self.request_id = request_id
        self.key = key
        self.value = value


class SetTraceTagV3(Message):
    """PATCH /3.0/mlflow/traces/<trace_id>/tags"""

    _fields = {
        "trace_id": "string",
        "key": "string",
        "value": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        trace_id: str,
        key: str,
        value: str = "",
    ) -> None:
        self.trace_id = trace_id
        self.key = key
        self.value = value


class DeleteTraceTag(Message):
    """DELETE /2.0/mlflow/traces/<request_id>/tags"""

    _fields = {
        "request_id": "string",
        "key": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        request_id: str,
        key: str,
    ) -> None:
        self.request_id = request_id
        self.key = key


class DeleteTraceTagV3(Message):
    """DELETE /3.0/mlflow/traces/<trace_id>/tags"""

    _fields = {
        "trace_id": "string",
        "key": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        trace_id: str,
        key: str,
    ) -> None:
        self.trace_id = trace_id
        self.key = key


class StartTrace(Message):
    """POST /2.0/mlflow/traces"""

    _fields = {
        "experiment_id": "string",
        "timestamp_ms": "int64",
        "request_metadata": "TraceRequestMetadata[]",
        "tags": "TraceTag[]",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "trace_info": "TraceInfo",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            trace_info: TraceInfo | None = None,
        ) -> None:
            self.trace_info = trace_info

    def __init__(
        self,
        *,
        experiment_id: str | None = None,
        timestamp_ms: int | None = None,
        request_metadata: list[TraceRequestMetadata] | None = None,
        tags: list[TraceTag] | None = None,
    ) -> None:
        self.experiment_id = experiment_id
        self.timestamp_ms = timestamp_ms
        self.request_metadata = [] if request_metadata is None else request_metadata
        self.tags = [] if tags is None else tags


class TraceInfo(Message):
    _fields = {
        "request_id": "string",
        "experiment_id": "string",
        "timestamp_ms": "int64",
        "execution_time_ms": "int64",
        "status": "TraceStatus",
        "request_metadata": "TraceRequestMetadata[]",
        "tags": "TraceTag[]",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        request_id: str | None = None,
        experiment_id: str | None = None,
        timestamp_ms: int | None = None,
        execution_time_ms: int | None = None,
        status: str | None = None,
        request_metadata: list[TraceRequestMetadata] | None = None,
        tags: list[TraceTag] | None = None,
    ) -> None:
        self.request_id = request_id
        self.experiment_id = experiment_id
        self.timestamp_ms = timestamp_ms
        self.execution_time_ms = execution_time_ms
        self.status = status
        self.request_metadata = [] if request_metadata is None else request_metadata
        self.tags = [] if tags is None else tags


class TraceRequestMetadata(Message):
    _fields = {
        "key": "string",
        "value": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        key: str,
        value: str = "",
    ) -> None:
        self.key = key
        self.value = value


class TraceTag(Message):
    _fields = {
        "key": "string",
        "value": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        key: str,
        value: str = "",
    ) -> None:
        self.key = key
        self.value = value


class EndTrace(Message):
    """PATCH /2.0/mlflow/traces/<request_id>"""

    _fields = {
        "request_id": "string",
        "timestamp_ms": "int64",
        "status": "TraceStatus",
        "request_metadata": "TraceRequestMetadata[]",
        "tags": "TraceTag[]",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "trace_info": "TraceInfo",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            trace_info: TraceInfo | None = None,
        ) -> None:
            self.trace_info = trace_info

    def __init__(
        self,
        *,
        request_id: str,
        timestamp_ms: int | None = None,
        status: str | None = None,
        request_metadata: list[TraceRequestMetadata] | None = None,
        tags: list[TraceTag] | None = None,
    ) -> None:
        self.request_id = request_id
        self.timestamp_ms = timestamp_ms
        self.status = status
        self.request_metadata = [] if request_metadata is None else request_metadata
        self.tags = [] if tags is None else tags


class GetTraceInfo(Message):
    """GET /2.0/mlflow/traces/<request_id>/info"""

    _fields = {
        "request_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "trace_info": "TraceInfo",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            trace_info: TraceInfo | None = None,
        ) -> None:
            self.trace_info = trace_info

    def __init__(
        self,
        *,
        request_id: str,
    ) -> None:
        self.request_id = request_id


class GetTraceInfoV3(Message):
    """GET /3.0/mlflow/traces/<trace_id>"""

    _fields = {
        "trace_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "trace": "Trace",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            trace: Trace | None = None,
        ) -> None:
            self.trace = trace

    def __init__(
        self,
        *,
        trace_id: str,
    ) -> None:
        self.trace_id = trace_id


class Trace(Message):
    _fields = {
        "trace_info": "TraceInfoV3",
        "spans": "Span[]",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        trace_info: TraceInfoV3 | None = None,
        spans: list[Span] | None = None,
    ) -> None:
        self.trace_info = trace_info
        self.spans = [] if spans is None else spans


class TraceInfoV3(Message):
    _fields = {
        "trace_id": "string",
        "client_request_id": "string",
        "trace_location": "TraceLocation",
        "request": "string",
        "response": "string",
        "request_preview": "string",
        "response_preview": "string",
        "request_time": "google.Timestamp",
        "execution_duration": "google.Duration",
        "state": "TraceInfoV3.State",
        "trace_metadata": "map<string,string>",
        "assessments": "Assessment[]",
        "tags": "map<string,string>",
    }
    __slots__ = tuple(_fields)

    class State(Enumeration):
        STATE_UNSPECIFIED: Final = "STATE_UNSPECIFIED"
        OK: Final = "OK"
        ERROR: Final = "ERROR"
        IN_PROGRESS: Final = "IN_PROGRESS"
        _numbers = {
            "STATE_UNSPECIFIED": 0,
            "OK": 1,
            "ERROR": 2,
            "IN_PROGRESS": 3,
        }

    def __init__(
        self,
        *,
        trace_id: str | None = None,
        client_request_id: str | None = None,
        trace_location: TraceLocation | None = None,
        request: str | None = None,
        response: str | None = None,
        request_preview: str | None = None,
        response_preview: str | None = None,
        request_time: int | None = None,
        execution_duration: int | None = None,
        state: str | None = None,
        trace_metadata: dict[str, str] | None = None,
        assessments: list[Assessment] | None = None,
        tags: dict[str, str] | None = None,
    ) -> None:
        self.trace_id = trace_id
        self.client_request_id = client_request_id
        self.trace_location = trace_location
        self.request = request
        self.response = response
        self.request_preview = request_preview
        self.response_preview = response_preview
        self.request_time = request_time
        self.execution_duration = execution_duration
        self.state = state
        self.trace_metadata = {} if trace_metadata is None else trace_metadata
        self.assessments = [] if assessments is None else assessments
        self.tags = {} if tags is None else tags


class TraceLocation(Message):
    _fields = {
        "type": "TraceLocation.TraceLocationType",
        "mlflow_experiment": "TraceLocation.MlflowExperimentLocation oneof=identifier",
        "inference_table": "TraceLocation.InferenceTableLocation oneof=identifier",
    }
    __slots__ = tuple(_fields)

    class TraceLocationType(Enumeration):
        TRACE_LOCATION_TYPE_UNSPECIFIED: Final = "TRACE_LOCATION_TYPE_UNSPECIFIED"
        MLFLOW_EXPERIMENT: Final = "MLFLOW_EXPERIMENT"
        INFERENCE_TABLE: Final = "INFERENCE_TABLE"
        _numbers = {
            "TRACE_LOCATION_TYPE_UNSPECIFIED": 0,
            "MLFLOW_EXPERIMENT": 1,
            "INFERENCE_TABLE": 2,
        }

    class MlflowExperimentLocation(Message):
        _fields = {
            "experiment_id": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            experiment_id: str | None = None,
        ) -> None:
            self.experiment_id = experiment_id

    class InferenceTableLocation(Message):
        _fields = {
            "full_table_name": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            full_table_name: str | None = None,
        ) -> None:
            self.full_table_name = full_table_name

    def __init__(
        self,
        *,
        type: str | None = None,
        mlflow_experiment: TraceLocation.MlflowExperimentLocation | None = None,
        inference_table: TraceLocation.InferenceTableLocation | None = None,
    ) -> None:
        self.type = type
        self.mlflow_experiment = mlflow_experiment
        self.inference_table = inference_table


class GetTrace(Message):
    """GET /3.0/mlflow/traces/get"""

    _fields = {
        "trace_id": "string",
        "allow_partial": "bool",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "trace": "Trace",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            trace: Trace | None = None,
        ) -> None:
            self.trace = trace

    def __init__(
        self,
        *,
        trace_id: str,
        allow_partial: bool = False,
    ) -> None:
        self.trace_id = trace_id
        self.allow_partial = allow_partial


class BatchGetTraces(Message):
    """GET /3.0/mlflow/traces/batchGet"""

    _fields = {
        "trace_ids": "string[]",
        "experiment_ids": "string[]",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "traces": "Trace[]",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            traces: list[Trace] | None = None,
        ) -> None:
            self.traces = [] if traces is None else traces

    def __init__(
        self,
        *,
        trace_ids: list[str],
        experiment_ids: list[str] | None = None,
    ) -> None:
        self.trace_ids = trace_ids
        self.experiment_ids = [] if experiment_ids is None else experiment_ids


class BatchGetTraceInfos(Message):
    """POST /3.0/mlflow/traces/batchGetInfos"""

    _fields = {
        "trace_ids": "string[]",
        "experiment_ids": "string[]",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "trace_infos": "TraceInfoV3[]",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            trace_infos: list[TraceInfoV3] | None = None,
        ) -> None:
            self.trace_infos = [] if trace_infos is None else trace_infos

    def __init__(
        self,
        *,
        trace_ids: list[str],
        experiment_ids: list[str] | None = None,
    ) -> None:
        self.trace_ids = trace_ids
        self.experiment_ids = [] if experiment_ids is None else experiment_ids


class SearchTraces(Message):
    """GET /2.0/mlflow/traces"""

    _fields = {
        "experiment_ids": "string[]",
        "filter": "string",
        "max_results": "int32",
        "order_by": "string[]",
        "page_token": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "traces": "TraceInfo[]",
            "next_page_token": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            traces: list[TraceInfo] | None = None,
            next_page_token: str | None = None,
        ) -> None:
            self.traces = [] if traces is None else traces
            self.next_page_token = next_page_token

    def __init__(
        self,
        *,
        experiment_ids: list[str],
        filter: str | None = None,
        max_results: int = 100,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> None:
        self.experiment_ids = experiment_ids
        self.filter = filter
        self.max_results = max_results
        self.order_by = [] if order_by is None else order_by
        self.page_token = page_token


class SearchTracesV3(Message):
    """POST /3.0/mlflow/traces/search"""

    _fields = {
        "locations": "TraceLocation[]",
        "filter": "string",
        "max_results": "int32",
        "order_by": "string[]",
        "page_token": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "traces": "TraceInfoV3[]",
            "next_page_token": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            traces: list[TraceInfoV3] | None = None,
            next_page_token: str | None = None,
        ) -> None:
            self.traces = [] if traces is None else traces
            self.next_page_token = next_page_token

    def __init__(
        self,
        *,
        locations: list[TraceLocation],
        filter: str | None = None,
        max_results: int = 100,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> None:
        self.locations = locations
        self.filter = filter
        self.max_results = max_results
        self.order_by = [] if order_by is None else order_by
        self.page_token = page_token


class StartTraceV3(Message):
    """POST /3.0/mlflow/traces"""

    _fields = {
        "trace": "Trace",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "trace": "Trace",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            trace: Trace | None = None,
        ) -> None:
            self.trace = trace

    def __init__(
        self,
        *,
        trace: Trace,
    ) -> None:
        self.trace = trace


class LinkTracesToRun(Message):
    """POST /2.0/mlflow/traces/link-to-run"""

    _fields = {
        "trace_ids": "string[]",
        "run_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        trace_ids: list[str],
        run_id: str,
    ) -> None:
        self.trace_ids = trace_ids
        self.run_id = run_id


class LinkPromptsToTrace(Message):
    """POST /2.0/mlflow/traces/link-prompts"""

    _fields = {
        "trace_id": "string",
        "prompt_versions": "LinkPromptsToTrace.PromptVersionRef[]",
    }
    __slots__ = tuple(_fields)

    class PromptVersionRef(Message):
        _fields = {
            "name": "string",
            "version": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            name: str | None = None,
            version: str | None = None,
        ) -> None:
            self.name = name
            self.version = version

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        trace_id: str,
        prompt_versions: list[LinkPromptsToTrace.PromptVersionRef],
    ) -> None:
        self.trace_id = trace_id
        self.prompt_versions = prompt_versions


class SearchUnifiedTraces(Message):
    """GET /2.0/mlflow/unified-traces"""

    _fields = {
        "model_id": "string",
        "sql_warehouse_id": "string",
        "experiment_ids": "string[]",
        "filter": "string",
        "max_results": "int32",
        "order_by": "string[]",
        "page_token": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "traces": "TraceInfo[]",
            "next_page_token": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            traces: list[TraceInfo] | None = None,
            next_page_token: str | None = None,
        ) -> None:
            self.traces = [] if traces is None else traces
            self.next_page_token = next_page_token

    def __init__(
        self,
        *,
        model_id: str | None = None,
        sql_warehouse_id: str | None = None,
        experiment_ids: list[str] | None = None,
        filter: str | None = None,
        max_results: int = 100,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> None:
        self.model_id = model_id
        self.sql_warehouse_id = sql_warehouse_id
        self.experiment_ids = [] if experiment_ids is None else experiment_ids
        self.filter = filter
        self.max_results = max_results
        self.order_by = [] if order_by is None else order_by
        self.page_token = page_token


class GetOnlineTraceDetails(Message):
    """GET /2.0/mlflow/get-online-trace-details"""

    _fields = {
        "trace_id": "string",
        "sql_warehouse_id": "string",
        "source_inference_table": "string",
        "source_databricks_request_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "trace_data": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            trace_data: str | None = None,
        ) -> None:
            self.trace_data = trace_data

    def __init__(
        self,
        *,
        trace_id: str | None = None,
        sql_warehouse_id: str | None = None,
        source_inference_table: str | None = None,
        source_databricks_request_id: str | None = None,
    ) -> None:
        self.trace_id = trace_id
        self.sql_warehouse_id = sql_warehouse_id
        self.source_inference_table = source_inference_table
        self.source_databricks_request_id = source_databricks_request_id


class DeleteTraces(Message):
    """POST /2.0/mlflow/traces/delete-traces"""

    _fields = {
        "experiment_id": "string",
        "max_timestamp_millis": "int64",
        "max_traces": "int32",
        "request_ids": "string[]",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "traces_deleted": "int32",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            traces_deleted: int | None = None,
        ) -> None:
            self.traces_deleted = traces_deleted

    def __init__(
        self,
        *,
        experiment_id: str,
        max_timestamp_millis: int | None = None,
        max_traces: int | None = None,
        request_ids: list[str] | None = None,
    ) -> None:
        self.experiment_id = experiment_id
        self.max_timestamp_millis = max_timestamp_millis
        self.max_traces = max_traces
        self.request_ids = [] if request_ids is None else request_ids


class DeleteTracesV3(Message):
    """POST /3.0/mlflow/traces/delete-traces"""

    _fields = {
        "experiment_id": "string",
        "max_timestamp_millis": "int64",
        "max_traces": "int32",
        "request_ids": "string[]",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "traces_deleted": "int32",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            traces_deleted: int | None = None,
        ) -> None:
            self.traces_deleted = traces_deleted

    def __init__(
        self,
        *,
        experiment_id: str | None = None,
        max_timestamp_millis: int | None = None,
        max_traces: int | None = None,
        request_ids: list[str] | None = None,
    ) -> None:
        self.experiment_id = experiment_id
        self.max_timestamp_millis = max_timestamp_millis
        self.max_traces = max_traces
        self.request_ids = [] if request_ids is None else request_ids


class CalculateTraceFilterCorrelation(Message):
    """POST /3.0/mlflow/traces/calculate-filter-correlation"""

    _fields = {
        "experiment_ids": "string[]",
        "filter_string1": "string",
        "filter_string2": "string",
        "base_filter": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "npmi": "double",
            "npmi_smoothed": "double",
            "filter1_count": "int32",
            "filter2_count": "int32",
            "joint_count": "int32",
            "total_count": "int32",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            npmi: float | None = None,
            npmi_smoothed: float | None = None,
            filter1_count: int | None = None,
            filter2_count: int | None = None,
            joint_count: int | None = None,
            total_count: int | None = None,
        ) -> None:
            self.npmi = npmi
            self.npmi_smoothed = npmi_smoothed
            self.filter1_count = filter1_count
            self.filter2_count = filter2_count
            self.joint_count = joint_count
            self.total_count = total_count

    def __init__(
        self,
        *,
        experiment_ids: list[str],
        filter_string1: str,
        filter_string2: str,
        base_filter: str | None = None,
    ) -> None:
        self.experiment_ids = experiment_ids
        self.filter_string1 = filter_string1
        self.filter_string2 = filter_string2
        self.base_filter = base_filter


class QueryTraceMetrics(Message):
    """POST /3.0/mlflow/traces/metrics"""

    _fields = {
        "experiment_ids": "string[]",
        "view_type": "MetricViewType",
        "metric_name": "string",
        "aggregations": "MetricAggregation[]",
        "dimensions": "string[]",
        "filters": "string[]",
        "time_interval_seconds": "int64",
        "start_time_ms": "int64",
        "end_time_ms": "int64",
        "max_results": "int32",
        "page_token": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "data_points": "MetricDataPoint[]",
            "next_page_token": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            data_points: list[MetricDataPoint] | None = None,
            next_page_token: str | None = None,
        ) -> None:
            self.data_points = [] if data_points is None else data_points
            self.next_page_token = next_page_token

    def __init__(
        self,
        *,
        experiment_ids: list[str],
        view_type: str,
        metric_name: str,
        aggregations: list[MetricAggregation],
        dimensions: list[str] | None = None,
        filters: list[str] | None = None,
        time_interval_seconds: int | None = None,
        start_time_ms: int | None = None,
        end_time_ms: int | None = None,
        max_results: int = 1000,
        page_token: str | None = None,
    ) -> None:
        self.experiment_ids = experiment_ids
        self.view_type = view_type
        self.metric_name = metric_name
        self.aggregations = aggregations
        self.dimensions = [] if dimensions is None else dimensions
        self.filters = [] if filters is None else filters
        self.time_interval_seconds = time_interval_seconds
        self.start_time_ms = start_time_ms
        self.end_time_ms = end_time_ms
        self.max_results = max_results
        self.page_token = page_token


class MetricDataPoint(Message):
    _fields = {
        "metric_name": "string",
        "dimensions": "map<string,string>",
        "values": "map<string,double>",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        metric_name: str | None = None,
        dimensions: dict[str, str] | None = None,
        values: dict[str, float] | None = None,
    ) -> None:
        self.metric_name = metric_name
        self.dimensions = {} if dimensions is None else dimensions
        self.values = {} if values is None else values


class MetricAggregation(Message):
    _fields = {
        "aggregation_type": "AggregationType",
        "percentile_value": "double",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        aggregation_type: str | None = None,
        percentile_value: float | None = None,
    ) -> None:
        self.aggregation_type = aggregation_type
        self.percentile_value = percentile_value


class GetAssessmentRequest(Message):
    """GET /3.0/mlflow/traces/<trace_id>/assessments/<assessment_id>"""

    _fields = {
        "trace_id": "string",
        "assessment_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "assessment": "Assessment",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            assessment: Assessment | None = None,
        ) -> None:
            self.assessment = assessment

    def __init__(
        self,
        *,
        trace_id: str,
        assessment_id: str,
    ) -> None:
        self.trace_id = trace_id
        self.assessment_id = assessment_id


class CreateAssessment(Message):
    """POST /3.0/mlflow/traces/<trace_id>/assessments"""

    _fields = {
        "assessment": "Assessment",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "assessment": "Assessment",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            assessment: Assessment | None = None,
        ) -> None:
            self.assessment = assessment

    def __init__(
        self,
        *,
        assessment: Assessment,
    ) -> None:
        self.assessment = assessment


class UpdateAssessment(Message):
    """PATCH /3.0/mlflow/traces/<trace_id>/assessments/<assessment_id>"""

    _fields = {
        "assessment": "Assessment",
        "update_mask": "google.FieldMask",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "assessment": "Assessment",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            assessment: Assessment | None = None,
        ) -> None:
            self.assessment = assessment

    def __init__(
        self,
        *,
        assessment: Assessment,
        update_mask: list[str],
    ) -> None:
        self.assessment = assessment
        self.update_mask = update_mask


class DeleteAssessment(Message):
    """DELETE /3.0/mlflow/traces/<trace_id>/assessments/<assessment_id>"""

    _fields = {
        "trace_id": "string",
        "assessment_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        trace_id: str,
        assessment_id: str,
    ) -> None:
        self.trace_id = trace_id
        self.assessment_id = assessment_id


class CreateDataset(Message):
    """POST /3.0/mlflow/datasets/create"""

    _fields = {
        "name": "string",
        "experiment_ids": "string[]",
        "source_type": "DatasetRecordSource.SourceType",
        "source": "string",
        "schema": "string",
        "profile": "string",
        "created_by": "string",
        "tags": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "dataset": "DatasetsDataset",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            dataset: DatasetsDataset | None = None,
        ) -> None:
            self.dataset = dataset

    def __init__(
        self,
        *,
        name: str,
        experiment_ids: list[str] | None = None,
        source_type: str | None = None,
        source: str | None = None,
        schema: str | None = None,
        profile: str | None = None,
        created_by: str | None = None,
        tags: str | None = None,
    ) -> None:
        self.name = name
        self.experiment_ids = [] if experiment_ids is None else experiment_ids
        self.source_type = source_type
        self.source = source
        self.schema = schema
        self.profile = profile
        self.created_by = created_by
        self.tags = tags


class GetDataset(Message):
    """GET /3.0/mlflow/datasets/<dataset_id>"""

    _fields = {
        "dataset_id": "string",
        "page_token": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "dataset": "DatasetsDataset",
            "next_page_token": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            dataset: DatasetsDataset | None = None,
            next_page_token: str | None = None,
        ) -> None:
            self.dataset = dataset
            self.next_page_token = next_page_token

    def __init__(
        self,
        *,
        dataset_id: str,
        page_token: str | None = None,
    ) -> None:
        self.dataset_id = dataset_id
        self.page_token = page_token


class DeleteDataset(Message):
    """DELETE /3.0/mlflow/datasets/<dataset_id>"""

    _fields = {
        "dataset_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        dataset_id: str,
    ) -> None:
        self.dataset_id = dataset_id


class SearchEvaluationDatasets(Message):
    """POST /3.0/mlflow/datasets/search
    GET /3.0/mlflow/datasets/search
    """

    _fields = {
        "experiment_ids": "string[]",
        "filter_string": "string",
        "max_results": "int32",
        "order_by": "string[]",
        "page_token": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "datasets": "DatasetsDataset[]",
            "next_page_token": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            datasets: list[DatasetsDataset] | None = None,
            next_page_token: str | None = None,
        ) -> None:
            self.datasets = [] if datasets is None else datasets
            self.next_page_token = next_page_token

    def __init__(
        self,
        *,
        experiment_ids: list[str] | None = None,
        filter_string: str | None = None,
        max_results: int = 1000,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> None:
        self.experiment_ids = [] if experiment_ids is None else experiment_ids
        self.filter_string = filter_string
        self.max_results = max_results
        self.order_by = [] if order_by is None else order_by
        self.page_token = page_token


class SetDatasetTags(Message):
    """PATCH /3.0/mlflow/datasets/<dataset_id>/tags"""

    _fields = {
        "dataset_id": "string",
        "tags": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "dataset": "DatasetsDataset",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            dataset: DatasetsDataset | None = None,
        ) -> None:
            self.dataset = dataset

    def __init__(
        self,
        *,
        dataset_id: str,
        tags: str,
    ) -> None:
        self.dataset_id = dataset_id
        self.tags = tags


class DeleteDatasetTag(Message):
    """DELETE /3.0/mlflow/datasets/<dataset_id>/tags/<key>"""

    _fields = {
        "dataset_id": "string",
        "key": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        dataset_id: str,
        key: str,
    ) -> None:
        self.dataset_id = dataset_id
        self.key = key


class UpsertDatasetRecords(Message):
    """POST /3.0/mlflow/datasets/<dataset_id>/records"""

    _fields = {
        "dataset_id": "string",
        "records": "string",
        "updated_by": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "inserted_count": "int32",
            "updated_count": "int32",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            inserted_count: int | None = None,
            updated_count: int | None = None,
        ) -> None:
            self.inserted_count = inserted_count
            self.updated_count = updated_count

    def __init__(
        self,
        *,
        dataset_id: str,
        records: str,
        updated_by: str | None = None,
    ) -> None:
        self.dataset_id = dataset_id
        self.records = records
        self.updated_by = updated_by


class GetDatasetExperimentIds(Message):
    """GET /3.0/mlflow/datasets/<dataset_id>/experiment-ids"""

    _fields = {
        "dataset_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "experiment_ids": "string[]",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            experiment_ids: list[str] | None = None,
        ) -> None:
            self.experiment_ids = [] if experiment_ids is None else experiment_ids

    def __init__(
        self,
        *,
        dataset_id: str,
    ) -> None:
        self.dataset_id = dataset_id


class RegisterScorer(Message):
    """POST /3.0/mlflow/scorers/register"""

    _fields = {
        "experiment_id": "string",
        "name": "string",
        "serialized_scorer": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "version": "int32",
            "scorer_id": "string",
            "experiment_id": "string",
            "name": "string",
            "serialized_scorer": "string",
            "creation_time": "int64",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            version: int | None = None,
            scorer_id: str | None = None,
            experiment_id: str | None = None,
            name: str | None = None,
            serialized_scorer: str | None = None,
            creation_time: int | None = None,
        ) -> None:
            self.version = version
            self.scorer_id = scorer_id
            self.experiment_id = experiment_id
            self.name = name
            self.serialized_scorer = serialized_scorer
            self.creation_time = creation_time

    def __init__(
        self,
        *,
        experiment_id: str,
        name: str,
        serialized_scorer: str,
    ) -> None:
        self.experiment_id = experiment_id
        self.name = name
        self.serialized_scorer = serialized_scorer


class ListScorers(Message):
    """GET /3.0/mlflow/scorers/list"""

    _fields = {
        "experiment_id": "string",
        "experiment_ids": "string[]",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "scorers": "Scorer[]",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            scorers: list[Scorer] | None = None,
        ) -> None:
            self.scorers = [] if scorers is None else scorers

    def __init__(
        self,
        *,
        experiment_id: str | None = None,
        experiment_ids: list[str] | None = None,
    ) -> None:
        self.experiment_id = experiment_id
        self.experiment_ids = [] if experiment_ids is None else experiment_ids


class Scorer(Message):
    _fields = {
        "experiment_id": "int32",
        "scorer_name": "string",
        "scorer_version": "int32",
        "serialized_scorer": "string",
        "creation_time": "int64",
        "scorer_id": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        experiment_id: int | None = None,
        scorer_name: str | None = None,
        scorer_version: int | None = None,
        serialized_scorer: str | None = None,
        creation_time: int | None = None,
        scorer_id: str | None = None,
    ) -> None:
        self.experiment_id = experiment_id
        self.scorer_name = scorer_name
        self.scorer_version = scorer_version
        self.serialized_scorer = serialized_scorer
        self.creation_time = creation_time
        self.scorer_id = scorer_id


class ListScorerVersions(Message):
    """GET /3.0/mlflow/scorers/versions"""

    _fields = {
        "experiment_id": "string",
        "name": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "scorers": "Scorer[]",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            scorers: list[Scorer] | None = None,
        ) -> None:
            self.scorers = [] if scorers is None else scorers

    def __init__(
        self,
        *,
        experiment_id: str,
        name: str,
    ) -> None:
        self.experiment_id = experiment_id
        self.name = name


class GetScorer(Message):
    """GET /3.0/mlflow/scorers/get"""

    _fields = {
        "experiment_id": "string",
        "name": "string",
        "version": "int32",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "scorer": "Scorer",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            scorer: Scorer | None = None,
        ) -> None:
            self.scorer = scorer

    def __init__(
        self,
        *,
        experiment_id: str,
        name: str,
        version: int | None = None,
    ) -> None:
        self.experiment_id = experiment_id
        self.name = name
        self.version = version


class DeleteScorer(Message):
    """DELETE /3.0/mlflow/scorers/delete"""

    _fields = {
        "experiment_id": "string",
        "name": "string",
        "version": "int32",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        experiment_id: str,
        name: str,
        version: int | None = None,
    ) -> None:
        self.experiment_id = experiment_id
        self.name = name
        self.version = version


class GetDatasetRecords(Message):
    """GET /3.0/mlflow/datasets/<dataset_id>/records"""

    _fields = {
        "dataset_id": "string",
        "max_results": "int32",
        "page_token": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "records": "string",
            "next_page_token": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            records: str | None = None,
            next_page_token: str | None = None,
        ) -> None:
            self.records = records
            self.next_page_token = next_page_token

    def __init__(
        self,
        *,
        dataset_id: str,
        max_results: int = 1000,
        page_token: str | None = None,
    ) -> None:
        self.dataset_id = dataset_id
        self.max_results = max_results
        self.page_token = page_token


class DeleteDatasetRecords(Message):
    """DELETE /3.0/mlflow/datasets/<dataset_id>/records"""

    _fields = {
        "dataset_id": "string",
        "dataset_record_ids": "string[]",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "deleted_count": "int32",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            deleted_count: int | None = None,
        ) -> None:
            self.deleted_count = deleted_count

    def __init__(
        self,
        *,
        dataset_id: str,
        dataset_record_ids: list[str] | None = None,
    ) -> None:
        self.dataset_id = dataset_id
        self.dataset_record_ids = [] if dataset_record_ids is None else dataset_record_ids


class AddDatasetToExperiments(Message):
    """POST /3.0/mlflow/datasets/<dataset_id>/add-experiments"""

    _fields = {
        "dataset_id": "string",
        "experiment_ids": "string[]",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "dataset": "DatasetsDataset",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            dataset: DatasetsDataset | None = None,
        ) -> None:
            self.dataset = dataset

    def __init__(
        self,
        *,
        dataset_id: str,
        experiment_ids: list[str] | None = None,
    ) -> None:
        self.dataset_id = dataset_id
        self.experiment_ids = [] if experiment_ids is None else experiment_ids


class RemoveDatasetFromExperiments(Message):
    """POST /3.0/mlflow/datasets/<dataset_id>/remove-experiments"""

    _fields = {
        "dataset_id": "string",
        "experiment_ids": "string[]",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "dataset": "DatasetsDataset",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            dataset: DatasetsDataset | None = None,
        ) -> None:
            self.dataset = dataset

    def __init__(
        self,
        *,
        dataset_id: str,
        experiment_ids: list[str] | None = None,
    ) -> None:
        self.dataset_id = dataset_id
        self.experiment_ids = [] if experiment_ids is None else experiment_ids


class CreateGatewaySecret(Message):
    """POST /3.0/mlflow/gateway/secrets/create"""

    _fields = {
        "secret_name": "string",
        "secret_value": "map<string,string>",
        "provider": "string",
        "auth_config": "map<string,string>",
        "created_by": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "secret": "GatewaySecretInfo",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            secret: GatewaySecretInfo | None = None,
        ) -> None:
            self.secret = secret

    def __init__(
        self,
        *,
        secret_name: str,
        secret_value: dict[str, str] | None = None,
        provider: str | None = None,
        auth_config: dict[str, str] | None = None,
        created_by: str | None = None,
    ) -> None:
        self.secret_name = secret_name
        self.secret_value = {} if secret_value is None else secret_value
        self.provider = provider
        self.auth_config = {} if auth_config is None else auth_config
        self.created_by = created_by


class GatewaySecretInfo(Message):
    _fields = {
        "secret_id": "string",
        "secret_name": "string",
        "masked_values": "map<string,string>",
        "created_at": "int64",
        "last_updated_at": "int64",
        "provider": "string",
        "created_by": "string",
        "last_updated_by": "string",
        "auth_config": "map<string,string>",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        secret_id: str | None = None,
        secret_name: str | None = None,
        masked_values: dict[str, str] | None = None,
        created_at: int | None = None,
        last_updated_at: int | None = None,
        provider: str | None = None,
        created_by: str | None = None,
        last_updated_by: str | None = None,
        auth_config: dict[str, str] | None = None,
    ) -> None:
        self.secret_id = secret_id
        self.secret_name = secret_name
        self.masked_values = {} if masked_values is None else masked_values
        self.created_at = created_at
        self.last_updated_at = last_updated_at
        self.provider = provider
        self.created_by = created_by
        self.last_updated_by = last_updated_by
        self.auth_config = {} if auth_config is None else auth_config


class GetGatewaySecretInfo(Message):
    """GET /3.0/mlflow/gateway/secrets/get"""

    _fields = {
        "secret_id": "string",
        "secret_name": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "secret": "GatewaySecretInfo",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            secret: GatewaySecretInfo | None = None,
        ) -> None:
            self.secret = secret

    def __init__(
        self,
        *,
        secret_id: str,
        secret_name: str | None = None,
    ) -> None:
        self.secret_id = secret_id
        self.secret_name = secret_name


class UpdateGatewaySecret(Message):
    """POST /3.0/mlflow/gateway/secrets/update"""

    _fields = {
        "secret_id": "string",
        "secret_value": "map<string,string>",
        "auth_config": "map<string,string>",
        "updated_by": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "secret": "GatewaySecretInfo",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            secret: GatewaySecretInfo | None = None,
        ) -> None:
            self.secret = secret

    def __init__(
        self,
        *,
        secret_id: str,
        secret_value: dict[str, str] | None = None,
        auth_config: dict[str, str] | None = None,
        updated_by: str | None = None,
    ) -> None:
        self.secret_id = secret_id
        self.secret_value = {} if secret_value is None else secret_value
        self.auth_config = {} if auth_config is None else auth_config
        self.updated_by = updated_by


class DeleteGatewaySecret(Message):
    """DELETE /3.0/mlflow/gateway/secrets/delete"""

    _fields = {
        "secret_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        secret_id: str,
    ) -> None:
        self.secret_id = secret_id


class ListGatewaySecretInfos(Message):
    """GET /3.0/mlflow/gateway/secrets/list"""

    _fields = {
        "provider": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "secrets": "GatewaySecretInfo[]",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            secrets: list[GatewaySecretInfo] | None = None,
        ) -> None:
            self.secrets = [] if secrets is None else secrets

    def __init__(
        self,
        *,
        provider: str | None = None,
    ) -> None:
        self.provider = provider


class CreateGatewayEndpoint(Message):
    """POST /3.0/mlflow/gateway/endpoints/create"""

    _fields = {
        "name": "string",
        "model_configs": "GatewayEndpointModelConfig[]",
        "created_by": "string",
        "routing_strategy": "RoutingStrategy",
        "fallback_config": "FallbackConfig",
        "experiment_id": "string",
        "usage_tracking": "bool",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "endpoint": "GatewayEndpoint",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            endpoint: GatewayEndpoint | None = None,
        ) -> None:
            self.endpoint = endpoint

    def __init__(
        self,
        *,
        name: str,
        model_configs: list[GatewayEndpointModelConfig],
        created_by: str | None = None,
        routing_strategy: str | None = None,
        fallback_config: FallbackConfig | None = None,
        experiment_id: str | None = None,
        usage_tracking: bool | None = None,
    ) -> None:
        self.name = name
        self.model_configs = model_configs
        self.created_by = created_by
        self.routing_strategy = routing_strategy
        self.fallback_config = fallback_config
        self.experiment_id = experiment_id
        self.usage_tracking = usage_tracking


class GatewayEndpoint(Message):
    _fields = {
        "endpoint_id": "string",
        "name": "string",
        "created_at": "int64",
        "last_updated_at": "int64",
        "model_mappings": "GatewayEndpointModelMapping[]",
        "created_by": "string",
        "last_updated_by": "string",
        "tags": "GatewayEndpointTag[]",
        "routing_strategy": "RoutingStrategy",
        "fallback_config": "FallbackConfig",
        "experiment_id": "string",
        "usage_tracking": "bool",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        endpoint_id: str | None = None,
        name: str | None = None,
        created_at: int | None = None,
        last_updated_at: int | None = None,
        model_mappings: list[GatewayEndpointModelMapping] | None = None,
        created_by: str | None = None,
        last_updated_by: str | None = None,
        tags: list[GatewayEndpointTag] | None = None,
        routing_strategy: str | None = None,
        fallback_config: FallbackConfig | None = None,
        experiment_id: str | None = None,
        usage_tracking: bool | None = None,
    ) -> None:
        self.endpoint_id = endpoint_id
        self.name = name
        self.created_at = created_at
        self.last_updated_at = last_updated_at
        self.model_mappings = [] if model_mappings is None else model_mappings
        self.created_by = created_by
        self.last_updated_by = last_updated_by
        self.tags = [] if tags is None else tags
        self.routing_strategy = routing_strategy
        self.fallback_config = fallback_config
        self.experiment_id = experiment_id
        self.usage_tracking = usage_tracking


class GatewayEndpointModelMapping(Message):
    _fields = {
        "mapping_id": "string",
        "endpoint_id": "string",
        "model_definition_id": "string",
        "model_definition": "GatewayModelDefinition",
        "weight": "float",
        "created_at": "int64",
        "created_by": "string",
        "linkage_type": "GatewayModelLinkageType",
        "fallback_order": "int32",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        mapping_id: str | None = None,
        endpoint_id: str | None = None,
        model_definition_id: str | None = None,
        model_definition: GatewayModelDefinition | None = None,
        weight: float | None = None,
        created_at: int | None = None,
        created_by: str | None = None,
        linkage_type: str | None = None,
        fallback_order: int | None = None,
    ) -> None:
        self.mapping_id = mapping_id
        self.endpoint_id = endpoint_id
        self.model_definition_id = model_definition_id
        self.model_definition = model_definition
        self.weight = weight
        self.created_at = created_at
        self.created_by = created_by
        self.linkage_type = linkage_type
        self.fallback_order = fallback_order


class GatewayModelDefinition(Message):
    _fields = {
        "model_definition_id": "string",
        "name": "string",
        "secret_id": "string",
        "secret_name": "string",
        "provider": "string",
        "model_name": "string",
        "created_at": "int64",
        "last_updated_at": "int64",
        "created_by": "string",
        "last_updated_by": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        model_definition_id: str | None = None,
        name: str | None = None,
        secret_id: str | None = None,
        secret_name: str | None = None,
        provider: str | None = None,
        model_name: str | None = None,
        created_at: int | None = None,
        last_updated_at: int | None = None,
        created_by: str | None = None,
        last_updated_by: str | None = None,
    ) -> None:
        self.model_definition_id = model_definition_id
        self.name = name
        self.secret_id = secret_id
        self.secret_name = secret_name
        self.provider = provider
        self.model_name = model_name
        self.created_at = created_at
        self.last_updated_at = last_updated_at
        self.created_by = created_by
        self.last_updated_by = last_updated_by


class GatewayEndpointTag(Message):
    _fields = {
        "key": "string",
        "value": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        key: str | None = None,
        value: str | None = None,
    ) -> None:
        self.key = key
        self.value = value


class FallbackConfig(Message):
    _fields = {
        "strategy": "FallbackStrategy",
        "max_attempts": "int32",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        strategy: str | None = None,
        max_attempts: int | None = None,
    ) -> None:
        self.strategy = strategy
        self.max_attempts = max_attempts


class GatewayEndpointModelConfig(Message):
    _fields = {
        "model_definition_id": "string",
        "linkage_type": "GatewayModelLinkageType",
        "weight": "float",
        "fallback_order": "int32",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        model_definition_id: str | None = None,
        linkage_type: str | None = None,
        weight: float | None = None,
        fallback_order: int | None = None,
    ) -> None:
        self.model_definition_id = model_definition_id
        self.linkage_type = linkage_type
        self.weight = weight
        self.fallback_order = fallback_order


class GetGatewayEndpoint(Message):
    """GET /3.0/mlflow/gateway/endpoints/get"""

    _fields = {
        "endpoint_id": "string",
        "name": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "endpoint": "GatewayEndpoint",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            endpoint: GatewayEndpoint | None = None,
        ) -> None:
            self.endpoint = endpoint

    def __init__(
        self,
        *,
        endpoint_id: str | None = None,
        name: str | None = None,
    ) -> None:
        self.endpoint_id = endpoint_id
        self.name = name


class UpdateGatewayEndpoint(Message):
    """POST /3.0/mlflow/gateway/endpoints/update"""

    _fields = {
        "endpoint_id": "string",
        "name": "string",
        "updated_by": "string",
        "model_configs": "GatewayEndpointModelConfig[]",
        "routing_strategy": "RoutingStrategy",
        "fallback_config": "FallbackConfig",
        "experiment_id": "string",
        "usage_tracking": "bool",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "endpoint": "GatewayEndpoint",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            endpoint: GatewayEndpoint | None = None,
        ) -> None:
            self.endpoint = endpoint

    def __init__(
        self,
        *,
        endpoint_id: str,
        name: str | None = None,
        updated_by: str | None = None,
        model_configs: list[GatewayEndpointModelConfig] | None = None,
        routing_strategy: str | None = None,
        fallback_config: FallbackConfig | None = None,
        experiment_id: str | None = None,
        usage_tracking: bool | None = None,
    ) -> None:
        self.endpoint_id = endpoint_id
        self.name = name
        self.updated_by = updated_by
        self.model_configs = [] if model_configs is None else model_configs
        self.routing_strategy = routing_strategy
        self.fallback_config = fallback_config
        self.experiment_id = experiment_id
        self.usage_tracking = usage_tracking


class DeleteGatewayEndpoint(Message):
    """DELETE /3.0/mlflow/gateway/endpoints/delete"""

    _fields = {
        "endpoint_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        endpoint_id: str,
    ) -> None:
        self.endpoint_id = endpoint_id


class ListGatewayEndpoints(Message):
    """GET /3.0/mlflow/gateway/endpoints/list"""

    _fields = {
        "provider": "string",
        "secret_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "endpoints": "GatewayEndpoint[]",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            endpoints: list[GatewayEndpoint] | None = None,
        ) -> None:
            self.endpoints = [] if endpoints is None else endpoints

    def __init__(
        self,
        *,
        provider: str | None = None,
        secret_id: str | None = None,
    ) -> None:
        self.provider = provider
        self.secret_id = secret_id


class CreateGatewayModelDefinition(Message):
    """POST /3.0/mlflow/gateway/model-definitions/create"""

    _fields = {
        "name": "string",
        "secret_id": "string",
        "provider": "string",
        "model_name": "string",
        "created_by": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "model_definition": "GatewayModelDefinition",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            model_definition: GatewayModelDefinition | None = None,
        ) -> None:
            self.model_definition = model_definition

    def __init__(
        self,
        *,
        name: str,
        secret_id: str,
        provider: str,
        model_name: str,
        created_by: str | None = None,
    ) -> None:
        self.name = name
        self.secret_id = secret_id
        self.provider = provider
        self.model_name = model_name
        self.created_by = created_by


class GetGatewayModelDefinition(Message):
    """GET /3.0/mlflow/gateway/model-definitions/get"""

    _fields = {
        "model_definition_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "model_definition": "GatewayModelDefinition",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            model_definition: GatewayModelDefinition | None = None,
        ) -> None:
            self.model_definition = model_definition

    def __init__(
        self,
        *,
        model_definition_id: str,
    ) -> None:
        self.model_definition_id = model_definition_id


class ListGatewayModelDefinitions(Message):
    """GET /3.0/mlflow/gateway/model-definitions/list"""

    _fields = {
        "provider": "string",
        "secret_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "model_definitions": "GatewayModelDefinition[]",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            model_definitions: list[GatewayModelDefinition] | None = None,
        ) -> None:
            self.model_definitions = [] if model_definitions is None else model_definitions

    def __init__(
        self,
        *,
        provider: str | None = None,
        secret_id: str | None = None,
    ) -> None:
        self.provider = provider
        self.secret_id = secret_id


class UpdateGatewayModelDefinition(Message):
    """POST /3.0/mlflow/gateway/model-definitions/update"""

    _fields = {
        "model_definition_id": "string",
        "name": "string",
        "secret_id": "string",
        "model_name": "string",
        "updated_by": "string",
        "provider": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "model_definition": "GatewayModelDefinition",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            model_definition: GatewayModelDefinition | None = None,
        ) -> None:
            self.model_definition = model_definition

    def __init__(
        self,
        *,
        model_definition_id: str,
        name: str | None = None,
        secret_id: str | None = None,
        model_name: str | None = None,
        updated_by: str | None = None,
        provider: str | None = None,
    ) -> None:
        self.model_definition_id = model_definition_id
        self.name = name
        self.secret_id = secret_id
        self.model_name = model_name
        self.updated_by = updated_by
        self.provider = provider


class DeleteGatewayModelDefinition(Message):
    """DELETE /3.0/mlflow/gateway/model-definitions/delete"""

    _fields = {
        "model_definition_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        model_definition_id: str,
    ) -> None:
        self.model_definition_id = model_definition_id


class AttachModelToGatewayEndpoint(Message):
    """POST /3.0/mlflow/gateway/endpoints/models/attach"""

    _fields = {
        "endpoint_id": "string",
        "model_config": "GatewayEndpointModelConfig",
        "created_by": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "mapping": "GatewayEndpointModelMapping",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            mapping: GatewayEndpointModelMapping | None = None,
        ) -> None:
            self.mapping = mapping

    def __init__(
        self,
        *,
        endpoint_id: str,
        model_config: GatewayEndpointModelConfig,
        created_by: str | None = None,
    ) -> None:
        self.endpoint_id = endpoint_id
        self.model_config = model_config
        self.created_by = created_by


class DetachModelFromGatewayEndpoint(Message):
    """POST /3.0/mlflow/gateway/endpoints/models/detach"""

    _fields = {
        "endpoint_id": "string",
        "model_definition_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        endpoint_id: str,
        model_definition_id: str,
    ) -> None:
        self.endpoint_id = endpoint_id
        self.model_definition_id = model_definition_id


class CreateGatewayEndpointBinding(Message):
    """POST /3.0/mlflow/gateway/endpoints/bindings/create"""

    _fields = {
        "endpoint_id": "string",
        "resource_type": "string",
        "resource_id": "string",
        "created_by": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "binding": "GatewayEndpointBinding",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            binding: GatewayEndpointBinding | None = None,
        ) -> None:
            self.binding = binding

    def __init__(
        self,
        *,
        endpoint_id: str,
        resource_type: str,
        resource_id: str,
        created_by: str | None = None,
    ) -> None:
        self.endpoint_id = endpoint_id
        self.resource_type = resource_type
        self.resource_id = resource_id
        self.created_by = created_by


class GatewayEndpointBinding(Message):
    _fields = {
        "endpoint_id": "string",
        "resource_type": "string",
        "resource_id": "string",
        "created_at": "int64",
        "last_updated_at": "int64",
        "created_by": "string",
        "last_updated_by": "string",
        "display_name": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        endpoint_id: str | None = None,
        resource_type: str | None = None,
        resource_id: str | None = None,
        created_at: int | None = None,
        last_updated_at: int | None = None,
        created_by: str | None = None,
        last_updated_by: str | None = None,
        display_name: str | None = None,
    ) -> None:
        self.endpoint_id = endpoint_id
        self.resource_type = resource_type
        self.resource_id = resource_id
        self.created_at = created_at
        self.last_updated_at = last_updated_at
        self.created_by = created_by
        self.last_updated_by = last_updated_by
        self.display_name = display_name


class DeleteGatewayEndpointBinding(Message):
    """DELETE /3.0/mlflow/gateway/endpoints/bindings/delete"""

    _fields = {
        "endpoint_id": "string",
        "resource_type": "string",
        "resource_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        endpoint_id: str,
        resource_type: str,
        resource_id: str,
    ) -> None:
        self.endpoint_id = endpoint_id
        self.resource_type = resource_type
        self.resource_id = resource_id


class ListGatewayEndpointBindings(Message):
    """GET /3.0/mlflow/gateway/endpoints/bindings/list"""

    _fields = {
        "endpoint_id": "string",
        "resource_type": "string",
        "resource_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "bindings": "GatewayEndpointBinding[]",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            bindings: list[GatewayEndpointBinding] | None = None,
        ) -> None:
            self.bindings = [] if bindings is None else bindings

    def __init__(
        self,
        *,
        endpoint_id: str | None = None,
        resource_type: str | None = None,
        resource_id: str | None = None,
    ) -> None:
        self.endpoint_id = endpoint_id
        self.resource_type = resource_type
        self.resource_id = resource_id


class SetGatewayEndpointTag(Message):
    """POST /3.0/mlflow/gateway/endpoints/set-tag"""

    _fields = {
        "endpoint_id": "string",
        "key": "string",
        "value": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        endpoint_id: str,
        key: str,
        value: str | None = None,
    ) -> None:
        self.endpoint_id = endpoint_id
        self.key = key
        self.value = value


class DeleteGatewayEndpointTag(Message):
    """DELETE /3.0/mlflow/gateway/endpoints/delete-tag"""

    _fields = {
        "endpoint_id": "string",
        "key": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        endpoint_id: str,
        key: str,
    ) -> None:
        self.endpoint_id = endpoint_id
        self.key = key


class CreateGatewayBudgetPolicy(Message):
    """POST /3.0/mlflow/gateway/budgets/create"""

    _fields = {
        "budget_unit": "BudgetUnit",
        "budget_amount": "double",
        "duration": "BudgetDuration",
        "target_scope": "BudgetTargetScope",
        "budget_action": "BudgetAction",
        "created_by": "string",
        "target_value": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "budget_policy": "GatewayBudgetPolicy",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            budget_policy: GatewayBudgetPolicy | None = None,
        ) -> None:
            self.budget_policy = budget_policy

    def __init__(
        self,
        *,
        budget_unit: str,
        budget_amount: float,
        duration: BudgetDuration,
        target_scope: str,
        budget_action: str,
        created_by: str | None = None,
        target_value: str | None = None,
    ) -> None:
        self.budget_unit = budget_unit
        self.budget_amount = budget_amount
        self.duration = duration
        self.target_scope = target_scope
        self.budget_action = budget_action
        self.created_by = created_by
        self.target_value = target_value


class GatewayBudgetPolicy(Message):
    _fields = {
        "budget_policy_id": "string",
        "budget_unit": "BudgetUnit",
        "budget_amount": "double",
        "duration": "BudgetDuration",
        "target_scope": "BudgetTargetScope",
        "budget_action": "BudgetAction",
        "created_by": "string",
        "created_at": "int64",
        "last_updated_by": "string",
        "last_updated_at": "int64",
        "target_value": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        budget_policy_id: str | None = None,
        budget_unit: str | None = None,
        budget_amount: float | None = None,
        duration: BudgetDuration | None = None,
        target_scope: str | None = None,
        budget_action: str | None = None,
        created_by: str | None = None,
        created_at: int | None = None,
        last_updated_by: str | None = None,
        last_updated_at: int | None = None,
        target_value: str | None = None,
    ) -> None:
        self.budget_policy_id = budget_policy_id
        self.budget_unit = budget_unit
        self.budget_amount = budget_amount
        self.duration = duration
        self.target_scope = target_scope
        self.budget_action = budget_action
        self.created_by = created_by
        self.created_at = created_at
        self.last_updated_by = last_updated_by
        self.last_updated_at = last_updated_at
        self.target_value = target_value


class BudgetDuration(Message):
    _fields = {
        "unit": "BudgetDurationUnit",
        "value": "int32",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        unit: str | None = None,
        value: int | None = None,
    ) -> None:
        self.unit = unit
        self.value = value


class GetGatewayBudgetPolicy(Message):
    """GET /3.0/mlflow/gateway/budgets/get"""

    _fields = {
        "budget_policy_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "budget_policy": "GatewayBudgetPolicy",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            budget_policy: GatewayBudgetPolicy | None = None,
        ) -> None:
            self.budget_policy = budget_policy

    def __init__(
        self,
        *,
        budget_policy_id: str,
    ) -> None:
        self.budget_policy_id = budget_policy_id


class UpdateGatewayBudgetPolicy(Message):
    """POST /3.0/mlflow/gateway/budgets/update"""

    _fields = {
        "budget_policy_id": "string",
        "budget_unit": "BudgetUnit",
        "budget_amount": "double",
        "duration": "BudgetDuration",
        "target_scope": "BudgetTargetScope",
        "budget_action": "BudgetAction",
        "updated_by": "string",
        "target_value": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "budget_policy": "GatewayBudgetPolicy",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            budget_policy: GatewayBudgetPolicy | None = None,
        ) -> None:
            self.budget_policy = budget_policy

    def __init__(
        self,
        *,
        budget_policy_id: str,
        budget_unit: str | None = None,
        budget_amount: float | None = None,
        duration: BudgetDuration | None = None,
        target_scope: str | None = None,
        budget_action: str | None = None,
        updated_by: str | None = None,
        target_value: str | None = None,
    ) -> None:
        self.budget_policy_id = budget_policy_id
        self.budget_unit = budget_unit
        self.budget_amount = budget_amount
        self.duration = duration
        self.target_scope = target_scope
        self.budget_action = budget_action
        self.updated_by = updated_by
        self.target_value = target_value


class DeleteGatewayBudgetPolicy(Message):
    """DELETE /3.0/mlflow/gateway/budgets/delete"""

    _fields = {
        "budget_policy_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        budget_policy_id: str,
    ) -> None:
        self.budget_policy_id = budget_policy_id


class ListGatewayBudgetPolicies(Message):
    """GET /3.0/mlflow/gateway/budgets/list"""

    _fields = {
        "max_results": "int64",
        "page_token": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "budget_policies": "GatewayBudgetPolicy[]",
            "next_page_token": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            budget_policies: list[GatewayBudgetPolicy] | None = None,
            next_page_token: str | None = None,
        ) -> None:
            self.budget_policies = [] if budget_policies is None else budget_policies
            self.next_page_token = next_page_token

    def __init__(
        self,
        *,
        max_results: int | None = None,
        page_token: str | None = None,
    ) -> None:
        self.max_results = max_results
        self.page_token = page_token


class ListGatewayBudgetWindows(Message):
    """GET /3.0/mlflow/gateway/budgets/windows"""

    __slots__ = ()

    class BudgetWindow(Message):
        _fields = {
            "budget_policy_id": "string",
            "window_start_ms": "int64",
            "window_end_ms": "int64",
            "current_spend": "double",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            budget_policy_id: str | None = None,
            window_start_ms: int | None = None,
            window_end_ms: int | None = None,
            current_spend: float | None = None,
        ) -> None:
            self.budget_policy_id = budget_policy_id
            self.window_start_ms = window_start_ms
            self.window_end_ms = window_end_ms
            self.current_spend = current_spend

    class Response(Message):
        _fields = {
            "windows": "ListGatewayBudgetWindows.BudgetWindow[]",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            windows: list[ListGatewayBudgetWindows.BudgetWindow] | None = None,
        ) -> None:
            self.windows = [] if windows is None else windows


class CreateGatewayGuardrail(Message):
    """POST /3.0/mlflow/gateway/guardrails/create"""

    _fields = {
        "name": "string",
        "scorer_id": "string",
        "scorer_version": "int64",
        "stage": "GuardrailStage",
        "action": "GuardrailAction",
        "action_endpoint_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "guardrail": "GatewayGuardrail",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            guardrail: GatewayGuardrail | None = None,
        ) -> None:
            self.guardrail = guardrail

    def __init__(
        self,
        *,
        name: str,
        scorer_id: str,
        scorer_version: int,
        stage: str,
        action: str,
        action_endpoint_id: str | None = None,
    ) -> None:
        self.name = name
        self.scorer_id = scorer_id
        self.scorer_version = scorer_version
        self.stage = stage
        self.action = action
        self.action_endpoint_id = action_endpoint_id


class GatewayGuardrail(Message):
    _fields = {
        "guardrail_id": "string",
        "name": "string",
        "scorer": "Scorer",
        "stage": "GuardrailStage",
        "action": "GuardrailAction",
        "action_endpoint_id": "string",
        "created_by": "string",
        "created_at": "int64",
        "last_updated_by": "string",
        "last_updated_at": "int64",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        guardrail_id: str | None = None,
        name: str | None = None,
        scorer: Scorer | None = None,
        stage: str | None = None,
        action: str | None = None,
        action_endpoint_id: str | None = None,
        created_by: str | None = None,
        created_at: int | None = None,
        last_updated_by: str | None = None,
        last_updated_at: int | None = None,
    ) -> None:
        self.guardrail_id = guardrail_id
        self.name = name
        self.scorer = scorer
        self.stage = stage
        self.action = action
        self.action_endpoint_id = action_endpoint_id
        self.created_by = created_by
        self.created_at = created_at
        self.last_updated_by = last_updated_by
        self.last_updated_at = last_updated_at


class GetGatewayGuardrail(Message):
    """GET /3.0/mlflow/gateway/guardrails/get"""

    _fields = {
        "guardrail_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "guardrail": "GatewayGuardrail",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            guardrail: GatewayGuardrail | None = None,
        ) -> None:
            self.guardrail = guardrail

    def __init__(
        self,
        *,
        guardrail_id: str,
    ) -> None:
        self.guardrail_id = guardrail_id


class DeleteGatewayGuardrail(Message):
    """DELETE /3.0/mlflow/gateway/guardrails/delete"""

    _fields = {
        "guardrail_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        guardrail_id: str,
    ) -> None:
        self.guardrail_id = guardrail_id


class ListGatewayGuardrails(Message):
    """GET /3.0/mlflow/gateway/guardrails/list"""

    _fields = {
        "max_results": "int64",
        "page_token": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "guardrails": "GatewayGuardrail[]",
            "next_page_token": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            guardrails: list[GatewayGuardrail] | None = None,
            next_page_token: str | None = None,
        ) -> None:
            self.guardrails = [] if guardrails is None else guardrails
            self.next_page_token = next_page_token

    def __init__(
        self,
        *,
        max_results: int | None = None,
        page_token: str | None = None,
    ) -> None:
        self.max_results = max_results
        self.page_token = page_token


class AddGuardrailToEndpoint(Message):
    """POST /3.0/mlflow/gateway/guardrails/add-to-endpoint"""

    _fields = {
        "endpoint_id": "string",
        "guardrail_id": "string",
        "execution_order": "int64",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "config": "GatewayGuardrailConfig",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            config: GatewayGuardrailConfig | None = None,
        ) -> None:
            self.config = config

    def __init__(
        self,
        *,
        endpoint_id: str,
        guardrail_id: str,
        execution_order: int | None = None,
    ) -> None:
        self.endpoint_id = endpoint_id
        self.guardrail_id = guardrail_id
        self.execution_order = execution_order


class GatewayGuardrailConfig(Message):
    _fields = {
        "endpoint_id": "string",
        "guardrail_id": "string",
        "execution_order": "int64",
        "created_by": "string",
        "created_at": "int64",
        "guardrail": "GatewayGuardrail",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        endpoint_id: str | None = None,
        guardrail_id: str | None = None,
        execution_order: int | None = None,
        created_by: str | None = None,
        created_at: int | None = None,
        guardrail: GatewayGuardrail | None = None,
    ) -> None:
        self.endpoint_id = endpoint_id
        self.guardrail_id = guardrail_id
        self.execution_order = execution_order
        self.created_by = created_by
        self.created_at = created_at
        self.guardrail = guardrail


class RemoveGuardrailFromEndpoint(Message):
    """DELETE /3.0/mlflow/gateway/guardrails/remove-from-endpoint"""

    _fields = {
        "endpoint_id": "string",
        "guardrail_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        endpoint_id: str,
        guardrail_id: str,
    ) -> None:
        self.endpoint_id = endpoint_id
        self.guardrail_id = guardrail_id


class ListEndpointGuardrailConfigs(Message):
    """GET /3.0/mlflow/gateway/guardrails/list-for-endpoint"""

    _fields = {
        "endpoint_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "configs": "GatewayGuardrailConfig[]",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            configs: list[GatewayGuardrailConfig] | None = None,
        ) -> None:
            self.configs = [] if configs is None else configs

    def __init__(
        self,
        *,
        endpoint_id: str,
    ) -> None:
        self.endpoint_id = endpoint_id


class UpdateEndpointGuardrailConfig(Message):
    """PATCH /3.0/mlflow/gateway/guardrails/update-config"""

    _fields = {
        "endpoint_id": "string",
        "guardrail_id": "string",
        "execution_order": "int64",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "config": "GatewayGuardrailConfig",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            config: GatewayGuardrailConfig | None = None,
        ) -> None:
            self.config = config

    def __init__(
        self,
        *,
        endpoint_id: str,
        guardrail_id: str,
        execution_order: int | None = None,
    ) -> None:
        self.endpoint_id = endpoint_id
        self.guardrail_id = guardrail_id
        self.execution_order = execution_order


class CreatePromptOptimizationJob(Message):
    """POST /3.0/mlflow/prompt-optimization/jobs"""

    _fields = {
        "experiment_id": "string",
        "source_prompt_uri": "string",
        "config": "PromptOptimizationJobConfig",
        "tags": "PromptOptimizationJobTag[]",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "job": "PromptOptimizationJob",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            job: PromptOptimizationJob | None = None,
        ) -> None:
            self.job = job

    def __init__(
        self,
        *,
        experiment_id: str | None = None,
        source_prompt_uri: str,
        config: PromptOptimizationJobConfig,
        tags: list[PromptOptimizationJobTag] | None = None,
    ) -> None:
        self.experiment_id = experiment_id
        self.source_prompt_uri = source_prompt_uri
        self.config = config
        self.tags = [] if tags is None else tags


class GetPromptOptimizationJob(Message):
    """GET /3.0/mlflow/prompt-optimization/jobs/<job_id>"""

    _fields = {
        "job_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "job": "PromptOptimizationJob",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            job: PromptOptimizationJob | None = None,
        ) -> None:
            self.job = job

    def __init__(
        self,
        *,
        job_id: str,
    ) -> None:
        self.job_id = job_id


class SearchPromptOptimizationJobs(Message):
    """POST /3.0/mlflow/prompt-optimization/jobs/search
    GET /3.0/mlflow/prompt-optimization/jobs/search
    """

    _fields = {
        "experiment_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "jobs": "PromptOptimizationJob[]",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            jobs: list[PromptOptimizationJob] | None = None,
        ) -> None:
            self.jobs = [] if jobs is None else jobs

    def __init__(
        self,
        *,
        experiment_id: str,
    ) -> None:
        self.experiment_id = experiment_id


class CancelPromptOptimizationJob(Message):
    """POST /3.0/mlflow/prompt-optimization/jobs/<job_id>/cancel"""

    _fields = {
        "job_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "job": "PromptOptimizationJob",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            job: PromptOptimizationJob | None = None,
        ) -> None:
            self.job = job

    def __init__(
        self,
        *,
        job_id: str,
    ) -> None:
        self.job_id = job_id


class DeletePromptOptimizationJob(Message):
    """DELETE /3.0/mlflow/prompt-optimization/jobs/<job_id>"""

    _fields = {
        "job_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        job_id: str,
    ) -> None:
        self.job_id = job_id


class Assessment(Message):
    _fields = {
        "assessment_id": "string",
        "assessment_name": "string",
        "trace_id": "string",
        "span_id": "string",
        "source": "AssessmentSource",
        "create_time": "google.Timestamp",
        "last_update_time": "google.Timestamp",
        "feedback": "Feedback oneof=value",
        "expectation": "Expectation oneof=value",
        "issue": "IssueReference oneof=value",
        "rationale": "string",
        "error": "AssessmentError",
        "metadata": "map<string,string>",
        "overrides": "string",
        "valid": "bool",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        assessment_id: str | None = None,
        assessment_name: str | None = None,
        trace_id: str | None = None,
        span_id: str | None = None,
        source: AssessmentSource | None = None,
        create_time: int | None = None,
        last_update_time: int | None = None,
        feedback: Feedback | None = None,
        expectation: Expectation | None = None,
        issue: IssueReference | None = None,
        rationale: str | None = None,
        error: AssessmentError | None = None,
        metadata: dict[str, str] | None = None,
        overrides: str | None = None,
        valid: bool = True,
    ) -> None:
        self.assessment_id = assessment_id
        self.assessment_name = assessment_name
        self.trace_id = trace_id
        self.span_id = span_id
        self.source = source
        self.create_time = create_time
        self.last_update_time = last_update_time
        self.feedback = feedback
        self.expectation = expectation
        self.issue = issue
        self.rationale = rationale
        self.error = error
        self.metadata = {} if metadata is None else metadata
        self.overrides = overrides
        self.valid = valid


class AssessmentSource(Message):
    _fields = {
        "source_type": "AssessmentSource.SourceType",
        "source_id": "string",
    }
    __slots__ = tuple(_fields)

    class SourceType(Enumeration):
        SOURCE_TYPE_UNSPECIFIED: Final = "SOURCE_TYPE_UNSPECIFIED"
        HUMAN: Final = "HUMAN"
        LLM_JUDGE: Final = "LLM_JUDGE"
        CODE: Final = "CODE"
        _numbers = {
            "SOURCE_TYPE_UNSPECIFIED": 0,
            "HUMAN": 1,
            "LLM_JUDGE": 2,
            "CODE": 3,
        }

    def __init__(
        self,
        *,
        source_type: str | None = None,
        source_id: str | None = None,
    ) -> None:
        self.source_type = source_type
        self.source_id = source_id


class Feedback(Message):
    _fields = {
        "value": "google.Value",
        "error": "AssessmentError",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        value: Json | None = None,
        error: AssessmentError | None = None,
    ) -> None:
        self.value = value
        self.error = error


class AssessmentError(Message):
    _fields = {
        "error_code": "string",
        "error_message": "string",
        "stack_trace": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        error_code: str | None = None,
        error_message: str | None = None,
        stack_trace: str | None = None,
    ) -> None:
        self.error_code = error_code
        self.error_message = error_message
        self.stack_trace = stack_trace


class Expectation(Message):
    _fields = {
        "value": "google.Value",
        "serialized_value": "Expectation.SerializedValue",
    }
    __slots__ = tuple(_fields)

    class SerializedValue(Message):
        _fields = {
            "serialization_format": "string",
            "value": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            serialization_format: str | None = None,
            value: str | None = None,
        ) -> None:
            self.serialization_format = serialization_format
            self.value = value

    def __init__(
        self,
        *,
        value: Json | None = None,
        serialized_value: Expectation.SerializedValue | None = None,
    ) -> None:
        self.value = value
        self.serialized_value = serialized_value


class IssueReference(Message):
    _fields = {
        "issue_name": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        issue_name: str | None = None,
    ) -> None:
        self.issue_name = issue_name


class Span(Message):
    _fields = {
        "trace_id": "bytes implicit",
        "span_id": "bytes implicit",
        "trace_state": "string implicit",
        "parent_span_id": "bytes implicit",
        "flags": "fixed32 implicit",
        "name": "string implicit",
        "kind": "Span.SpanKind implicit",
        "start_time_unix_nano": "fixed64 implicit",
        "end_time_unix_nano": "fixed64 implicit",
        "attributes": "KeyValue[]",
        "dropped_attributes_count": "uint32 implicit",
        "events": "Span.Event[]",
        "dropped_events_count": "uint32 implicit",
        "links": "Span.Link[]",
        "dropped_links_count": "uint32 implicit",
        "status": "Status",
    }
    __slots__ = tuple(_fields)

    class SpanKind(Enumeration):
        SPAN_KIND_UNSPECIFIED: Final = "SPAN_KIND_UNSPECIFIED"
        SPAN_KIND_INTERNAL: Final = "SPAN_KIND_INTERNAL"
        SPAN_KIND_SERVER: Final = "SPAN_KIND_SERVER"
        SPAN_KIND_CLIENT: Final = "SPAN_KIND_CLIENT"
        SPAN_KIND_PRODUCER: Final = "SPAN_KIND_PRODUCER"
        SPAN_KIND_CONSUMER: Final = "SPAN_KIND_CONSUMER"
        _numbers = {
            "SPAN_KIND_UNSPECIFIED": 0,
            "SPAN_KIND_INTERNAL": 1,
            "SPAN_KIND_SERVER": 2,
            "SPAN_KIND_CLIENT": 3,
            "SPAN_KIND_PRODUCER": 4,
            "SPAN_KIND_CONSUMER": 5,
        }

    class Event(Message):
        _fields = {
            "time_unix_nano": "fixed64 implicit",
            "name": "string implicit",
            "attributes": "KeyValue[]",
            "dropped_attributes_count": "uint32 implicit",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            time_unix_nano: int | None = None,
            name: str | None = None,
            attributes: list[KeyValue] | None = None,
            dropped_attributes_count: int | None = None,
        ) -> None:
            self.time_unix_nano = time_unix_nano
            self.name = name
            self.attributes = [] if attributes is None else attributes
            self.dropped_attributes_count = dropped_attributes_count

    class Link(Message):
        _fields = {
            "trace_id": "bytes implicit",
            "span_id": "bytes implicit",
            "trace_state": "string implicit",
            "attributes": "KeyValue[]",
            "dropped_attributes_count": "uint32 implicit",
            "flags": "fixed32 implicit",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            trace_id: bytes | None = None,
            span_id: bytes | None = None,
            trace_state: str | None = None,
            attributes: list[KeyValue] | None = None,
            dropped_attributes_count: int | None = None,
            flags: int | None = None,
        ) -> None:
            self.trace_id = trace_id
            self.span_id = span_id
            self.trace_state = trace_state
            self.attributes = [] if attributes is None else attributes
            self.dropped_attributes_count = dropped_attributes_count
            self.flags = flags

    def __init__(
        self,
        *,
        trace_id: bytes | None = None,
        span_id: bytes | None = None,
        trace_state: str | None = None,
        parent_span_id: bytes | None = None,
        flags: int | None = None,
        name: str | None = None,
        kind: str | None = None,
        start_time_unix_nano: int | None = None,
        end_time_unix_nano: int | None = None,
        attributes: list[KeyValue] | None = None,
        dropped_attributes_count: int | None = None,
        events: list[Span.Event] | None = None,
        dropped_events_count: int | None = None,
        links: list[Span.Link] | None = None,
        dropped_links_count: int | None = None,
        status: Status | None = None,
    ) -> None:
        self.trace_id = trace_id
        self.span_id = span_id
        self.trace_state = trace_state
        self.parent_span_id = parent_span_id
        self.flags = flags
        self.name = name
        self.kind = kind
        self.start_time_unix_nano = start_time_unix_nano
        self.end_time_unix_nano = end_time_unix_nano
        self.attributes = [] if attributes is None else attributes
        self.dropped_attributes_count = dropped_attributes_count
        self.events = [] if events is None else events
        self.dropped_events_count = dropped_events_count
        self.links = [] if links is None else links
        self.dropped_links_count = dropped_links_count
        self.status = status


class Status(Message):
    _fields = {
        "message": "string implicit",
        "code": "Status.StatusCode implicit",
    }
    __slots__ = tuple(_fields)

    class StatusCode(Enumeration):
        STATUS_CODE_UNSET: Final = "STATUS_CODE_UNSET"
        STATUS_CODE_OK: Final = "STATUS_CODE_OK"
        STATUS_CODE_ERROR: Final = "STATUS_CODE_ERROR"
        _numbers = {
            "STATUS_CODE_UNSET": 0,
            "STATUS_CODE_OK": 1,
            "STATUS_CODE_ERROR": 2,
        }

    def __init__(
        self,
        *,
        message: str | None = None,
        code: str | None = None,
    ) -> None:
        self.message = message
        self.code = code


class KeyValue(Message):
    _fields = {
        "key": "string implicit",
        "value": "AnyValue",
        "key_strindex": "int32 implicit",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        key: str | None = None,
        value: AnyValue | None = None,
        key_strindex: int | None = None,
    ) -> None:
        self.key = key
        self.value = value
        self.key_strindex = key_strindex


class AnyValue(Message):
    _fields = {
        "string_value": "string oneof=value",
        "bool_value": "bool oneof=value",
        "int_value": "int64 oneof=value",
        "double_value": "double oneof=value",
        "array_value": "ArrayValue oneof=value",
        "kvlist_value": "KeyValueList oneof=value",
        "bytes_value": "bytes oneof=value",
        "string_value_strindex": "int32 oneof=value",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        string_value: str | None = None,
        bool_value: bool | None = None,
        int_value: int | None = None,
        double_value: float | None = None,
        array_value: ArrayValue | None = None,
        kvlist_value: KeyValueList | None = None,
        bytes_value: bytes | None = None,
        string_value_strindex: int | None = None,
    ) -> None:
        self.string_value = string_value
        self.bool_value = bool_value
        self.int_value = int_value
        self.double_value = double_value
        self.array_value = array_value
        self.kvlist_value = kvlist_value
        self.bytes_value = bytes_value
        self.string_value_strindex = string_value_strindex


class ArrayValue(Message):
    _fields = {
        "values": "AnyValue[]",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        values: list[AnyValue] | None = None,
    ) -> None:
        self.values = [] if values is None else values


class KeyValueList(Message):
    _fields = {
        "values": "KeyValue[]",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        values: list[KeyValue] | None = None,
    ) -> None:
        self.values = [] if values is None else values


class CreateIssue(Message):
    """POST /3.0/mlflow/issues"""

    _fields = {
        "experiment_id": "string",
        "name": "string",
        "description": "string",
        "status": "string",
        "severity": "string",
        "root_causes": "string[]",
        "source_run_id": "string",
        "created_by": "string",
        "categories": "string[]",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "issue": "Issue",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            issue: Issue | None = None,
        ) -> None:
            self.issue = issue

    def __init__(
        self,
        *,
        experiment_id: str,
        name: str,
        description: str,
        status: str | None = None,
        severity: str | None = None,
        root_causes: list[str] | None = None,
        source_run_id: str | None = None,
        created_by: str | None = None,
        categories: list[str] | None = None,
    ) -> None:
        self.experiment_id = experiment_id
        self.name = name
        self.description = description
        self.status = status
        self.severity = severity
        self.root_causes = [] if root_causes is None else root_causes
        self.source_run_id = source_run_id
        self.created_by = created_by
        self.categories = [] if categories is None else categories


class Issue(Message):
    _fields = {
        "issue_id": "string",
        "experiment_id": "string",
        "name": "string",
        "description": "string",
        "status": "string",
        "severity": "string",
        "root_causes": "string[]",
        "source_run_id": "string",
        "created_timestamp": "int64",
        "last_updated_timestamp": "int64",
        "created_by": "string",
        "categories": "string[]",
        "trace_count": "int32",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        issue_id: str | None = None,
        experiment_id: str | None = None,
        name: str | None = None,
        description: str | None = None,
        status: str | None = None,
        severity: str | None = None,
        root_causes: list[str] | None = None,
        source_run_id: str | None = None,
        created_timestamp: int | None = None,
        last_updated_timestamp: int | None = None,
        created_by: str | None = None,
        categories: list[str] | None = None,
        trace_count: int | None = None,
    ) -> None:
        self.issue_id = issue_id
        self.experiment_id = experiment_id
        self.name = name
        self.description = description
        self.status = status
        self.severity = severity
        self.root_causes = [] if root_causes is None else root_causes
        self.source_run_id = source_run_id
        self.created_timestamp = created_timestamp
        self.last_updated_timestamp = last_updated_timestamp
        self.created_by = created_by
        self.categories = [] if categories is None else categories
        self.trace_count = trace_count


class UpdateIssue(Message):
    """PATCH /3.0/mlflow/issues/<issue_id>"""

    _fields = {
        "issue_id": "string",
        "name": "string",
        "description": "string",
        "status": "string",
        "severity": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "issue": "Issue",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            issue: Issue | None = None,
        ) -> None:
            self.issue = issue

    def __init__(
        self,
        *,
        issue_id: str,
        name: str | None = None,
        description: str | None = None,
        status: str | None = None,
        severity: str | None = None,
    ) -> None:
        self.issue_id = issue_id
        self.name = name
        self.description = description
        self.status = status
        self.severity = severity


class GetIssue(Message):
    """GET /3.0/mlflow/issues/<issue_id>"""

    _fields = {
        "issue_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "issue": "Issue",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            issue: Issue | None = None,
        ) -> None:
            self.issue = issue

    def __init__(
        self,
        *,
        issue_id: str,
    ) -> None:
        self.issue_id = issue_id


class SearchIssues(Message):
    """POST /3.0/mlflow/issues/search"""

    _fields = {
        "experiment_id": "string",
        "filter_string": "string",
        "max_results": "int32",
        "page_token": "string",
        "include_trace_count": "bool",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "issues": "Issue[]",
            "next_page_token": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            issues: list[Issue] | None = None,
            next_page_token: str | None = None,
        ) -> None:
            self.issues = [] if issues is None else issues
            self.next_page_token = next_page_token

    def __init__(
        self,
        *,
        experiment_id: str | None = None,
        filter_string: str | None = None,
        max_results: int | None = None,
        page_token: str | None = None,
        include_trace_count: bool | None = None,
    ) -> None:
        self.experiment_id = experiment_id
        self.filter_string = filter_string
        self.max_results = max_results
        self.page_token = page_token
        self.include_trace_count = include_trace_count


class CreateLabelSchema(Message):
    """POST /3.0/mlflow/label-schemas/create"""

    _fields = {
        "experiment_id": "string",
        "name": "string",
        "type": "LabelSchemaType",
        "input": "LabelSchemaInput",
        "instruction": "string",
        "enable_comment": "bool",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "label_schema": "LabelSchema",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            label_schema: LabelSchema | None = None,
        ) -> None:
            self.label_schema = label_schema

    def __init__(
        self,
        *,
        experiment_id: str,
        name: str,
        type: str | None = None,
        input: LabelSchemaInput | None = None,
        instruction: str | None = None,
        enable_comment: bool | None = None,
    ) -> None:
        self.experiment_id = experiment_id
        self.name = name
        self.type = type
        self.input = input
        self.instruction = instruction
        self.enable_comment = enable_comment


class LabelSchema(Message):
    _fields = {
        "schema_id": "string",
        "experiment_id": "string",
        "name": "string",
        "type": "LabelSchemaType",
        "instruction": "string",
        "enable_comment": "bool",
        "input": "LabelSchemaInput",
        "created_by": "string",
        "created_at": "int64",
        "last_updated_at": "int64",
        "is_default": "bool",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        schema_id: str | None = None,
        experiment_id: str | None = None,
        name: str | None = None,
        type: str | None = None,
        instruction: str | None = None,
        enable_comment: bool | None = None,
        input: LabelSchemaInput | None = None,
        created_by: str | None = None,
        created_at: int | None = None,
        last_updated_at: int | None = None,
        is_default: bool | None = None,
    ) -> None:
        self.schema_id = schema_id
        self.experiment_id = experiment_id
        self.name = name
        self.type = type
        self.instruction = instruction
        self.enable_comment = enable_comment
        self.input = input
        self.created_by = created_by
        self.created_at = created_at
        self.last_updated_at = last_updated_at
        self.is_default = is_default


class LabelSchemaInput(Message):
    _fields = {
        "pass_fail": "InputPassFail oneof=input",
        "categorical": "InputCategorical oneof=input",
        "numeric": "InputNumeric oneof=input",
        "text": "InputText oneof=input",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        pass_fail: InputPassFail | None = None,
        categorical: InputCategorical | None = None,
        numeric: InputNumeric | None = None,
        text: InputText | None = None,
    ) -> None:
        self.pass_fail = pass_fail
        self.categorical = categorical
        self.numeric = numeric
        self.text = text


class InputPassFail(Message):
    _fields = {
        "positive_label": "string",
        "negative_label": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        positive_label: str | None = None,
        negative_label: str | None = None,
    ) -> None:
        self.positive_label = positive_label
        self.negative_label = negative_label


class InputCategorical(Message):
    _fields = {
        "options": "string[]",
        "multi_select": "bool",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        options: list[str] | None = None,
        multi_select: bool | None = None,
    ) -> None:
        self.options = [] if options is None else options
        self.multi_select = multi_select


class InputNumeric(Message):
    _fields = {
        "min_value": "double",
        "max_value": "double",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:
        self.min_value = min_value
        self.max_value = max_value


class InputText(Message):
    _fields = {
        "max_length": "int64",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        max_length: int | None = None,
    ) -> None:
        self.max_length = max_length


class GetLabelSchema(Message):
    """GET /3.0/mlflow/label-schemas/get"""

    _fields = {
        "schema_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "label_schema": "LabelSchema",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            label_schema: LabelSchema | None = None,
        ) -> None:
            self.label_schema = label_schema

    def __init__(
        self,
        *,
        schema_id: str,
    ) -> None:
        self.schema_id = schema_id


class GetLabelSchemaByName(Message):
    """GET /3.0/mlflow/label-schemas/get-by-name"""

    _fields = {
        "experiment_id": "string",
        "name": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "label_schema": "LabelSchema",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            label_schema: LabelSchema | None = None,
        ) -> None:
            self.label_schema = label_schema

    def __init__(
        self,
        *,
        experiment_id: str,
        name: str,
    ) -> None:
        self.experiment_id = experiment_id
        self.name = name


class ListLabelSchemas(Message):
    """GET /3.0/mlflow/label-schemas/list"""

    _fields = {
        "experiment_id": "string",
        "max_results": "int32",
        "page_token": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "label_schemas": "LabelSchema[]",
            "next_page_token": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            label_schemas: list[LabelSchema] | None = None,
            next_page_token: str | None = None,
        ) -> None:
            self.label_schemas = [] if label_schemas is None else label_schemas
            self.next_page_token = next_page_token

    def __init__(
        self,
        *,
        experiment_id: str,
        max_results: int | None = None,
        page_token: str | None = None,
    ) -> None:
        self.experiment_id = experiment_id
        self.max_results = max_results
        self.page_token = page_token


class UpdateLabelSchema(Message):
    """PATCH /3.0/mlflow/label-schemas/update"""

    _fields = {
        "schema_id": "string",
        "name": "string",
        "instruction": "string",
        "enable_comment": "bool",
        "input": "LabelSchemaInput",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "label_schema": "LabelSchema",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            label_schema: LabelSchema | None = None,
        ) -> None:
            self.label_schema = label_schema

    def __init__(
        self,
        *,
        schema_id: str,
        name: str | None = None,
        instruction: str | None = None,
        enable_comment: bool | None = None,
        input: LabelSchemaInput | None = None,
    ) -> None:
        self.schema_id = schema_id
        self.name = name
        self.instruction = instruction
        self.enable_comment = enable_comment
        self.input = input


class DeleteLabelSchema(Message):
    """DELETE /3.0/mlflow/label-schemas/delete"""

    _fields = {
        "schema_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        schema_id: str,
    ) -> None:
        self.schema_id = schema_id


class DatasetsDataset(Message):
    _fields = {
        "dataset_id": "string",
        "name": "string",
        "tags": "string",
        "schema": "string",
        "profile": "string",
        "digest": "string",
        "created_time": "int64",
        "last_update_time": "int64",
        "created_by": "string",
        "last_updated_by": "string",
        "experiment_ids": "string[]",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        dataset_id: str | None = None,
        name: str | None = None,
        tags: str | None = None,
        schema: str | None = None,
        profile: str | None = None,
        digest: str | None = None,
        created_time: int | None = None,
        last_update_time: int | None = None,
        created_by: str | None = None,
        last_updated_by: str | None = None,
        experiment_ids: list[str] | None = None,
    ) -> None:
        self.dataset_id = dataset_id
        self.name = name
        self.tags = tags
        self.schema = schema
        self.profile = profile
        self.digest = digest
        self.created_time = created_time
        self.last_update_time = last_update_time
        self.created_by = created_by
        self.last_updated_by = last_updated_by
        self.experiment_ids = [] if experiment_ids is None else experiment_ids


class DatasetRecordSource(Message):
    _fields = {
        "source_type": "DatasetRecordSource.SourceType",
        "source_data": "string",
    }
    __slots__ = tuple(_fields)

    class SourceType(Enumeration):
        SOURCE_TYPE_UNSPECIFIED: Final = "SOURCE_TYPE_UNSPECIFIED"
        TRACE: Final = "TRACE"
        HUMAN: Final = "HUMAN"
        DOCUMENT: Final = "DOCUMENT"
        CODE: Final = "CODE"
        _numbers = {
            "SOURCE_TYPE_UNSPECIFIED": 0,
            "TRACE": 1,
            "HUMAN": 2,
            "DOCUMENT": 3,
            "CODE": 4,
        }

    def __init__(
        self,
        *,
        source_type: str | None = None,
        source_data: str | None = None,
    ) -> None:
        self.source_type = source_type
        self.source_data = source_data


class PromptOptimizationJob(Message):
    _fields = {
        "job_id": "string",
        "run_id": "string",
        "state": "JobState",
        "experiment_id": "string",
        "source_prompt_uri": "string",
        "optimized_prompt_uri": "string",
        "config": "PromptOptimizationJobConfig",
        "creation_timestamp_ms": "int64",
        "completion_timestamp_ms": "int64",
        "tags": "PromptOptimizationJobTag[]",
        "initial_eval_scores": "map<string,double>",
        "final_eval_scores": "map<string,double>",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        job_id: str | None = None,
        run_id: str | None = None,
        state: JobState | None = None,
        experiment_id: str | None = None,
        source_prompt_uri: str | None = None,
        optimized_prompt_uri: str | None = None,
        config: PromptOptimizationJobConfig | None = None,
        creation_timestamp_ms: int | None = None,
        completion_timestamp_ms: int | None = None,
        tags: list[PromptOptimizationJobTag] | None = None,
        initial_eval_scores: dict[str, float] | None = None,
        final_eval_scores: dict[str, float] | None = None,
    ) -> None:
        self.job_id = job_id
        self.run_id = run_id
        self.state = state
        self.experiment_id = experiment_id
        self.source_prompt_uri = source_prompt_uri
        self.optimized_prompt_uri = optimized_prompt_uri
        self.config = config
        self.creation_timestamp_ms = creation_timestamp_ms
        self.completion_timestamp_ms = completion_timestamp_ms
        self.tags = [] if tags is None else tags
        self.initial_eval_scores = {} if initial_eval_scores is None else initial_eval_scores
        self.final_eval_scores = {} if final_eval_scores is None else final_eval_scores


class PromptOptimizationJobConfig(Message):
    _fields = {
        "optimizer_type": "OptimizerType",
        "dataset_id": "string",
        "scorers": "string[]",
        "optimizer_config_json": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        optimizer_type: str | None = None,
        dataset_id: str | None = None,
        scorers: list[str] | None = None,
        optimizer_config_json: str | None = None,
    ) -> None:
        self.optimizer_type = optimizer_type
        self.dataset_id = dataset_id
        self.scorers = [] if scorers is None else scorers
        self.optimizer_config_json = optimizer_config_json


class PromptOptimizationJobTag(Message):
    _fields = {
        "key": "string",
        "value": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        key: str | None = None,
        value: str | None = None,
    ) -> None:
        self.key = key
        self.value = value


class JobState(Message):
    _fields = {
        "status": "JobStatus",
        "error_message": "string",
        "metadata": "map<string,string>",
        "status_message": "string",
        "progress": "JobProgress",
        "progress_updated_at": "int64",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        status: str | None = None,
        error_message: str | None = None,
        metadata: dict[str, str] | None = None,
        status_message: str | None = None,
        progress: JobProgress | None = None,
        progress_updated_at: int | None = None,
    ) -> None:
        self.status = status
        self.error_message = error_message
        self.metadata = {} if metadata is None else metadata
        self.status_message = status_message
        self.progress = progress
        self.progress_updated_at = progress_updated_at


class JobProgress(Message):
    _fields = {
        "phase": "string",
        "completed": "int64",
        "total": "int64",
        "unit": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        phase: str | None = None,
        completed: int | None = None,
        total: int | None = None,
        unit: str | None = None,
    ) -> None:
        self.phase = phase
        self.completed = completed
        self.total = total
        self.unit = unit


class CreateReviewQueue(Message):
    """POST /3.0/mlflow/review-queues/create"""

    _fields = {
        "experiment_id": "string",
        "name": "string",
        "queue_type": "ReviewQueueType",
        "created_by": "string",
        "users": "string[]",
        "schema_ids": "string[]",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "review_queue": "ReviewQueue",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            review_queue: ReviewQueue | None = None,
        ) -> None:
            self.review_queue = review_queue

    def __init__(
        self,
        *,
        experiment_id: str,
        name: str,
        queue_type: str | None = None,
        created_by: str | None = None,
        users: list[str] | None = None,
        schema_ids: list[str] | None = None,
    ) -> None:
        self.experiment_id = experiment_id
        self.name = name
        self.queue_type = queue_type
        self.created_by = created_by
        self.users = [] if users is None else users
        self.schema_ids = [] if schema_ids is None else schema_ids


class ReviewQueue(Message):
    _fields = {
        "queue_id": "string",
        "experiment_id": "string",
        "name": "string",
        "queue_type": "ReviewQueueType",
        "created_by": "string",
        "creation_time_ms": "int64",
        "last_update_time_ms": "int64",
        "users": "string[]",
        "schema_ids": "string[]",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        queue_id: str | None = None,
        experiment_id: str | None = None,
        name: str | None = None,
        queue_type: str | None = None,
        created_by: str | None = None,
        creation_time_ms: int | None = None,
        last_update_time_ms: int | None = None,
        users: list[str] | None = None,
        schema_ids: list[str] | None = None,
    ) -> None:
        self.queue_id = queue_id
        self.experiment_id = experiment_id
        self.name = name
        self.queue_type = queue_type
        self.created_by = created_by
        self.creation_time_ms = creation_time_ms
        self.last_update_time_ms = last_update_time_ms
        self.users = [] if users is None else users
        self.schema_ids = [] if schema_ids is None else schema_ids


class GetOrCreateUserQueue(Message):
    """POST /3.0/mlflow/review-queues/get-or-create-user"""

    _fields = {
        "experiment_id": "string",
        "user": "string",
        "created_by": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "review_queue": "ReviewQueue",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            review_queue: ReviewQueue | None = None,
        ) -> None:
            self.review_queue = review_queue

    def __init__(
        self,
        *,
        experiment_id: str,
        user: str,
        created_by: str | None = None,
    ) -> None:
        self.experiment_id = experiment_id
        self.user = user
        self.created_by = created_by


class GetReviewQueue(Message):
    """GET /3.0/mlflow/review-queues/get"""

    _fields = {
        "queue_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "review_queue": "ReviewQueue",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            review_queue: ReviewQueue | None = None,
        ) -> None:
            self.review_queue = review_queue

    def __init__(
        self,
        *,
        queue_id: str,
    ) -> None:
        self.queue_id = queue_id


class GetReviewQueueByName(Message):
    """GET /3.0/mlflow/review-queues/get-by-name"""

    _fields = {
        "experiment_id": "string",
        "name": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "review_queue": "ReviewQueue",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            review_queue: ReviewQueue | None = None,
        ) -> None:
            self.review_queue = review_queue

    def __init__(
        self,
        *,
        experiment_id: str,
        name: str,
    ) -> None:
        self.experiment_id = experiment_id
        self.name = name


class ListReviewQueues(Message):
    """GET /3.0/mlflow/review-queues/list"""

    _fields = {
        "experiment_id": "string",
        "user": "string",
        "max_results": "int32",
        "page_token": "string",
        "item_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "review_queues": "ReviewQueue[]",
            "next_page_token": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            review_queues: list[ReviewQueue] | None = None,
            next_page_token: str | None = None,
        ) -> None:
            self.review_queues = [] if review_queues is None else review_queues
            self.next_page_token = next_page_token

    def __init__(
        self,
        *,
        experiment_id: str,
        user: str | None = None,
        max_results: int | None = None,
        page_token: str | None = None,
        item_id: str | None = None,
    ) -> None:
        self.experiment_id = experiment_id
        self.user = user
        self.max_results = max_results
        self.page_token = page_token
        self.item_id = item_id


class UpdateReviewQueue(Message):
    """POST /3.0/mlflow/review-queues/update"""

    _fields = {
        "queue_id": "string",
        "update_users": "bool",
        "users": "string[]",
        "update_schema_ids": "bool",
        "schema_ids": "string[]",
        "name": "string",
        "new_owner": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "review_queue": "ReviewQueue",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            review_queue: ReviewQueue | None = None,
        ) -> None:
            self.review_queue = review_queue

    def __init__(
        self,
        *,
        queue_id: str,
        update_users: bool | None = None,
        users: list[str] | None = None,
        update_schema_ids: bool | None = None,
        schema_ids: list[str] | None = None,
        name: str | None = None,
        new_owner: str | None = None,
    ) -> None:
        self.queue_id = queue_id
        self.update_users = update_users
        self.users = [] if users is None else users
        self.update_schema_ids = update_schema_ids
        self.schema_ids = [] if schema_ids is None else schema_ids
        self.name = name
        self.new_owner = new_owner


class DeleteReviewQueue(Message):
    """POST /3.0/mlflow/review-queues/delete"""

    _fields = {
        "queue_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        queue_id: str,
    ) -> None:
        self.queue_id = queue_id


class AddItemsToReviewQueue(Message):
    """POST /3.0/mlflow/review-queues/items/add"""

    _fields = {
        "queue_id": "string",
        "item_type": "ReviewItemType",
        "item_ids": "string[]",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "items": "ReviewQueueItem[]",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            items: list[ReviewQueueItem] | None = None,
        ) -> None:
            self.items = [] if items is None else items

    def __init__(
        self,
        *,
        queue_id: str,
        item_type: str | None = None,
        item_ids: list[str] | None = None,
    ) -> None:
        self.queue_id = queue_id
        self.item_type = item_type
        self.item_ids = [] if item_ids is None else item_ids


class ReviewQueueItem(Message):
    _fields = {
        "queue_id": "string",
        "item_type": "ReviewItemType",
        "item_id": "string",
        "status": "ReviewStatus",
        "completed_by": "string",
        "completed_time_ms": "int64",
        "creation_time_ms": "int64",
        "last_update_time_ms": "int64",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        queue_id: str | None = None,
        item_type: str | None = None,
        item_id: str | None = None,
        status: str | None = None,
        completed_by: str | None = None,
        completed_time_ms: int | None = None,
        creation_time_ms: int | None = None,
        last_update_time_ms: int | None = None,
    ) -> None:
        self.queue_id = queue_id
        self.item_type = item_type
        self.item_id = item_id
        self.status = status
        self.completed_by = completed_by
        self.completed_time_ms = completed_time_ms
        self.creation_time_ms = creation_time_ms
        self.last_update_time_ms = last_update_time_ms


class RemoveItemsFromReviewQueue(Message):
    """POST /3.0/mlflow/review-queues/items/remove"""

    _fields = {
        "queue_id": "string",
        "item_ids": "string[]",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        queue_id: str,
        item_ids: list[str] | None = None,
    ) -> None:
        self.queue_id = queue_id
        self.item_ids = [] if item_ids is None else item_ids


class ListReviewQueueItems(Message):
    """GET /3.0/mlflow/review-queues/items/list"""

    _fields = {
        "queue_id": "string",
        "status": "ReviewStatus",
        "max_results": "int32",
        "page_token": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "items": "ReviewQueueItem[]",
            "next_page_token": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            items: list[ReviewQueueItem] | None = None,
            next_page_token: str | None = None,
        ) -> None:
            self.items = [] if items is None else items
            self.next_page_token = next_page_token

    def __init__(
        self,
        *,
        queue_id: str,
        status: str | None = None,
        max_results: int | None = None,
        page_token: str | None = None,
    ) -> None:
        self.queue_id = queue_id
        self.status = status
        self.max_results = max_results
        self.page_token = page_token


class SetReviewQueueItemStatus(Message):
    """POST /3.0/mlflow/review-queues/items/set-status"""

    _fields = {
        "queue_id": "string",
        "item_id": "string",
        "status": "ReviewStatus",
        "completed_by": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "item": "ReviewQueueItem",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            item: ReviewQueueItem | None = None,
        ) -> None:
            self.item = item

    def __init__(
        self,
        *,
        queue_id: str,
        item_id: str,
        status: str | None = None,
        completed_by: str | None = None,
    ) -> None:
        self.queue_id = queue_id
        self.item_id = item_id
        self.status = status
        self.completed_by = completed_by

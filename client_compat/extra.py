"""Endpoints and messages that are not in the protos of MLflow 3.17, written by hand (see `wire.py`).

They are pages that MLflow's server mounts outside its services, and endpoints that clients of 1.x still call.
All other endpoints in the protos of 1.30, 2.9 and 2.22 are in `endpoints.py`. The `/2.0/preview/...` paths of
1.x are mounted by the server and have no rows, except one. Endpoints that answer 501 are in `unserved.py`.
"""

from __future__ import annotations

from . import messages as m
from .wire import Endpoint, Message


class GetMetricHistoryBulk(Message):
    """Points of one metric in many runs, for the UI's charts. The query string repeats `run_id`."""

    _fields = {
        "run_id": "string[]",
        "metric_key": "string",
        "max_results": "int32",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"metrics": "MetricWithRunId[]"}
        __slots__ = tuple(_fields)

        def __init__(self, *, metrics: list[m.MetricWithRunId] | None = None) -> None:
            self.metrics = [] if metrics is None else metrics

    def __init__(
        self,
        *,
        run_id: list[str] | None = None,
        metric_key: str | None = None,
        max_results: int | None = None,
    ) -> None:
        self.run_id = [] if run_id is None else run_id
        self.metric_key = metric_key
        self.max_results = max_results


class GetServerInfo(Message):
    """Capabilities of the server, requested by the client (3.0 and later) and the UI."""

    __slots__ = ()

    class Response(Message):
        _fields = {
            "store_type": "string",
            "workspaces_enabled": "bool",
            "trace_archival_enabled": "bool",
            "multipart_uploads_enabled": "bool",
            "multipart_downloads_enabled": "bool",
            "presigned_upload_run_id_supported": "bool",
            "presigned_upload_model_id_supported": "bool",
            "features_enabled": "map<string,bool>",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            store_type: str | None = None,
            workspaces_enabled: bool | None = None,
            trace_archival_enabled: bool | None = None,
            multipart_uploads_enabled: bool | None = None,
            multipart_downloads_enabled: bool | None = None,
            presigned_upload_run_id_supported: bool | None = None,
            presigned_upload_model_id_supported: bool | None = None,
            features_enabled: dict[str, bool] | None = None,
        ) -> None:
            self.store_type = store_type
            self.workspaces_enabled = workspaces_enabled
            self.trace_archival_enabled = trace_archival_enabled
            self.multipart_uploads_enabled = multipart_uploads_enabled
            self.multipart_downloads_enabled = multipart_downloads_enabled
            self.presigned_upload_run_id_supported = presigned_upload_run_id_supported
            self.presigned_upload_model_id_supported = presigned_upload_model_id_supported
            self.features_enabled = {} if features_enabled is None else features_enabled


class GetUiTelemetry(Message):
    """Settings of the UI's telemetry, which the UI requests before it collects anything."""

    __slots__ = ()

    class Response(Message):
        _fields = {
            "disable_ui_telemetry": "bool",
            "disable_ui_events": "string[]",
            "ui_rollout_percentage": "double",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            disable_ui_telemetry: bool | None = None,
            disable_ui_events: list[str] | None = None,
            ui_rollout_percentage: float | None = None,
        ) -> None:
            self.disable_ui_telemetry = disable_ui_telemetry
            self.disable_ui_events = [] if disable_ui_events is None else disable_ui_events
            self.ui_rollout_percentage = ui_rollout_percentage


class PostUiTelemetry(Message):
    """The UI's telemetry records of user actions. The UI stops sending them if `status` is "disabled"."""

    __slots__ = ()

    class Response(Message):
        _fields = {"status": "string"}
        __slots__ = tuple(_fields)

        def __init__(self, *, status: str | None = None) -> None:
            self.status = status


class ListExperiments(Message):
    """Endpoint of MLflow 1.x; later clients use SearchExperiments. The default view is that of 1.30."""

    _fields = {
        "view_type": "ViewType",
        "max_results": "int64",
        "page_token": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "experiments": "Experiment[]",
            "next_page_token": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self, *, experiments: list[m.Experiment] | None = None, next_page_token: str | None = None
        ) -> None:
            self.experiments = [] if experiments is None else experiments
            self.next_page_token = next_page_token

    def __init__(
        self,
        *,
        view_type: str = m.ViewType.ACTIVE_ONLY,
        max_results: int | None = None,
        page_token: str | None = None,
    ) -> None:
        self.view_type = view_type
        self.max_results = max_results
        self.page_token = page_token


class ListRegisteredModels(Message):
    """Endpoint of MLflow 1.x; later clients use SearchRegisteredModels."""

    _fields = {
        "max_results": "int64",
        "page_token": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "registered_models": "RegisteredModel[]",
            "next_page_token": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            registered_models: list[m.RegisteredModel] | None = None,
            next_page_token: str | None = None,
        ) -> None:
            self.registered_models = [] if registered_models is None else registered_models
            self.next_page_token = next_page_token

    def __init__(self, *, max_results: int = 100, page_token: str | None = None) -> None:
        self.max_results = max_results
        self.page_token = page_token


# fmt: off
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/2.0/mlflow/metrics/get-history-bulk", "GetMetricHistoryBulk",
             GetMetricHistoryBulk, GetMetricHistoryBulk.Response, "MlflowService", mounts=("/ajax-api",)),
    Endpoint("GET", "/3.0/mlflow/server-info", "GetServerInfo",
             GetServerInfo, GetServerInfo.Response, "MlflowService"),
    Endpoint("GET", "/3.0/mlflow/ui-telemetry", "GetUiTelemetry",
             GetUiTelemetry, GetUiTelemetry.Response, "MlflowService", mounts=("/ajax-api",)),
    Endpoint("POST", "/3.0/mlflow/ui-telemetry", "PostUiTelemetry",
             PostUiTelemetry, PostUiTelemetry.Response, "MlflowService", mounts=("/ajax-api",)),
    Endpoint("GET", "/2.0/mlflow/experiments/list", "ListExperiments",
             ListExperiments, ListExperiments.Response, "MlflowService"),
    Endpoint("GET", "/2.0/mlflow/registered-models/list", "ListRegisteredModels",
             ListRegisteredModels, ListRegisteredModels.Response, "ModelRegistryService"),
    # MLflow 1.x declared GET only for the preview path.
    Endpoint("GET", "/2.0/preview/mlflow/runs/search", "SearchRuns",
             m.SearchRuns, m.SearchRuns.Response, "MlflowService"),
)
# fmt: on

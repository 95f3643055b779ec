"""Endpoints of traces outside MLflow's protos: OpenTelemetry's, and files of traces (see `wire.py`)."""

from __future__ import annotations

from typing import Any

from .wire import Endpoint, Message


class ExportTraces(Message):
    """Spans of OpenTelemetry. The headers say where they belong, and the body is OTLP.

    `traces` are the decoded spans, in the form of the store.
    """

    _fields = {"experiment_id": "string", "run_id": "string"}
    __slots__ = (*_fields, "traces")

    def __init__(
        self, *, experiment_id: str | None = None, run_id: str | None = None, traces: list[Any] | None = None
    ) -> None:
        self.experiment_id = experiment_id
        self.run_id = run_id
        self.traces = [] if traces is None else traces

    class Response(Message):
        """How many spans the rules of the experiment left out."""

        _fields = {"left_out": "int64"}
        __slots__ = tuple(_fields)

        def __init__(self, *, left_out: int = 0) -> None:
            self.left_out = left_out


class GetTraceArtifact(Message):
    """The spans of a trace as a file, or a file that is attached to the trace.

    `path` is relative to the folder `attachments` of the trace's artifacts.
    """

    _fields = {"request_id": "string", "path": "string"}
    __slots__ = tuple(_fields)

    def __init__(self, *, request_id: str, path: str | None = None) -> None:
        self.request_id = request_id
        self.path = path


_ARTIFACT_PATHS = ("/2.0/mlflow/get-trace-artifact", "/3.0/mlflow/get-trace-artifact")

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        *("POST", "/v1/traces", "ExportTraces", ExportTraces, ExportTraces.Response, "OpenTelemetry"),
        mounts=("",),
    ),
    *(
        Endpoint(
            *("GET", path, "GetTraceArtifact", GetTraceArtifact, Message, "MlflowService"),
            mounts=("/ajax-api",),
        )
        for path in _ARTIFACT_PATHS
    ),
)

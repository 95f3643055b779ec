"""``POST /v1/traces``: spans from OpenTelemetry's exporters and MLflow's client, by OTLP over HTTP.

Refusals of the request itself have the form of MLflow's endpoint, ``{"detail": ...}``. A span that cannot be
stored is refused alone: the response says so in ``partial_success``, as OTLP wants it.
"""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from trackway.client_compat import errors
from trackway.client_compat.extra_traces import ExportTraces
from trackway.server.dispatch import respond
from trackway.storage.traces import arrivals
from trackway.storage.traces.arrivals import Decoded

from ..backend import Backend
from ..request_body import Environ, RequestBody
from ..responses import JSON_TYPE, Answer
from .router import Request

if TYPE_CHECKING:
    from .observability import Metrics

PATH = "/v1/traces"
PROTOBUF, JSON = "application/x-protobuf", "application/json"
_EXPERIMENT = "HTTP_X_MLFLOW_EXPERIMENT_ID"
_RUN = "HTTP_X_MLFLOW_RUN_ID"
_PROTOBUF_TYPE = ("Content-Type", PROTOBUF)
# A body may unpack to this many bytes.
_MAX_UNPACKED_BYTES = 64 * 2**20
# Spans that a request may have.
MAX_SPANS = 50_000
# Exports that a process decodes and stores at the same time: other requests find free threads beside them.
_MAX_EXPORTS = 4
_QUEUE_TIMEOUT_S = 5.0
_LEFT_OUT = "Spans were left out by the sampling rule of the experiment"


class _Refused(Exception):
    """The request cannot be read. The response has this status and detail."""

    def __init__(self, status: int, detail: Any) -> None:
        super().__init__(detail)
        self.answer = Answer(status, [JSON_TYPE], json.dumps({"detail": detail}).encode())


class SpanExports:
    """The responder."""

    streams = False

    def __init__(self, backend: Backend, metrics: Metrics | None) -> None:
        self._backend = backend
        self._metrics = metrics
        self._slots = threading.BoundedSemaphore(_MAX_EXPORTS)

    def answer(self, request: Request) -> Answer:
        try:
            return self._answer(request)
        except _Refused as refused:
            return refused.answer

    def _answer(self, request: Request) -> Answer:
        environ = request.environ
        experiment_id = environ.get(_EXPERIMENT)
        if experiment_id is None:
            raise _Refused(422, [{
                "type": "missing",
                "loc": ["header", "x-mlflow-experiment-id"],
                "msg": "Field required",
                "input": None,
            }])  # fmt: skip
        is_json = _is_json(environ)
        config = self._backend.config
        limit = min(config.max_request_size, _MAX_UNPACKED_BYTES)
        with self._backend.body_budget.reservation(environ) as reservation:
            body = RequestBody(environ).read_all(limit, reservation)
            body = _unpacked(body, environ.get("HTTP_CONTENT_ENCODING", ""), limit)
            with self._slot():
                decoded = _decoded(body, is_json)
                message = ExportTraces(
                    experiment_id=experiment_id, run_id=environ.get(_RUN), traces=decoded.traces
                )
                response = cast(
                    ExportTraces.Response, respond(self._backend, "ExportTraces", message, request)
                )
        if self._metrics:
            self._metrics.add_spans(JSON if is_json else PROTOBUF, decoded.number - response.left_out)
        if response.left_out:
            decoded = decoded.with_rejected(response.left_out, _LEFT_OUT)
        return _success(decoded, is_json)

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(timeout=_QUEUE_TIMEOUT_S):
            if self._metrics:
                self._metrics.add_postponed_export()
            raise errors.TooManyRequests(
                "The server is busy with other spans; exporters send them again in a moment.", retry_after_s=1
            )
        try:
            yield
        finally:
            self._slots.release()


def _decoded(body: bytes, is_json: bool) -> Decoded:
    try:
        return arrivals.decode(body, is_json=is_json, limit=MAX_SPANS)
    except arrivals.Undecodable as error:
        raise _Refused(400, str(error)) from None


def _is_json(environ: Environ) -> bool:
    given = environ.get("CONTENT_TYPE") or ""
    kind = given.partition(";")[0].strip().lower()
    if kind not in (PROTOBUF, JSON):
        raise _Refused(400, f"Invalid Content-Type: {given or None}. Expected: {PROTOBUF} or {JSON}")
    return kind == JSON


def _unpacked(body: bytes, encoding: str, limit: int) -> bytes:
    """Return the body without its Content-Encoding. No more than ``limit`` bytes are unpacked."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding == "gzip":
        windows = [zlib.MAX_WBITS | 16]
    elif encoding == "deflate":
        windows = [zlib.MAX_WBITS, -zlib.MAX_WBITS]  # with zlib's header, or without
    else:
        raise _Refused(400, f"Unsupported Content-Encoding: {encoding}. Expected: gzip or deflate")
    for window in windows:
        unpacker = zlib.decompressobj(window)
        try:
            unpacked = unpacker.decompress(body, limit)
        except zlib.error:
            continue
        if unpacker.unconsumed_tail:
            raise errors.TooLarge(f"The request body unpacks to more than {limit} bytes.")
        if unpacker.eof:
            return unpacked
    raise _Refused(400, f"The request body cannot be decompressed as {encoding}")


def _success(decoded: Decoded, is_json: bool) -> Answer:
    rejected, reason = decoded.rejected, decoded.reason
    if is_json:
        partial = {"partialSuccess": {"rejectedSpans": str(rejected), "errorMessage": reason}}
        return Answer(200, [JSON_TYPE], json.dumps(partial if rejected else {}).encode())
    return Answer(200, [_PROTOBUF_TYPE], decoded.partial_success() if rejected else b"")

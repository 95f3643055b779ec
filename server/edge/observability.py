"""Request ids, log formats, the access log, and metrics for Prometheus."""

from __future__ import annotations

import json
import logging
import os
import random
import re
import sys
import time
from json.encoder import encode_basestring_ascii as quoted  # how json.dumps encodes a string
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..config import Config

log = logging.getLogger("trackway.server")

_VALID_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
# Other methods are counted as "other": a client may send any word, and each label value uses memory for good.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


def request_id(environ: dict[str, Any]) -> str:
    """Return the header ``X-Request-Id``, set by the client or a proxy, if it is valid, else a new id."""
    given = environ.get("HTTP_X_REQUEST_ID")
    if given and _VALID_ID.fullmatch(given):
        return str(given)
    return f"{random.getrandbits(64):016x}"


class AccessLog:
    """Writes one line per request directly to a file descriptor.

    This takes 6 µs a request; the module ``logging`` takes 18 µs.
    """

    def __init__(self, as_text: bool, file_number: int = 2) -> None:
        self._as_text = as_text
        self._file_number = file_number
        self._second = (0, "")

    def write(self, environ: dict[str, Any], request_id: str, status: int, size: int, seconds: float) -> None:
        now = time.time()
        client = environ.get("REMOTE_ADDR", "")
        method = environ["REQUEST_METHOD"]
        path = environ["PATH_INFO"]
        if not path.isascii():  # WSGI passes bytes decoded as Latin-1
            path = path.encode("latin-1").decode("utf-8", "replace")
        stamp = self._timestamp(int(now))
        if self._as_text:
            duration = f"{seconds * 1000:.1f}ms"
            if " " in path or not path.isprintable():  # a line break could fake another line
                path = quote(path)
            line = f"{stamp} INFO    {client} {method} {path} {status} {size} {duration} [{request_id}]\n"
        else:
            line = (
                f'{{"time": "{stamp}.{int(now % 1 * 1000):03d}Z", "level": "info", '
                f'"logger": "trackway.access", "request_id": "{request_id}", "client": "{client}", '
                f'"method": {quoted(method)}, "path": {quoted(path)}, "status": {status}, '
                f'"bytes": {size}, "ms": {seconds * 1000:.2f}, "pid": {os.getpid()}}}\n'
            )
        try:
            os.write(self._file_number, line.encode())
        except OSError:  # the log cannot be written; requests are answered nevertheless
            return

    def _timestamp(self, second: int) -> str:
        """Return the formatted time. The text is cached for the second."""
        cached, text = self._second
        if cached != second:
            text = (
                time.strftime("%H:%M:%S", time.localtime(second))
                if self._as_text
                else time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            )
            self._second = (second, text)
        return text


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON: time, level, logger, request id if any, message, pid."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": f"{self.formatTime(record, '%Y-%m-%dT%H:%M:%S')}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if request_id := getattr(record, "request_id", None):
            line["request_id"] = request_id
        line["message"] = record.getMessage()
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        line["pid"] = record.process
        return json.dumps(line, ensure_ascii=False, default=str)


class TextFormatter(logging.Formatter):
    """Formats a record as a line of text with the request id, if any, at the end."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:
        line = super().formatMessage(record)
        request_id = getattr(record, "request_id", None)
        return f"{line} [{request_id}]" if request_id else line


def is_text(config: Config) -> bool:
    """Return whether log lines are text rather than JSON. "auto" means text if stderr is a terminal."""
    return config.log_format == "text" or (config.log_format == "auto" and sys.stderr.isatty())


def set_up_logging(config: Config) -> None:
    """Make the loggers of Trackway and gunicorn write to stderr in one format."""
    formatter: logging.Formatter = TextFormatter() if is_text(config) else JsonFormatter()
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    for name in ("trackway", "gunicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
    level = config.log_level.upper()
    logging.getLogger("trackway").setLevel(level)
    # At INFO gunicorn logs the start of each worker, which is of no use here.
    logging.getLogger("gunicorn.error").setLevel("DEBUG" if level == "DEBUG" else "WARNING")


class Metrics:
    """Counts and durations of requests by method, route and status, over all worker processes.

    Each worker writes to files in a shared folder (prometheus-client's multiprocess mode). The worker that
    answers ``/metrics`` adds up the files. prometheus-client takes 65 ms to import, so it is imported here,
    only if metrics are enabled.
    """

    def __init__(self, folder: str) -> None:
        # prometheus-client reads the variable once, at its first import.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        Path(folder).mkdir(parents=True, exist_ok=True)
        import prometheus_client

        labels = ("method", "route", "status")
        self._latency = prometheus_client.Histogram(
            "trackway_http_request_duration_seconds",
            "Duration of a request in seconds; for a stream, until its last byte was sent.",
            labels,
            buckets=_BUCKETS,
            registry=None,
        )
        self._in_flight = prometheus_client.Gauge(
            "trackway_http_requests_in_flight",
            "Number of requests that are being handled.",
            registry=None,
            multiprocess_mode="livesum",
        )
        self._unserved = prometheus_client.Counter(
            "trackway_unserved_requests",
            "Number of requests answered 501 because this server does not implement the call.",
            ["call"],
            registry=None,
        )
        self._spans = prometheus_client.Counter(
            "mlflow_spans_ingested",
            "Number of spans that were stored.",
            ["protocol"],
            registry=None,
        )
        self._postponed_exports = prometheus_client.Counter(
            "trackway_postponed_span_exports",
            "Number of requests with spans that were answered 429 because too many others were being stored.",
            registry=None,
        )
        # The children of the histogram by label values: 1.7 µs a request, 2.6 µs without this cache.
        self._children: dict[tuple[str, str, int], Any] = {}

    def begin(self) -> None:
        """Count a request as in flight."""
        self._in_flight.inc()

    def end(self, method: str, route: str, status: int, seconds: float) -> None:
        """Record a request that has ended."""
        self._in_flight.dec()
        key = (method if method in _METHODS else "other", route, status)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._latency.labels(*key)
        child.observe(seconds)

    def add_unserved(self, call: str) -> None:
        """Count a call that this server does not implement. ``call`` is the name of an endpoint."""
        self._unserved.labels(call).inc()

    def add_spans(self, protocol: str, count: int) -> None:
        """Count spans that were stored. ``protocol`` is the content type of their request."""
        self._spans.labels(protocol).inc(count)

    def add_postponed_export(self) -> None:
        """Count a request with spans that was answered 429."""
        self._postponed_exports.inc()

    @staticmethod
    def page() -> tuple[bytes, str]:
        """Return the text for Prometheus and its content type."""
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
        from prometheus_client.multiprocess import MultiProcessCollector

        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry), CONTENT_TYPE_LATEST


def empty_metrics_folder(folder: str) -> None:
    """Delete the metrics of an earlier start. Only files written by prometheus-client are deleted."""
    for path in Path(folder).glob("*.db"):
        path.unlink(missing_ok=True)


def remove_worker(pid: int) -> None:
    """Remove the gauges of a worker process that has ended from the sum."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]

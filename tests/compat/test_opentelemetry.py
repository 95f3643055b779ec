"""OpenTelemetry's exporters, unchanged, with no library of MLflow in the program."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, set_span_in_context

from tests import npm
from tests.services import TrackwayServer

_JAVASCRIPT = Path(__file__).with_name("exporter.mjs")
_PACKAGES = (
    *("@opentelemetry/api@1.9.1", "@opentelemetry/sdk-trace-base@2.12.1", "@opentelemetry/resources@2.12.1"),
    *("@opentelemetry/exporter-trace-otlp-proto@0.223.1", "@opentelemetry/exporter-trace-otlp-http@0.223.1"),
)


def read(server: TrackwayServer, path: str) -> Any:
    status, body = server.send("GET", path)
    assert status == 200, body
    return json.loads(body)


def check(server: TrackwayServer, trace_id: str, events: list[str]) -> None:
    """Compare a trace with what the programs in this file and in ``exporter.mjs`` do."""
    found = read(server, f"/api/3.0/mlflow/traces/get?trace_id=tr-{trace_id}")["trace"]
    assert found["trace_info"]["state"] == "OK"
    assert found["trace_info"]["tags"]["mlflow.traceName"] == "order"
    assert found["trace_info"]["tags"]["service.name"] == "shop"
    root, child = found["spans"]
    values = {item["key"]: item["value"] for item in root["attributes"]}
    assert values["text"] == {"string_value": "ä😀"}
    assert (values["number"], values["ratio"]) == ({"int_value": 7}, {"double_value": 0.5})
    assert values["yes"] == {"bool_value": True}
    assert values["list"] == {"array_value": {"values": [{"string_value": "a"}, {"string_value": "b"}]}}
    assert (root["kind"], child["parent_span_id"]) == ("SPAN_KIND_SERVER", root["span_id"])
    assert child["status"] == {"message": "no money", "code": "STATUS_CODE_ERROR"}
    assert [event["name"] for event in child["events"]] == events
    assert child["links"][0]["span_id"] == root["span_id"]
    _, body = server.send("GET", f"/ajax-api/3.0/mlflow/get-trace-artifact?request_id=tr-{trace_id}")
    stored = json.loads(body)["spans"][0]
    assert stored["scope"] == {"name": "shop.tracer", "version": "1.2.3"}


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip, Compression.Deflate])
def test_the_exporter_of_the_python_sdk(server: TrackwayServer, compression: Compression) -> None:
    exporter = OTLPSpanExporter(
        f"{server.url}/v1/traces", headers={"x-mlflow-experiment-id": "0"}, compression=compression
    )
    provider = TracerProvider(resource=Resource.create({"service.name": "shop"}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("shop.tracer", "1.2.3")
    attributes = {"text": "ä😀", "number": 7, "ratio": 0.5, "yes": True, "list": ["a", "b"]}
    root = tracer.start_span("order", kind=SpanKind.SERVER, attributes=attributes)
    links = [Link(root.get_span_context())]
    child = tracer.start_span("pay", set_span_in_context(root), links=links)
    child.add_event("retry", {"attempt": 2})
    child.record_exception(ValueError("no money"))
    child.set_status(Status(StatusCode.ERROR, "no money"))
    child.end()
    root.end()
    provider.shutdown()
    check(server, f"{root.get_span_context().trace_id:032x}", ["retry", "exception"])


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["sqlite"], scope="module")
@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize("package", ["proto", "http"])
def test_the_exporters_of_the_javascript_sdk(server: TrackwayServer, package: str, compression: str) -> None:
    folder = npm.installed("opentelemetry@2.12.1", *_PACKAGES)
    name = f"@opentelemetry/exporter-trace-otlp-{package}"
    done = subprocess.run(
        ["node", str(_JAVASCRIPT), f"{server.url}/v1/traces", name, compression],
        cwd=folder,
        env={**os.environ, "NO_PROXY": "127.0.0.1"},
        text=True,
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    check(server, done.stdout.strip(), ["retry", "exception"])

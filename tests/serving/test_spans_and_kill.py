"""Spans that were acknowledged are there after the server was killed in the middle of others."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request

from tests.spans import HEADERS, PATH, body_of, span_of

EXPORTERS = 4


def traces_sent_until_the_kill(url: str, sent: list[str]) -> None:
    while True:
        root = span_of("root", attributes={"mlflow.spanInputs": "x" * 2000})
        body = body_of(root, *(span_of(f"step {number}", parent=root) for number in range(4)))
        request = urllib.request.Request(url + PATH, data=body, headers=HEADERS)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                if answer.status == 200:
                    sent.append(f"tr-{root.trace_id.hex()}")
        except (OSError, urllib.error.URLError):
            return


def test_no_acknowledged_span_is_lost(serve):
    server = serve()
    sent: list[str] = []
    for _ in range(3):
        arguments = (server.url, sent)
        exporters = [
            threading.Thread(target=traces_sent_until_the_kill, args=arguments) for _ in range(EXPORTERS)
        ]
        before = len(sent)
        for exporter in exporters:
            exporter.start()
        while len(sent) < before + 40:
            threading.Event().wait(0.01)
        server.kill()
        for exporter in exporters:
            exporter.join()
        server.start()
    for trace_id in sent:
        path = f"/ajax-api/3.0/mlflow/get-trace-artifact?request_id={trace_id}"
        with urllib.request.urlopen(server.url + path) as answer:
            spans = json.loads(answer.read())["spans"]
        assert sorted(span["name"] for span in spans) == ["root", *(f"step {number}" for number in range(4))]

"""A local server with OpenAI's interface for chats and embeddings, and fixed answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ANSWER = "It is sunny."
USAGE = {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16}
_MODEL = "gpt-4o-mini"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/embeddings"):
            self._send({
                "object": "list",
                "model": "text-embedding-3-small",
                "data": [{"object": "embedding", "index": 0, "embedding": [0.1, 0.2]}],
                "usage": {"prompt_tokens": 3, "total_tokens": 3},
            })  # fmt: skip
        elif request.get("stream"):
            self._stream()
        else:
            message = {"role": "assistant", "content": ANSWER}
            choice = {"index": 0, "finish_reason": "stop", "message": message}
            self._send({**_base("chat.completion"), "choices": [choice], "usage": USAGE})

    def _send(self, answer: dict[str, Any]) -> None:
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        words = ANSWER.split(" ")
        for place, word in enumerate(words):
            text = word if place == len(words) - 1 else word + " "
            self._chunk(choices=[{"index": 0, "delta": {"role": "assistant", "content": text}}])
        self._chunk(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
        self._chunk(choices=[], usage=USAGE)
        self.wfile.write(b"data: [DONE]\n\n")

    def _chunk(self, **content: Any) -> None:
        data = json.dumps({**_base("chat.completion.chunk"), **content})
        self.wfile.write(f"data: {data}\n\n".encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _base(kind: str) -> dict[str, Any]:
    return {"id": "c1", "object": kind, "created": 1, "model": _MODEL}


@contextmanager
def running() -> Iterator[str]:
    """Start the server and yield the base URL for OpenAI's client."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()

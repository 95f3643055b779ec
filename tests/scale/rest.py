"""Plain calls of MLflow's REST API, without the retries of MLflow's client."""

from __future__ import annotations

import json
import urllib.request
from typing import Any
from urllib.parse import urlencode


class Rest:
    def __init__(self, url: str) -> None:
        self._url = url

    def get(self, path: str, **query: Any) -> Any:
        return self._ask(f"/ajax-api/2.0/mlflow/{path}?{urlencode(query)}", None)

    def post(self, path: str, **body: Any) -> Any:
        return self._ask(f"/api/2.0/mlflow/{path}", body)

    def graphql(self, body: dict[str, Any]) -> Any:
        return self._ask("/graphql", body)

    def _ask(self, path: str, body: dict[str, Any] | None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())


__all__ = ["Rest"]

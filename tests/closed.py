"""``trackway serve`` with a log-in, its users, and requests as each of them."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .services import TrackwayServer

ADMIN, PASSWORD = "admin", "correct horse battery"


def authorization(who: str) -> dict[str, str]:
    """Return the header for a user's name, or for an API token."""
    if who.startswith("tw_"):
        return {"Authorization": f"Bearer {who}"}
    return basic(who, PASSWORD)


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


class ClosedTrackwayServer(TrackwayServer):
    """A server with the administrator ADMIN; the password of every user is PASSWORD."""

    def __init__(
        self,
        folder: Path,
        store_uri: str,
        options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        admin = {"MLFLOW_AUTH_ADMIN_USERNAME": ADMIN, "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD}
        super().__init__(folder, store_uri, ["--auth", *options], {**(environment or {}), **admin})

    def ask(self, who: str, verb: str, path: str, body: object = None) -> tuple[int, bytes]:
        """Send a request as a user, or with an API token, over a new connection. Return status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            headers = {"Content-Type": "application/json", **authorization(who)}
            connection.request(verb, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def call(self, verb: str, path: str, *, who: str = ADMIN, **body: object) -> Any:
        """Send a request that must succeed, and return its JSON. ``path`` is the part after ``/api/``."""
        status, answer = self.ask(who, verb, f"/api/{path}", body)
        assert status == 200, answer
        return json.loads(answer)

    def create_users(self, *names: str) -> None:
        for name in names:
            self.call("POST", "2.0/mlflow/users/create", username=name, password=PASSWORD)

    def create_token(self, who: str) -> str:
        """Return the text of a new API token of a user."""
        return str(self.call("POST", "3.0/trackway/tokens/create", who=who, name="a test's")["secret"])

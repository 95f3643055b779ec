"""A closed server for tests: a WSGI application in this process, its users, and requests as each of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from trackway.server.app import create_app
from trackway.server.auth import passwords
from trackway.server.config import Config
from trackway.storage.access import principals

from .closed import ADMIN, PASSWORD, authorization, basic

__all__ = ["ADMIN", "PASSWORD", "ClosedServer", "authorization", "basic", "closed_server", "error_code"]


class ClosedServer:
    """An application that requires a log-in. It has the users admin (administrator), alice and bob."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.backend = client.application.extensions["trackway"]
        password_hash = passwords.make_hash(PASSWORD)
        with self.backend.database.begin(write=True) as tx:
            principals.create(tx, ADMIN, password_hash=password_hash, is_admin=True)
            for name in ("alice", "bob"):
                principals.create(tx, name, password_hash=password_hash)

    def call(self, verb: str, path: str, *, who: str | None = ADMIN, **body: object) -> Any:
        """Send a request as a user, or with an API token as ``who``. Return the response.

        A body is a query string for GET and JSON for other verbs.
        """
        headers = authorization(who) if who else {}
        if verb == "GET":
            return self.client.get(path, query_string=body, headers=headers)
        return self.client.open(path, method=verb, json=body, headers=headers)

    def ok(self, verb: str, path: str, *, who: str | None = ADMIN, **body: object) -> Any:
        """Send a request that must succeed, and return its JSON."""
        response = self.call(verb, path, who=who, **body)
        assert response.status_code == 200, response.text
        return response.json

    def token(self, *, who: str = ADMIN, **body: object) -> str:
        """Make an API token and return its text."""
        made = self.ok("POST", "/api/3.0/trackway/tokens/create", who=who, **({"name": "t"} | body))
        return str(made["secret"])


@contextmanager
def closed_server(store_uri: str, folder: Path, **settings: Any) -> Iterator[ClosedServer]:
    config = Config(backend_store_uri=store_uri, artifacts_destination=str(folder), auth=True, **settings)
    app = create_app(config, start_jobs=False)
    with app.test_client(use_cookies=False) as client:
        yield ClosedServer(client)
        app.wsgi_app._gate._uses.write()
        app.extensions["trackway"].refusals.write()


def error_code(response: Any) -> tuple[int, str]:
    """Return the status and the error code of a response in MLflow's error shape."""
    body = json.loads(response.text)
    return response.status_code, body["error_code"]

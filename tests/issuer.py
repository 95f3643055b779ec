"""An issuer of signed tokens (JWT) for tests: discovery document, key set, and keys that change."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

AUDIENCE = "https://trackway.example"
GITLAB_CLAIMS = {
    "sub": "project_path:team/iris:ref_type:branch:ref:main",
    "project_path": "team/iris",
    "project_id": "7",
    "namespace_path": "team",
    "ref": "main",
    "ref_protected": "true",
    "sha": "0123abcd",
    "pipeline_id": "41",
    "job_id": "4711",
    "user_login": "dana",
}


class Issuer:
    """Serves its public keys on a loopback port, and signs tokens. ``requests`` counts requests by path."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: dict[str, int] = {}
        self.is_down = False
        self.keys: list[RSAKey | ECKey] = [_first_key()]

    def rotate(self, kind: type[RSAKey] | type[ECKey] = RSAKey) -> None:
        """Replace the key by a new one."""
        parameters = {"kid": f"key-{time.time_ns()}", "use": "sig"}
        if kind is ECKey:
            self.keys = [ECKey.generate_key("P-256", parameters)]
        else:
            self.keys = [RSAKey.generate_key(2048, parameters)]

    def token(self, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """Return a token like GitLab's, valid for a minute; ``claims`` replace its claims, None removes."""
        key = self.keys[0]
        now = int(time.time())
        given = {"iss": self.url, "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + 60} | GITLAB_CLAIMS
        body = {name: value for name, value in (given | claims).items() if value is not None}
        algorithm = "RS256" if isinstance(key, RSAKey) else "ES256"
        head = {"alg": algorithm, "kid": key.kid, "typ": "JWT"} | (header or {})
        return jwt.encode(head, body, key, algorithms=[head["alg"]])

    def answer(self, path: str) -> dict[str, Any] | None:
        self.requests[path] = self.requests.get(path, 0) + 1
        if self.is_down:
            return None
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        if path == "/keys":
            return {"keys": [key.as_dict(private=False) for key in self.keys]}
        return None


@cache
def _first_key() -> RSAKey:
    """Return the key of all issuers until they rotate: a key takes long to make."""
    return RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})


@contextmanager
def running_issuer() -> Iterator[Issuer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = issuer.answer(self.path)
            body = json.dumps(found or {}).encode()
            self.send_response(200 if found else 503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer = Issuer(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()

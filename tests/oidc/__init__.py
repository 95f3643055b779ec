"""A certified OpenID Connect provider for tests (the npm package oidc-provider), and a server with two."""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

import requests

from tests import npm
from tests.ports import free_port
from tests.services import TrackwayServer

_PACKAGE = "oidc-provider@9.13.3"
CLIENT_ID, CLIENT_SECRET = "trackway", "a secret of the test"
ADMIN = ("admin", "correct horse battery")
SETTINGS = """
passwords = true
public_url = "{url}"

[providers.company]
title = "Example Inc."
issuer = "{issuer}"
client_id = "{client}"
client_secret = "{secret}"
scopes = ["openid", "profile", "email", "groups"]
admin_groups = ["ml-admins"]
allowed_groups = ["ml", "ml-admins"]

[providers.company.roles]
ml = ["experimenters", "missing"]

[providers.second]
issuer = "{second}"
client_id = "{client}"
client_secret = "{secret}"
scopes = ["openid", "profile", "groups"]
creates_users = false
"""


class IdentityProvider:
    """A running provider. ``set_account`` says what it knows of an account from the next log-in on."""

    def __init__(self, port: int, settings: Path) -> None:
        self.issuer = f"http://127.0.0.1:{port}"
        self._file = settings
        self._settings: dict[str, Any] = {"clients": [], "accounts": {}}

    def set_client(self, *redirect_uris: str) -> None:
        """Register the client. Takes effect at the start of the provider."""
        client = {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "redirect_uris": redirect_uris,
            "post_logout_redirect_uris": [
                f"{uri.split('/auth/')[0]}/auth/logged-out" for uri in redirect_uris
            ],
        }
        self._settings["clients"] = [client]
        self._write()

    def set_account(self, subject: str, **claims: Any) -> None:
        self._settings["accounts"][subject] = claims
        self._write()

    def _write(self) -> None:
        self._file.write_text(json.dumps(self._settings))


class Site(NamedTuple):
    """A server with two providers, of which the second lets in only users that exist."""

    server: TrackwayServer
    company: IdentityProvider
    second: IdentityProvider

    @property
    def url(self) -> str:
        return self.server.url

    def call(self, verb: str, path: str, **body: object) -> Any:
        """Send a request as administrator. Return the JSON of the response."""
        answer = requests.request(verb, self.url + path, json=body, auth=ADMIN)
        assert answer.status_code == 200, answer.text
        return answer.json()


@contextmanager
def running_site(folder: Path, settings: str = SETTINGS) -> Iterator[Site]:
    """Run a server that has the role ``experimenters``, and its providers."""
    config = folder / "auth.toml"
    server = TrackwayServer(
        folder,
        f"sqlite:///{folder}/trackway.db",
        options=("--auth", "--auth-config", str(config)),
        environment={
            "MLFLOW_AUTH_ADMIN_USERNAME": ADMIN[0],
            "MLFLOW_AUTH_ADMIN_PASSWORD": ADMIN[1],
        },
    )
    with (
        running_provider(folder / "company", f"{server.url}/auth/company/callback") as company,
        running_provider(folder / "second", f"{server.url}/auth/second/callback") as second,
    ):
        names = {"url": server.url, "issuer": company.issuer, "second": second.issuer}
        config.write_text(settings.format(**names, client=CLIENT_ID, secret=CLIENT_SECRET))
        server.start()
        try:
            site = Site(server, company, second)
            site.call("POST", "/api/3.0/mlflow/roles/create", name="experimenters", workspace="default")
            yield site
        finally:
            server.kill()


@contextmanager
def running_provider(folder: Path, *redirect_uris: str) -> Iterator[IdentityProvider]:
    """Run a provider. Skip the test if there is no node, or the package cannot be installed."""
    package = npm.installed(_PACKAGE, _PACKAGE)
    folder.mkdir(parents=True)
    port, settings = free_port(), folder / "provider.json"
    provider = IdentityProvider(port, settings)
    provider.set_client(*redirect_uris)
    script = Path(__file__).with_name("provider.mjs")
    with (folder / "provider.log").open("wb") as log:
        command = ["node", str(script), str(port), str(package), str(settings)]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait(provider.issuer, process, folder / "provider.log")
        yield provider
    finally:
        process.kill()
        process.wait()


def log_in_at_provider(browser: requests.Session, location: str, subject: str) -> str:
    """Go through the provider's pages as a user. Return the callback to which they lead."""
    host = urlsplit(location).netloc
    answer = browser.get(location, allow_redirects=False)
    for _ in range(20):
        if answer.status_code in (302, 303):
            location = urljoin(answer.url, answer.headers["Location"])
            if urlsplit(location).netloc != host:
                return location
            answer = browser.get(location, allow_redirects=False)
            continue
        assert answer.status_code == 200, answer.text
        action = re.search(r'<form[^>]* action="([^"]+)"', answer.text)
        assert action, answer.text
        form = {"prompt": "login", "login": subject, "password": "x"}
        if 'value="consent"' in answer.text:
            form = {"prompt": "consent"}
        answer = browser.post(urljoin(answer.url, action[1]), data=form, allow_redirects=False)
    raise AssertionError(f"The provider's pages do not end: {answer.url}")


def _wait(issuer: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{issuer}/.well-known/openid-configuration", timeout=5):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"The provider does not start: {log.read_text()[-1000:]}")

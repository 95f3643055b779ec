"""Requests of commands to a server: ``--tracking-uri``, credentials, error messages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import click

from ..config import client_credentials

if TYPE_CHECKING:
    from urllib.error import HTTPError

server_option = click.option(
    "--tracking-uri",
    envvar="MLFLOW_TRACKING_URI",
    default="http://127.0.0.1:5000",
    show_default=True,
    show_envvar=True,
    metavar="URI",
    help="URL of the server.",
)


def get(uri: str, path: str, query: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the JSON that a server answers to a GET request; see ``call``."""
    return call("GET", uri, path + (f"?{urlencode(query)}" if query else ""))


def call(
    verb: str,
    uri: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the JSON that a server answers. The credentials are those of MLflow's clients.

    Raise ``click.ClickException`` with the server's message if it refuses, or if there is no answer.
    """
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    if not uri.startswith(("http://", "https://")):
        raise click.UsageError(f"--tracking-uri must begin with http:// or https://, not {uri!r}.")
    data = None if body is None else json.dumps(body).encode()
    sent = {**client_credentials(), "Content-Type": "application/json", **(headers or {})}
    request = Request(f"{uri.rstrip('/')}{path}", data, sent, method=verb)
    try:
        with urlopen(request, timeout=60) as response:
            found: dict[str, Any] = json.load(response)
            return found
    except HTTPError as error:
        raise click.ClickException(_error_text(error)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise click.ClickException(
            f"There is no answer from a Trackway server at {uri}: {reason}. Give the server's URL with "
            "--tracking-uri."
        ) from None


def _error_text(error: HTTPError) -> str:
    body = error.read().decode(errors="replace")
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        if error.code == 401:
            return body
        return f"The server answered HTTP {error.code}. It may not be a Trackway server."

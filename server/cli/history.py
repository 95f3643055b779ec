"""The command ``trackway history``: what was changed of a model, as a server tells it over HTTP."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import click

from ..config import client_credentials

if TYPE_CHECKING:
    from urllib.error import HTTPError

_API = "/api/3.0/trackway/registered-models"
_PAGE = 1000
_WIDTH = 48
_AGO = re.compile(r"(\d+)\s*([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
# What a change is called; "@" stands for its alias or tag, "#" for the version.
_WORDS = {
    "model_created": "model created",
    "model_renamed": "model renamed",
    "model_deleted": "model deleted",
    "model_description_set": "description",
    "model_tag_set": "tag @ set",
    "model_tag_deleted": "tag @ deleted",
    "version_created": "version # created",
    "version_deleted": "version # deleted",
    "version_description_set": "version # description",
    "version_tag_set": "version # tag @ set",
    "version_tag_deleted": "version # tag @ deleted",
    "stage_changed": "version # stage",
    "alias_set": "alias @ set",
    "alias_moved": "alias @ moved",
    "alias_removed": "alias @ removed",
}


@click.command()
@click.argument("model")
@click.option(
    "--tracking-uri",
    envvar="MLFLOW_TRACKING_URI",
    default="http://127.0.0.1:5000",
    show_default=True,
    show_envvar=True,
    metavar="URI",
    help="The server to ask.",
)
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="How many changes.")
@click.option("--alias", metavar="ALIAS", help="Say instead which version this alias named, and who set it.")
@click.option("--at", "moment", metavar="TIME", help="With --alias: when, as 2026-01-31T12:00 or as 1h ago.")
def history(model: str, tracking_uri: str, limit: int, alias: str | None, moment: str | None) -> None:
    """Show who changed MODEL, when, from what and to what; newest first."""

    def ask(path: str, **query: Any) -> dict[str, Any]:
        return _get(tracking_uri, path, {"name": model, **query})

    if alias is None:
        if moment is not None:
            raise click.UsageError("--at belongs to --alias.")
        _print_table([_row(change) for change in _changes(ask, limit)])
        return
    when = {} if moment is None else {"time_ms": parse_moment(moment)}
    found = ask("alias-at", alias=alias, **when)
    version = found.get("version")
    click.echo(f"{alias}: version {version}" if version else f"{alias}: not set")
    if change := found.get("change"):
        _print_table([_row(change)])


def parse_moment(text: str) -> int:
    """Milliseconds since the epoch, from ISO 8601 (local time unless it says more) or from ``2h ago``."""
    if ago := _AGO.fullmatch(text.strip().removesuffix("ago").strip()):
        return int((time.time() - int(ago[1]) * _SECONDS[ago[2]]) * 1000)
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError:
        raise click.UsageError(
            f"{text!r} is no time: write 2026-01-31T12:00, or 90m for 90 minutes ago."
        ) from None


def _changes(ask: Callable[..., dict[str, Any]], limit: int) -> Iterator[dict[str, Any]]:
    query: dict[str, Any] = {}
    while limit:
        page = ask("history", max_results=min(limit, _PAGE), **query)
        yield from page.get("changes", ())
        limit -= len(page.get("changes", ()))
        if not (token := page.get("next_page_token")):
            return
        query = {"page_token": token}


def _row(change: Mapping[str, Any]) -> tuple[str, ...]:
    action = change["action"]
    # Names last: they may hold the signs themselves.
    words = (
        _WORDS.get(action, action).replace("#", change.get("version", "")).replace("@", change.get("key", ""))
    )
    time_of_day = datetime.fromtimestamp(change["time_ms"] / 1000, UTC).astimezone()
    return (
        time_of_day.isoformat(" ", "milliseconds"),
        change.get("user", "-"),
        words,
        _short(change.get("old_value")),
        _short(change.get("new_value")),
        change.get("request_id", "-"),
    )


def _short(value: str | None) -> str:
    if value is None:
        return "-"
    shown = json.dumps(value, ensure_ascii=False)[1:-1]
    return shown if len(shown) <= _WIDTH else shown[: _WIDTH - 3] + "..."


def _print_table(rows: list[tuple[str, ...]]) -> None:
    rows = [("TIME", "WHO", "WHAT", "FROM", "TO", "REQUEST"), *rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def _get(uri: str, path: str, query: Mapping[str, Any]) -> dict[str, Any]:
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    if not uri.startswith(("http://", "https://")):
        raise click.UsageError(
            f"--tracking-uri {uri!r} is no server's address; it begins with http:// or https://."
        )
    request = Request(f"{uri.rstrip('/')}{_API}/{path}?{urlencode(query)}", headers=client_credentials())
    try:
        with urlopen(request, timeout=60) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except HTTPError as error:
        raise click.ClickException(_error_text(error)) from None
    except (OSError, ValueError) as error:
        raise click.ClickException(f"No Trackway server answers at {uri}: {error}") from None


def _error_text(error: HTTPError) -> str:
    try:
        return str(json.load(error)["message"])
    except (ValueError, KeyError, TypeError):
        return f"The server answered {error.code}; is it Trackway?"

"""``trackway history``: prints the changes of a registered model, which it gets from a server over HTTP."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import click

from ..change_texts import text_of
from .http import get, server_option
from .tables import print_table

_API = "/api/3.0/trackway/registered-models"
_PAGE_SIZE = 1000
_MAX_VALUE_WIDTH = 48
_AGO = re.compile(r"(\d+)\s*([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_HEADS = ("TIME", "WHO", "WHAT", "FROM", "TO", "REQUEST")


@click.command(short_help="Show the changes of a registered model.")
@click.argument("model")
@server_option
@click.option(
    "--backend-store-uri",
    metavar="URI",
    hidden=True,
    help="Not supported; see the help of the command.",
)
@click.option(
    "--limit", type=click.IntRange(1), default=50, show_default=True, help="Maximum number of changes."
)
@click.option(
    "--alias", metavar="ALIAS", help="Show only the version of this alias, and the change that set it."
)
@click.option(
    "--at",
    "moment",
    metavar="TIME",
    help="With --alias: show its version at this time, such as 2026-01-31T12:00 (local time) or '1h ago'. "
    "Default: now.",
)
def history(
    model: str,
    tracking_uri: str,
    backend_store_uri: str | None,
    limit: int,
    alias: str | None,
    moment: str | None,
) -> None:
    """Show the changes of the registered model MODEL, newest first: time, user, old and new value.

    They come from a running server, so that the command works on any machine that reaches it. It does not
    open the database, and has no --backend-store-uri as `trackway db` and `trackway gc` have.
    """
    if backend_store_uri is not None:
        raise click.UsageError(
            "`trackway history` asks a running server, not its database: give the server's URL with "
            "--tracking-uri instead of --backend-store-uri."
        )

    def ask(path: str, **query: Any) -> dict[str, Any]:
        return get(tracking_uri, f"{_API}/{path}", {"name": model, **query})

    if alias is None:
        if moment is not None:
            raise click.UsageError("--at needs --alias.")
        print_table(_HEADS, (_row(change) for change in _changes(ask, limit)))
        return
    when = {} if moment is None else {"time_ms": parse_moment(moment)}
    found = ask("alias-at", alias=alias, **when)
    version = found.get("version")
    click.echo(f"{alias}: version {version}" if version else f"{alias}: not set")
    if change := found.get("change"):
        print_table(_HEADS, [_row(change)])


def parse_moment(text: str) -> int:
    """Convert ISO 8601 (local time without an offset) or ``2h ago`` to milliseconds since the epoch."""
    if ago := _AGO.fullmatch(text.strip().removesuffix("ago").strip()):
        return int((time.time() - int(ago[1]) * _SECONDS[ago[2]]) * 1000)
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError:
        raise click.UsageError(
            f"{text!r} is not a time; write 2026-01-31T12:00, or 90m for 90 minutes ago."
        ) from None


def _changes(ask: Callable[..., dict[str, Any]], limit: int) -> Iterator[dict[str, Any]]:
    query: dict[str, Any] = {}
    while limit:
        page = ask("history", max_results=min(limit, _PAGE_SIZE), **query)
        yield from page.get("changes", ())
        limit -= len(page.get("changes", ()))
        if not (token := page.get("next_page_token")):
            return
        query = {"page_token": token}


def _row(change: Mapping[str, Any]) -> tuple[str, ...]:
    text = text_of(change["action"], change.get("version"), change.get("key"))
    time_of_day = datetime.fromtimestamp(change["time_ms"] / 1000, UTC).astimezone()
    return (
        time_of_day.isoformat(" ", "milliseconds"),
        change.get("user", "-"),
        text,
        _short(change.get("old_value")),
        _short(change.get("new_value")),
        change.get("request_id", "-"),
    )


def _short(value: str | None) -> str:
    if value is None:
        return "-"
    shown = json.dumps(value, ensure_ascii=False)[1:-1]
    return shown if len(shown) <= _MAX_VALUE_WIDTH else shown[: _MAX_VALUE_WIDTH - 3] + "..."

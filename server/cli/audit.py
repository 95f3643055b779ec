"""``trackway audit``: who did what, from the database: search, export, verify, remove old entries."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from .groups import Group
from .history import parse_moment
from .store import fail, store_option, with_database
from .tables import print_table

if TYPE_CHECKING:
    from trackway.storage.audit.entries import Filter
    from trackway.storage.database import Database, Tx

_HEADS = ("ID", "TIME", "WHO", "BY", "ADDRESS", "ACTION", "TARGET", "OUTCOME")
_OPERATOR = "trackway command"
_DAY_MS = 86_400_000


def _filters(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that select entries."""
    for name, text in reversed(
        (
            ("actor", "Entries of this user or service account."),
            ("action", "Entries of this call, such as DeleteRun."),
            ("target", "Entries about this, such as run:4f0c...; user:* means all users."),
            ("outcome", "done, denied, unauthenticated or 'over quota'."),
            ("since", "Entries from this time on, such as 2026-01-31T12:00 (local time) or 2h."),
            ("until", "Entries before this time."),
        )
    ):
        command = click.option(f"--{name}", help=text)(command)
    return command


@click.group(
    cls=Group, invoke_without_command=True, short_help="Show who did what; verify and export the audit."
)
@_filters
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Maximum of entries.")
@store_option
def audit(limit: int, backend_store_uri: str, **selected: str | None) -> None:
    """Show the entries of the audit, newest first: who did what, from where, and what was refused."""
    if click.get_current_context().invoked_subcommand is not None:
        return
    from trackway.storage.audit import entries

    wanted = _filter(selected)
    rows = _read(backend_store_uri, lambda tx: entries.find_page(tx, wanted, limit)[0])
    print_table(
        _HEADS,
        (
            (
                str(row.id),
                _time(row.time_ms),
                row.user or "-",
                row.authenticated_by or "-",
                row.address or "-",
                row.action,
                row.target,
                row.outcome,
            )
            for row in rows
        ),
    )


@audit.command("export", short_help="Print entries as JSON lines.")
@_filters
@store_option
def export(backend_store_uri: str, **selected: str | None) -> None:
    """Print the entries of the audit, oldest first, each as a JSON object on a line of its own."""
    from trackway.storage.audit import entries

    wanted = _filter(selected)

    def work(tx: Tx) -> None:
        for row in entries.in_order(tx, wanted):
            entry = entries.as_json(row)
            if "detail" in entry:
                entry["detail"] = json.loads(entry["detail"])
            click.echo(json.dumps(entry, ensure_ascii=False))

    _read(backend_store_uri, work)


@audit.command("verify", short_help="Check that no sealed entry was changed, removed or added.")
@click.option(
    "--seal",
    "known",
    default="",
    metavar="DIGEST",
    help="Digest of a seal that was noted elsewhere, such as in the server's log: the audit must contain it.",
)
@store_option
def verify(known: str, backend_store_uri: str) -> None:
    """Compare all sealed entries with their seals. Exit with status 1 and name the first that differs.

    Entries are sealed about half a minute after they were written. Newer ones are not checked.
    """
    from trackway.storage.audit import retention, seals

    def work(tx: Tx) -> tuple[int, seals.Verdict]:
        removed = retention.removed_up_to(tx)
        return removed, seals.verify(tx, known, removed_up_to=removed)

    removed, found = _read(backend_store_uri, work)
    if removed:
        click.echo(f"The entries up to {removed} were removed with `trackway audit remove`.")
    if found.problem:
        fail(f"The audit is not as it was sealed: {found.problem}.")
    click.echo(f"{found.rows} entries in {found.seals} seals are unchanged, up to entry {found.last_id}.")
    if found.seals:
        click.echo(f"Digest of the newest seal: {found.digest}")


@audit.command("remove", short_help="Remove old entries.")
@click.option(
    "--older-than-days", type=click.IntRange(1), required=True, metavar="DAYS", help="Age of the entries."
)
@store_option
def remove(older_than_days: int, backend_store_uri: str) -> None:
    """Remove sealed entries that are older than some days. Their seals remain; export the entries before."""
    from trackway.storage.audit import retention

    limit_ms = int(time.time() * 1000) - older_than_days * _DAY_MS
    found = _run(backend_store_uri, lambda tx: retention.remove(tx, limit_ms), write=True)
    click.echo(f"Removed {found.rows} entries" + (f", up to entry {found.last_id}." if found.rows else "."))


def _filter(selected: dict[str, str | None]) -> Filter:
    from trackway.storage.audit import OUTCOMES
    from trackway.storage.audit.entries import Filter

    outcome = selected["outcome"]
    if outcome is not None and outcome not in OUTCOMES:
        raise click.UsageError(f"--outcome must be one of {', '.join(OUTCOMES)}, not {outcome!r}.")
    since, until = selected["since"], selected["until"]
    return Filter(
        actor=selected["actor"],
        action=selected["action"],
        target=selected["target"],
        outcome=outcome,
        since_ms=None if since is None else parse_moment(since),
        until_ms=None if until is None else parse_moment(until),
    )


def _read(uri: str, work: Callable[[Tx], Any]) -> Any:
    return _run(uri, work, write=False)


def _run(uri: str, work: Callable[[Tx], Any], *, write: bool) -> Any:
    from trackway.storage.maintenance import migrate

    found: list[Any] = []

    def run(database: Database) -> None:
        migrate.check(database)
        found.append(database.run(work, write=write, user=_OPERATOR))

    with_database(uri, run)
    return found[0]


def _time(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).astimezone().isoformat(" ", "milliseconds")

"""``trackway usage`` and ``trackway quota``: what workspaces use, and their limits, from the database."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from .groups import Group
from .store import store_option, with_database
from .tables import print_table

if TYPE_CHECKING:
    from trackway.storage.database import Database, Tx
    from trackway.storage.usage import State

_KINDS = ("experiments", "runs", "points", "artifact_bytes")
_OPERATOR = "trackway command"


@click.command(short_help="Show what workspaces use.")
@store_option
def usage(backend_store_uri: str) -> None:
    """Show how many experiments, runs, metric points and bytes of artifacts each workspace has.

    Servers store their counts every five seconds. Artifacts that clients transfer directly to a bucket are
    not counted.
    """
    from trackway.storage.usage import states

    _print(_run(backend_store_uri, states, write=False))


@click.group(cls=Group, short_help="Limit what workspaces use.")
def quota() -> None:
    """Set or list the quotas of workspaces."""


@quota.command("list", short_help="List quotas.")
@store_option
def list_quotas(backend_store_uri: str) -> None:
    """List the quotas, and what is used of them."""
    from trackway.storage.usage import states

    found = _run(backend_store_uri, states, write=False)
    _print([state for state in found if state.soft is not None or state.hard is not None])


@quota.command("set", short_help="Set the quota of a workspace.")
@click.argument("kind", type=click.Choice(_KINDS))
@click.option("--workspace", default="default", show_default=True, help="Name of the workspace.")
@click.option("--soft", type=click.IntRange(0), help="From here on, responses and the log have a warning.")
@click.option("--hard", type=click.IntRange(0), help="Requests that would lead above it are refused.")
@store_option
def set_quota(kind: str, workspace: str, soft: int | None, hard: int | None, backend_store_uri: str) -> None:
    """Set the quota of a workspace for KIND. Without --soft and --hard, remove it.

    Running servers obey it within about ten seconds. What the workspace has is counted anew.
    """
    from trackway.storage import audit
    from trackway.storage.usage import set_quota, states

    def work(tx: Tx) -> list[State]:
        set_quota(tx, workspace, kind, soft, hard)
        audit.record(tx, "SetQuota", f"quota:{workspace}/{kind}")
        return [state for state in states(tx) if (state.workspace, state.kind) == (workspace, kind)]

    _print(_run(backend_store_uri, work, write=True))


def _print(found: list[State]) -> None:
    print_table(
        ("WORKSPACE", "KIND", "USED", "SOFT LIMIT", "HARD LIMIT"),
        (
            (
                state.workspace,
                state.kind,
                str(state.used),
                "-" if state.soft is None else str(state.soft),
                "-" if state.hard is None else str(state.hard),
            )
            for state in found
        ),
    )


def _run(uri: str, work: Callable[[Tx], Any], *, write: bool) -> Any:
    """Run ``work`` on the database of a command and return its result."""
    from trackway.storage.maintenance import migrate

    found: list[Any] = []

    def run(database: Database) -> None:
        migrate.check(database)
        found.append(database.run(work, write=write, user=_OPERATOR))

    with_database(uri, run)
    return found[0]

"""The commands ``trackway db``: the schema's revision, and points in partitions."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from .store import store_option, with_database

if TYPE_CHECKING:
    from trackway.storage.database import Database


@click.group()
def db() -> None:
    """Look after the database."""


@db.command()
@store_option
def upgrade(backend_store_uri: str) -> None:
    """Bring the database's schema to this version."""
    from trackway.storage.maintenance import migrate

    with_database(backend_store_uri, migrate.upgrade)
    click.echo(f"The database is at revision {migrate.HEAD}.")


@db.command()
@store_option
def check(backend_store_uri: str) -> None:
    """Say whether the database's schema is the one this version needs; exit with 1 when not."""
    from trackway.storage.maintenance import migrate

    with_database(backend_store_uri, migrate.check, make=False)
    click.echo(f"The database is at revision {migrate.HEAD}, as this version needs.")


@db.command()
@store_option
@click.option("--partitions", type=int, default=16, show_default=True, help="How many; 1 undoes it.")
def partition_points(backend_store_uri: str, partitions: int) -> None:
    """Divide the table of metric points by hash, for hundreds of millions of them (PostgreSQL).

    All or nothing: stopped half-way, the database is as it was. Meanwhile servers may run, and
    requests that log metrics wait. It needs free disk as large as the points. See docs/scaling.md.
    """
    from trackway.storage.maintenance import migrate
    from trackway.storage.maintenance import partitions as storage

    def work(database: Database) -> None:
        storage.check(database, partitions)
        migrate.check(database)
        rows, held = storage.size(database)
        shape = f"{partitions} partitions" if partitions > 1 else "one ordinary table"
        click.echo(
            f"Making {shape} of about {rows:,} points ({held / 2**20:,.0f} MiB). Requests that log "
            "metrics wait until it is done; if it is stopped before, nothing has changed."
        )
        is_changed = storage.divide(database, partitions, _Progress())
        click.echo(f"The points are in {shape}{'' if is_changed else ' already; nothing was done'}.")

    with_database(backend_store_uri, work, make=False)


class _Progress:
    """What is being done and how much of it is: a bar on a terminal, else a line for each tenth."""

    _WIDTH = 30

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._last = ("", -1)

    def __call__(self, doing: str, share: float) -> None:
        if self._is_terminal:
            full = int(share * self._WIDTH)
            bar = "#" * full + "-" * (self._WIDTH - full)
            click.echo(f"\r{doing:22}[{bar}] {share:4.0%}", err=True, nl=share >= 1)
        elif (now := (doing, int(share * 10))) != self._last:
            self._last = now
            click.echo(f"{doing}: {share:.0%}", err=True)

"""``trackway db``: upgrade or check the database's schema, copy a database, partition the metric points."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .groups import Group
from .store import existing_file, fail, store_option, with_database

if TYPE_CHECKING:
    from trackway.storage.database import Database


@click.group(cls=Group, short_help="Upgrade, check, back up or partition the database.")
def db() -> None:
    """Upgrade, check, back up or partition the database."""


@db.command(short_help="Upgrade the schema to this version of Trackway.")
@store_option
def upgrade(backend_store_uri: str) -> None:
    """Upgrade the database's schema to this version of Trackway. Create the tables in an empty database.

    Stop all servers and back up the database before. If the schema is up to date, nothing changes. A SQLite
    file that does not exist is not created; `trackway serve` creates it.
    """
    from trackway.storage.maintenance import migrate

    with_database(backend_store_uri, migrate.upgrade)
    click.echo(f"The database is at revision {migrate.HEAD}.")


@db.command(short_help="Check the schema, and a SQLite file for damage.")
@store_option
def check(backend_store_uri: str) -> None:
    """Check that the schema is the one that this version needs, and that the database can be written. If not,
    exit with status 1.

    A SQLite file is also checked for damage, for which it is read as a whole. Servers may keep running.
    """
    from trackway.storage.maintenance import access, integrity, migrate

    def work(database: Database) -> None:
        # First: the schema of a damaged file may be unreadable.
        if problems := integrity.problems(database):
            fail("The database is damaged; restore it from a backup:\n  " + "\n  ".join(problems))
        migrate.check(database)
        access.check(database)

    with_database(backend_store_uri, work)
    click.echo(f"The database is at revision {migrate.HEAD}, as this version needs.")


@db.command(short_help="Copy a SQLite database to a file, beside a running server.")
@click.argument("file", type=click.Path(path_type=Path))
@store_option
@click.option("--overwrite", is_flag=True, help="Replace FILE if it exists.")
def backup(file: Path, backend_store_uri: str, overwrite: bool) -> None:
    """Copy the SQLite database to FILE. Servers may keep running.

    The copy has everything that was committed when the command started. It is checked for damage and is on
    the disk when the command ends. It contains no artifacts. For PostgreSQL use pg_dump.
    """
    from trackway.storage.maintenance import backup as storage

    source = existing_file(backend_store_uri)
    if source is None:
        fail(
            "`trackway db backup` copies SQLite databases. For PostgreSQL use its own program, which also "
            "works beside a running server: pg_dump --format=custom --file=FILE postgresql://user@host/name"
        )
    target = file.resolve()

    def work(database: Database) -> None:
        size = storage.copy(database, source, target, _Progress(), overwrite=overwrite)
        click.echo(f"{source} was copied to {target} ({size / 2**20:,.1f} MiB). The copy has no errors.")

    with_database(backend_store_uri, work)


@db.command(short_help="Partition the table of metric points (PostgreSQL only).")
@store_option
@click.option(
    "--partitions",
    type=int,
    default=16,
    show_default=True,
    help="Number of partitions; 1 restores one ordinary table.",
)
def partition_points(backend_store_uri: str, partitions: int) -> None:
    """Split the table of metric points into hash partitions (PostgreSQL only).

    It is worthwhile for hundreds of millions of points. All points are copied in one transaction: if the
    command is interrupted, the database is unchanged. Servers may keep running; requests that log metrics
    wait until the command has finished. It needs free disk space as large as the points. See
    docs/scaling.md.
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
            "metrics wait until it has finished. If it is interrupted, the database is unchanged."
        )
        is_changed = storage.divide(database, partitions, _Progress())
        click.echo(f"The points are in {shape}{'' if is_changed else ' already; nothing was changed'}.")

    with_database(backend_store_uri, work)


class _Progress:
    """Prints the progress of a step to stderr: a bar on a terminal, else a line for each 10%."""

    _WIDTH = 30

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._last = ("", -1)

    def __call__(self, step: str, share: float) -> None:
        """Print that ``share`` (0 to 1) of the step is done."""
        if self._is_terminal:
            full = int(share * self._WIDTH)
            bar = "#" * full + "-" * (self._WIDTH - full)
            click.echo(f"\r{step:22}[{bar}] {share:4.0%}", err=True, nl=share >= 1)
        elif (now := (step, int(share * 10))) != self._last:
            self._last = now
            click.echo(f"{step}: {share:.0%}", err=True)

"""Shared by commands that use the database: ``--backend-store-uri``, opening the database, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ..config import Config

if TYPE_CHECKING:
    from trackway.storage.database import Database

store_option = click.option(
    "--backend-store-uri",
    envvar="MLFLOW_BACKEND_STORE_URI",
    default=Config.backend_store_uri,
    show_default=True,
    show_envvar=True,
    metavar="URI",
    help="Database: the same value as for `trackway serve`.",
)


def with_database(uri: str, work: Callable[[Database], Any], *, make: bool = True) -> None:
    """Call ``work(database)``. If it fails, print the error and exit with status 1.

    With ``make=False``, a SQLite file that does not exist is an error; otherwise it is created.
    """
    from trackway.client_compat.errors import ApiError
    from trackway.storage.database import Database, file_of, translated
    from trackway.storage.maintenance import access
    from trackway.storage.maintenance.migrate import SchemaError
    from trackway.storage.maintenance.partitions import PartitionError

    try:
        file = file_of(uri)
        if file and not make and not file.exists():
            fail(f"There is no database at {file}. Run: trackway db upgrade --backend-store-uri <uri>")
        database: Database = Database(uri)
        try:
            try:
                with translated():
                    database.ping()
                    work(database)
            except (ApiError, PartitionError) as error:
                access.advise(database, error)
                raise
        finally:
            database.dispose()
    except (ApiError, PartitionError, SchemaError, ValueError, OSError) as error:
        fail(" ".join([str(error), *getattr(error, "__notes__", ())]))


def fail(message: str) -> NoReturn:
    """Print an error and exit with status 1."""
    click.echo(f"Error: {message}", err=True)
    raise SystemExit(1)

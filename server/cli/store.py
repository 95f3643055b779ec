"""What the commands that work on the store share: its option, opening it, and telling what went wrong."""

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
    help="The database, as given to `trackway serve`.",
)


def with_database(uri: str, work: Callable[[Database], Any], *, make: bool = True) -> None:
    """Do ``work`` on the database; what goes wrong is told, and ends the command with 1.

    Without ``make`` a SQLite file that is not there is an error, too.
    """
    from trackway.client_compat.errors import ApiError
    from trackway.storage.database import Database, file_of
    from trackway.storage.maintenance.migrate import SchemaError
    from trackway.storage.maintenance.partitions import PartitionError

    try:
        file = file_of(uri)
        if file and not make and not file.exists():
            fail(f"There is no database at {file}. Run: trackway db upgrade --backend-store-uri <uri>")
        database: Database = Database(uri)
        try:
            database.ping()
            work(database)
        finally:
            database.dispose()
    except ApiError as error:
        fail(error.for_operators())
    except (PartitionError, SchemaError, ValueError, OSError) as error:
        fail(str(error))


def fail(message: str) -> NoReturn:
    click.echo(f"Error: {message}", err=True)
    raise SystemExit(1)

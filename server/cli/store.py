"""Shared by commands that use the stores: their options, opening the database and artifact stores, errors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ..config import Config, ConfigError, options
from .options import option_for

if TYPE_CHECKING:
    from trackway.storage.artifacts.locations import Locations
    from trackway.storage.database import Database

# Options of `trackway serve` that determine where artifacts are stored.
_SERVER_OPTIONS = ("artifacts_destination", "default_artifact_root", "serve_artifacts")

store_option = click.option(
    "--backend-store-uri",
    envvar="MLFLOW_BACKEND_STORE_URI",
    default=Config.backend_store_uri,
    show_default=True,
    show_envvar=True,
    metavar="URI",
    help="Database: the same value as for `trackway serve`.",
)


def server_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the artifact stores to a command."""
    fields = {item.name: item for item in options()}
    for name in reversed(_SERVER_OPTIONS):
        command = option_for(fields[name])(command)
    return command


def checked_config(backend_store_uri: str, settings: dict[str, Any]) -> Config:
    """Return the settings of a command with ``store_option`` and ``server_options``."""
    try:
        return Config(backend_store_uri=backend_store_uri, **settings)
    except ConfigError as error:
        raise click.UsageError(str(error)) from None


def open_locations(config: Config) -> Locations:
    """Return the artifact stores. Raise ``ValueError`` if the S3 client is needed and not installed."""
    from trackway.storage import artifacts

    from ..backend import open_artifacts

    for root in config.artifact_roots:
        if root.startswith("s3:"):
            artifacts.prepare(root)
    return open_artifacts(config)


def with_database(uri: str, work: Callable[[Database], Any]) -> None:
    """Call ``work(database)``. If it fails, print the error and exit with status 1.

    A SQLite file that does not exist is an error: no command creates one, since the URI is most likely wrong.
    """
    from trackway.client_compat.errors import ApiError
    from trackway.storage.database import Database, translated
    from trackway.storage.maintenance import access
    from trackway.storage.maintenance.backup import BackupError
    from trackway.storage.maintenance.migrate import SchemaError
    from trackway.storage.maintenance.partitions import PartitionError

    existing_file(uri)
    try:
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
    except (ApiError, BackupError, PartitionError, SchemaError, ValueError, OSError) as error:
        fail(" ".join([str(error), *getattr(error, "__notes__", ())]))


def existing_file(uri: str) -> Path | None:
    """Return the absolute path of the SQLite file that a store URI names; None for PostgreSQL.

    Exit with status 1 if there is no such file, or the URI is invalid.
    """
    from trackway.storage.database import file_of

    try:
        file = file_of(uri)
    except ValueError as error:
        fail(str(error))
    if file and not file.exists():
        fail(
            f"There is no database {file.absolute()}. Give the --backend-store-uri of the server "
            "(or MLFLOW_BACKEND_STORE_URI)."
        )
    return file and file.absolute()


def fail(message: str) -> NoReturn:
    """Print an error and exit with status 1."""
    click.echo(f"Error: {message}", err=True)
    raise SystemExit(1)

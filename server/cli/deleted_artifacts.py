"""``trackway trash``: lists and restores deleted artifacts, which ``trackway gc`` deletes permanently."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from .store import checked_config, fail, open_locations, server_options, store_option, with_database

if TYPE_CHECKING:
    from collections.abc import Callable

    from trackway.storage.artifacts import ArtifactStore
    from trackway.storage.artifacts.trash import Deletion
    from trackway.storage.database import Database

_REQUEST_ID = "trackway {}"


@click.group(short_help="List and restore deleted artifacts.")
def trash() -> None:
    """List and restore artifacts that clients deleted from --artifacts-destination.

    They are in the trash until `trackway gc` deletes them permanently. Those of a deleted run or experiment
    also come back when it is restored. Servers may keep running.
    """


@trash.command("list", short_help="List deleted artifacts.")
@click.argument("path", default="")
@store_option
@server_options
def list_deleted(path: str, backend_store_uri: str, **settings: Any) -> None:
    """List the deleted artifacts at or below PATH, or all of them, newest first: time and path.

    PATH is in the artifact store, such as 0/<run id>/artifacts/model.
    """

    def work(deleted: DeletedArtifacts, path: str) -> None:
        for deletion in deleted.find(path=path):
            click.echo(f"{_time(deletion)}  {deletion.path}")

    _with_trash(path, backend_store_uri, settings, work)


@trash.command(short_help="Restore deleted artifacts.")
@click.argument("path")
@store_option
@server_options
def restore(path: str, backend_store_uri: str, **settings: Any) -> None:
    """Move the deleted artifacts at or below PATH back to their places.

    PATH is in the artifact store, such as 0/<run id>/artifacts/model. Of a file that was deleted several
    times, the newest contents come back. A file that exists now is kept, and the deleted one stays in the
    trash; the command then exits with status 1.
    """

    def work(deleted: DeletedArtifacts, path: str) -> None:
        deleted.heal()
        deletions = deleted.find(path=path)
        if not deletions:
            fail(f"There is nothing at or below {path!r} in the trash.")
        kept = []
        for deletion in deletions:
            kept += deleted.restore(deletion, path)
            click.echo(f"{described(deletion)} was restored.")
        if kept:
            names = "\n".join(f"  {name}" for name in sorted(set(kept)))
            fail(f"These artifacts stay in the trash, because others are in their places:\n{names}")

    _with_trash(path, backend_store_uri, settings, work)


def _with_trash(
    path: str, uri: str, settings: dict[str, Any], work: Callable[[DeletedArtifacts, str], None]
) -> None:
    config = checked_config(uri, settings)
    from trackway.client_compat import artifact_paths
    from trackway.storage.maintenance import migrate

    if not config.serve_artifacts:
        raise click.UsageError("A server with --no-serve-artifacts has no trash of artifacts.")

    def open_and_work(database: Database) -> None:
        migrate.check(database)
        checked = artifact_paths.check(path)
        work(DeletedArtifacts(database, open_locations(config).served), checked)

    with_database(uri, open_and_work)


class DeletedArtifacts:
    """The trash of one store. Each change gets its audit row first, as in the server."""

    def __init__(self, database: Database, store: ArtifactStore) -> None:
        self._database = database
        self._store = store

    def heal(self) -> None:
        """Complete the uploads and deletions that a killed server left unfinished."""
        from trackway.storage.maintenance import unfinished

        for change in unfinished.heal(self._database, self._store):
            what = "deletion" if change.is_deletion else "upload"
            click.echo(f"The {what} of {change.path} was interrupted and is complete now.", err=True)

    def find(self, before_ms: int | None = None, path: str = "") -> list[Deletion]:
        """Return the deletions up to ``before_ms`` that concern ``path``, newest first."""
        found = self._store.trash.find(path)
        return [one for one in found if before_ms is None or one.time_ms <= before_ms]

    def restore(self, deletion: Deletion, path: str) -> list[str]:
        """Move back what was deleted at or below ``path``. Return the paths that stay in the trash."""
        self._record("RestoreArtifact", path, "trash")
        return self._store.trash.restore(deletion, path)

    def purge(self, deletion: Deletion) -> None:
        """Delete it permanently."""
        self._record("PurgeArtifact", deletion.path, "gc")
        self._store.trash.purge(deletion, deletion.path)

    def _record(self, action: str, path: str, command: str) -> None:
        from trackway.storage import audit

        self._database.run(
            lambda tx: audit.record(tx, action, f"artifact:{path}"),
            write=True,
            request_id=_REQUEST_ID.format(command),
        )


def described(deletion: Deletion) -> str:
    """Return what was deleted and when, for a message."""
    return f"Artifact {deletion.path}, deleted at {_time(deletion)},"


def _time(deletion: Deletion) -> str:
    time = datetime.fromtimestamp(deletion.time_ms / 1000, UTC)
    return time.isoformat(" ", "seconds").replace("+00:00", " UTC")

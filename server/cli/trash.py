"""``trackway gc``: permanently deletes runs, logged models and experiments that are in the trash."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from ..config import PROXIED_ARTIFACTS
from .deleted_artifacts import DeletedArtifacts, described
from .store import checked_config, open_locations, server_options, store_option, with_database

if TYPE_CHECKING:
    from trackway.storage.artifacts.locations import Locations, Place
    from trackway.storage.artifacts.trash import Deletion
    from trackway.storage.database import Database
    from trackway.storage.maintenance.trash import Selection, Trash, TrashItem

_NUMBER = r"(\d+\.?\d*|\.\d+)"
_AGE = re.compile("".join(f"(?:{_NUMBER}{unit})?" for unit in "dhms"), re.ASCII)
# So many traces of a purged experiment are deleted in one transaction.
_TRACES_OF_A_STEP = 500
_MS = (86_400_000, 3_600_000, 60_000, 1000)


def _parse_age(_context: Any, _option: Any, text: str | None) -> float | None:
    """Convert ``1d2h3m4s`` to milliseconds."""
    if text is None:
        return None
    found = _AGE.fullmatch(text)
    if not text or not found:
        raise click.BadParameter(
            f"{text!r} is not an age; write days, hours, minutes and seconds in this order, as in 30d, "
            "1d12h or 1.5h."
        )
    return sum(float(number) * ms for number, ms in zip(found.groups(), _MS, strict=True) if number)


def _parse_ids(_context: Any, _option: Any, text: str | None) -> list[str] | None:
    if text is None:
        return None
    ids = [part.strip() for part in text.split(",") if part.strip()]
    if not ids:
        # Usually an unset shell variable. Treated as an omitted option, it would empty the whole trash.
        raise click.BadParameter("it contains no id; give comma-separated ids, or omit the option.")
    return ids


def _ids(flags: str, nouns: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    help = f"Comma-separated ids of {nouns} to delete; they must be in the trash."
    return click.option(flags, metavar="IDS", callback=_parse_ids, help=help)


@click.command("gc", short_help="Permanently delete what is in the trash.")
@click.option(
    "--older-than",
    metavar="AGE",
    callback=_parse_age,
    help="Delete only what has been in the trash for at least this time, in days, hours, minutes and "
    "seconds, such as 30d or 1d2.5h. Default: no minimum.",
)
@_ids("--run-ids", "runs")
@_ids("--experiment-ids", "experiments, with their runs and logged models,")
@_ids("--logged-model-ids", "logged models")
@click.option(
    "--with-registered",
    is_flag=True,
    help="Also delete runs and logged models whose files a registered model version uses.",
)
@click.option(
    "--workspace", "only", metavar="NAME", help="The workspace whose trash is meant. Default: default."
)
@click.option(
    "--all-workspaces", is_flag=True, help="The trash of all workspaces, also of those that were deleted."
)
@click.option("--dry-run", is_flag=True, help="Print what would be deleted, and delete nothing.")
@store_option
@server_options
@click.option(
    "--tracking-uri",
    metavar="URI",
    expose_value=False,
    help="Has no effect. `mlflow gc` needs it to find artifacts; Trackway has their location in the "
    "database.",
)
def empty_trash(
    older_than: float | None,
    run_ids: list[str] | None,
    experiment_ids: list[str] | None,
    logged_model_ids: list[str] | None,
    with_registered: bool,
    only: str | None,
    all_workspaces: bool,
    dry_run: bool,
    backend_store_uri: str,
    **settings: Any,
) -> None:
    """Permanently delete runs, logged models and experiments that are in the trash, with their artifacts.

    Give the same store options as for `trackway serve`. Servers may keep running.

    Without ids, the command empties the trash. With ids, it deletes only these items, whereas `mlflow gc`
    empties the rest of the trash as well; if one of them cannot be deleted, none is. Deleting an experiment
    deletes all its runs and logged models. An experiment is kept if one of its runs was restored.
    Experiment 0 is always kept.

    A run or logged model is kept if a registered model version uses its files, unless --with-registered is
    given. Artifacts outside of --artifacts-destination and --default-artifact-root are not removed; the
    command prints their locations.

    Without ids, the command also deletes the artifacts that clients deleted, which are in the trash of
    --artifacts-destination (see `trackway trash`).
    """
    config = checked_config(backend_store_uri, settings)
    from trackway.storage.access import workspaces
    from trackway.storage.database import DEFAULT_WORKSPACE
    from trackway.storage.maintenance import migrate
    from trackway.storage.maintenance.trash import Selection

    selection = None
    if any((run_ids, logged_model_ids, experiment_ids)):
        selection = Selection(run_ids or (), logged_model_ids or (), experiment_ids or ())
    if only and all_workspaces:
        raise click.UsageError("Give either --workspace or --all-workspaces.")
    before_ms = None if older_than is None else int(max(time.time() * 1000 - older_than, 0))

    def work(database: Database) -> None:
        migrate.check(database)
        locations = open_locations(config)
        found = database.run(
            lambda tx: workspaces.with_trash(
                tx, None if all_workspaces else only or "default", config.artifact_root
            ),
            write=False,
        )
        for item in found:
            if len(found) > 1:
                click.echo(f"Workspace {item.name}:")
            # The trash of the artifact store is that of all workspaces.
            is_first = config.serve_artifacts and item.id == DEFAULT_WORKSPACE
            purge = Purge(
                database,
                locations,
                before_ms,
                selection,
                with_registered,
                item.artifact_root,
                DeletedArtifacts(database, locations.served) if is_first else None,
                item.id,
            )
            purge.work(dry_run)

    with_database(backend_store_uri, work)


class Purge:
    """One purge. Prints each deleted item to stdout, and each kept item with the reason to stderr."""

    def __init__(
        self,
        database: Database,
        locations: Locations,
        before_ms: int | None,
        selection: Selection | None,
        with_registered: bool = False,
        artifact_root: str = PROXIED_ARTIFACTS,
        deleted: DeletedArtifacts | None = None,
        workspace: int = 1,
    ) -> None:
        self._database = database
        self._locations = locations
        self._before_ms = before_ms
        self._selection = selection
        self._with_registered = with_registered
        self._artifact_root = artifact_root
        self._deleted = deleted
        self._workspace = workspace

    def work(self, dry_run: bool) -> None:
        """Purge, or print what would be purged."""
        from trackway.client_compat.errors import ApiError
        from trackway.storage.maintenance import trash as storage

        trash: Trash = self._database.run(
            lambda tx: storage.find(
                tx, self._before_ms, self._selection, with_registered=self._with_registered
            ),
            write=False,
            workspace=self._workspace,
        )
        for sentence in trash.kept:
            click.echo(sentence, err=True)
        late = self._late_uploads() if self._selection is None else []
        if not trash.items and not late and not self._artifacts(dry_run):
            age = "" if self._before_ms is None else " that is old enough"
            click.echo(f"There is nothing{' else' if trash.kept else ''} to delete in the trash{age}.")
            return
        places = [self._place(item) for item in trash.items]
        if dry_run:
            for item in trash.items:
                click.echo(f"{_capitalized(item)} would be deleted.")
            for folder in late:
                click.echo(f"{folder.path}, uploaded after its run or model was purged, would be deleted.")
            for deletion in self._artifacts(dry_run):
                click.echo(f"{described(deletion)} would be permanently deleted.")
            click.echo(f"{_counted(trash.items)} would be permanently deleted. Nothing was changed.")
            return
        gone = []
        try:
            for folder in late:
                folder.store.remove(folder.path)
                click.echo(f"{folder.path}, uploaded after its run or model was purged, was deleted.")
            for item, place in zip(trash.items, places, strict=True):
                if self._purge(item, place):
                    click.echo(f"{_capitalized(item)} was permanently deleted.")
                    gone.append(item)
            # After the items, with which their deleted artifacts go.
            for deletion in self._artifacts(dry_run):
                assert self._deleted
                self._deleted.purge(deletion)
                click.echo(f"{described(deletion)} was permanently deleted.")
        except ApiError as error:
            error.add_note("Items that are not listed above are still in the trash; run the command again.")
            raise
        finally:
            click.echo(f"{_counted(gone)} permanently deleted.")

    def _artifacts(self, dry_run: bool) -> list[Deletion]:
        """Return the deleted artifacts to purge: none if the user named items."""
        if self._selection is not None or not self._deleted:
            return []
        if not dry_run:
            self._deleted.heal()
        return self._deleted.find(self._before_ms)

    def _late_uploads(self) -> list[Place]:
        from trackway.storage.maintenance import late_uploads

        purged = self._database.run(late_uploads.purged, write=False, workspace=self._workspace)
        if not purged:
            return []
        roots = self._database.run(
            lambda tx: late_uploads.roots(tx, purged, self._artifact_root),
            write=False,
            workspace=self._workspace,
        )
        return list(late_uploads.find(self._locations, roots, purged))

    def _place(self, item: TrashItem) -> Place | None:
        """Return the item's place in the artifact store, or None if it has none that may be deleted.

        Print the location of artifacts that are left. Raise ``ValueError`` if the store's folder is missing.
        """
        from trackway.client_compat.errors import InvalidParameter, PermissionDenied
        from trackway.storage.artifacts.local import LocalStore
        from trackway.storage.maintenance import purge
        from trackway.storage.maintenance.trash import EXPERIMENT

        try:
            place = purge.folder(self._locations, item)
        except (InvalidParameter, PermissionDenied):
            if item.kind is not EXPERIMENT:
                self._leave_alone(item)
            return None
        if isinstance(place.store, LocalStore) and not os.path.isdir(place.store.root):
            if item.kind is EXPERIMENT:
                return None
            # Most likely a wrong option. Deleting the rows would lose the location of the artifacts.
            raise ValueError(
                f"There is no folder {place.store.root}, which should contain the artifacts of {item}. Give "
                "the same --artifacts-destination and --default-artifact-root as for `trackway serve`. If no "
                "artifact was ever stored there, create the folder. Nothing was deleted."
            )
        return place

    def _leave_alone(self, item: TrashItem) -> None:
        click.echo(
            f"The artifacts of {item} at {item.location} were not deleted: they are outside of "
            "--artifacts-destination and --default-artifact-root.",
            err=True,
        )

    def _purge(self, item: TrashItem, place: Place | None) -> bool:
        from trackway.client_compat.errors import InvalidParameter, PermissionDenied
        from trackway.storage.artifacts.trash import purge_all
        from trackway.storage.maintenance import purge
        from trackway.storage.maintenance.trash import EXPERIMENT

        before_ms = self._before_ms
        content = " or one of its runs or models" if item.kind is EXPERIMENT else ""
        skipped = f"{_capitalized(item)} was skipped: it{content} left the trash."
        if item.kind is not EXPERIMENT and not self._database.run(
            lambda tx: purge.claim(tx, item, before_ms),
            write=True,
            workspace=self._workspace,
            request_id="trackway gc",
        ):
            click.echo(skipped, err=True)
            return False
        if item.kind is EXPERIMENT:
            self._purge_traces(item)
        if place:
            try:
                place.store.remove(place.path)
                purge_all(place.store.trash, place.path)
            except (InvalidParameter, PermissionDenied):  # a symbolic link to a folder outside
                self._leave_alone(item)
        is_gone = self._database.run(
            lambda tx: purge.delete(tx, item, before_ms),
            write=True,
            workspace=self._workspace,
            request_id="trackway gc",
        )
        if not is_gone:
            click.echo(skipped, err=True)
        return is_gone

    def _purge_traces(self, item: TrashItem) -> None:
        from trackway.storage.maintenance import purge

        while self._database.run(
            lambda tx: purge.delete_traces(tx, item, self._before_ms, _TRACES_OF_A_STEP),
            write=True,
            workspace=self._workspace,
            request_id="trackway gc",
        ):
            pass


def _capitalized(item: TrashItem) -> str:
    return f"{item.kind.name.capitalize()} {item.key}"


def _counted(items: Iterable[TrashItem]) -> str:
    names = [item.kind.name for item in items]
    counts = [
        f"{names.count(name)} {name}{'' if names.count(name) == 1 else 's'}" for name in dict.fromkeys(names)
    ]
    return " and ".join(filter(None, (", ".join(counts[:-1]), *counts[-1:]))) or "Nothing"

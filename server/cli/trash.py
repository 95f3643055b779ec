"""The command ``trackway gc``: deletes for good what lies in the trash."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from ..config import Config, ConfigError, options
from .options import option_for
from .store import store_option, with_database

if TYPE_CHECKING:
    from trackway.storage.artifacts.locations import Locations, Place
    from trackway.storage.database import Database
    from trackway.storage.maintenance.trash import Selection, Trash, TrashItem

_NUMBER = r"(\d+\.?\d*|\.\d+)"
_AGE = re.compile("".join(f"(?:{_NUMBER}{unit})?" for unit in "dhms"), re.ASCII)
_MS = (86_400_000, 3_600_000, 60_000, 1000)
# Those of the server that say where artifacts lie.
_SETTINGS = ("artifacts_destination", "default_artifact_root", "serve_artifacts")


def _server_options(command: Callable[..., Any]) -> Callable[..., Any]:
    fields = {item.name: item for item in options()}
    for name in reversed(_SETTINGS):
        command = option_for(fields[name])(command)
    return command


def _parse_age(_context: Any, _option: Any, text: str | None) -> float | None:
    """Milliseconds."""
    if text is None:
        return None
    found = _AGE.fullmatch(text)
    if not text or not found:
        raise click.BadParameter(
            f"{text!r} is no age: write days, hours, minutes and seconds in this order, as in 30d, "
            "1d12h or 1.5h."
        )
    return sum(float(number) * ms for number, ms in zip(found.groups(), _MS, strict=True) if number)


def _parse_ids(_context: Any, _option: Any, text: str | None) -> list[str] | None:
    if text is None:
        return None
    ids = [part.strip() for part in text.split(",") if part.strip()]
    if not ids:
        # An unset shell variable; taken for no option at all, it would empty the whole trash.
        raise click.BadParameter("it names nothing; give ids with commas between them, or leave it out.")
    return ids


def _ids(flags: str, nouns: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    help = f"{nouns} to delete for good, by id, with commas between; they have to be in the trash."
    return click.option(flags, metavar="IDS", callback=_parse_ids, help=help)


@click.command("gc", short_help="Delete for good what lies in the trash.")
@click.option(
    "--older-than",
    metavar="AGE",
    callback=_parse_age,
    help="Only what has been in the trash for so long: days, hours, minutes, seconds, as in 30d or 1d2.5h.",
)
@_ids("--run-ids", "Runs")
@_ids("--experiment-ids", "Experiments with all in them")
@_ids("--logged-model-ids", "Logged models")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@store_option
@_server_options
@click.option(
    "--tracking-uri",
    metavar="URI",
    expose_value=False,
    help="Has no effect: `mlflow gc` needs it to find artifacts, Trackway knows where they lie.",
)
def empty_trash(
    older_than: float | None,
    run_ids: list[str] | None,
    experiment_ids: list[str] | None,
    logged_model_ids: list[str] | None,
    dry_run: bool,
    backend_store_uri: str,
    **settings: Any,
) -> None:
    """Delete for good what lies in the trash: runs, logged models and experiments, with their artifacts.

    Give the options that `trackway serve` has; servers may run meanwhile. Without ids the whole trash goes.
    With ids of any kind nothing goes but what they name, where `mlflow gc` empties the rest as well; if one
    of them cannot go, none does. An experiment takes all its runs and logged models along, unless one of
    the runs was restored. Experiment 0 stays.

    Nobody looks whether a registered model's version has its files in a run: they go with it. Artifacts
    outside of --artifacts-destination and --default-artifact-root are left where they are, and named.
    """
    try:
        config = Config(backend_store_uri=backend_store_uri, **settings)
    except ConfigError as error:
        raise click.UsageError(str(error)) from None
    from trackway.storage.maintenance import migrate
    from trackway.storage.maintenance.trash import Selection

    selection = None
    if any((run_ids, logged_model_ids, experiment_ids)):
        selection = Selection(run_ids or (), logged_model_ids or (), experiment_ids or ())
    before_ms = None if older_than is None else int(max(time.time() * 1000 - older_than, 0))

    def work(database: Database) -> None:
        migrate.check(database)
        Purge(database, _open_locations(config), before_ms, selection).work(dry_run)

    with_database(backend_store_uri, work, make=False)


def _open_locations(config: Config) -> Locations:
    from trackway.storage import artifacts

    from ..backend import open_artifacts

    for root in config.artifact_roots:
        if root.startswith("s3:"):
            artifacts.prepare(root)  # is its SDK installed?
    return open_artifacts(config)


class Purge:
    """One purge, told on stdout as it goes on; what stays, and why, on stderr."""

    def __init__(
        self, database: Database, locations: Locations, before_ms: int | None, selection: Selection | None
    ) -> None:
        self._database = database
        self._locations = locations
        self._before_ms = before_ms
        self._selection = selection
        self._is_damaged = False

    def work(self, dry_run: bool) -> None:
        """Raises ``SystemExit`` where a run or model was restored too late for its artifacts."""
        from trackway.client_compat.errors import ApiError
        from trackway.storage.maintenance import trash as storage

        trash: Trash = self._database.run(
            lambda tx: storage.find(tx, self._before_ms, self._selection), write=False
        )
        for sentence in trash.kept:
            click.echo(sentence, err=True)
        if not trash.items:
            old = "" if self._before_ms is None else " for so long"
            click.echo(f"Nothing{' else' if trash.kept else ''} has been in the trash{old}.")
            return
        places = [self._place(item) for item in trash.items]
        if dry_run:
            for item in trash.items:
                click.echo(f"{_capitalized(item)} would be deleted.")
            click.echo(f"{_counted(trash.items)} would be deleted for good. Nothing was changed.")
            return
        gone = []
        try:
            for item, place in zip(trash.items, places, strict=True):
                if self._purge(item, place):
                    click.echo(f"{_capitalized(item)} was deleted for good.")
                    gone.append(item)
        except ApiError as error:
            error.add_note("What is not named above is still in the trash; run the command again.")
            raise
        finally:
            click.echo(f"{_counted(gone)} deleted for good.")
        if self._is_damaged:
            raise SystemExit(1)

    def _place(self, item: TrashItem) -> Place | None:
        """Where its artifacts lie, None where they are not ours to delete: somebody is told."""
        from trackway.client_compat.errors import InvalidParameter, PermissionDenied
        from trackway.storage.artifacts.local import LocalStore
        from trackway.storage.maintenance import purge
        from trackway.storage.maintenance.trash import EXPERIMENT

        if item.kind is EXPERIMENT:  # has none but those of what is in it
            return None
        try:
            place = purge.folder(self._locations, item)
        except (InvalidParameter, PermissionDenied):
            self._leave_alone(item)
            return None
        if isinstance(place.store, LocalStore) and not os.path.isdir(place.store.root):
            # Most likely the wrong one: its rows would go, and nobody would find the artifacts again.
            raise ValueError(
                f"There is no folder {place.store.root}, where the artifacts of {item} would lie. Give the "
                "options that `trackway serve` has (--artifacts-destination, --default-artifact-root); if "
                "no artifact was ever stored there, make the folder. Nothing was deleted."
            )
        return place

    def _leave_alone(self, item: TrashItem) -> None:
        click.echo(
            f"The artifacts of {item} at {item.location} are left alone: they lie outside of "
            "--artifacts-destination and --default-artifact-root.",
            err=True,
        )

    def _purge(self, item: TrashItem, place: Place | None) -> bool:
        from trackway.client_compat.errors import InvalidParameter, PermissionDenied
        from trackway.storage.maintenance import purge
        from trackway.storage.maintenance.trash import EXPERIMENT

        before_ms = self._before_ms
        if not self._database.run(lambda tx: purge.is_in_trash(tx, item, before_ms), write=False):
            inside = ", or something in it," if item.kind is EXPERIMENT else ""
            click.echo(f"{_capitalized(item)} is passed over: it{inside} has left the trash.", err=True)
            return False
        if place:
            try:
                place.store.delete(place.path)
            except (InvalidParameter, PermissionDenied):  # a link that leads outside
                self._leave_alone(item)
        if self._database.run(
            lambda tx: purge.delete(tx, item, before_ms), write=True, request_id="trackway gc"
        ):
            return True
        self._is_damaged = self._is_damaged or place is not None
        lost = ": if it was restored, it has lost them" if place else ""
        why = f"it left the trash while its artifacts were deleted{lost}"
        click.echo(f"{_capitalized(item)} is passed over: {why}.", err=True)
        return False


def _capitalized(item: TrashItem) -> str:
    return f"{item.kind.name.capitalize()} {item.key}"


def _counted(items: Iterable[TrashItem]) -> str:
    names = [item.kind.name for item in items]
    counts = [
        f"{names.count(name)} {name}{'' if names.count(name) == 1 else 's'}" for name in dict.fromkeys(names)
    ]
    return " and ".join(filter(None, (", ".join(counts[:-1]), *counts[-1:]))) or "Nothing"

"""``trackway ui``: MLflow's own web UI, fetched once and served as it is."""

from __future__ import annotations

from pathlib import Path

import click

from ..ui import files
from ..version import MLFLOW_VERSION


@click.group()
def ui() -> None:
    """MLflow's own web UI, which this server shows at its address."""


@ui.command()
@click.option(
    "--wheel",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=f"Take the pages out of this wheel of mlflow {MLFLOW_VERSION}, without a network.",
)
@click.option(
    "--folder",
    envvar="TRACKWAY_UI_FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    show_envvar=True,
    help="Where to put them. Default: beside this environment, else in the user's data folder.",
)
@click.option("--force", is_flag=True, help="Fetch them again where they are.")
def fetch(wheel: Path | None, folder: Path | None, force: bool) -> None:
    """Take the built pages out of the mlflow wheel; nothing else of it is kept, nothing of it is run."""
    found = files.find(str(folder or ""))
    if found and not force and not wheel:
        click.echo(f"The UI's pages are in {found} already.")
        return
    target = folder or files.default_target()
    try:
        files.fetch(target, wheel)
    except (files.FetchError, OSError) as error:
        click.echo(f"Error: {error}", err=True)
        raise SystemExit(1) from None
    click.echo(f"The UI's pages of MLflow {MLFLOW_VERSION} are in {target} now.")

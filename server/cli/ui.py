"""``trackway ui``: fetches the files of MLflow's web UI."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import click

from ..ui import files, libraries
from ..version import MLFLOW_VERSION
from .groups import Group


@click.group(cls=Group, short_help="Fetch the files of MLflow's own web UI.")
def ui() -> None:
    """Fetch the files of MLflow's own web UI, which `trackway serve` serves at its address."""


@ui.command(short_help="Fetch the files of the web UI from the mlflow wheel.")
@click.option(
    "--wheel",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=f"Use this wheel of mlflow {MLFLOW_VERSION} instead of downloading it.",
)
@click.option(
    "--folder",
    envvar="TRACKWAY_UI_FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    show_envvar=True,
    help="Folder for the files. Default: in this virtual environment, else in the user's data folder.",
)
@click.option("--force", is_flag=True, help="Fetch the files even if they are there already.")
def fetch(wheel: Path | None, folder: Path | None, force: bool) -> None:
    """Extract the files of the web UI from the mlflow wheel, which pip downloads.

    Nothing else of the wheel is kept, and none of its code is run. A running server uses the files at once.
    """
    found = files.find(str(folder or ""))
    if found and not force and not wheel:
        click.echo(f"The files of the web UI are already in {found}.")
        return
    target = folder or files.default_target()
    try:
        files.fetch(target, wheel)
    except (files.FetchError, OSError) as error:
        _fail(error)
    click.echo(f"The files of MLflow {MLFLOW_VERSION}'s web UI are now in {target}.")


@ui.command("fetch-plotly", short_help="Fetch Plotly's library, so that its figures are shown.")
@click.option(
    "--wheel",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Use this wheel of plotly instead of downloading it.",
)
@click.option("--release", default="", help="Release of the Python package plotly. Default: the newest.")
def fetch_plotly(wheel: Path | None, release: str) -> None:
    """Extract Plotly's library from the plotly wheel, which pip downloads.

    The UI then shows figures of Plotly without access to other hosts: with the version of the library that a
    figure names, else with the newest one of the same major version. A running server uses it at once.
    """
    try:
        path = libraries.fetch_plotly(wheel, release)
    except (files.FetchError, OSError) as error:
        _fail(error)
    click.echo(f"Plotly's library is now in {path}.")


def _fail(error: Exception) -> NoReturn:
    click.echo(f"Error: {error}", err=True)
    raise SystemExit(1) from None

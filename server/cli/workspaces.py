"""``trackway workspace``: list, create, delete workspaces, move contents between them, map GitLab projects.

The commands change the database; running servers with --enable-workspaces obey within a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .access import run
from .groups import Group
from .store import store_option
from .tables import print_table

if TYPE_CHECKING:
    from trackway.storage.database import Tx

_GITLAB = "gitlab"


@click.group(cls=Group, short_help="Manage workspaces.")
def workspace() -> None:
    """List, create or delete workspaces, move their contents, or map projects of GitLab to them."""


@workspace.command("list", short_help="List workspaces.")
@store_option
def list_workspaces(backend_store_uri: str) -> None:
    """List all workspaces, with the projects of GitLab that lead to them."""
    from trackway.storage.access import workspace_names, workspaces

    found: list[Any] = []
    names: dict[str, list[str]] = {}

    def work(tx: Tx) -> None:
        found[:] = workspaces.find_all(tx)
        names.clear()
        for row in workspace_names.find_all(tx):
            names.setdefault(row.workspace, []).append(f"{row.provider}:{row.name}")

    run(backend_store_uri, "", "", work)
    print_table(
        ("NAME", "DESCRIPTION", "ARTIFACT ROOT", "PROJECTS"),
        (
            (
                row.name,
                row.description or "",
                row.default_artifact_root or "",
                " ".join(names.get(row.name, ())),
            )
            for row in found
        ),
    )


@workspace.command("create", short_help="Create a workspace.")
@click.argument("name")
@click.option("--description", metavar="TEXT", help="What it is for.")
@click.option(
    "--default-artifact-root",
    metavar="URI",
    help="Where its experiments have their artifacts. Default: workspaces/<name> in the server's root.",
)
@store_option
def create_workspace(
    name: str, description: str | None, default_artifact_root: str | None, backend_store_uri: str
) -> None:
    """Create the workspace NAME, with the roles admin, user and reader."""
    from trackway.client_compat import messages as m
    from trackway.client_compat import workspace_rules
    from trackway.storage.access import workspaces

    def work(tx: Tx) -> None:
        workspace_rules.check_new_name(name)
        workspace_rules.check_description(description)
        root = workspace_rules.check_artifact_root(default_artifact_root)
        made = m.Workspace(name=name, description=description, default_artifact_root=root)
        workspaces.create(tx, made, seeds_roles=True)

    run(backend_store_uri, "CreateWorkspace", f"workspace:{name}", work)
    click.echo(f"Created the workspace {name}.")


@workspace.command("delete", short_help="Delete a workspace.")
@click.argument("name")
@click.option(
    "--mode",
    type=click.Choice(["RESTRICT", "SET_DEFAULT", "CASCADE"]),
    default="RESTRICT",
    show_default=True,
    help="RESTRICT refuses if it has contents, SET_DEFAULT moves them to the workspace default, CASCADE "
    "deletes them: experiments go to the trash.",
)
@store_option
def delete_workspace(name: str, mode: str, backend_store_uri: str) -> None:
    """Delete the workspace NAME and its roles."""
    from trackway.storage.access import moves

    def work(tx: Tx) -> None:
        moves.delete(tx, name, mode)

    run(backend_store_uri, "DeleteWorkspace", f"workspace:{name}", work)
    click.echo(f"Deleted the workspace {name}.")


@workspace.command("move", short_help="Move experiments or models to another workspace.")
@click.argument("kind", type=click.Choice(["experiments", "models"]))
@click.option("--from", "source", required=True, metavar="WORKSPACE", help="The workspace that has them.")
@click.option("--to", "target", required=True, metavar="WORKSPACE", help="The workspace that gets them.")
@click.option(
    "--name", "names", multiple=True, metavar="NAME", help="Only the one with this name. May be repeated."
)
@click.option("--tag", default="", metavar="KEY=VALUE", help="Only those with this tag.")
@click.option("--dry-run", is_flag=True, help="Print what would be moved, and move nothing.")
@store_option
def move(
    kind: str,
    source: str,
    target: str,
    names: tuple[str, ...],
    tag: str,
    dry_run: bool,
    backend_store_uri: str,
) -> None:
    """Move experiments with their runs, or registered models with their versions, to another workspace.

    Permissions for them go with them. Artifacts stay where they are, and can be read as before. Without
    --name and --tag all are moved, except experiment 0. Nothing is moved if a name is taken there.
    """
    from trackway.storage.access import moves, workspaces

    if tag and "=" not in tag:
        raise click.UsageError(f"--tag must be KEY=VALUE, not {tag!r}.")
    find, carry = {
        "experiments": (moves.find_experiments, moves.move_experiments),
        "models": (moves.find_models, moves.move_models),
    }[kind]
    moved: list[moves.Moved] = []

    def work(tx: Tx) -> None:
        workspaces.find(tx, target)
        moved[:] = find(tx, source, names, tag)
        if not dry_run and moved:
            carry(tx, source, target, moved)

    action = "" if dry_run else f"Move{kind.capitalize()}"
    run(backend_store_uri, action, f"workspace:{source} to {target}", work)
    for item in moved:
        click.echo(f"{item.name} {'would be' if dry_run else 'was'} moved to {target}.")
    click.echo(f"{len(moved)} {kind} {'would be' if dry_run else 'were'} moved.")


@workspace.command("map", short_help="Let a project of GitLab lead to a workspace.")
@click.argument("project")
@click.argument("name", required=False)
@click.option("--remove", is_flag=True, help="Let the project lead nowhere.")
@store_option
def map_project(project: str, name: str | None, remove: bool, backend_store_uri: str) -> None:
    """Let GitLab's address /api/v4/projects/PROJECT/ml/mlflow lead to the workspace NAME.

    PROJECT is the project's number or path, such as 42 or group/project. Map both if clients use both.
    """
    from trackway.storage.access import workspace_names

    if remove == bool(name):
        raise click.UsageError("Give either the name of a workspace or --remove.")

    def work(tx: Tx) -> None:
        if name:
            workspace_names.add(tx, _GITLAB, project, name)
        else:
            workspace_names.remove(tx, _GITLAB, project)

    run(backend_store_uri, "MapWorkspace", f"workspace:{name or ''} {_GITLAB}:{project}", work)
    click.echo(f"The project {project} leads to {f'the workspace {name}' if name else 'no workspace'}.")

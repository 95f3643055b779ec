"""The command line: ``trackway serve`` and ``trackway endpoints``; the other commands are modules.

``options``  the options of ``trackway serve``, for click
``groups``   commands that have commands
``store``    opening the stores for a command, and its error messages
``db``       ``trackway db``
``trash``    ``trackway gc``
``deleted_artifacts``  ``trackway trash``
``history``  ``trackway history``
``governance``  ``trackway policy``, ``gate``, ``approve`` and ``alias``
``junit``    reports of ``trackway gate``
``ui``       ``trackway ui``
``access``   ``trackway user``, ``token`` and ``whoami``
``share_links``  ``trackway share-link``
``trust``    ``trackway issuer`` and ``trackway trust``
``audit``    ``trackway audit``
``quotas``   ``trackway usage`` and ``quota``
``workspaces``  ``trackway workspace``
``http``     requests of commands to a server
``tables``   tables on the terminal

Commands import modules inside their functions, so that ``--help`` and the start of the server stay fast.
"""

from __future__ import annotations

import gc
import json
from typing import TYPE_CHECKING, Any

import click

import trackway

from ..config import Config, ConfigError, exposure_warnings
from . import (
    access,
    audit,
    db,
    deleted_artifacts,
    governance,
    history,
    options,
    quotas,
    share_links,
    trash,
    trust,
    ui,
    workspaces,
)
from .groups import Group
from .store import fail

if TYPE_CHECKING:
    from flask import Flask


@click.group(cls=Group, context_settings={"help_option_names": ["--help"], "max_content_width": 100})
@click.version_option(trackway.__version__, prog_name="trackway")
def main() -> None:
    """Trackway: a tracking server and model registry for MLflow's clients, on SQLite or PostgreSQL."""


main.add_command(db.db)
main.add_command(trash.empty_trash)
main.add_command(deleted_artifacts.trash)
main.add_command(history.history)
main.add_command(governance.policy)
main.add_command(governance.gate)
main.add_command(governance.approve)
main.add_command(governance.alias)
main.add_command(ui.ui)
main.add_command(access.user)
main.add_command(access.token)
main.add_command(workspaces.workspace)
main.add_command(access.whoami)
main.add_command(share_links.share_link)
main.add_command(trust.issuer)
main.add_command(trust.trust)
main.add_command(audit.audit)
main.add_command(quotas.usage)
main.add_command(quotas.quota)


@main.command(short_help="Run the server.")
@options.click_options
def serve(**values: Any) -> None:
    """Run the server. Options and environment variables have the same names as those of `mlflow server`."""
    try:
        config, warnings = options.from_click(values)
    except ConfigError as error:
        raise click.UsageError(str(error)) from None
    # Enabled again once all modules are imported: garbage collection would take a tenth of the start-up time,
    # and free little.
    gc.disable()
    from ..edge import observability
    from ..gunicorn.addresses import AddressError
    from ..gunicorn.application import Server
    from ..gunicorn.malloc import configure_malloc

    configure_malloc()
    observability.set_up_logging(config)
    try:
        server = Server(config, lambda: _make_app(config))
    except ConfigError as error:
        raise click.UsageError(str(error)) from None
    try:
        server.check_addresses()
    except AddressError as error:
        fail(str(error))
    for warning in [*warnings, *exposure_warnings(config)]:
        observability.log.warning(warning)
    server.run()


def _make_app(config: Config) -> Flask:
    from trackway.client_compat.errors import ApiError
    from trackway.storage.maintenance.migrate import SchemaError

    from ..app import create_app

    try:
        return create_app(config, start_jobs=False)
    except ApiError as error:
        fail(error.for_operators())
    except (SchemaError, ValueError, OSError) as error:
        fail(str(error))


@main.command(short_help="List the endpoints and whether each is implemented.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array instead of a table.")
def endpoints(as_json: bool) -> None:
    """List the endpoints of MLflow 3.17 and 3.18 and Trackway's own, and whether each is implemented."""
    from ..app import all_endpoints
    from ..dispatch import handler_of
    from ..edge import transfers

    rows = [
        {
            "verb": endpoint.verb,
            "path": endpoint.path,
            "mounts": list(endpoint.mounts),
            "rpc": endpoint.rpc,
            "service": endpoint.service,
            "handled": bool(handler_of(endpoint)) or endpoint.loaded in transfers.HANDLERS,
        }
        for endpoint in all_endpoints()
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    path_width = max(len(str(row["path"])) for row in rows)
    for row in rows:
        state = "implemented" if row["handled"] else "not yet"
        click.echo(f"{row['verb']:6}  {row['path']:{path_width}}  {state:11}  {row['rpc']}")
    handled = sum(bool(row["handled"]) for row in rows)
    click.echo(f"\n{handled} implemented, {len(rows) - handled} not yet, {len(rows)} in all.")


if __name__ == "__main__":
    main()

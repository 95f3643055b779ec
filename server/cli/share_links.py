"""``trackway share-link``: links that show runs without a log-in, on a server."""

from __future__ import annotations

import click

from .access import time_text
from .groups import Group
from .http import call, get, server_option
from .tables import print_table

_PATH = "/api/3.0/trackway/share-links"


@click.group("share-link", cls=Group, short_help="Show runs to people without a log-in.")
def share_link() -> None:
    """Make, list and revoke links that show runs in MLflow's UI to everybody who has the address."""


@share_link.command("create", short_help="Make a link.")
@click.argument("run_ids", metavar="[RUN_ID]...", nargs=-1)
@click.option("--experiment", "experiment_id", metavar="ID", help="Show all runs of this experiment.")
@click.option("--label", default="", help="What the link is for.")
@click.option(
    "--expires", default="7d", show_default=True, help="Lifetime, such as 12h or 30d, which is the longest."
)
@server_option
def create(
    run_ids: tuple[str, ...], experiment_id: str | None, label: str, expires: str, tracking_uri: str
) -> None:
    """Make a link that shows the runs, or all of an experiment, and print its address, which is secret."""
    body = {"run_ids": list(run_ids), "experiment_id": experiment_id, "label": label, "expires": expires}
    click.echo(
        call("POST", tracking_uri, _PATH, body={key: value for key, value in body.items() if value})["url"]
    )


@share_link.command("list", short_help="List links.")
@click.option("--owner", help="For administrators: the links of this user; * means all.")
@server_option
def list_links(owner: str | None, tracking_uri: str) -> None:
    """List your links that are valid."""
    found = get(tracking_uri, _PATH, {"owner": owner} if owner else None).get("share_links", [])
    print_table(
        ("ID", "OWNER", "LABEL", "SHOWS", "CREATED", "EXPIRES", "LAST USED"),
        (
            (
                link["link_id"],
                link["owner"],
                link.get("label", ""),
                " ".join(link.get("run_ids", [])) or f"experiment {link['experiment_id']}",
                time_text(link["creation_time"]),
                time_text(link["expiry_time"]),
                time_text(link.get("last_used_time")),
            )
            for link in found
        ),
    )


@share_link.command("revoke", short_help="Revoke a link.")
@click.argument("link_id")
@server_option
def revoke(link_id: str, tracking_uri: str) -> None:
    """Revoke the link with the id LINK_ID, which `list` shows."""
    from urllib.parse import quote

    call("DELETE", tracking_uri, f"{_PATH}/{quote(link_id, safe='')}")
    click.echo(f"Revoked {link_id}.")

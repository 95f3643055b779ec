"""``trackway issuer`` and ``trackway trust``: whose signed tokens (JWT) the server accepts, and as whom.

Like ``trackway user``, they need access to the database, not an account.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from .access import run, time_text
from .groups import Group
from .store import store_option
from .tables import print_table

if TYPE_CHECKING:
    from trackway.storage.database import Tx


@click.group(cls=Group, short_help="Manage issuers of tokens that are accepted.")
def issuer() -> None:
    """Create, list or delete issuers of signed tokens (JWT), such as a GitLab."""


@click.group(cls=Group, short_help="Manage trust rules for tokens of issuers.")
def trust() -> None:
    """Create, list or delete trust rules: which tokens of an issuer act as which service account."""


@issuer.command("create", short_help="Trust an issuer.")
@click.argument("name")
@click.option("--url", required=True, help="URL of the issuer: the claim iss of its tokens.")
@click.option("--audience", required=True, help="Claim aud of tokens for this server, usually its URL.")
@click.option(
    "--kind",
    default="other",
    show_default=True,
    help="gitlab, github or other: what the claims of its tokens mean.",
)
@store_option
def create_issuer(name: str, url: str, audience: str, kind: str, backend_store_uri: str) -> None:
    """Trust an issuer and call it NAME. Its tokens are accepted as far as trust rules say so."""
    from trackway.storage.access import issuers

    def work(tx: Tx) -> None:
        issuers.create(tx, name, url, audience, kind)

    run(backend_store_uri, "CreateIssuer", f"issuer:{name}", work)
    click.echo(f"Created the issuer {name}. Say with `trackway trust create` which of its tokens to accept.")


@issuer.command("list", short_help="List issuers.")
@store_option
def list_issuers(backend_store_uri: str) -> None:
    """List all issuers."""
    from trackway.storage.access import issuers

    found: list[Any] = []

    def work(tx: Tx) -> None:
        found[:] = issuers.find_all(tx)

    run(backend_store_uri, "", "", work)
    print_table(
        ("NAME", "KIND", "URL", "AUDIENCE", "CREATED"),
        ((row.name, row.kind, row.url, row.audience, time_text(row.creation_time)) for row in found),
    )


@issuer.command("delete", short_help="Trust an issuer no longer.")
@click.argument("name")
@store_option
def delete_issuer(name: str, backend_store_uri: str) -> None:
    """Delete the issuer NAME with its trust rules and the API tokens that were exchanged by them."""
    from trackway.storage.access import issuers

    run(backend_store_uri, "DeleteIssuer", f"issuer:{name}", lambda tx: issuers.delete(tx, name))
    click.echo(f"Deleted the issuer {name}.")


@trust.command("create", short_help="Create a trust rule.")
@click.argument("name")
@click.option("--issuer", "issuer_name", required=True, help="Name of the issuer.")
@click.option("--service-account", required=True, help="The account as which the bearer of a token acts.")
@click.option(
    "--claim",
    "claims",
    multiple=True,
    metavar="CLAIM=PATTERN",
    help="A claim that the token must have, such as project_path=team/*; * stands for any text. May be "
    "given several times.",
)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    metavar="SCOPE",
    help="read, log, registry or admin; may be given several times. Default: all rights of the account.",
)
@click.option(
    "--workspace", default="", help="The only workspace in which the account's rights hold. Default: all."
)
@click.option(
    "--max-lifetime",
    default="8h",
    show_default=True,
    help="Lifetime of an API token that is exchanged for the issuer's token.",
)
@store_option
def create_rule(
    name: str,
    issuer_name: str,
    service_account: str,
    claims: tuple[str, ...],
    scopes: tuple[str, ...],
    workspace: str,
    max_lifetime: str,
    backend_store_uri: str,
) -> None:
    """Create the trust rule NAME: tokens whose claims match all patterns act as a service account."""
    from trackway.client_compat import access_rules
    from trackway.storage.access import issuers

    conditions = dict(_condition(text) for text in claims)

    def work(tx: Tx) -> None:
        issuers.create_rule(
            tx,
            name,
            issuer=issuer_name,
            account=service_account,
            conditions=conditions,
            scopes=access_rules.check_scopes(scopes),
            max_lifetime_ms=access_rules.lifetime_ms(max_lifetime),
            workspace=workspace or None,
        )

    run(backend_store_uri, "CreateTrustRule", f"trust_rule:{name}", work)
    click.echo(f"Created the trust rule {name}.")


@trust.command("list", short_help="List trust rules.")
@store_option
def list_rules(backend_store_uri: str) -> None:
    """List all trust rules, in the order in which they are tried."""
    from trackway.storage.access import issuers

    found: list[Any] = []

    def work(tx: Tx) -> None:
        found[:] = issuers.find_rules(tx)

    run(backend_store_uri, "", "", work)
    print_table(
        ("NAME", "ISSUER", "CLAIMS", "SERVICE ACCOUNT", "WORKSPACE", "SCOPES", "LIFETIME"),
        (
            (
                row.name,
                row.issuer,
                " ".join(f"{claim}={pattern}" for claim, pattern in json.loads(row.conditions).items()),
                row.account,
                row.workspace or "all",
                row.scopes or "all",
                f"{row.max_lifetime_ms // 60_000}m",
            )
            for row in found
        ),
    )


@trust.command("delete", short_help="Delete a trust rule.")
@click.argument("name")
@store_option
def delete_rule(name: str, backend_store_uri: str) -> None:
    """Delete the trust rule NAME, and the API tokens that were exchanged by it."""
    from trackway.storage.access import issuers

    run(backend_store_uri, "DeleteTrustRule", f"trust_rule:{name}", lambda tx: issuers.delete_rule(tx, name))
    click.echo(f"Deleted the trust rule {name}.")


def _condition(text: str) -> tuple[str, str]:
    claim, equals, pattern = text.partition("=")
    if not (claim and equals and pattern):
        raise click.UsageError(f"--claim must be CLAIM=PATTERN, not {text!r}.")
    return claim, pattern

"""``trackway user`` and ``trackway token``: users, service accounts and API tokens in the database.

They need access to the database, not an account: with them an operator makes the first account, or lets in an
administrator who lost the password. Running servers obey a change within a second.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from .groups import Group
from .http import get, server_option
from .store import store_option, with_database
from .tables import print_table

if TYPE_CHECKING:
    from trackway.storage.database import Tx

# The user in audit rows of these commands.
_OPERATOR = "trackway command"


@click.group(cls=Group, short_help="Manage users and service accounts.")
def user() -> None:
    """Create, list, change or delete users and service accounts."""


@click.group(cls=Group, short_help="Manage API tokens.")
def token() -> None:
    """Create, list or revoke API tokens."""


@user.command("create", short_help="Create a user or a service account.")
@click.argument("name")
@click.option("--admin", is_flag=True, help="Make the user an administrator.")
@click.option("--service", is_flag=True, help="Create a service account, which has tokens and no password.")
@store_option
def create_user(name: str, admin: bool, service: bool, backend_store_uri: str) -> None:
    """Create the user NAME. The password is asked for, or read from the standard input."""
    from trackway.storage.access import principals

    if service and admin:
        raise click.UsageError("A service account cannot be an administrator; give one of the options.")
    kind = principals.SERVICE if service else principals.USER
    password_hash = None if service else _password_hash()

    def work(tx: Tx) -> None:
        principals.create(tx, name, kind=kind, password_hash=password_hash, is_admin=admin)

    run(backend_store_uri, "CreateUser", f"user:{name}", work)
    click.echo(f"Created {'the service account' if service else 'the user'} {name}.")


@user.command("list", short_help="List users and service accounts.")
@store_option
def list_users(backend_store_uri: str) -> None:
    """List all users and service accounts."""
    from trackway.storage.access import principals

    found: list[Any] = []

    def work(tx: Tx) -> None:
        found[:] = [*principals.find_all(tx, principals.USER), *principals.find_all(tx, principals.SERVICE)]

    run(backend_store_uri, "", "", work)
    print_table(
        ("NAME", "KIND", "ADMIN", "CREATED"),
        ((row.name, row.kind, "yes" if row.is_admin else "", time_text(row.creation_time)) for row in found),
    )


@user.command("set-password", short_help="Set a user's password.")
@click.argument("name")
@store_option
def set_password(name: str, backend_store_uri: str) -> None:
    """Set the password of the user NAME. It is asked for, or read from the standard input."""
    from trackway.storage.access import principals

    password_hash = _password_hash()
    run(
        backend_store_uri,
        "UpdateUserPassword",
        f"user:{name}",
        lambda tx: principals.set_password(tx, name, password_hash),
    )
    click.echo(f"Set the password of {name}.")


@user.command("set-admin", short_help="Make a user an administrator, or an ordinary user.")
@click.argument("name")
@click.argument("is_admin", type=bool, metavar="true|false")
@store_option
def set_admin(name: str, is_admin: bool, backend_store_uri: str) -> None:
    """Make the user NAME an administrator (true) or an ordinary user (false)."""
    from trackway.storage.access import principals

    run(
        backend_store_uri,
        "UpdateUserAdmin",
        f"user:{name}",
        lambda tx: principals.set_admin(tx, name, is_admin),
    )
    click.echo(f"{name} is {'an administrator' if is_admin else 'an ordinary user'}.")


@user.command("connect", short_help="Let a user log in through an identity provider.")
@click.argument("name")
@click.option("--issuer", required=True, help="The issuer of the provider, as in the file of --auth-config.")
@click.option("--subject", required=True, help="The user's identifier there: the claim sub.")
@store_option
def connect_user(name: str, issuer: str, subject: str, backend_store_uri: str) -> None:
    """Let a user of an identity provider log in as the user NAME, which is created if it does not exist."""
    from trackway.storage.access import external_users

    def work(tx: Tx) -> None:
        external_users.connect(tx, name, issuer, subject)

    run(backend_store_uri, "ConnectUser", f"user:{name}", work)
    click.echo(f"{name} can log in through {issuer}.")


@user.command("delete", short_help="Delete a user or a service account.")
@click.argument("name")
@store_option
def delete_user(name: str, backend_store_uri: str) -> None:
    """Delete the user or service account NAME with its tokens. Its runs remain."""
    from trackway.storage.access import principals

    def work(tx: Tx) -> None:
        principals.delete(tx, name, kind=principals.find(tx, name).kind)

    run(backend_store_uri, "DeleteUser", f"user:{name}", work)
    click.echo(f"Deleted {name}.")


@token.command("create", short_help="Create an API token.")
@click.argument("owner")
@click.option("--name", required=True, help="What the token is for.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    metavar="SCOPE",
    help="read, log, registry or admin; may be given several times. Default: all rights of the owner.",
)
@click.option(
    "--experiment",
    "experiments",
    multiple=True,
    metavar="NAME_OR_ID",
    help="Limit the token to this experiment; may be given several times, together with --model.",
)
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME",
    help="Limit the token to this registered model or prompt; may be given several times.",
)
@click.option(
    "--expires",
    "expires_in",
    default="90d",
    show_default=True,
    help="Lifetime, such as 12h or 30d, or never.",
)
@store_option
def create_token(
    owner: str,
    name: str,
    scopes: tuple[str, ...],
    experiments: tuple[str, ...],
    models: tuple[str, ...],
    expires_in: str,
    backend_store_uri: str,
) -> None:
    """Create a token of the user or service account OWNER and print it. It cannot be shown again."""
    from trackway.client_compat import access_rules, registry_rules
    from trackway.storage.access import containers, principals, tokens

    from ..auth import api_tokens, limits

    made = api_tokens.make()

    def work(tx: Tx) -> None:
        limited = limits.to_text(containers.ids_of(tx, experiments), registry_rules.check_model_names(models))
        tokens.create(
            tx,
            principals.find(tx, owner).id,
            token_id=made.token_id,
            digest=made.digest,
            name=name,
            scopes=access_rules.check_token_scopes(scopes, is_limited=limited is not None),
            limits=limited,
            expiry_time=None if expires_in == "never" else tx.now_ms + access_rules.lifetime_ms(expires_in),
        )

    run(backend_store_uri, "CreateToken", f"token:{made.token_id}", work)
    click.echo(made.text)


@token.command("list", short_help="List API tokens.")
@click.argument("owner", required=False)
@store_option
def list_tokens(owner: str | None, backend_store_uri: str) -> None:
    """List the tokens of OWNER, by default of all owners."""
    from trackway.storage.access import tokens

    found: list[Any] = []

    def work(tx: Tx) -> None:
        found[:] = tokens.find_all(tx, owner)

    run(backend_store_uri, "", "", work)
    print_table(
        ("ID", "OWNER", "NAME", "SCOPES", "CREATED", "EXPIRES", "LAST USED"),
        (
            (
                row.token_id,
                row.owner,
                row.name,
                row.scopes or "all",
                time_text(row.creation_time),
                time_text(row.expiry_time),
                time_text(row.last_used_time),
            )
            for row in found
        ),
    )


@token.command("revoke", short_help="Revoke an API token.")
@click.argument("token_id")
@store_option
def revoke_token(token_id: str, backend_store_uri: str) -> None:
    """Revoke the token with the id TOKEN_ID, which is the part after tw_."""
    from trackway.storage.access import tokens

    run(backend_store_uri, "RevokeToken", f"token:{token_id}", lambda tx: tokens.revoke(tx, token_id))
    click.echo(f"Revoked {token_id}.")


@click.command(short_help="Show who a server takes you for.")
@server_option
def whoami(tracking_uri: str) -> None:
    """Show your name, how the server authenticated you, and what your token may do."""
    for key, value in get(tracking_uri, "/api/3.0/trackway/whoami").items():
        shown = " ".join(value) if isinstance(value, list) else value
        click.echo(f"{key}: {time_text(value) if key.endswith('_time') else shown}")


def run(uri: str, action: str, target: str, work: Callable[[Tx], None]) -> None:
    """Run ``work`` on the database. With an ``action`` it is a write, which leaves an audit row."""
    from trackway.storage import audit
    from trackway.storage.maintenance import migrate

    def audited(tx: Tx) -> None:
        work(tx)
        if action:
            audit.record(tx, action, target)

    def checked(database: Any) -> None:
        migrate.check(database)
        database.run(audited, write=bool(action), user=_OPERATOR)

    with_database(uri, checked)


def _password_hash() -> str:
    from trackway.client_compat import access_rules
    from trackway.client_compat.errors import InvalidParameter

    from ..auth import passwords

    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\n")
    try:
        access_rules.check_password(password)
    except InvalidParameter as error:
        raise click.ClickException(error.message) from None
    return passwords.make_hash(password)


def time_text(time_ms: int | None) -> str:
    """Return a time in milliseconds since the epoch as local time, or a dash."""
    if time_ms is None:
        return "-"
    return datetime.fromtimestamp(time_ms / 1000, UTC).astimezone().isoformat(" ", "seconds")

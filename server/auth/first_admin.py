"""The first administrator of a new server: made from the settings, or by whoever opens the set-up link.

The link is signed with the database's key, so it works on every server of the database. It is valid for an
hour and as long as there is no user: the first user ends it.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from urllib.parse import quote

from itsdangerous import BadSignature, TimestampSigner

from trackway.client_compat import access_rules
from trackway.client_compat.errors import AlreadyExists, PermissionDenied
from trackway.storage import audit
from trackway.storage.access import principals, state
from trackway.storage.audit import UNKNOWN, Origin
from trackway.storage.database import Database, Tx, file_of

from ..config import Config

log = logging.getLogger("trackway.server")

SETUP_PATH = "/auth/setup"
_VALID_S = 3600
_LINK_FILE = "admin-setup"
_PURPOSE = b"trackway set-up"


def prepare(database: Database, config: Config) -> None:
    """Make the first administrator from the settings. Without settings and users, print a set-up link."""
    from . import passwords

    access = config.variables.access
    if access.admin_name and access.admin_password:
        if access.admin_password in access_rules.KNOWN_PASSWORDS:
            log.warning("MLFLOW_AUTH_ADMIN_PASSWORD is a password from MLflow's documentation; change it.")
        if not database.run(lambda tx: _exists(tx, access.admin_name), write=False):
            password_hash = passwords.make_hash(access.admin_password)
            try:
                database.run(lambda tx: create(tx, access.admin_name, password_hash), write=True)
            except AlreadyExists:
                return  # another server of the database was faster
            log.info("created the administrator %r", access.admin_name)
        return
    if database.run(principals.has_users, write=False):
        return
    link = _link(config, database.run(state.signing_key, write=False))
    log.warning("There is no user yet. Open this link within an hour to create the administrator: %s", link)
    if file := file_of(config.backend_store_uri):
        _write(file.resolve().with_name(_LINK_FILE), link)


def create(tx: Tx, name: str, password_hash: str, origin: Origin = UNKNOWN) -> None:
    """Create an administrator, with its audit row. Raise ``AlreadyExists``."""
    principals.create(tx, name, password_hash=password_hash, is_admin=True)
    audit.record(tx, "CreateFirstAdmin", f"user:{name}", origin)


def create_by_link(
    database: Database, token: str, name: str, password: str, origin: Origin = UNKNOWN
) -> None:
    """Create the first administrator. Raise ``PermissionDenied`` unless the link is valid and unused."""
    from . import passwords

    check_link(database, token)
    access_rules.check_name(name)
    access_rules.check_password(password)
    password_hash = passwords.make_hash(password)

    def work(tx: Tx) -> None:
        # Two requests with the link: the second waits for this row, then finds the user of the first.
        state.raise_epoch(tx)
        _check_link(tx, token)
        create(tx, name, password_hash, origin)

    database.run(work, write=True)


def check_link(database: Database, token: str) -> None:
    """Raise ``PermissionDenied`` unless ``token`` is that of a link which is valid and unused."""
    database.run(lambda tx: _check_link(tx, token), write=False)


def _check_link(tx: Tx, token: str) -> None:
    try:
        TimestampSigner(state.signing_key(tx)).unsign(token.encode(), max_age=_VALID_S)
    except BadSignature:
        raise PermissionDenied(
            "This set-up link is not valid, or more than an hour old. Restart the server for a new one."
        ) from None
    if principals.has_users(tx):
        raise PermissionDenied(
            "This set-up link was used already: the server has users. Ask an administrator for an account."
        )


def _exists(tx: Tx, name: str) -> bool:
    return principals.find_or_none(tx, name) is not None


def _link(config: Config, key: bytes) -> str:
    scheme = "https" if "--certfile" in config.gunicorn_opts else "http"
    host = "127.0.0.1" if config.host in ("0.0.0.0", "::") else config.host
    host = f"[{host}]" if ":" in host else host
    token = TimestampSigner(key).sign(_PURPOSE).decode()
    return f"{scheme}://{host}:{config.port}{config.static_prefix}{SETUP_PATH}?token={quote(token, safe='')}"


def _write(path: Path, link: str) -> None:
    """Write the link to a file that only this user can read."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    # A file that existed keeps its mode.
    os.fchmod(handle, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(link + "\n")

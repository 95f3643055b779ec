"""Verifies credentials: API tokens, sessions, share links, signed tokens of issuers, and passwords.

Each costs a statement, and a password a hash; the gate caches the result.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from hmac import compare_digest
from typing import TYPE_CHECKING, Any

from trackway.storage.access import principals, sessions, share_links, tokens

from . import api_tokens, limits, trusted_tokens
from .browser_sessions import IDLE_MS
from .credentials import Credential, Refused
from .identity import NO_TAGS, Identity, Principal
from .issuer_keys import IssuerKeys
from .login_limits import LoginLimits

if TYPE_CHECKING:
    from ..backend import Backend

log = logging.getLogger("trackway.server")


class Entry:
    """A verified credential with its principal, as the gate caches it."""

    __slots__ = (
        "epoch",
        "expiry_ms",
        "identities",
        "password_hash",
        "principal",
        "recorded_ms",
        "rows",
        "workspaces",
    )

    def __init__(
        self,
        rows: Sequence[Any],
        principal: Principal,
        *,
        expiry_ms: int | None = None,
        recorded_ms: int = 0,
        password_hash: str | None = None,
    ) -> None:
        self.epoch: int = rows[0].epoch
        self.principal = principal
        # The principal's permissions, and its roles' workspaces.
        self.rows = rows
        is_admin, only = principal.is_admin, principal.only_workspace
        self.workspaces = None if is_admin else frozenset(row.workspace for row in rows if row.workspace)
        if only and self.workspaces is not None:
            self.workspaces &= {only[1]}
        # By the workspace's name, as they are needed.
        self.identities: dict[str, Identity] = {}
        self.expiry_ms = expiry_ms
        self.recorded_ms = recorded_ms
        # The hash that the password matched: while it is the user's, the password needs no second check.
        self.password_hash = password_hash


class Verifier:
    """Verifies the credentials of requests."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.issuer_keys = IssuerKeys()
        self._limits = LoginLimits()

    def verify(
        self, credential: Credential, environ: dict[str, Any], now_ms: int, old: Entry | None
    ) -> Entry:
        """Return the entry of a valid credential. Raise ``Refused``, or ``TooManyRequests``.

        ``old`` is the entry of the same credential at an earlier epoch.
        """
        if credential.kind == "token":
            return self._verify_token(credential.secret, now_ms)
        if credential.kind == "session":
            return self._verify_session(credential.secret, now_ms)
        if credential.kind == "link":
            return self._verify_link(credential.secret, now_ms)
        if credential.kind == "jwt":
            return self._verify_jwt(credential.secret)
        rows, principal = self._log_in(
            credential.name, credential.secret, environ, old.password_hash if old else None
        )
        return Entry(rows, principal, password_hash=rows[0].password_hash)

    def _verify_token(self, text: str, now_ms: int) -> Entry:
        token_id = api_tokens.id_of(text)
        if token_id is None:
            raise Refused("The bearer token is no API token of this server, or is incomplete.")
        rows = self._backend.database.run(lambda tx: tokens.for_login(tx, token_id), write=False)
        row = rows[0]
        _check_secret(row, text, now_ms, "API token", "owner")
        run_tags = json.loads(row.run_tags) if row.run_tags else NO_TAGS
        principal = principal_of(row, "token", token_id, row.scopes, row.expiry_time, run_tags)
        principal = _within(principal._replace(limits=limits.parse(row.limits)), row)
        return Entry(rows, principal, expiry_ms=row.expiry_time)

    def _verify_link(self, text: str, now_ms: int) -> Entry:
        link_id = api_tokens.id_of(text)
        if link_id is None:
            raise Refused("The address is no share link of this server, or is incomplete.")
        rows = self._backend.database.run(lambda tx: share_links.for_login(tx, link_id), write=False)
        row = rows[0]
        _check_secret(row, text, now_ms, "share link", "maker")
        principal = principal_of(row, "link", link_id, "read", row.expiry_time)
        # Errors name the caller; visitors must not learn who made the link.
        principal = principal._replace(
            kind="link", name=f"share link {link_id}", limits=limits.parse_link(row.limits)
        )
        return Entry(rows, principal, expiry_ms=row.expiry_time)

    def _verify_jwt(self, text: str) -> Entry:
        rule, rows, run_tags, expiry_ms = self.verify_trusted(text)
        principal = principal_of(rows[0], "jwt", rule.rule, rule.scopes, expiry_ms, run_tags)
        principal = _within(principal, rule)
        entry = Entry(rows, principal, expiry_ms=expiry_ms)
        # The rule was read before the account: if it has changed since, the entry is outdated.
        entry.epoch = min(rule.epoch, entry.epoch)
        return entry

    def verify_trusted(self, text: str) -> trusted_tokens.Trusted:
        """Return what the token (JWT) of an issuer stands for. Raise ``Refused`` or ``Unavailable``."""
        return trusted_tokens.verify(self._backend, self.issuer_keys, text)

    def _verify_session(self, session_id: str, now_ms: int) -> Entry:
        digest = api_tokens.digest(session_id)
        rows = self._backend.database.run(lambda tx: sessions.for_login(tx, digest), write=False)
        row = rows[0]
        if row.principal_id is None:
            raise Refused("The session has ended.")
        expiry = min(row.expiry_time, row.last_used_time + IDLE_MS)
        if is_over(expiry, now_ms):
            raise Refused("The session has ended.")
        principal = principal_of(row, "session", digest, "", row.expiry_time)
        return Entry(rows, principal, expiry_ms=expiry, recorded_ms=row.last_used_time)

    def log_in(self, name: str, password: str, environ: dict[str, Any]) -> Principal:
        """Return the principal with this name and password.

        Raise ``Refused``, or ``TooManyRequests`` after too many failures.
        """
        return self._log_in(name, password, environ, None)[1]

    def _log_in(
        self, name: str, password: str, environ: dict[str, Any], matched_hash: str | None
    ) -> tuple[Sequence[Any], Principal]:
        """As ``log_in``, and return the rows that were read. The password matched ``matched_hash`` before."""
        from . import passwords

        address = environ.get("REMOTE_ADDR", "")
        rows = self._backend.database.run(lambda tx: principals.for_login(tx, name), write=False)
        row = rows[0]
        if matched_hash is None or row.password_hash != matched_hash:
            self._limits.check(address, name)
            if not passwords.is_correct(password, row.password_hash):
                self._limits.failed(address, name)
                log.warning("failed log-in as %r from %s", name, address)
                raise Refused("The username or the password is wrong.", named(row))
            self._limits.succeeded(address, name)
        return rows, principal_of(row, "password")


def _check_secret(row: Any, text: str, now_ms: int, noun: str, owner: str) -> None:
    """Raise ``Refused`` unless the row of an API token or a share link is that of the text, and valid."""
    if row.principal_id is None or not compare_digest(row.digest, api_tokens.digest(text)):
        raise Refused(f"The {noun} is not known, or its {owner} is not active.", named(row))
    if row.revoked_time is not None:
        raise Refused(f"The {noun} {api_tokens.id_of(text)} was revoked.", named(row))
    if is_over(row.expiry_time, now_ms):
        raise Refused(f"The {noun} {api_tokens.id_of(text)} has expired.", named(row))


def named(row: Any) -> tuple[int, str] | None:
    """Return the id and the name of the principal of a row, or None."""
    return None if row.principal_id is None else (row.principal_id, row.name)


def principal_of(
    row: Any,
    authenticated_by: str,
    credential: str = "",
    scopes: str = "",
    expiry_ms: int | None = None,
    run_tags: Mapping[str, str] = NO_TAGS,
) -> Principal:
    """Return the principal of a row, as a credential of it is used."""
    return Principal(
        id=row.principal_id,
        kind=row.kind,
        name=row.name,
        is_admin=bool(row.is_admin),
        authenticated_by=authenticated_by,
        has_password=row.password_hash is not None,
        credential=credential,
        scopes=tuple(scopes.split()),
        expiry_ms=expiry_ms,
        run_tags=run_tags,
    )


def _within(principal: Principal, rule: Any) -> Principal:
    """Return the principal as it is within the workspace of a trust rule, if the rule has one."""
    if rule.only_workspace_id is None:
        return principal
    # An administrator's rights come from no workspace.
    return principal._replace(is_admin=False, only_workspace=(rule.only_workspace_id, rule.only_workspace))


def is_over(expiry_ms: int | None, now_ms: int) -> bool:
    """Return whether a time has come; None never comes."""
    return expiry_ms is not None and expiry_ms <= now_ms

"""The gate: establishes the identity of every request, before its path is looked up.

An open server identifies nobody. A closed one answers 401 to every request without valid credentials, except
on the paths below; a path that is added later is therefore closed.

A verified credential is cached with its principal, so that it costs neither a hash nor a statement. The
cached rows are valid for one epoch: changes to principals, tokens, sessions and permissions raise the epoch
in the database (``storage/access/state.py``), and each process reads it before it uses the cache, at most
every ``_RECHECK_S``. What was given just now counts at once: a refused request is tried again with the
permissions of the present (``dispatch.Transactions``).
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, Protocol

from trackway.client_compat import access_rules, workspace_rules
from trackway.client_compat.errors import NotFound, PermissionDenied
from trackway.storage import audit
from trackway.storage.access import principals, sessions, share_links, state, tokens
from trackway.storage.audit import Origin
from trackway.storage.database import DEFAULT_WORKSPACE, Tx

from ..responses import Answer
from . import api_tokens, browsers, exchange, limits, shared, trusted_tokens, workspaces
from .credentials import Credential, Malformed, Refused, presented, session_of
from .identity import (
    ANONYMOUS,
    NO_TAGS,
    Identity,
    Principal,
    check_authorization,
    levels_of,
    may_everything,
    origin_of,
    rights_in,
)
from .issuer_keys import IssuerKeys
from .last_uses import LastUses
from .login_limits import LoginLimits
from .rate_limits import RateLimits

if TYPE_CHECKING:
    from ..backend import Backend
    from ..config import Config

log = logging.getLogger("trackway.server")

# Open to everybody. Paths are without the static prefix and percent-decoded.
OPEN_PATHS = frozenset(
    {
        "/health",
        "/ready",
        "/favicon.ico",
        "/api/3.0/mlflow/server-info",
        "/ajax-api/3.0/mlflow/server-info",
        exchange.PATH,
    }
)
OPEN_FOLDERS = ("/static-files/", "/auth/")
ADMIN_PATHS = frozenset({"/metrics"})
# Key of the request id in the environ.
REQUEST_ID = "trackway.request_id"

_RECHECK_S = 0.5
_MAX_CACHED = 10_000
# How often the time of the last use is stored.
_RECORD_EVERY_MS = 600_000
# A session ends after this time without use, and after a week in any case.
SESSION_IDLE_MS = 12 * 3_600_000
_SESSION_MS = 7 * 86_400_000
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class Gate(Protocol):
    """Establishes the identity of a request."""

    def identify(self, environ: dict[str, Any]) -> Identity | Answer:
        """Return the identity of a WSGI request, or the response that refuses it.

        The fast path and gunicorn's parser give the same environ. It has ``wsgi.url_scheme``,
        ``SERVER_NAME``, ``SERVER_PORT``, ``SERVER_PROTOCOL``, ``SCRIPT_NAME`` (the static prefix),
        ``PATH_INFO`` (without the static prefix) and ``REMOTE_ADDR``. ``HTTP_AUTHORIZATION`` is the value of
        a single header.
        """


class _Epochs:
    """Knows the epoch of the database, and the workspaces as they were at that epoch."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._epoch = 0
        self._checked_at = float("-inf")
        self._raised_here = 0
        self._check_lock = threading.Lock()
        self._has_workspaces = backend.config.enable_workspaces
        self._directory = workspaces.Directory()

    def _recheck(self) -> None:
        """Read the epoch, if it was read too long ago or this process has raised it. Others wait for it."""
        if self._is_recent():
            return
        with self._check_lock:
            if self._is_recent():
                return
            now, raised_here = time.monotonic(), state.raised_here()
            database = self._backend.database
            epoch = database.run(state.epoch, write=False)
            if epoch != self._epoch:
                # Experiments may have moved to another workspace.
                database.forget_experiments()
                self._backend.search_database.forget_experiments()
            self._epoch = epoch
            self._checked_at = max(now, self._checked_at)
            self._raised_here = raised_here

    def _is_recent(self) -> bool:
        is_recent = time.monotonic() - self._checked_at < _RECHECK_S
        return is_recent and self._raised_here == state.raised_here()

    def _workspace(self, name: str, environ: dict[str, Any]) -> int:
        """Return the id of a workspace. Raise ``NotFound``."""
        found = self._directory.id_of(self._backend.database, name, self._epoch)
        if found is None:
            raise workspaces.unknown(environ, name)
        return found


class OpenGate(_Epochs):
    """The gate of a server without authentication: every caller is anonymous and may do everything."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        self._has_warned = False
        self._rates = RateLimits(_rate_of(backend.config))

    def identify(self, environ: dict[str, Any]) -> Identity:
        check_authorization(environ)
        name = workspaces.named(environ, self._has_workspaces)
        is_open = is_open_path(environ["PATH_INFO"])
        if not is_open:
            self._rates.take(environ.get("REMOTE_ADDR", ""))
        if not self._has_warned and ("HTTP_X_FORWARDED_FOR" in environ or "HTTP_FORWARDED" in environ):
            self._has_warned = True
            log.warning(
                "The server is open to everybody, and a proxy forwards requests to it. If the proxy does not "
                "authenticate users, start the server with --auth."
            )
        if not self._has_workspaces or is_open:
            return ANONYMOUS
        self._recheck()
        if workspaces.PROJECT in environ:
            name = self._directory.of_project(environ, self._backend.database, self._epoch)
        return ANONYMOUS._replace(
            workspace=self._workspace(name, environ), workspace_name=name, has_workspaces=True
        )


class _Entry:
    """A verified credential in the cache."""

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
        is_admin = principal.is_admin
        self.workspaces = None if is_admin else frozenset(row.workspace for row in rows if row.workspace)
        # By the workspace's name, as they are needed.
        self.identities: dict[str, Identity] = {}
        self.expiry_ms = expiry_ms
        self.recorded_ms = recorded_ms
        # The hash that the password matched: while it is the user's, the password needs no second check.
        self.password_hash = password_hash


class ClosedGate(_Epochs):
    """The gate of a server with authentication."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        self.issuer_keys = IssuerKeys()
        self._cache: OrderedDict[bytes, _Entry] = OrderedDict()
        self._cache_key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._limits = LoginLimits()
        self._uses = LastUses(backend)
        self._rates = RateLimits(_rate_of(backend.config))
        self._levels = levels_of(backend.config)

    def identify(self, environ: dict[str, Any]) -> Identity | Answer:
        if shared.LINK in environ:
            return self._identify_visitor(environ)
        check_authorization(environ)
        workspace = workspaces.named(environ, self._has_workspaces)
        path = environ["PATH_INFO"]
        if is_open_path(path):
            return ANONYMOUS_AT_OPEN_PATH
        address = environ.get("REMOTE_ADDR", "")
        try:
            credential = presented(environ)
            if credential is None:
                self._rates.take(address)
                return browsers.challenge(environ)
            if credential.kind == "session" and browsers.is_log_out(environ):
                return browsers.log_out_challenge()
            entry = self._entry(credential, environ)
        except (Malformed, Refused) as refused:
            self._rates.take(address)
            self._record_failure(refused, environ)
            return browsers.challenge(environ, str(refused))
        self._rates.take(entry.principal.id)
        # After the log-in: strangers do not learn which workspaces there are.
        identity = self._identity(workspace, entry, credential, environ)
        try:
            if credential.kind == "session" and environ["REQUEST_METHOD"] not in SAFE_METHODS:
                browsers.check_csrf(environ, credential.secret)
            if path in ADMIN_PATHS and not identity.is_unrestricted:
                raise PermissionDenied(f"{path} is for administrators; {identity.user} is not one.")
        except PermissionDenied as error:
            self._record(
                audit.DENIED,
                identity.user,
                origin_of(identity, environ),
                error.message,
                environ,
                identity.workspace,
            )
            raise
        return identity

    def _identify_visitor(self, environ: dict[str, Any]) -> Identity | Answer:
        """Return the identity of a request below a share link. Only the link counts, no other credential.

        A link that is not valid, or whose maker may no longer use the workspace, answers 404 to everything.
        """
        credential = Credential("link", environ[shared.LINK])
        try:
            entry = self._entry(credential, environ)
        except Refused as refused:
            self._rates.take(environ.get("REMOTE_ADDR", ""))
            self._record_failure(refused, environ)
            return shared.refusal()
        # A link has a rate of its own: its visitors must not use up that of its maker.
        self._rates.take(f"link {entry.principal.credential}")
        shared.check_path(environ)
        environ[workspaces.IN_PATH] = workspace = entry.rows[0].link_workspace
        try:
            return self._identity(workspace, entry, credential, environ)
        except NotFound:
            return shared.refusal()

    def _record_failure(self, refused: Exception, environ: dict[str, Any]) -> None:
        """Have the audit tell of a failed log-in as a principal that exists.

        Names that nobody has are not recorded: anybody could fill the audit with them.
        """
        if isinstance(refused, Refused) and refused.principal:
            principal_id, name = refused.principal
            origin = Origin(principal_id, None, environ.get("REMOTE_ADDR") or None)
            self._record(audit.UNAUTHENTICATED, name, origin, str(refused), environ)

    def _record(
        self,
        outcome: str,
        user: str | None,
        origin: Origin,
        reason: str,
        environ: dict[str, Any],
        workspace: int = DEFAULT_WORKSPACE,
    ) -> None:
        self._backend.refusals.add(
            workspace=workspace,
            user=user,
            request_id=environ.get(REQUEST_ID, ""),
            action=environ["REQUEST_METHOD"],
            target=f"path:{environ['PATH_INFO']}",
            origin=origin,
            outcome=outcome,
            reason=reason,
        )

    def _identity(
        self, workspace: str, entry: _Entry, credential: Credential, environ: dict[str, Any]
    ) -> Identity:
        """Return the identity of a verified credential in the request's workspace. Raise ``NotFound``."""
        try:
            return self._identity_in(workspace, entry, environ)
        except NotFound:
            # The role, or the workspace of the project, may have been given a moment ago.
            self.expire()
            fresh = self._entry(credential, environ)
            if fresh is entry:
                raise
            return self._identity_in(workspace, fresh, environ)

    def _identity_in(self, workspace: str, entry: _Entry, environ: dict[str, Any]) -> Identity:
        """Return the identity of a principal in a workspace, and keep it.

        Raise ``NotFound`` if there is no such workspace, or the principal has no role in it. Everybody may
        ask in the default workspace: whose tokens these are, which workspaces there are.
        """
        if workspaces.PROJECT in environ:
            workspace = self._directory.of_project(environ, self._backend.database, self._epoch)
        if found := entry.identities.get(workspace):
            return found
        principal = entry.principal
        is_foreign = entry.workspaces is not None and workspace not in entry.workspaces
        if is_foreign and workspace != workspace_rules.DEFAULT:
            raise workspaces.unknown(environ, workspace)
        number = self._workspace(workspace, environ)
        limited = principal.limits.within(number) if principal.limits else None
        identity = Identity(
            principal.name,
            number,
            may_everything(principal),
            principal,
            rights_in(workspace, principal, entry.rows, self._levels, limited),
            workspace,
            entry.workspaces,
            self._has_workspaces,
        )
        entry.identities[workspace] = identity
        return identity

    def _entry(self, credential: Credential, environ: dict[str, Any]) -> _Entry:
        """Return the entry of a valid credential, from the cache if possible. Raise ``Refused``."""
        self._recheck()
        text = f"{credential.kind} {credential.name}\0{credential.secret}".encode(errors="surrogatepass")
        key = hashlib.blake2b(text, key=self._cache_key, digest_size=16).digest()
        now_ms = time.time_ns() // 1_000_000
        entry = self._cache.get(key)
        if entry is None or entry.epoch < self._epoch or _is_over(entry.expiry_ms, now_ms):
            # Valid credentials count for their principal, others for the address, see ``identify``.
            self._rates.check(environ.get("REMOTE_ADDR", ""))
            entry = self._verify(credential, environ, now_ms, entry)
            with self._lock:
                self._cache[key] = entry
                if len(self._cache) > _MAX_CACHED:
                    self._cache.popitem(last=False)
        if now_ms - entry.recorded_ms > _RECORD_EVERY_MS:
            entry.recorded_ms = now_ms
            principal = entry.principal
            if credential.kind == "session" and principal.expiry_ms is not None:
                entry.expiry_ms = min(principal.expiry_ms, now_ms + SESSION_IDLE_MS)
            self._uses.record(credential.kind, principal.credential, now_ms)
        return entry

    def _verify(
        self, credential: Credential, environ: dict[str, Any], now_ms: int, old: _Entry | None
    ) -> _Entry:
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
        return _Entry(rows, principal, password_hash=rows[0].password_hash)

    def _verify_token(self, text: str, now_ms: int) -> _Entry:
        token_id = api_tokens.id_of(text)
        if token_id is None:
            raise Refused("The bearer token is no API token of this server, or is incomplete.")
        rows = self._backend.database.run(lambda tx: tokens.for_login(tx, token_id), write=False)
        row = rows[0]
        if row.principal_id is None or not compare_digest(row.digest, api_tokens.digest(text)):
            raise Refused("The API token is not known, or its owner is not active.", _named(row))
        if row.revoked_time is not None:
            raise Refused(f"The API token {token_id} was revoked.", _named(row))
        if _is_over(row.expiry_time, now_ms):
            raise Refused(f"The API token {token_id} has expired.", _named(row))
        run_tags = json.loads(row.run_tags) if row.run_tags else NO_TAGS
        principal = _principal(row, "token", token_id, row.scopes, row.expiry_time, run_tags)
        principal = principal._replace(limits=limits.parse(row.limits))
        return _Entry(rows, principal, expiry_ms=row.expiry_time)

    def _verify_link(self, text: str, now_ms: int) -> _Entry:
        link_id = api_tokens.id_of(text)
        if link_id is None:
            raise Refused("The address is no share link of this server, or is incomplete.")
        rows = self._backend.database.run(lambda tx: share_links.for_login(tx, link_id), write=False)
        row = rows[0]
        if row.principal_id is None or not compare_digest(row.digest, api_tokens.digest(text)):
            raise Refused("The share link is not known, or its maker is not active.", _named(row))
        if row.revoked_time is not None:
            raise Refused(f"The share link {link_id} was revoked.", _named(row))
        if _is_over(row.expiry_time, now_ms):
            raise Refused(f"The share link {link_id} has expired.", _named(row))
        principal = _principal(row, "link", link_id, "read", row.expiry_time)
        # Errors name the caller; visitors must not learn who made the link.
        principal = principal._replace(
            kind="link", name=f"share link {link_id}", limits=limits.parse_link(row.limits)
        )
        return _Entry(rows, principal, expiry_ms=row.expiry_time)

    def _verify_jwt(self, text: str) -> _Entry:
        rule, rows, run_tags, expiry_ms = self.verify_trusted(text)
        principal = _principal(rows[0], "jwt", rule.rule, rule.scopes, expiry_ms, run_tags)
        entry = _Entry(rows, principal, expiry_ms=expiry_ms)
        # The rule was read before the account: if it has changed since, the entry is outdated.
        entry.epoch = min(rule.epoch, entry.epoch)
        return entry

    def verify_trusted(self, text: str) -> trusted_tokens.Trusted:
        """Return what the token (JWT) of an issuer stands for. Raise ``Refused`` or ``Unavailable``."""
        return trusted_tokens.verify(self._backend, self.issuer_keys, text)

    def _verify_session(self, session_id: str, now_ms: int) -> _Entry:
        digest = api_tokens.digest(session_id)
        rows = self._backend.database.run(lambda tx: sessions.for_login(tx, digest), write=False)
        row = rows[0]
        if row.principal_id is None:
            raise Refused("The session has ended.")
        expiry = min(row.expiry_time, row.last_used_time + SESSION_IDLE_MS)
        if _is_over(expiry, now_ms):
            raise Refused("The session has ended.")
        principal = _principal(row, "session", digest, "", row.expiry_time)
        return _Entry(rows, principal, expiry_ms=expiry, recorded_ms=row.last_used_time)

    def identify_anew(self, environ: dict[str, Any]) -> Identity | Answer:
        """Return the identity of a request that was identified before, by the present permissions.

        It is the same object if nothing has changed meanwhile.
        """
        self.expire()
        return self.identify(environ)

    def expire(self) -> None:
        """Have the next request read the epoch: it has changed, or may have."""
        # With the lock, because another thread may have read the epoch before the change, but not stored it.
        with self._check_lock:
            self._checked_at = float("-inf")

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
        if name.startswith(access_rules.LOGGED_OUT_PREFIX):
            self.end_session(environ)
            raise Refused("You are logged out.")
        rows = self._backend.database.run(lambda tx: principals.for_login(tx, name), write=False)
        row = rows[0]
        if matched_hash is None or row.password_hash != matched_hash:
            self._limits.check(address, name)
            if not passwords.is_correct(password, row.password_hash):
                self._limits.failed(address, name)
                log.warning("failed log-in as %r from %s", name, address)
                raise Refused("The username or the password is wrong.", _named(row))
            self._limits.succeeded(address, name)
        return rows, _principal(row, "password")

    def start_session(self, name: str, password: str, environ: dict[str, Any]) -> str:
        """Return the id of a new session of the user. Raise as ``log_in`` does."""
        try:
            principal = self.log_in(name, password, environ)
        except Refused as refused:
            self._record_failure(refused, environ)
            raise
        return self.open_session(principal, environ)

    def open_session(self, principal: Principal, environ: dict[str, Any]) -> str:
        """Return the id of a new session of a principal that has proved who it is."""
        session_id = secrets.token_urlsafe(32)
        digest = api_tokens.digest(session_id)
        expiry = time.time_ns() // 1_000_000 + _SESSION_MS
        origin = origin_of(ANONYMOUS._replace(principal=principal), environ)

        def work(tx: Tx) -> None:
            sessions.create(tx, principal.id, digest, expiry)
            audit.record(tx, "LogIn", f"user:{principal.name}", origin)

        self._backend.database.run(
            work, write=True, user=principal.name, request_id=environ.get(REQUEST_ID, "")
        )
        return session_id

    def end_session(self, environ: dict[str, Any]) -> None:
        """End the session of the request's cookie, if there is one."""
        if session_id := session_of(environ):
            digest = api_tokens.digest(session_id)

            def work(tx: Tx) -> None:
                if owner := sessions.end(tx, digest):
                    tx.user = owner.name
                    origin = Origin(owner.id, f"session {digest[:12]}", environ.get("REMOTE_ADDR") or None)
                    audit.record(tx, "LogOut", f"user:{owner.name}", origin)

            self._backend.database.run(work, write=True, request_id=environ.get(REQUEST_ID, ""))
            self.expire()


# The identity on paths that are open to everybody: it has no rights.
ANONYMOUS_AT_OPEN_PATH = ANONYMOUS._replace(is_unrestricted=False)


def gate_of(backend: Backend) -> OpenGate | ClosedGate:
    """Return the gate for the server's settings."""
    return ClosedGate(backend) if backend.config.requires_login else OpenGate(backend)


def is_open_path(path: str) -> bool:
    """Return whether everybody may ask for the path, without credentials."""
    return path in OPEN_PATHS or path.startswith(OPEN_FOLDERS)


def _rate_of(config: Config) -> float:
    """Return the rate that one of the server's worker processes allows each caller."""
    return config.rate_limit / (config.workers or 1)


def _named(row: Any) -> tuple[int, str] | None:
    """Return the id and the name of the principal of a row, or None."""
    return None if row.principal_id is None else (row.principal_id, row.name)


def _principal(
    row: Any,
    authenticated_by: str,
    credential: str = "",
    scopes: str = "",
    expiry_ms: int | None = None,
    run_tags: Mapping[str, str] = NO_TAGS,
) -> Principal:
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


def _is_over(expiry_ms: int | None, now_ms: int) -> bool:
    return expiry_ms is not None and expiry_ms <= now_ms

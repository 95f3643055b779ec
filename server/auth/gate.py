"""The gate: establishes the identity of every request, before its path is looked up.

An open server identifies nobody. A closed one answers 401 to every request without valid credentials, except
on the paths below; a path that is added later is therefore closed.

A verified credential is cached with its principal, so that it costs neither a hash nor a statement. The
cached rows are valid for one epoch (``epochs``). What was given just now counts at once: a refused request is
tried again with the permissions of the present (``dispatch.Transactions``).
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import time
from typing import TYPE_CHECKING, Any, Protocol

from trackway.client_compat import access_rules, workspace_rules
from trackway.client_compat.errors import NotFound, PermissionDenied
from trackway.storage import audit
from trackway.storage.audit import Origin
from trackway.storage.database import DEFAULT_WORKSPACE
from trackway.storage.database.row_cache import RowCache

from ..responses import Answer
from . import browser_sessions, browsers, exchange, shared, workspaces
from .credentials import Credential, Malformed, Refused, presented
from .epochs import Epochs
from .identity import (
    ANONYMOUS,
    REQUEST_ID,
    Identity,
    check_authorization,
    levels_of,
    may_everything,
    origin_of,
    rights_at,
)
from .last_uses import LastUses
from .rate_limits import RateLimits, rate_of
from .verifier import Entry, Verifier, is_over

if TYPE_CHECKING:
    from ..backend import Backend

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

_MAX_CACHED = 10_000
# How often the time of the last use is stored.
_RECORD_EVERY_MS = 600_000
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


class OpenGate(Epochs):
    """The gate of a server without authentication: every caller is anonymous and may do everything."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        self._has_warned = False
        self._rates = RateLimits(rate_of(backend.config))

    def identify(self, environ: dict[str, Any]) -> Identity:
        check_authorization(environ)
        name = workspaces.named(environ, self._has_workspaces)
        is_open = is_open_path(environ["PATH_INFO"])
        if not is_open:
            self._rates.take(environ.get("REMOTE_ADDR", ""), environ)
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


class ClosedGate(Epochs):
    """The gate of a server with authentication."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        self.verifier = Verifier(backend)
        self._cache = RowCache(_MAX_CACHED)
        self._digest = hashlib.blake2b(key=secrets.token_bytes(32), digest_size=16)
        self._uses = LastUses(backend)
        self._rates = RateLimits(rate_of(backend.config))
        self._levels = levels_of(backend.config)

    def identify(self, environ: dict[str, Any]) -> Identity | Answer:
        if shared.LINK in environ:
            return self._identify_visitor(environ)
        path = environ["PATH_INFO"]
        header = environ.get("HTTP_AUTHORIZATION")
        # The ordinary request: a credential that was verified before, in a workspace in which it was used.
        if header is not None and not is_open_path(path) and path not in ADMIN_PATHS:
            entry = self._verified(self._key(header))
            if entry is not None and workspaces.PROJECT not in environ:
                known = entry.identities.get(workspaces.named(environ, self._has_workspaces))
                if known is not None:
                    self._rates.take(entry.principal.id, environ)
                    return known
        check_authorization(environ)
        workspace = workspaces.named(environ, self._has_workspaces)
        if is_open_path(path):
            return ANONYMOUS_AT_OPEN_PATH
        address = environ.get("REMOTE_ADDR", "")
        try:
            credential = presented(environ)
            if credential is None:
                self._rates.take(address, environ)
                return browsers.challenge(environ)
            if credential.kind == "session" and browsers.is_log_out(environ):
                return browsers.log_out_challenge()
            if credential.name.startswith(access_rules.LOGGED_OUT_PREFIX):
                self.end_session(environ)
                raise Refused("You are logged out.")
            entry = self._entry(credential, environ)
        except (Malformed, Refused) as refused:
            self._rates.take(address, environ)
            self._record_failure(refused, environ)
            return browsers.challenge(environ, str(refused))
        self._rates.take(entry.principal.id, environ)
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
            self._rates.take(environ.get("REMOTE_ADDR", ""), environ)
            self._record_failure(refused, environ)
            return shared.refusal()
        # A link has a rate of its own: its visitors must not use up that of its maker.
        self._rates.take(f"link {entry.principal.credential}", environ)
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
        self, workspace: str, entry: Entry, credential: Credential, environ: dict[str, Any]
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

    def _identity_in(self, workspace: str, entry: Entry, environ: dict[str, Any]) -> Identity:
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
        identity = Identity(
            principal.name,
            number,
            may_everything(principal),
            principal,
            rights_at(number, workspace, principal, entry.rows, self._levels),
            workspace,
            entry.workspaces,
            self._has_workspaces,
        )
        entry.identities[workspace] = identity
        return identity

    def _entry(self, credential: Credential, environ: dict[str, Any]) -> Entry:
        """Return the entry of a valid credential, from the cache if possible. Raise ``Refused``."""
        is_in_header = credential.kind not in ("session", "link")
        # No header has a NUL.
        text = environ["HTTP_AUTHORIZATION"] if is_in_header else f"\0{credential.kind} {credential.secret}"
        key = self._key(text)
        entry = self._verified(key)
        if entry is None:
            # Valid credentials count for their principal, others for the address, see ``identify``.
            self._rates.check(environ.get("REMOTE_ADDR", ""), environ)
            now_ms = time.time_ns() // 1_000_000
            entry = self.verifier.verify(credential, environ, now_ms, self._cache.get(key))
            self._cache.put(key, entry)
            self._note_use(entry, now_ms)
        return entry

    def _key(self, text: str) -> bytes:
        """Return the key of a credential in the cache, which so has no secrets."""
        digest = self._digest.copy()
        digest.update(text.encode(errors="surrogatepass"))
        return digest.digest()

    def _verified(self, key: bytes) -> Entry | None:
        """Return the cached entry of a credential; None if something may have changed, or it has expired."""
        self._recheck()
        entry: Entry | None = self._cache.get(key)
        if entry is None or entry.epoch < self._epoch:
            return None
        now_ms = time.time_ns() // 1_000_000
        if is_over(entry.expiry_ms, now_ms):
            return None
        self._note_use(entry, now_ms)
        return entry

    def _note_use(self, entry: Entry, now_ms: int) -> None:
        """Have the time of the last use of a credential stored, unless that was done a short time ago."""
        if now_ms - entry.recorded_ms <= _RECORD_EVERY_MS:
            return
        entry.recorded_ms = now_ms
        principal = entry.principal
        if principal.authenticated_by == "session" and principal.expiry_ms is not None:
            entry.expiry_ms = min(principal.expiry_ms, now_ms + browser_sessions.IDLE_MS)
        self._uses.record(principal.authenticated_by, principal.credential, now_ms)

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

    def start_session(self, name: str, password: str, environ: dict[str, Any]) -> str:
        """Return the id of a new session of the user. Raise as ``Verifier.log_in`` does."""
        try:
            principal = self.verifier.log_in(name, password, environ)
        except Refused as refused:
            self._record_failure(refused, environ)
            raise
        return browser_sessions.start(self._backend.database, principal, environ)

    def end_session(self, environ: dict[str, Any]) -> None:
        """End the session of the request's cookie, if there is one."""
        browser_sessions.end(self._backend.database, environ)
        self.expire()


# The identity on paths that are open to everybody: it has no rights.
ANONYMOUS_AT_OPEN_PATH = ANONYMOUS._replace(is_unrestricted=False)


def gate_of(backend: Backend) -> OpenGate | ClosedGate:
    """Return the gate for the server's settings."""
    return ClosedGate(backend) if backend.config.requires_login else OpenGate(backend)


def is_open_path(path: str) -> bool:
    """Return whether everybody may ask for the path, without credentials."""
    return path in OPEN_PATHS or path.startswith(OPEN_FOLDERS)

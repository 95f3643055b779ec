"""State that the threads of a process share: settings, database, read replica and artifact stores."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from trackway.client_compat import uris
from trackway.client_compat.errors import ApiError, Unavailable, Unusable
from trackway.storage import artifacts, free_space
from trackway.storage.artifacts.locations import Locations
from trackway.storage.database import Database, ReadReplica, file_of
from trackway.storage.maintenance import access, unfinished
from trackway.storage.maintenance.migrate import SchemaError

from .auth.refusals import Refusals
from .config import Config
from .leader_lock import LeaderLock
from .request_body import BodyBudget
from .usage import Usage

if TYPE_CHECKING:
    from .auth.gate import ClosedGate

log = logging.getLogger("trackway.server")

_NO_PROCESS = 0
_PREPARE_EVERY_S = 1.0


class Backend:
    """The settings, and the connections that each process opens at its first use.

    After a fork, two processes would share the copied connections. Therefore the parent closes its
    connections before the fork, and a child that still inherits some drops them and opens its own.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._database: Database | None = None
        self._replica: ReadReplica | None = None
        self._artifacts: Locations | None = None
        # The process that opened the connections. ``close`` sets _NO_PROCESS; the next process to use the
        # database then keeps the ``Database`` object, which has no open connections.
        self._pid = _NO_PROCESS
        self._artifacts_pid = _NO_PROCESS
        self._lock = threading.Lock()
        # Prepares the database before its first use, if it could not be reached when the server started.
        self._prepare: Callable[[Database], None] | None = None
        self._next_attempt = 0.0
        self.body_budget = BodyBudget(2 * config.max_request_size)
        self.leader_lock = LeaderLock()
        self.refusals = Refusals(self)
        self.usage = Usage(self)
        # Identifies the callers of a server that requires a log-in; None on an open server.
        self.gate: ClosedGate | None = None

    @property
    def database(self) -> Database:
        database = self._database
        if database is None or self._pid != os.getpid():
            return self._open()
        return database

    @property
    def search_database(self) -> Database | ReadReplica:
        """The database for searches: the read replica if one is configured, else the primary."""
        database = self.database
        return self._replica or database

    @property
    def artifacts(self) -> Locations:
        """The artifact stores. Each process opens its own, since remote stores hold connections."""
        artifacts = self._artifacts
        if artifacts is None or self._artifacts_pid != os.getpid():
            with self._lock:
                artifacts = self._artifacts = open_artifacts(self.config)
                self._artifacts_pid = os.getpid()
        return artifacts

    def check_database(self) -> None:
        """Raise ``ApiError`` if the database does not answer, is read-only, or its disk is nearly full."""
        access.check(self.database)
        if file := file_of(self.config.backend_store_uri):
            free_space.check(str(file.resolve().parent))

    def check_artifacts(self) -> None:
        """Raise ``ApiError`` if the server serves artifacts and their store cannot be used."""
        if self.config.serve_artifacts:
            self.artifacts.served.check()

    def start_artifact_check(self) -> None:
        """Log a warning if the artifact store cannot be used.

        A thread does it, because a remote store may answer late or not at all. Call it after a fork.
        """
        threading.Thread(target=self._warn_of_artifacts, name="trackway-artifacts", daemon=True).start()

    def _warn_of_artifacts(self) -> None:
        try:
            self.check_artifacts()
        except (ApiError, ValueError) as error:
            log.warning("Artifacts cannot be stored or read: %s", error)

    def prepare_later(self, prepare: Callable[[Database], None]) -> None:
        """Have each process call ``prepare`` before its first use of the database, until it succeeds."""
        self._prepare = prepare

    def write_pending(self) -> None:
        """Write what is collected in memory and written later: refused requests, what was used."""
        self.refusals.write()
        self.usage.write()

    def close(self) -> None:
        """Close this process's connections. The next use opens new ones. Calling it twice is harmless."""
        with self._lock:
            if self._database is None or self._pid != os.getpid():
                return
            self._database.dispose()
            if self._replica is not None:
                self._replica.dispose()
            self._pid = _NO_PROCESS

    def _open(self) -> Database:
        """Open the connections. Raise ``ApiError`` while the database cannot be prepared."""
        with self._lock:
            if self._database is None or self._pid != os.getpid():
                if self._database is None or self._pid != _NO_PROCESS:
                    self._database = open_database(self.config)
                if self._prepare is not None:
                    self._prepare_database(self._database)
                self._replica = open_replica(self.config, self._database)
                self._pid = os.getpid()
            return self._database

    def _prepare_database(self, database: Database) -> None:
        assert self._prepare is not None
        if time.monotonic() < self._next_attempt:
            raise Unavailable("The database cannot be reached or written; try again in a moment.")
        try:
            self._prepare(database)
        except SchemaError as error:
            raise Unusable(str(error)) from None
        finally:
            # Other requests do not wait for an attempt of their own.
            self._next_attempt = time.monotonic() + _PREPARE_EVERY_S
        self._prepare = None


# Connections for requests, per process. More active connections would only wait for Python's interpreter
# lock. Further requests wait for a free connection; a waiting thread costs next to nothing.
_MAX_CONNECTIONS = 8


def open_database(config: Config) -> Database:
    """Return the database of ``--backend-store-uri``."""
    return Database(
        config.backend_store_uri,
        synchronous=config.sqlite_synchronous,
        statement_timeout_s=config.statement_timeout,
        pool_size=min(config.threads, _MAX_CONNECTIONS) + 1,  # one more for the ping of the readiness probe
    )


def name_of_database(config: Config) -> str:
    """Return the absolute path of a SQLite file, or the URI of another database without its password."""
    file = file_of(config.backend_store_uri)
    return str(file.absolute()) if file else hide_password(config.backend_store_uri)


def name_of_artifact_store(config: Config) -> str:
    """Return the absolute path of the artifact folder, or the URI of another store without its password."""
    return hide_password(uris.absolute(config.artifacts_destination))


def hide_password(uri: str) -> str:
    """Return a store's URI with its password replaced by ``***``."""
    scheme, has_scheme, rest = uri.partition("://")
    account, has_account, address = rest.rpartition("@")
    if not has_scheme or not has_account or ":" not in account:
        return uri
    return f"{scheme}://{account.partition(':')[0]}:***@{address}"


def open_replica(config: Config, database: Database) -> ReadReplica | None:
    """Return the read replica, or None if none is configured or its URI is that of the database."""
    uri = config.read_replica_backend_store_uri
    if uri in ("", config.backend_store_uri):
        return None
    return ReadReplica(uri, database, pool_size=min(config.threads, _MAX_CONNECTIONS))


def open_artifacts(config: Config) -> Locations:
    """Return the artifact stores of the settings."""
    destination = config.artifacts_destination if config.serve_artifacts else ""
    # Files are as durable as the rows that refer to them. SQLite's NORMAL does not sync each commit to disk.
    is_synced = config.sqlite_synchronous != "NORMAL" or not config.is_on_sqlite
    return Locations(destination, config.artifact_root, config.s3, is_synced=is_synced)


def prepare_artifacts(config: Config) -> None:
    """Check the artifact settings and remove temporary files that an earlier server left behind.

    Raise an exception with a message for the operator if a setting is wrong. This sends no request to a
    remote store, which may be down at the start and up later; ``Backend.start_artifact_check`` does.
    """
    if config.serve_artifacts:
        artifacts.prepare(config.artifacts_destination)
    artifacts.check_settings(config.s3, *config.artifact_roots)


def heal_artifacts(database: Database, config: Config) -> None:
    """Complete the changes of artifacts that a killed server left between their audit row and the change.

    A bucket is left to ``trackway gc``, because it may be down when the server starts.
    """
    if not config.serve_artifacts or artifacts.is_s3(config.artifacts_destination):
        return
    try:
        for change in unfinished.heal(database, open_artifacts(config).served):
            what = "deletion" if change.is_deletion else "upload"
            log.warning("The %s of the artifact %r was interrupted and is complete now.", what, change.path)
    except ApiError as error:  # such as a full disk; the next start tries again
        log.warning("Interrupted changes of artifacts are not complete: %s", error.for_operators())

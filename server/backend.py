"""What the threads of one server process share: the settings, the database and its read replica."""

from __future__ import annotations

import os
import threading

from trackway.storage import artifacts
from trackway.storage.artifacts.locations import Locations
from trackway.storage.database import Database, ReadReplica

from .config import Config
from .leader_lock import LeaderLock

_NOBODY = 0


class Backend:
    """The settings, and a database to which each process connects at its first use.

    Connections that a fork has copied would be used by two processes at once, so the parent keeps
    none, and a child that finds another process's ones lets go of them.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._database: Database | None = None
        self._replica: ReadReplica | None = None
        self._artifacts: Locations | None = None
        # Whose connections they are. After ``close`` nobody's: the next process takes the database as it is.
        self._pid = _NOBODY
        self._lock = threading.Lock()
        self.leader_lock = LeaderLock()

    @property
    def database(self) -> Database:
        database = self._database
        if database is None or self._pid != os.getpid():
            return self._open()
        return database

    @property
    def searched(self) -> Database | ReadReplica:
        """Where searches go: the read replica where there is one, else the database."""
        database = self.database
        return self._replica or database

    @property
    def artifacts(self) -> Locations:
        """The artifact stores; those on the network have connections, so they are each process's own, too."""
        if self._artifacts is None or self._pid != os.getpid():
            self._open()
        assert self._artifacts is not None
        return self._artifacts

    def check_artifacts(self) -> None:
        """Raise ``Unavailable`` when artifacts that the server serves cannot be kept."""
        if self.config.serve_artifacts:
            self.artifacts.served.check()

    def close(self) -> None:
        """Close this process's connections; the next use opens new ones."""
        with self._lock:
            if self._database is None or self._pid != os.getpid():
                return
            self._database.dispose()
            if self._replica is not None:
                self._replica.dispose()
            self._pid = _NOBODY

    def _open(self) -> Database:
        with self._lock:
            if self._database is None or self._pid != os.getpid():
                if self._database is None or self._pid != _NOBODY:
                    self._database = open_database(self.config)
                self._replica = open_replica(self.config, self._database)
                self._artifacts = open_artifacts(self.config)
                self._pid = os.getpid()
            return self._database


# More connections at work in one process would only wait for its interpreter lock; requests beyond
# them wait for their turn, while their threads cost nothing.
_CONNECTIONS = 8


def open_database(config: Config) -> Database:
    return Database(
        config.backend_store_uri,
        synchronous=config.sqlite_synchronous,
        pool_size=min(config.threads, _CONNECTIONS) + 1,  # and one to look whether it answers
    )


def open_replica(config: Config, database: Database) -> ReadReplica | None:
    uri = config.read_replica_backend_store_uri
    if uri in ("", config.backend_store_uri):
        return None
    return ReadReplica(uri, database, pool_size=min(config.threads, _CONNECTIONS))


def open_artifacts(config: Config) -> Locations:
    destination = config.artifacts_destination if config.serve_artifacts else ""
    # Files are kept as safely as the rows that speak of them.
    is_synced = config.sqlite_synchronous != "NORMAL" or not config.is_on_sqlite
    return Locations(destination, config.artifact_root, config.s3, is_synced=is_synced)


def prepare_artifacts(config: Config) -> None:
    """Before the first request: refuse a place that cannot be, and clear what an earlier server left.

    A store on the network may be down now and up later, so only requests and ``/ready`` speak to it.
    """
    if config.serve_artifacts:
        artifacts.prepare(config.artifacts_destination)
    artifacts.check_settings(config.s3, *config.artifact_roots)

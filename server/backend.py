"""What the threads of one server process share: the settings and the database."""

from __future__ import annotations

import os
import threading

from trackway.storage.database import Database

from .config import Config


class Backend:
    """The settings, and a database that is opened at its first use in each process.

    Connections that a fork has copied would be used by two processes at once, so the parent opens
    none, and a child that finds another process's ones lets go of them.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._database: Database | None = None
        self._pid = 0
        self._lock = threading.Lock()

    @property
    def database(self) -> Database:
        database = self._database
        if database is None or self._pid != os.getpid():
            return self._open()
        return database

    def close(self) -> None:
        """Close this process's connections; the next use opens new ones."""
        with self._lock:
            if self._database is not None and self._pid == os.getpid():
                self._database.dispose()
            self._database = None

    def _open(self) -> Database:
        with self._lock:
            if self._database is None or self._pid != os.getpid():
                self._database = open_database(self.config)
                self._pid = os.getpid()
            return self._database


def open_database(config: Config) -> Database:
    # One connection for each thread, and one for those that only look (readiness).
    return Database(
        config.backend_store_uri, synchronous=config.sqlite_synchronous, pool_size=config.threads + 1
    )

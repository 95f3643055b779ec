"""PgBouncer in front of a test's PostgreSQL, with the configuration that the documentation recommends."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

import psycopg

from tests.ports import free_port
from tests.services import PostgreSQL, _end, _log, _spawn

from .programs import example, find

CONNECTIONS = 3


class PgBouncer:
    """A pooler with three connections to the database. ``settings`` are added to its configuration."""

    def __init__(self, postgres: PostgreSQL, settings: str = "") -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="trackway-pgb-"))
        self._port = free_port()
        config = example(
            "pgbouncer.ini",
            {
                "trackway = host=127.0.0.1 port=5432 dbname=trackway": f"* = host={postgres.folder}",
                "listen_port = 6432": f"listen_port = {self._port}\nunix_socket_dir =",
                "auth_type = scram-sha-256": "auth_type = trust",
                "/etc/pgbouncer/userlist.txt": f"{self._folder}/users",
                "default_pool_size = 16": f"default_pool_size = {CONNECTIONS}\n{settings}",
            },
        )
        (self._folder / "pgbouncer.ini").write_text(config)
        (self._folder / "users").write_text('"trackway" ""\n')
        if postgres.user is not None:
            for path in (self._folder, *self._folder.iterdir()):
                os.chown(path, postgres.user, postgres.user)
        command = [*postgres.launch, find("pgbouncer"), self._folder / "pgbouncer.ini"]
        self._process = _spawn(command, self._folder, user=postgres.user, on_our_death=signal.SIGKILL)
        deadline = time.monotonic() + 60
        while not self._answers():
            assert self._process.poll() is None, _log(self._folder)
            assert time.monotonic() < deadline, _log(self._folder)
            time.sleep(0.02)

    def url(self, through: str, more: str = "") -> str:
        """Return the URI of a database through the pooler; ``through`` is its URI from ``PostgreSQL.url``."""
        name = through.partition("?")[0].rpartition("/")[2]
        return f"postgresql://trackway@127.0.0.1:{self._port}/{name}{more}"

    def close(self) -> None:
        _end(self._process, signal.SIGKILL)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("/postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

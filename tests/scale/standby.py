"""A PostgreSQL standby with streaming replication, from the same wheel as the primary."""

from __future__ import annotations

import time
from pathlib import Path

import psycopg

from tests.services import PostgreSQL


class Standby(PostgreSQL):
    """A hot standby of ``primary``: it replays the transactions of the primary and answers reads."""

    def __init__(self, primary: PostgreSQL) -> None:
        self._primary = primary
        super().__init__()

    def pause(self) -> None:
        """Pause the replay until ``resume``. WAL is still received."""
        self.execute("SELECT pg_wal_replay_pause()")
        while self._ask("SELECT pg_get_wal_replay_pause_state()") != "paused":
            time.sleep(0.01)

    def resume(self) -> None:
        self.execute("SELECT pg_wal_replay_resume()")

    def catch_up(self) -> None:
        """Wait until all transactions that the primary has committed so far are replayed."""
        with psycopg.connect(self._primary.url()) as primary:
            (position,) = primary.execute("SELECT pg_current_wal_lsn()").fetchone() or ("",)
        deadline = time.monotonic() + 60
        while not self._ask(f"SELECT pg_last_wal_replay_lsn() >= '{position}'"):
            assert time.monotonic() < deadline, "the standby does not catch up"
            time.sleep(0.02)

    def _ask(self, query: str) -> object:
        with psycopg.connect(self.url()) as connection:
            (found,) = connection.execute(query.encode()).fetchone() or (None,)
        return found

    def _make_data(self) -> list[str | Path]:
        return [
            self._bin / "pg_basebackup",
            *("-D", self.folder / "data", "-h", self._primary.folder, "-U", "trackway"),
            *("--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync"),
        ]

"""SQLite's page caches: bounded for all connections of a process together."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FILL = """
import os, random, sys
import psutil, sqlalchemy as sa
from trackway.storage.database import Database

database = Database("sqlite:///" + sys.argv[1], pool_size=9)
with database.begin(write=True) as tx:
    tx.execute(sa.text("CREATE TABLE wide (id INTEGER PRIMARY KEY, text BLOB)"))
    rows = [{"text": os.urandom(3000)} for _ in range(8000)]
    tx.execute(sa.text("INSERT INTO wide (text) VALUES (:text)"), rows)
database.dispose()
"""
READ = """
before = psutil.Process().memory_full_info().uss
connections = [database.engine.connect() for _ in range(9)]
dice = random.Random(1)
for number in range(27000):
    asked = f"SELECT length(text) FROM wide WHERE id = {dice.randrange(1, 8000)}"
    assert connections[number % 9].exec_driver_sql(asked).scalar() == 3000
print(psutil.Process().memory_full_info().uss - before)
"""


WRITE = """
readers = [database.engine.connect() for _ in range(3)]
for reader in readers:
    reader.exec_driver_sql("SELECT sum(length(text)) FROM wide").scalar()
with database.begin(write=True) as tx:
    for number in range(1, 1000):
        tx.execute(sa.text("UPDATE wide SET text = zeroblob(3000) WHERE id = :number"), {"number": number})
    print(os.path.getsize(sys.argv[1] + "-wal"))
"""


def test_nine_connections_that_read_much_share_one_bound(tmp_path: Path) -> None:
    # each by itself would take 2, together 18 and more
    assert _printed_by(FILL + READ, tmp_path) < 12 * 2**20


def test_a_writer_keeps_what_it_has_changed_though_readers_caches_are_full(tmp_path: Path) -> None:
    """Else each page was written when there was no room for it, and again when it changed again."""
    assert _printed_by(FILL + WRITE, tmp_path) == 0


def _printed_by(program: str, folder: Path) -> int:
    command = [sys.executable, "-c", program, str(folder / "store.db")]
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return int(found.stdout)

"""SQLite's page caches: bounded for all connections of a process together."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import json, os, random, sys
import psutil, sqlalchemy as sa
from trackway.storage.database import Database

database = Database("sqlite:///" + sys.argv[1], pool_size=9)
with database.begin(write=True) as tx:
    tx.execute(sa.text("CREATE TABLE wide (id INTEGER PRIMARY KEY, text BLOB)"))
    rows = [{"text": os.urandom(3000)} for _ in range(8000)]
    tx.execute(sa.text("INSERT INTO wide (text) VALUES (:text)"), rows)
database.dispose()
before = psutil.Process().memory_full_info().uss
connections = [database.engine.connect() for _ in range(9)]
dice = random.Random(1)
for number in range(27000):
    asked = f"SELECT length(text) FROM wide WHERE id = {dice.randrange(1, 8000)}"
    assert connections[number % 9].exec_driver_sql(asked).scalar() == 3000
print(json.dumps(psutil.Process().memory_full_info().uss - before))
"""


def test_nine_connections_that_read_much_share_one_bound(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "store.db")]
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(found.stdout) < 12 * 2**20  # each by itself would take 2, together 18 and more

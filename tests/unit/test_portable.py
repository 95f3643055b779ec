"""What Linux alone has is used where it is, and missed nowhere: the server imports and works without it."""

from __future__ import annotations

import subprocess
import sys

from tests.commands import ROOT

# Names that macOS lacks, among those that we or the standard library could reach for.
_LINUX_ONLY = (
    "fdatasync eventfd eventfd_read eventfd_write sched_getaffinity sched_setaffinity posix_fadvise "
    "posix_fallocate copy_file_range memfd_create"
)
_PROGRAM = f"""
import ctypes, ctypes.util, importlib, os, pkgutil, select, sys
import alembic, flask, graphql, gunicorn.workers.gthread, minio, prometheus_client, psycopg, sqlalchemy

for name in {_LINUX_ONLY.split()!r}:
    if hasattr(os, name):
        delattr(os, name)
for name in [name for name in vars(select) if "epoll" in name.lower()]:
    delattr(select, name)
sys.platform = "darwin"

import trackway.server, trackway.storage

for part in (trackway.server, trackway.storage):
    for module in pkgutil.walk_packages(part.__path__, part.__name__ + "."):
        if not module.name.endswith("__main__") and "migrations" not in module.name:
            importlib.import_module(module.name)

from trackway.server.app import create_app
from trackway.server.config import Config
from trackway.server.edge import waiting
from trackway.server.gunicorn import affinity, malloc, thread_pool
from trackway.storage.artifacts import disk

disk._SYNC_EVERY_BYTES = 1000
api = create_app(Config(backend_store_uri="sqlite:///mac.db", artifacts_destination="files")).test_client()
path = "/api/2.0/mlflow-artifacts/artifacts/f"
assert api.put(path, data=bytes(5000)).status_code == 200
assert api.get(path).data == bytes(5000)
assert api.post("/api/2.0/mlflow/experiments/create", json={{"name": "mac"}}).status_code == 200
malloc.configure_malloc()
malloc.Trim().when_due()
with thread_pool.Pool(1, affinity.Affinity(0)) as pool:
    def work():
        with waiting.for_client(receives=True):
            return "worked"
    print(pool.submit(work).result())
"""


def test_the_server_imports_and_works_without_what_only_linux_has(tmp_path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("worked")

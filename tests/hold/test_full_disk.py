"""A server whose disk is full says so, stores nothing in part, and goes on when there is space."""

from __future__ import annotations

import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.hold import probes
from tests.hold.disks import ServerOnSmallDisk, SizeLimit, SmallDisk
from tests.hold.load import Load, unaudited
from tests.services import BIN


def fill_under_load(server, disk, seconds):
    """Return what came of the writes, the seconds until all writers could go on, and the slowest /health."""
    with Load([server.url]) as load, ThreadPoolExecutor(1) as others:
        load.wait_for_each()
        time.sleep(seconds)
        disk.fill()
        try:
            health = others.submit(probes.health, server.port, seconds)
            time.sleep(seconds)
            ready = server.send("GET", "/ready")
        finally:
            disk.free()
        back_after = load.wait_for_each()
    assert health.result().failed == 0
    return load.outcome(server.url), back_after, health.result().slowest, ready


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_full_disk_is_named_and_nothing_is_stored_in_part(figures, is_full, dialect, tmp_path):
    """A file system in memory of 100 MiB has SQLite's database and the artifacts. While 18 clients write to
    it, a file fills it, and is removed later.
    """
    where = tmp_path / "disk"
    try:
        disk = SmallDisk(where)
    except OSError as error:
        pytest.skip(str(error))
    server = ServerOnSmallDisk(tmp_path / "server", disk, where, f"sqlite:///{where}/trackway.db")
    try:
        server.start()
        outcome, back_after, health, ready = fill_under_load(server, disk, 3 if is_full else 0.3)
        figures("disk full", server, back_after_s=back_after, health_s=health, **outcome.figures())
        assert (outcome.lost, outcome.wrong) == (0, 0), outcome.complaints[:10]
        assert outcome.refused > 0
        assert ready[0] == 503
        assert "bytes free" in json.loads(ready[1])["checks"]["database"]
        assert "Traceback" not in server.log
        server.stop()
        check = [*disk.enter, BIN / "trackway", "db", "check", "--backend-store-uri", server.store_uri]
        subprocess.run(check, check=True, stdout=subprocess.DEVNULL)
    finally:
        server.kill()
        disk.close()


def test_files_that_cannot_grow_are_stored_whole_or_not_at_all(serve, store_uri, figures, is_full):
    """While 18 clients write, the limit RLIMIT_FSIZE of 0 bytes keeps the server from writing to any file,
    also to its log. On PostgreSQL, which has no such limit, only uploads are refused.
    """
    server = serve()
    outcome, back_after, health, _ = fill_under_load(server, SizeLimit(server), 3 if is_full else 0.3)
    figures("no file can be written", server, back_after_s=back_after, health_s=health, **outcome.figures())
    assert (outcome.lost, outcome.wrong) == (0, 0), outcome.complaints[:10]
    assert outcome.refused > 0
    assert unaudited(store_uri) == 0

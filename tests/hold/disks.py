"""Disks that are full, without root: a small one of the test's own, and a limit of the size of files."""

from __future__ import annotations

import resource
import subprocess
from pathlib import Path

from tests.services import HttpServer, TrackwayServer

from .probes import processes

_MIB = 2**20


class SmallDisk:
    """A file system in memory of ``size`` bytes, at ``folder``. Only processes of ``enter`` see it.

    It is mounted in a user namespace, which needs no privileges, but which some containers forbid: then
    ``SmallDisk`` raises ``OSError``. A process holds the namespace until ``close``.
    """

    def __init__(self, folder: Path, size: int = 100 * _MIB) -> None:
        folder.mkdir()
        mount = 'mount -t tmpfs -o "size=$1" tmpfs "$2" && echo mounted && exec sleep 3600'
        namespace = ["unshare", "--user", "--map-root-user", "--mount", "--kill-child"]
        self._holder = subprocess.Popen(
            [*namespace, "sh", "-c", mount, "sh", str(size), str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._holder.stdout
        said = self._holder.stdout.readline().strip()
        if said != "mounted":
            self.close()
            raise OSError(f"a file system in memory cannot be mounted: {said}")
        # The same folder, as seen from outside of the namespace.
        self.folder = Path(f"/proc/{self._holder.pid}/root{folder}")
        target = ["--target", str(self._holder.pid)]
        self.enter = ["nsenter", "--preserve-credentials", "--user", "--mount", *target]
        self._filler = self.folder / "filler"

    def fill(self) -> None:
        """Leave not a byte free."""
        with open(self._filler, "wb", buffering=0) as file:
            try:
                while file.write(bytes(_MIB)):
                    pass
            except OSError:
                pass

    def free(self) -> None:
        self._filler.unlink()

    def close(self) -> None:
        self._holder.kill()
        self._holder.wait()
        assert self._holder.stdout
        self._holder.stdout.close()


class ServerOnSmallDisk(TrackwayServer):
    """A server whose data is on a small disk. Its log is not."""

    def __init__(self, folder: Path, disk: SmallDisk, where: Path, store_uri: str) -> None:
        super().__init__(folder, store_uri, ["--artifacts-destination", str(where / "artifacts")])
        self._disk = disk

    def command(self) -> list[str]:
        return [*self._disk.enter, *super().command()]


class SizeLimit:
    """No process of a server can write to any file, from ``fill`` until ``free``: EFBIG, "File too large".

    It is the soft limit RLIMIT_FSIZE, which a process of the same user may set. The limit of 0 bytes is also
    that of the server's own log.
    """

    def __init__(self, server: HttpServer) -> None:
        self._server = server

    def fill(self) -> None:
        self._set(0)

    def free(self) -> None:
        self._set(resource.RLIM_INFINITY)

    def _set(self, size: int) -> None:
        for process in processes(self._server.pid):
            resource.prlimit(process, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

"""The servers under test: each as it is shipped, on a new SQLite file or PostgreSQL of its own."""

from __future__ import annotations

import contextlib
import importlib.metadata
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.services import HttpServer, PostgreSQL, TrackwayServer

from . import environments, processes
from .load import Numbers
from .wire import Connection

STORES = ("sqlite", "postgresql")


@dataclass(frozen=True)
class Kind:
    """One column of the tables."""

    name: str
    title: str
    version: str
    durability: Mapping[str, str]
    note: str = ""

    @property
    def is_variant(self) -> bool:
        """Whether it is another's second run with a setting changed."""
        return bool(self.note)

    @property
    def acquire(self) -> bool:
        return self.name.startswith("trackway")


_WAL_NORMAL = "WAL, synchronous=NORMAL: survives a crash of the server, a power cut may cost the last moments"
_POSTGRESQL = "fsync and synchronous_commit on, PostgreSQL's defaults: a commit is on the disk"
KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "trackway",
            "Trackway",
            importlib.metadata.version("trackway"),
            {
                "sqlite": _WAL_NORMAL,
                "postgresql": _POSTGRESQL,
            },
        ),
        Kind(
            "trackway-full",
            "Trackway, FULL",
            importlib.metadata.version("trackway"),
            {"sqlite": "WAL, synchronous=FULL: a commit is on the disk"},
            "`--sqlite-synchronous FULL`",
        ),
        Kind(
            "mlflow",
            "MLflow",
            environments.MLFLOW,
            {
                "sqlite": "rollback journal, synchronous=FULL: a commit is on the disk",
                "postgresql": _POSTGRESQL,
            },
        ),
        Kind(
            "mlflow-nodelay",
            "MLflow, no delay",
            environments.MLFLOW,
            {
                "sqlite": "rollback journal, synchronous=FULL: a commit is on the disk",
                "postgresql": _POSTGRESQL,
            },
            "TCP_NODELAY set on its sockets from outside, which its users do not have",
        ),
        Kind(
            "fasttrackml",
            "FastTrackML",
            environments.FASTTRACKML,
            {
                "sqlite": _WAL_NORMAL,
                "postgresql": _POSTGRESQL,
            },
        ),
    )
}


class Trackway(TrackwayServer):
    def __init__(self, folder: Path, uri: str, *options: str) -> None:
        super().__init__(folder, uri, options)


class Mlflow(HttpServer):
    """As shipped: four workers, and the processes that run jobs."""

    name = "mlflow server"

    def command(self) -> list[str]:
        return [
            *(str(environments.programs("mlflow") / "mlflow"), "server"),
            *("--host", "127.0.0.1", "--port", str(self.port)),
            # Named, as which driver a bare postgresql:// means depends on SQLAlchemy's version.
            *("--backend-store-uri", self.store_uri.replace("postgresql:", "postgresql+psycopg2:")),
            *("--artifacts-destination", str(self.folder / "artifacts")),
        ]


class FastTrackML(HttpServer):
    name = "fml server"

    def command(self) -> list[str]:
        return [
            *(str(environments.programs("fasttrackml") / "fml"), "server"),
            *("--listen-address", f"127.0.0.1:{self.port}"),
            *("--database-uri", self.store_uri.replace("sqlite:///", "sqlite://")),
            *("--default-artifact-root", str(self.folder / "artifacts")),
        ]


class Contender:
    """A server of one kind on one store, with a database of its own, and what it costs."""

    def __init__(self, kind: Kind, store: str) -> None:
        self.kind = kind
        self.store = store
        self.folder = Path(tempfile.mkdtemp(prefix="trackway-bench-"))
        self.numbers = Numbers()
        self.postgres = PostgreSQL(_DURABLE) if store == "postgresql" else None
        self.uri = self.postgres.url() if self.postgres else f"sqlite:///{self.folder}/store.db"
        self.server = self._make()

    def __str__(self) -> str:
        return self.kind.name

    @property
    def port(self) -> int:
        return self.server.port

    @cached_property
    def connection(self) -> Connection:
        """A connection for what is not measured."""
        return Connection(self.port)

    @property
    def database_file(self) -> Path:
        return Path(self.uri.removeprefix("sqlite:///"))

    def start(self) -> float:
        """Seconds from the start of the process to its first 200."""
        self.server.is_alive = lambda: _answers(self.port)  # type: ignore[method-assign]
        began = time.perf_counter()
        self.server.start()
        return time.perf_counter() - began

    def stop(self) -> None:
        self.__dict__.pop("connection", None)
        self.server.stop()

    def cpu_s(self) -> tuple[float, float]:
        """Processor seconds of the server so far, and those of its PostgreSQL."""
        return processes.cpu_s(self.server.pid), self._database_cpu_s()

    def settle(self) -> None:
        pids = [self.server.pid]
        if self.postgres:
            pids.append(self.postgres.pid)
        processes.settle(*pids)

    def close(self) -> None:
        self.server.kill()
        if self.postgres:
            self.postgres.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _database_cpu_s(self) -> float:
        return processes.cpu_s(self.postgres.pid) if self.postgres else 0.0

    def _make(self) -> HttpServer:
        match self.kind.name:
            case "trackway":
                return Trackway(self.folder, self.uri)
            case "trackway-full":
                return Trackway(self.folder, self.uri, "--sqlite-synchronous", "FULL")
            case "mlflow":
                return Mlflow(self.folder, self.uri)
            case "mlflow-nodelay":
                hook = Path(__file__).with_name("nodelay")
                return Mlflow(self.folder, self.uri, environment={"PYTHONPATH": str(hook)})
            case "fasttrackml":
                return FastTrackML(self.folder, self.uri)
        raise ValueError(self.kind.name)


# What PostgreSQL does by itself; only the number of connections is raised, for MLflow's pools.
_DURABLE = ("-c", "max_connections=200")


@contextlib.contextmanager
def contenders(names: list[str], store: str) -> Iterator[list[Contender]]:
    """One contender of each name, not yet started; all that they held goes at the end."""
    made: list[Contender] = []
    try:
        for name in names:
            if store in KINDS[name].durability:
                made.append(Contender(KINDS[name], store))
        yield made
    finally:
        for contender in made:
            contender.close()


def _answers(port: int) -> bool:
    """Whether /health says 200; quicker than urllib, which would be a part of FastTrackML's 30 ms."""
    try:
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            return connection.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False

"""The servers that are compared: default settings, each with its own new SQLite file or PostgreSQL."""

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

from tests.closed import ClosedTrackwayServer
from tests.services import HttpServer, PostgreSQL, TrackwayServer

from . import environments, processes
from .load import Numbers
from .wire import Connection, authorized

STORES = ("sqlite", "postgresql")
AUTH = "trackway-auth"


@dataclass(frozen=True)
class Kind:
    """A server or a variant of one: a column of the tables."""

    name: str
    title: str
    version: str
    durability: Mapping[str, str]
    note: str = ""
    # Whether it is one of the other servers with a changed setting, which no target refers to.
    is_variant: bool = False

    @property
    def is_ours(self) -> bool:
        """Whether it is Trackway; a failure of another server does not end the run."""
        return self.name.startswith("trackway")


_WAL_NORMAL = "WAL, synchronous=NORMAL: survives a server crash; a power failure may lose the last commits"
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
            is_variant=True,
        ),
        Kind(
            AUTH,
            "Trackway, with auth",
            importlib.metadata.version("trackway"),
            {"sqlite": _WAL_NORMAL, "postgresql": _POSTGRESQL},
            "`--auth`; requests of an ordinary user, with an API token",
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
            "TCP_NODELAY set on its sockets by the benchmark; MLflow does not set it",
            is_variant=True,
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


class ClosedTrackway(ClosedTrackwayServer):
    def __init__(self, folder: Path, uri: str) -> None:
        super().__init__(folder, uri)

    def log_in(self) -> str:
        """Return the API token of a new user, who is no administrator."""
        self.create_users("bench")
        return self.create_token("bench")


class Mlflow(HttpServer):
    """MLflow's server with its default settings: four workers, and processes that run jobs."""

    name = "mlflow server"

    def command(self) -> list[str]:
        return [
            *(str(environments.programs("mlflow") / "mlflow"), "server"),
            *("--host", "127.0.0.1", "--port", str(self.port)),
            # With a driver, because the default one for postgresql:// depends on SQLAlchemy's version.
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
    """A server of one kind on one store, with its own database, and its processor time."""

    def __init__(self, kind: Kind, store: str) -> None:
        self.kind = kind
        self.store = store
        self.folder = Path(tempfile.mkdtemp(prefix="trackway-bench-"))
        self.numbers = Numbers()
        self.postgres = PostgreSQL(_DURABLE) if store == "postgresql" else None
        self.uri = self.postgres.url() if self.postgres else f"sqlite:///{self.folder}/store.db"
        self.server = self._make()
        self._token = ""

    def __str__(self) -> str:
        return self.kind.name

    @property
    def port(self) -> int:
        return self.server.port

    @cached_property
    def connection(self) -> Connection:
        """A connection for requests that are not measured."""
        return self.connect()

    def connect(self) -> Connection:
        return Connection(self.port, token=self._token)

    def authorized(self, request: bytes) -> bytes:
        """Return the request with the credentials that the server needs."""
        return authorized(request, self._token) if self._token else request

    @property
    def database_file(self) -> Path:
        return Path(self.uri.removeprefix("sqlite:///"))

    def start(self) -> float:
        """Start the server. Return the seconds from the start of the process to its first 200."""
        self.server.is_alive = lambda: _answers(self.port)  # type: ignore[method-assign]
        began = time.perf_counter()
        self.server.start()
        took = time.perf_counter() - began
        if isinstance(self.server, ClosedTrackway) and not self._token:
            self._token = self.server.log_in()
        return took

    def stop(self) -> None:
        self.__dict__.pop("connection", None)
        self.server.stop()

    def cpu_s(self) -> tuple[float, float]:
        """Return the processor seconds used so far by the server, and by its PostgreSQL."""
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
            case "trackway-auth":
                return ClosedTrackway(self.folder, self.uri)
            case "mlflow":
                return Mlflow(self.folder, self.uri)
            case "mlflow-nodelay":
                hook = Path(__file__).with_name("nodelay")
                return Mlflow(self.folder, self.uri, environment={"PYTHONPATH": str(hook)})
            case "fasttrackml":
                return FastTrackML(self.folder, self.uri)
        raise ValueError(self.kind.name)


# PostgreSQL's default settings, except for more connections, which MLflow's connection pools need.
_DURABLE = ("-c", "max_connections=200")


@contextlib.contextmanager
def contenders(names: list[str], store: str) -> Iterator[list[Contender]]:
    """Yield a contender of each name, not yet started. Stop them and remove their data at the end."""
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
    """Whether /health responds with 200.

    A plain socket, because the time of urllib would count in the 30 ms that FastTrackML takes to start.
    """
    try:
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            return connection.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False

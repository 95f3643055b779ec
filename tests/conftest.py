"""Fixtures for all tests. A test that uses a database runs on SQLite and on PostgreSQL.

``database``        a new database, migrated, with a second workspace full of other data
``empty``           a database without tables
``tx``              an open write transaction, which is rolled back
``api``             a Flask test client on a fresh database
``serve``           starts a ``trackway serve`` process on a fresh database, with options
``server``          such a process without options; has url, stop, kill and restart
``shared_server``   the same for all tests of a module, which must not stop it
``object_store``    an S3 server, one for the whole run; take a ``bucket()`` of it
``mlflow_server``   MLflow's own server, one for the whole run
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# Fixtures import what they need when they need it: a unit test starts without SQLAlchemy and Flask.
if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from trackway.storage.database import Database, Tx

    from .databases import Databases
    from .services import MlflowServer, ObjectStore, TrackwayServer

DIALECTS = ("sqlite", "postgresql")

# The developer's own environment variables must not affect the tests.
for _name in [name for name in os.environ if name.startswith(("MLFLOW_", "TRACKWAY_"))]:
    if not _name.startswith(("TRACKWAY_TEST_", "TRACKWAY_UI_SCREENSHOTS", "TRACKWAY_REQUIRE_")):
        del os.environ[_name]
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run all tests that use an expensive server in the same pytest-xdist worker.

    MLflow's server takes 10 s and 1 GB to start, SeaweedFS 1 s and 400 MB.
    """
    for item in items:
        for server in ("mlflow_server", "object_store"):
            if server in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.xdist_group(server))


@pytest.fixture(autouse=True)
def environment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the variables of ``@pytest.mark.environment(NAME="value")`` before other fixtures read them."""
    for marker in reversed(list(request.node.iter_markers("environment"))):  # the closest marker wins
        for name, value in marker.kwargs.items():
            monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    from .databases import Databases

    databases = Databases(tmp_path_factory.mktemp("databases"))
    try:
        yield databases
    finally:
        databases.close()


@pytest.fixture(params=DIALECTS, scope="module")
def dialect(request: pytest.FixtureRequest) -> str:
    """The database of the test. A test limits the choice with ``@pytest.mark.parametrize``."""
    return str(request.param)


@pytest.fixture
def store_uri(databases: Databases, dialect: str) -> Iterator[str]:
    """The ``--backend-store-uri`` of a new database, migrated, with other data in a second workspace."""
    with databases.fresh(dialect) as uri:
        yield uri


@pytest.fixture
def database(store_uri: str) -> Iterator[Database]:
    from trackway.storage.database import Database

    database = Database(store_uri)
    yield database
    database.dispose()


@pytest.fixture
def empty(databases: Databases, dialect: str) -> Iterator[Database]:
    """A database without any table."""
    from trackway.storage.database import Database

    with databases.empty(dialect) as uri:
        database = Database(uri)
        yield database
        database.dispose()


class _Undo(Exception):
    pass


@pytest.fixture
def tx(request: pytest.FixtureRequest, databases: Databases, dialect: str) -> Iterator[Tx]:
    """A write transaction on ``database`` if the test uses that fixture too, else on a shared database."""
    is_own = "database" in request.fixturenames
    database = request.getfixturevalue("database") if is_own else databases.shared(dialect)
    with suppress(_Undo), database.begin(write=True) as tx:
        yield tx
        raise _Undo


@pytest.fixture
def api(store_uri: str, tmp_path: Path) -> Iterator[FlaskClient]:
    from trackway.server.app import create_app
    from trackway.server.config import Config

    app = create_app(
        Config(backend_store_uri=store_uri, artifacts_destination=str(tmp_path / "artifacts")),
        start_jobs=False,
    )
    with app.test_client() as client:
        yield client


@pytest.fixture(scope="module")
def server_environment() -> dict[str, str]:
    """Environment variables of servers, in addition to those of the test run."""
    return {}


@pytest.fixture
def serve(
    store_uri: str, tmp_path: Path, server_environment: dict[str, str]
) -> Iterator[Callable[..., TrackwayServer]]:
    """A function that starts a server with options and environment variables, until the test ends."""
    from .services import TrackwayServer

    started: list[TrackwayServer] = []

    def start(*options: str, **environment: str) -> TrackwayServer:
        folder = tmp_path / f"server-{len(started)}"
        server = TrackwayServer(folder, store_uri, options, server_environment | environment)
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.kill()


@pytest.fixture
def server(serve: Callable[..., TrackwayServer]) -> TrackwayServer:
    return serve()


@pytest.fixture(scope="module")
def shared_server(
    databases: Databases,
    dialect: str,
    tmp_path_factory: pytest.TempPathFactory,
    server_environment: dict[str, str],
) -> Iterator[TrackwayServer]:
    from .services import TrackwayServer

    with databases.fresh(dialect) as uri:
        server = TrackwayServer(tmp_path_factory.mktemp("shared-server"), uri, environment=server_environment)
        server.start()
        yield server
        server.kill()


@pytest.fixture(scope="session")
def object_store() -> Iterator[ObjectStore]:
    from .services import ObjectStore

    store = ObjectStore()
    yield store
    store.close()


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    from .services import MlflowServer

    server = MlflowServer(tmp_path_factory.mktemp("mlflow-server"))
    server.start()
    yield server
    server.kill()

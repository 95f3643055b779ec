"""Figures of the cases: printed, and with TRACKWAY_TEST_HOLD_RESULTS written to that file for the report."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable, Iterator
from importlib.metadata import version

import pytest

from tests.conftest import DIALECTS
from tests.services import HttpServer, MlflowServer, PostgreSQL

from .figures import Figures, machine, title_of

_RESULTS = os.environ.get("TRACKWAY_TEST_HOLD_RESULTS")


@pytest.fixture(scope="session", autouse=True)
def _machine() -> None:
    if _RESULTS:
        with open(_RESULTS, "a") as file:
            file.write(json.dumps(machine()) + "\n")


@pytest.fixture
def figures(
    request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., None]]:
    """Record what was done, and what came of it: ``figures("500 slow clients", server, count=500, ...)``.

    The page has a section for each test: its title is the test's name, its text the test's docstring.
    """
    recorded: list[Figures] = []
    title, about = title_of(request.node.name), inspect.getdoc(request.function) or ""

    def record(case: str, server: HttpServer | None = None, **values: object) -> None:
        label = _label(server) if server else ""
        recorded.append(Figures(case, title=title, about=about, server=label, **values))  # type: ignore[arg-type]

    yield record
    with capsys.disabled():
        for found in recorded:
            print(f"\n{found}", end="")
    if _RESULTS:
        with open(_RESULTS, "a") as file:
            for found in recorded:
                file.write(json.dumps(found._asdict()) + "\n")


def _label(server: HttpServer) -> str:
    name = f"MLflow {version('mlflow')}" if isinstance(server, MlflowServer) else "Trackway"
    return f"{name}, {'SQLite' if server.store_uri.startswith('sqlite') else 'PostgreSQL'}"


@pytest.fixture
def is_full() -> bool:
    """Whether this is the long form, ``make hold``, which also tries MLflow's own server."""
    return _RESULTS is not None


@pytest.fixture
def mlflow(request: pytest.FixtureRequest, is_full: bool) -> MlflowServer | None:
    """MLflow's own server, one for the whole run, in the long form; otherwise None."""
    return request.getfixturevalue("mlflow_server") if is_full else None


@pytest.fixture(params=DIALECTS if _RESULTS else DIALECTS[:1], scope="module")
def dialect(request: pytest.FixtureRequest) -> str:
    """The database of a case that hardly depends on it: SQLite, in the long form PostgreSQL as well."""
    return str(request.param)


@pytest.fixture
def postgres() -> Iterator[PostgreSQL]:
    """A PostgreSQL server of the test's own, with its usual settings: commits are durable."""
    postgres = PostgreSQL(("-c", "max_connections=200"))
    yield postgres
    postgres.close()

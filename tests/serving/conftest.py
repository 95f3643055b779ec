"""How the server's processes behave: each test runs on both releases of gunicorn that may be installed."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import gunicorn
import pytest

# What `pip install .` picks where full mlflow, which forbids it, is not installed as well.
NEWEST = "27.0.1"


@pytest.fixture(scope="session")
def newest_gunicorn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the newest release alone, for PYTHONPATH; one for all processes that run tests."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if base.name.startswith("popen-") else base) / f"gunicorn-{NEWEST}"
    with open(folder.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*command, "--no-deps", "--target", folder, f"gunicorn=={NEWEST}"], check=True)
    return folder


@pytest.fixture(scope="module", params=["installed", "newest"])
def server_environment(request: pytest.FixtureRequest) -> dict[str, str]:
    if request.param == "newest":
        environment = {"PYTHONPATH": str(request.getfixturevalue("newest_gunicorn"))}
        shown = [sys.executable, "-c", "import gunicorn; print(gunicorn.__version__)"]
        variables = os.environ | environment
        found = subprocess.run(shown, env=variables, capture_output=True, text=True, check=True)
        assert found.stdout.strip() == NEWEST
        return environment
    assert gunicorn.__version__ < NEWEST, "then one run is enough: take this fixture out"
    return {}

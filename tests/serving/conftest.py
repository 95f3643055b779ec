"""Fixtures for tests of server processes. Each test runs on both supported releases of gunicorn."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import gunicorn
import pytest

# The release that `pip install .` selects. Full mlflow requires an older one, so tests run with both.
NEWEST = "27.0.1"


@pytest.fixture(scope="session")
def newest_gunicorn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for PYTHONPATH with only the newest release. All processes of the test run share it."""
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
    assert gunicorn.__version__ < NEWEST, "both releases are the same: remove this fixture"
    return {}

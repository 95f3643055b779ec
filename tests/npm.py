"""Packages of npm for tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest


def installed(name: str, *packages: str) -> Path:
    """Return a folder with packages, which are installed once for all test runs.

    ``name`` is the folder's; another one is used for other versions. Skip the test if they cannot be
    installed.
    """
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are not installed")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "trackway-tests"
    folder = cache / name
    if folder.exists():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    # Other processes may install them at the same time: the first one that is ready names the folder.
    fresh = Path(tempfile.mkdtemp(dir=cache))
    (fresh / "package.json").write_text("{}")
    command = ["npm", "install", "--no-audit", "--no-fund", "--silent", *packages]
    result = subprocess.run(command, cwd=fresh, capture_output=True, text=True, timeout=240)
    if result.returncode:
        shutil.rmtree(fresh)
        pytest.skip(f"{', '.join(packages)} cannot be installed: {result.stderr[-300:]}")
    try:
        fresh.rename(folder)
    except OSError:
        shutil.rmtree(fresh)
    return folder

"""What people install: built from the sdist, put into an empty environment, and run there.

A user's own ``server.py`` must not get in the way, nor may we put one into theirs.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import ROOT
from tests.services import TrackwayServer

PARTS = ("server", "storage", "client_compat")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("wheel")]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel that was made from it."""
    folder = tmp_path_factory.mktemp("built")
    installer = ["--installer", "uv"] if shutil.which("uv") else []
    subprocess.run([sys.executable, "-m", "build", *installer, "--outdir", folder, ROOT], check=True)
    return folder


@pytest.fixture(scope="module")
def environment(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds the wheel and what it asks for, and nothing else."""
    folder = tmp_path_factory.mktemp("environment")
    python = folder / "bin" / "python"
    (wheel,) = built.glob("*.whl")
    # The tested versions, except for gunicorn's: only full mlflow, absent here, holds it below 27.
    pins = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line[:8] != "gunicorn"]
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(pins))
    if uv := shutil.which("uv"):
        subprocess.run(
            [uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, folder], check=True
        )
        install = [uv, "pip", "install", "--quiet", "--python", python]
    else:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "-c", constraints, wheel], check=True)
    return folder


@pytest.fixture
def server(environment: Path, tmp_path: Path) -> Iterator[TrackwayServer]:
    """The installed command, started in a folder with modules of our own folders' names."""
    folder = tmp_path / "work"
    folder.mkdir()
    for name in (*PARTS, "trackway"):
        (folder / f"{name}.py").write_text("raise ImportError('the decoy was imported')\n")
    server = TrackwayServer(folder, f"sqlite:///{tmp_path}/trackway.db")
    server.program = environment / "bin" / "trackway"
    server.start()
    yield server
    server.kill()


def test_the_wheel_holds_each_part_once_and_nothing_beside_them(built):
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert len(names) == len(set(names))
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"trackway"}
    for part in PARTS:
        files = (path for path in (ROOT / part).rglob("*") if path.is_file() and path.suffix != ".pyc")
        wanted = {f"trackway/{path.relative_to(ROOT)}" for path in files}
        assert wanted <= set(names)
        assert wanted
    assert any(name.startswith("trackway/storage/migrations/versions/0001") for name in names)
    assert not [name for name in names if "test" in name.lower() or name.endswith(".pyc")]


def test_the_sdist_holds_sources_only(built):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        tops = {name.split("/")[1] for name in archive.getnames() if "/" in name}
    assert {"pyproject.toml", "README.md", "LICENSE", *PARTS} <= tops
    assert not [name for name in tops if name.startswith(".venv") or name in {"dist", "trackway-data"}]


def test_an_installed_trackway_logs_a_run_in_a_folder_of_decoys(server):
    experiment = _post(server, "experiments/create", {"name": "from a wheel"})
    run = _post(server, "runs/create", {"experiment_id": experiment["experiment_id"]})["run"]["info"]
    metric = {"key": "loss", "value": 0.25, "timestamp": 1, "step": 1}
    _post(server, "runs/log-batch", {"run_id": run["run_id"], "metrics": [metric]})
    found = _post(server, "runs/search", {"experiment_ids": [experiment["experiment_id"]]})["runs"]
    assert [(r["info"]["run_id"], r["data"]["metrics"]) for r in found] == [(run["run_id"], [metric])]


def _post(server: TrackwayServer, path: str, body: dict[str, object]) -> dict[str, object]:
    request = urllib.request.Request(
        f"{server.url}/api/2.0/mlflow/{path}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        parsed: dict[str, object] = json.load(answer)
    return parsed

"""Install the other servers and the client from the package index, and compile Trackway.

Each package gets its own virtual environment, as its users have it.
"""

from __future__ import annotations

import compileall
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("TRACKWAY_BENCH_PEERS") or ROOT / ".venv-bench")

MLFLOW = "3.17.2"
FASTTRACKML = "0.6.0"

_PACKAGES = {
    "mlflow": (f"mlflow=={MLFLOW}", "psycopg2-binary>=2.9,<3"),
    "fasttrackml": (f"fasttrackml=={FASTTRACKML}",),
    # The client of the rows client-1 and client-8.
    "client": (f"mlflow-skinny=={MLFLOW}",),
}


def programs(peer: str) -> Path:
    """Return the folder with the programs of a server or the client. Install them if they are missing."""
    folder = CACHE / peer
    stamp = folder / "packages.txt"
    wanted = "\n".join(_PACKAGES[peer])
    if not (stamp.exists() and stamp.read_text() == wanted):
        print(f"==> installing {', '.join(_PACKAGES[peer])} into {folder}", file=sys.stderr, flush=True)
        _install(folder, _PACKAGES[peer])
        stamp.write_text(wanted)
    return folder / "bin"


def compile_ours() -> None:
    """Compile Trackway to bytecode, as pip does for installed packages.

    Otherwise each start from a checkout without write permission would compile it again.
    """
    for part in ("client_compat", "server", "storage"):
        compileall.compile_dir(ROOT / part, quiet=1)


def _install(folder: Path, packages: tuple[str, ...]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    python = folder / "bin" / "python"
    if uv := shutil.which("uv"):
        create = [uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(folder)]
        # Compile as pip does. Otherwise each process of MLflow would compile its modules at each start.
        install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python)]
    else:
        create = [sys.executable, "-m", "venv", str(folder)]
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run(create, check=True)
    subprocess.run([*install, *packages], check=True)

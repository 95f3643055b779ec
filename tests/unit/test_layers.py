"""Imports follow the arrow, never back: server -> storage -> client_compat -> standard library."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from tests.commands import ROOT

PARTS = ("server", "storage", "client_compat")
# What each part may import besides the standard library and what lies further along the arrow.
LIBRARIES = {
    "server": {
        "click",
        "flask",
        "graphql",
        "gunicorn",
        "msgspec",
        "prometheus_client",
        "urllib3",
        "werkzeug",
    },
    "storage": {
        "alembic",
        "certifi",
        "cryptography",
        "minio",
        "psycopg",
        "pysqlite3",
        "sqlalchemy",
        "urllib3",
    },
    "client_compat": set(),
}
# Development tools, never imported by the running server.
TOOLS = {"client_compat/_generate.py": {"google", "mlflow"}}
FILES = [path.relative_to(ROOT) for part in PARTS for path in sorted((ROOT / part).rglob("*.py"))]


def _imports(path: Path) -> set[str]:
    """The modules that a file imports from outside its own package."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            assert node.module
            named = {f"trackway.{alias.name}" for alias in node.names}
            found |= named if node.module == "trackway" else {node.module}
        elif isinstance(node, ast.ImportFrom):
            assert node.level < len(path.parts), f"{path} imports beyond its own part; say trackway.…"
    return found


@pytest.mark.parametrize("path", FILES, ids=str)
def test_a_file_imports_only_along_the_arrow(path):
    part = path.parts[0]
    allowed = LIBRARIES[part] | TOOLS.get(path.as_posix(), set()) | set(sys.stdlib_module_names)
    for module in _imports(path):
        first, _, rest = module.partition(".")
        if first == "trackway":
            onward = {"", "__version__", *PARTS[PARTS.index(part) :]}
            assert rest.split(".")[0] in onward, f"{path} imports {module}, against the arrow"
        else:
            assert first not in PARTS, f"{path} imports {module}, a second copy of trackway.{module}"
            assert first in allowed, f"{path} imports {module}"

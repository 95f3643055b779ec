"""Imports follow the arrow, never back: server -> storage -> client_compat -> standard library."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

from tests.commands import ROOT

PARTS = ("server", "storage", "client_compat")
# What each part may import besides the standard library and what lies further along the arrow.
LIBRARIES = {
    "server": {
        "argon2",
        "authlib",
        "click",
        "flask",
        "graphql",
        "gunicorn",
        "itsdangerous",
        "jinja2",
        "joserfc",
        "msgspec",
        "prometheus_client",
        "requests",
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
        "zstandard",
    },
    "client_compat": set(),
    # Parsers of OpenTelemetry's messages and of users' regular expressions, imported where they are used.
    "client_compat/traces": {"google", "opentelemetry", "re2"},
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


# What knows a database's or gunicorn's ways knows no experiment, run or model. By folder: what it may import
# of ours, beside itself.
MACHINERY = {
    "storage/database": {"client_compat.errors"},
    "server/gunicorn": {
        "client_compat.errors",
        "server.backend",
        "server.config",
        "server.edge",
        "server.jobs",
        "server.request_body",
        "server.responses",
        "storage.database",
    },
}


@pytest.mark.parametrize("path", FILES, ids=str)
def test_machinery_imports_no_module_of_the_domain(path):
    folder = path.parent.as_posix()
    for module in _modules(path) if folder in MACHINERY else ():
        allowed = {*MACHINERY[folder], folder.replace("/", ".")}
        assert any(f"{module}.".startswith(f"trackway.{name}.") for name in allowed), f"{path}: {module}"


def _modules(path: Path) -> set[str]:
    """Our modules that a file imports, by their whole names."""
    package = ("trackway", *path.parent.parts)
    found = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.ImportFrom):
            start = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, (start, node.module)))
            # "from . import name" may name a module of the package, or something in it.
            names = [alias.name for alias in node.names if _is_module(module, alias.name)]
            found |= {f"{module}.{name}" for name in names} if names else {module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {module for module in found if module.startswith("trackway.")}


def _is_module(package: str, name: str) -> bool:
    folder = ROOT.joinpath(*package.split(".")[1:])
    return (folder / f"{name}.py").is_file() or (folder / name).is_dir()


@pytest.mark.parametrize("path", FILES, ids=str)
def test_a_file_imports_only_along_the_arrow(path):
    part = path.parts[0]
    of_folder = LIBRARIES[part] | LIBRARIES.get(path.parent.as_posix(), set())
    allowed = of_folder | TOOLS.get(path.as_posix(), set()) | set(sys.stdlib_module_names)
    for module in _imports(path):
        first, _, rest = module.partition(".")
        if first == "trackway":
            onward = {"", "__version__", *PARTS[PARTS.index(part) :]}
            assert rest.split(".")[0] in onward, f"{path} imports {module}, against the arrow"
        else:
            assert first not in PARTS, f"{path} imports {module}, a second copy of trackway.{module}"
            assert first in allowed, f"{path} imports {module}"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_the_environment_is_read_in_config_alone(path):
    text = (ROOT / path).read_text()
    if path.is_relative_to("server/config"):
        return
    # One variable is set for a library that reads it at its import.
    text = text.replace('os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder', "")
    assert not re.search(r"\bos\.environ|\bgetenv|import environ", text), f"{path} reads the environment"

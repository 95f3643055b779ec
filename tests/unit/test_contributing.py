"""CONTRIBUTING.md is true: its map is the tree, and the files, words and commands that it names exist."""

from __future__ import annotations

import re

import pytest

from tests.commands import ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text()
_ROW = re.compile(r"^\| `((?:server|storage|client_compat)/[\w/]*)` \| (.*) \|$", re.MULTILINE)
# Entries are separated by dots and begin with the names of one or more modules.
_ENTRY = re.compile(r"(?:^|· |: |; )((?:`\w+`(?:, )?)+)")
MAP = {
    folder: [name for names in _ENTRY.findall(text) for name in re.findall(r"\w+", names)]
    for folder, text in _ROW.findall(TEXT)
}
PARTS = ("server", "storage", "client_compat")
# Folders with modules; released migrations are a list of their own.
FOLDERS = sorted(
    f"{path.relative_to(ROOT).as_posix()}/"
    for part in PARTS
    for path in (ROOT / part, *(ROOT / part).rglob("*"))
    if path.is_dir() and (path / "__init__.py").exists() and path.name != "versions"
)


def test_the_map_has_every_folder_and_no_other() -> None:
    assert sorted(MAP) == FOLDERS


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_map_has_every_module_of_a_folder(folder: str) -> None:
    modules = {path.stem for path in (ROOT / folder).glob("*.py")} - {"__init__", "__main__"}
    assert sorted(MAP[folder]) == sorted(modules), f"{folder}: {modules ^ set(MAP[folder])}"


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:\w+/)+[\w.]+\.(?:py|md))", TEXT))))
def test_a_file_that_is_named_exists(path: str) -> None:
    assert (ROOT / path).is_file(), path


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(\w+\.py)`", TEXT))))
def test_a_module_that_is_named_alone_exists_once(name: str) -> None:
    found = [path for part in PARTS for path in (ROOT / part).rglob(name)]
    assert found, name

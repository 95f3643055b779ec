"""docs/known-differences.md names tests that exist, and all conversations that expect a difference."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "known-differences.md").read_text()
ROWS = [
    [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith(("| Trackway |", "| ---"))
]


@cache
def functions(path: Path) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}


def named(row: list[str]) -> list[str]:
    return re.findall(r"`(\S+\.py::\w+)`", row[-1])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_each_difference_has_a_reason_and_tests_that_exist(row: list[str]) -> None:
    assert len(row) == 4
    assert all(row)
    assert named(row)
    for name in named(row):
        file, _, function = name.partition("::")
        assert function in functions(TESTS / file), f"{name} does not exist"


def test_each_conversation_that_expects_a_difference_is_named() -> None:
    expecting = {
        f"compat/{path.name}::{name}"
        for path in TESTS.glob("compat/test_*.py")
        for name, function in functions(path).items()
        if any(isinstance(node, ast.keyword) and node.arg == "ours" for node in ast.walk(function))
        and not name.startswith("test_")
        and function.args.args == []
    }
    assert expecting
    assert expecting <= {name for row in ROWS for name in named(row)}

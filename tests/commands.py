"""Check command lines in documents and other files against the real command line interface."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).resolve().parent.parent


def project() -> dict[str, Any]:
    """Return the ``[project]`` table of ``pyproject.toml``."""
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return table


def check_command(words: list[str]) -> None:
    """Raise an error unless ``words`` is a ``trackway`` command with existing options and valid values."""
    from trackway.server.cli import main

    assert words[0] in project()["scripts"], f"{words[0]} is not a command of this project"
    command: click.Command = main
    name = words[0]
    rest = words[1:]
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        child = command.commands.get(rest[0])
        assert child, f"`{name}` has no command {rest[0]!r}, only {sorted(command.commands)}"
        command, name, rest = child, f"{name} {rest[0]}", rest[1:]
    # Parsing raises an error for unknown options and invalid values. It does not run the command.
    command.make_context(name, [word for word in rest if word != "--help"])


def serve_options() -> dict[str, click.Option]:
    """Return the options of ``trackway serve`` by each of their names."""
    from trackway.server.cli import main

    assert isinstance(main, click.Group)
    options = [option for option in main.commands["serve"].params if isinstance(option, click.Option)]
    return {name: option for option in options for name in (*option.opts, *option.secondary_opts)}

"""The list of commands in a help text."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from trackway.server.cli import main


def groups(group=main, path=()):
    yield path, group
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from groups(command, (*path, name))


@pytest.mark.parametrize(("path", "group"), list(groups()))
@pytest.mark.parametrize("width", [40, 80])
def test_the_help_of_each_command_is_listed_as_a_whole(path, group, width):
    shown = CliRunner().invoke(main, [*path, "--help"], terminal_width=width).output
    listed = " ".join(shown.partition("Commands:")[2].split())
    for name, command in group.commands.items():
        assert command.short_help
        assert f"{name} {command.short_help}" in listed

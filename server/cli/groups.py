"""``Group``: a command that has commands, such as ``trackway`` and ``trackway db``."""

from __future__ import annotations

import click


class Group(click.Group):
    """Lists its commands with their whole short help. click cuts the help that is too long for one line."""

    group_class = type  # its groups are of this class as well

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, command.short_help or "") for name, command in sorted(self.commands.items())]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

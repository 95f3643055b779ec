"""The command line of ``trackway serve``: the table of settings as options, and those it does not have."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from ..config import Config, ConfigError, flag, options
from ..config.unsupported import UNSUPPORTED, check_unsupported


def click_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a click command every option of the table, under the names of ``Config``'s fields."""
    import click

    for unsupported in reversed(UNSUPPORTED):
        command = click.option(
            unsupported.flags,
            unsupported.name,
            envvar=unsupported.env or None,
            is_flag=unsupported.is_flag or None,
            default=None,
            hidden=True,
        )(command)
    for item in reversed(options()):
        command = option_for(item)(command)
    return command


def option_for(item: dataclasses.Field[Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The click option that gives one of ``Config``'s fields."""
    import click

    about = item.metadata
    flags = flag(item.name) + (f"/{about['off']}" if about["off"] else "")
    choices = about["choices"]
    return click.option(
        *([about["short"]] if about["short"] else []),
        flags,
        item.name,
        envvar=about["env"] or None,
        default=item.default,
        is_flag=isinstance(item.default, bool),
        type=click.Choice(choices, case_sensitive=False) if choices else _type_of(item),
        metavar=about["metavar"] or None,
        help=about["help"],
        show_default=item.default not in ("", False),
        show_envvar=True,
    )


def from_click(values: Mapping[str, Any]) -> tuple[Config, list[str]]:
    """The settings that a command line gives, and a warning for each option that is passed over.

    Raises ``ConfigError`` for options that have no meaning here and for values that cannot be.
    """
    warnings = check_unsupported(lambda unsupported: values.get(unsupported.name))
    names = {item.name for item in options()}
    config = Config(**{name: value for name, value in values.items() if name in names})
    if config.dev and config.gunicorn_opts:
        raise ConfigError("'--dev' and '--gunicorn-opts' cannot be specified together.")
    if config.read_replica_backend_store_uri == config.backend_store_uri:
        warnings.append("--read-replica-backend-store-uri has no effect: it equals --backend-store-uri.")
    return config, warnings


def options_as_markdown() -> str:
    """The table of options for the README."""
    lines = ["| option | variable | default | what it does |", "| --- | --- | --- | --- |"]
    for item in options():
        about = item.metadata
        name = flag(item.name) + (f" / {about['off']}" if about["off"] else "")
        default = {True: "on", False: "off", "": "", None: ""}.get(item.default, f"`{item.default}`")
        env = f"`{about['env']}`" if about["env"] else ""
        lines.append(f"| `{name}` | {env} | {default} | {about['help']} |")
    return "\n".join(lines) + "\n"


def _type_of(item: dataclasses.Field[Any]) -> type:
    """A number's default may hang on other settings."""
    return int if item.default is None else type(item.default)

"""The options of ``trackway serve``, for click: those of ``Config``, and hidden unsupported ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from ..config import Config, ConfigError, flag, is_switch, options
from ..config.unsupported import UNSUPPORTED, check_unsupported


def click_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add all options to a click command. Parameters have the names of ``Config``'s fields."""
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
    """Return the decorator that adds the click option of one of ``Config``'s fields."""
    import click

    metadata = item.metadata
    flags = flag(item.name) + (f"/{metadata['off']}" if metadata["off"] else "")
    choices = metadata["choices"]
    return click.option(
        *([metadata["short"]] if metadata["short"] else []),
        flags,
        item.name,
        envvar=metadata["env"] or None,
        default=item.default,
        is_flag=is_switch(item),
        type=click.Choice(choices, case_sensitive=False) if choices else _type_of(item),
        metavar=metadata["metavar"] or None,
        help=metadata["help"],
        show_default=item.default not in ("", False),
        show_envvar=True,
    )


def from_click(values: Mapping[str, Any]) -> tuple[Config, list[str]]:
    """Return the settings of a command line, and a warning for each option that is ignored.

    Raise ``ConfigError`` for an unsupported option or an invalid value.
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
    """Return the options as a Markdown table."""
    lines = ["| option | variable | default | what it does |", "| --- | --- | --- | --- |"]
    for item in options():
        metadata = item.metadata
        name = flag(item.name) + (f" / {metadata['off']}" if metadata["off"] else "")
        default = {True: "on", False: "off", "": "", None: ""}.get(item.default, f"`{item.default}`")
        env = f"`{metadata['env']}`" if metadata["env"] else ""
        lines.append(f"| `{name}` | {env} | {default} | {metadata['help']} |")
    return "\n".join(lines) + "\n"


def _type_of(item: dataclasses.Field[Any]) -> type:
    """Return the option's type: int for the default None, which depends on other settings."""
    if is_switch(item):
        return bool
    return int if item.default is None else type(item.default)

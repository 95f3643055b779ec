"""The command line of ``trackway serve``: the table of settings as options, and those it does not have."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..config import Config
from ..config_checks import ConfigError, flag


@dataclass(frozen=True)
class Foreign:
    """An option of ``mlflow server`` that has no meaning here, and what to tell who gives it."""

    flags: str
    why: str
    env: str = ""
    is_flag: bool = False
    # A tuning knob of a part that is not there can be passed over; all else would change what is served.
    is_harmless: bool = False


FOREIGN = (
    Foreign(
        "--uvicorn-opts",
        "Trackway runs on gunicorn, not uvicorn; give --gunicorn-opts instead.",
        env="MLFLOW_UVICORN_OPTS",
    ),
    Foreign("--waitress-opts", "Trackway runs on gunicorn, not waitress; give --gunicorn-opts instead."),
    Foreign("--app-name", "Trackway has no plug-in apps; nothing can stand in for its own."),
    Foreign(
        "--artifacts-only",
        "a Trackway that serves nothing but artifacts is not supported; run a full server and point "
        "clients at it.",
        env="MLFLOW_ARTIFACTS_ONLY",
        is_flag=True,
    ),
    Foreign(
        "--trace-archival-config",
        "Trackway has no trace archive.",
        env="MLFLOW_TRACE_ARCHIVAL_CONFIG",
    ),
    Foreign(
        "--enable-workspaces/--disable-workspaces",
        "workspaces are not supported yet.",
        env="MLFLOW_ENABLE_WORKSPACES",
        is_flag=True,
    ),
    Foreign(
        "--workspace-store-uri",
        "workspaces are not supported yet.",
        env="MLFLOW_WORKSPACE_STORE_URI",
    ),
    Foreign("--secrets-cache-ttl", "Trackway keeps no gateway secrets.", is_harmless=True),
    Foreign("--secrets-cache-max-size", "Trackway keeps no gateway secrets.", is_harmless=True),
)


def click_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a click command every option of the table, under the names of ``Config``'s fields."""
    import click

    for foreign in reversed(FOREIGN):
        command = click.option(
            foreign.flags,
            _foreign_name(foreign),
            envvar=foreign.env or None,
            is_flag=foreign.is_flag or None,
            default=None,
            hidden=True,
        )(command)
    for item in reversed(dataclasses.fields(Config)):
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
    warnings = []
    for foreign in FOREIGN:
        given = values.get(_foreign_name(foreign))
        if given is None or given is False:
            continue
        if not foreign.is_harmless:
            raise ConfigError(f"{foreign.flags.partition('/')[0]}: {foreign.why}")
        warnings.append(f"{foreign.flags} has no effect: {foreign.why}")
    names = {item.name for item in dataclasses.fields(Config)}
    config = Config(**{name: value for name, value in values.items() if name in names})
    if config.dev and config.gunicorn_opts:
        raise ConfigError("'--dev' and '--gunicorn-opts' cannot be specified together.")
    if config.read_replica_backend_store_uri == config.backend_store_uri:
        warnings.append("--read-replica-backend-store-uri has no effect: it equals --backend-store-uri.")
    return config, warnings


def options_as_markdown() -> str:
    """The table of options for the README."""
    lines = ["| option | variable | default | what it does |", "| --- | --- | --- | --- |"]
    for item in dataclasses.fields(Config):
        about = item.metadata
        name = flag(item.name) + (f" / {about['off']}" if about["off"] else "")
        default = {True: "on", False: "off", "": "", None: ""}.get(item.default, f"`{item.default}`")
        env = f"`{about['env']}`" if about["env"] else ""
        lines.append(f"| `{name}` | {env} | {default} | {about['help']} |")
    return "\n".join(lines) + "\n"


def _type_of(item: dataclasses.Field[Any]) -> type:
    """A number's default may hang on other settings."""
    return int if item.default is None else type(item.default)


def _foreign_name(foreign: Foreign) -> str:
    return "foreign_" + foreign.flags.partition("/")[0].removeprefix("--").replace("-", "_")

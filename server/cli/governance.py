"""``trackway policy``, ``gate``, ``approve`` and ``alias``: what model versions need, asked of a server."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from . import junit
from .groups import Group
from .http import call, get, server_option
from .tables import print_table

_API = "/api/3.0/trackway"
_MLFLOW = "/api/2.0/mlflow"
_POLL_S = 2
FAILED, UNUSABLE = 1, 2

target_option = click.option(
    "--for",
    "target",
    required=True,
    metavar="TARGET",
    help="The alias that the version is for, or stage:NAME, or deployment:NAME.",
)


@click.group(cls=Group, short_help="Manage rules for model versions.")
def policy() -> None:
    """Store, list, delete or try out policies: rules that a version must meet before an alias may name it."""


@policy.command("apply", short_help="Store the policies of a file.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@server_option
def apply_policies(file: Path, tracking_uri: str) -> None:
    """Store the policies of the TOML file FILE; those that exist are replaced.

    \b
    [release]
    models = "iris"
    target = "alias:production"
    editors = ["role:release"]
    [release.rules]
    quality = "metrics.accuracy >= alias.production.metrics.accuracy - 0.005"
    """
    for name, body in _read(file).items():
        path = f"{_API}/policies/{quote(name, safe='')}"
        stored = call("PUT", tracking_uri, path, body)["policy"]
        click.echo(f"{name}: revision {stored['revision']}, guards {stored['target']} of {stored['models']}.")


@policy.command("list", short_help="List policies.")
@click.option("--model", help="Only those about this model.")
@server_option
def list_policies(model: str | None, tracking_uri: str) -> None:
    """List the policies of the workspace with their rules."""
    found = get(tracking_uri, f"{_API}/policies", {"model": model} if model else None).get("policies", [])
    print_table(
        ("POLICY", "MODELS", "TARGET", "MODE", "EDITORS", "RULE", "EXPRESSION"),
        (
            (
                each["name"],
                each["models"],
                each["target"],
                each["mode"],
                " ".join(each.get("editors", [])) or "-",
                rule["name"],
                rule["expression"],
            )
            for each in found
            for rule in each.get("rules", [])
        ),
    )


@policy.command("delete", short_help="Delete a policy.")
@click.argument("name")
@server_option
def delete_policy(name: str, tracking_uri: str) -> None:
    """Delete the policy NAME. What it said of versions is kept."""
    call("DELETE", tracking_uri, f"{_API}/policies/{quote(name, safe='')}")
    click.echo(f"Deleted the policy {name}.")


@policy.command("test", short_help="Try the policies of a file out.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--model", required=True, help="The registered model.")
@click.option("--version", required=True, help="Its version.")
@server_option
def try_policies(file: Path, model: str, version: str, tracking_uri: str) -> None:
    """Say what the policies of FILE would say of a version. Nothing is stored. Exit code 1: it fails."""
    outcomes = set()
    for name, body in _read(file).items():
        asked = {"name": model, "version": version, "target": body["target"], "rules": body["rules"]}
        answer = call("POST", tracking_uri, f"{_API}/policies/try", asked)
        outcomes.add(answer["outcome"])
        _print_verdict(f"{name}: {answer['outcome']}", answer["rules"])
    sys.exit(FAILED if "fail" in outcomes else 0)


@click.command(short_help="Ask policies whether a version may be named.")
@click.argument("model_uri")
@target_option
@click.option("--wait", is_flag=True, help="Wait while something that the rules need is being determined.")
@click.option("--timeout", type=click.IntRange(1), default=600, show_default=True, help="Seconds to wait.")
@click.option(
    "--junit", "junit_file", type=click.Path(dir_okay=False, path_type=Path), help="Write a report."
)
@server_option
def gate(
    model_uri: str, target: str, wait: bool, timeout: int, junit_file: Path | None, tracking_uri: str
) -> None:
    """Ask the policies whether a version, such as models:/iris/7, may become TARGET, and keep the answer.

    Exit code 0: it may. 1: a policy refuses it. 2: no policy guards the target, or there is no answer.
    """
    body = {**_version_of(tracking_uri, model_uri), "target": _target(target)}
    ends = time.monotonic() + timeout
    try:
        answer = call("POST", tracking_uri, f"{_API}/verdicts", body)
        while wait and answer.get("pending") and time.monotonic() < ends:
            time.sleep(_POLL_S)
            answer = call("POST", tracking_uri, f"{_API}/verdicts", body)
    except click.ClickException as error:
        error.show()
        sys.exit(UNUSABLE)
    verdicts = answer.get("verdicts", [])
    for verdict in verdicts:
        _print_verdict(f"policy {verdict['policy']}: {verdict['outcome']}", verdict["rules"])
    if junit_file:
        junit.write(junit_file, f"{model_uri} for {target}", verdicts)
    if answer["outcome"] == "none":
        click.echo(
            f"No policy guards {body['target']} of {body['name']}; `trackway policy apply` stores one."
        )
        sys.exit(UNUSABLE)
    sys.exit(FAILED if answer["outcome"] == "fail" else 0)


@click.command(short_help="Approve of a version, or reject it.")
@click.argument("model_uri")
@target_option
@click.option("-m", "--message", "comment", default="", help="Why.")
@click.option("--reject", "decision", flag_value="reject", help="Reject the version.")
@click.option("--withdraw", "decision", flag_value="withdraw", help="Withdraw your decision.")
@server_option
def approve(model_uri: str, target: str, comment: str, decision: str | None, tracking_uri: str) -> None:
    """Approve of a version, such as models:/iris/7, for TARGET."""
    body = {
        **_version_of(tracking_uri, model_uri),
        "target": _target(target),
        "decision": decision or "approve",
        "comment": comment,
    }
    made = call("POST", tracking_uri, f"{_API}/approvals", body)["approval"]
    click.echo(f"{made['user']}: {made['decision']} {model_uri} for {made['target']}.")


@click.group(cls=Group, short_help="Set aliases of model versions.")
def alias() -> None:
    """Set or delete an alias, against the policies if an administrator says why."""


override_option = click.option(
    "--override", metavar="REASON", default="", help="For administrators: do it against the policies."
)


@alias.command("set", short_help="Set or move an alias.")
@click.argument("name")
@click.argument("model_uri")
@override_option
@server_option
def set_alias(name: str, model_uri: str, override: str, tracking_uri: str) -> None:
    """Let the alias NAME name the version MODEL_URI, such as models:/iris/7."""
    body = {**_version_of(tracking_uri, model_uri), "alias": name}
    call("POST", tracking_uri, f"{_MLFLOW}/registered-models/alias", body, _override(override))
    click.echo(f"{name} of {body['name']} names version {body['version']}.")


@alias.command("delete", short_help="Delete an alias.")
@click.argument("name")
@click.argument("model")
@override_option
@server_option
def delete_alias(name: str, model: str, override: str, tracking_uri: str) -> None:
    """Delete the alias NAME of the registered model MODEL."""
    body = {"name": model, "alias": name}
    call("DELETE", tracking_uri, f"{_MLFLOW}/registered-models/alias", body, _override(override))
    click.echo(f"Deleted the alias {name} of {model}.")


def _override(reason: str) -> dict[str, str]:
    # HTTP's headers are Latin-1; the server reads the bytes as UTF-8.
    return {"X-Trackway-Override": reason.encode().decode("latin-1")} if reason else {}


def _read(file: Path) -> dict[str, dict[str, Any]]:
    """Return the policies of a TOML file by name, as requests have them."""
    import tomllib

    try:
        tables = tomllib.loads(file.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{file} is no TOML: {error}") from None
    for name, table in tables.items():
        if not isinstance(table, dict) or not isinstance(table.get("rules"), dict) or "target" not in table:
            raise click.ClickException(
                f'{file}: the policy {name} needs target = "..." and a table [{name}.rules].'
            )
        rules = [{"name": key, "expression": value} for key, value in table["rules"].items()]
        tables[name] = {**table, "rules": rules}
    if not tables:
        raise click.ClickException(
            f"{file} has no policy: write one as [name], target = ... and [name.rules]."
        )
    return tables


def _target(text: str) -> str:
    return text if ":" in text else f"alias:{text}"


def _version_of(tracking_uri: str, model_uri: str) -> dict[str, str]:
    """Return name and version of ``models:/name/7`` or ``models:/name@alias``."""
    rest = model_uri.removeprefix("models:/")
    name, slash, version = rest.rpartition("/")
    if model_uri.startswith("models:/") and slash and version.isdecimal():
        return {"name": name, "version": version}
    name, at, alias_name = rest.rpartition("@")
    if not model_uri.startswith("models:/") or not at:
        raise click.UsageError(f"{model_uri!r} is no version; write models:/iris/7 or models:/iris@champion.")
    asked = {"name": name, "alias": alias_name}
    found = get(tracking_uri, f"{_MLFLOW}/registered-models/alias", asked)["model_version"]
    return {"name": name, "version": found["version"]}


def _print_verdict(title: str, rules: list[dict[str, Any]]) -> None:
    click.echo(title)
    for rule in rules:
        click.echo(f"  {'holds' if rule['holds'] else 'FAILS'}  {rule['name']}: {rule['expression']}")
        for value in rule["values"]:
            click.echo(f"         {junit.sentence(value)}")

"""Checks of policies: names, models, targets, rules, editors.

Functions named ``check_*`` raise InvalidParameter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from .. import registry_rules
from ..errors import InvalidParameter
from . import rule_language
from .facts import nearest

ENFORCE, WARN = MODES = ("enforce", "warn")
ALIAS, STAGE, DEPLOYMENT = TARGET_KINDS = ("alias", "stage", "deployment")
MAX_RULES = 50
MAX_EDITORS = 100
_MAX_NAME_LENGTH = 250
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_EDITOR_KINDS = ("user", "role")


class Rule(NamedTuple):
    """One rule of a policy: its name, and what must be true."""

    name: str
    expression: str


def check_name(name: str) -> None:
    """Check the name of a policy."""
    if not _NAME.fullmatch(name) or len(name) > _MAX_NAME_LENGTH:
        raise InvalidParameter.invalid(
            "name",
            name[:_MAX_NAME_LENGTH],
            f"The name of a policy has letters, digits, '.', '_' and '-', at most {_MAX_NAME_LENGTH}.",
        )


def check_models(models: str) -> None:
    """Check the pattern of model names. In it ``*`` is any text and ``?`` any character."""
    if not models or len(models) > registry_rules.MAX_NAME_BYTES:
        raise InvalidParameter(
            f"Invalid pattern of model names {models[:100]!r}: give the name of a model, or a pattern, "
            "such as '*' or 'fraud-*'."
        )


def covers(models: str, name: str) -> bool:
    """Return whether a pattern of model names matches a name."""
    pattern = "".join(".*" if char == "*" else "." if char == "?" else re.escape(char) for char in models)
    return re.fullmatch(pattern, name, re.DOTALL) is not None


def like_pattern(models: str) -> str:
    r"""Return a pattern of model names as one of SQL's LIKE, with ``\`` as its escape character."""
    escaped = re.sub(r"([\\%_])", r"\\\1", models)
    return escaped.replace("*", "%").replace("?", "_")


def canonical_target(target: str) -> str:
    """Return a target as it is stored, such as ``stage:Production``. Raise ``InvalidParameter``."""
    kind, _, name = target.partition(":")
    if kind not in TARGET_KINDS or not name:
        meant = nearest(kind, TARGET_KINDS)
        hint = f" Did you mean {meant}:{name or 'production'}?" if meant else ""
        raise InvalidParameter(
            f"Invalid target {target!r}: write alias:NAME, stage:NAME or deployment:NAME.{hint}"
        )
    if kind == ALIAS:
        registry_rules.check_new_alias(name)
    elif kind == STAGE:
        return f"{STAGE}:{registry_rules.canonical_stage(name)}"
    else:
        check_name(name)
    return target


def check_rules(rules: Sequence[Rule]) -> None:
    """Check the rules of a policy."""
    if not rules:
        raise InvalidParameter(
            "A policy needs at least one rule; to guard by editors alone, write one that holds."
        )
    if len(rules) > MAX_RULES:
        raise InvalidParameter(f"A policy has at most {MAX_RULES} rules; this one has {len(rules)}.")
    seen: set[str] = set()
    for rule in rules:
        if not rule.name or len(rule.name) > _MAX_NAME_LENGTH:
            raise InvalidParameter(
                f"A rule needs a name of 1 to {_MAX_NAME_LENGTH} characters: {rule.name!r}."
            )
        if rule.name in seen:
            raise InvalidParameter(f"Two rules have the name {rule.name!r}.")
        seen.add(rule.name)
        try:
            rule_language.parse(rule.expression)
        except InvalidParameter as error:
            raise InvalidParameter(f"Rule {rule.name!r}: {error.message}") from None


def check_mode(mode: str) -> None:
    if mode not in MODES:
        raise InvalidParameter(f"Invalid mode {mode!r} of a policy; the modes are {' and '.join(MODES)}.")


def check_editors(editors: Sequence[str]) -> None:
    """Check who may move what a policy guards: ``user:NAME`` and ``role:NAME``."""
    if len(editors) > MAX_EDITORS:
        raise InvalidParameter(f"A policy has at most {MAX_EDITORS} editors; give them a role.")
    for editor in editors:
        kind, _, name = editor.partition(":")
        if kind not in _EDITOR_KINDS or not name:
            raise InvalidParameter(f"Invalid editor {editor!r}: write user:NAME or role:NAME.")

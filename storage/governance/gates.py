"""Gates: no alias and no stage names a version that a policy refuses.

Each storage function that changes what an alias or a stage names calls this module in its transaction, under
the lock of the model, so that no way leads around: not another client, not another endpoint. A model without
a policy costs no statement: whether there is one is read with the lock (``model_rows.lock``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from trackway.client_compat.errors import PermissionDenied
from trackway.client_compat.governance import evaluation, policy_rules, rule_language
from trackway.client_compat.governance.evaluation import Result
from trackway.client_compat.governance.policy_rules import Rule

from ..access import roles
from ..database import Tx
from ..registry import history
from ..schema.registry import model_versions, registered_model_aliases, registry_history
from . import facts, policies, verdicts
from .policies import Policy
from .verdicts import Cause, Outcome, Refused, Verdict


class Actor(NamedTuple):
    """Who wants a change. ``override`` is the reason of an administrator to have it against the rules."""

    principal_id: int | None = None
    override: str = ""


NOBODY = Actor()


class Passed(NamedTuple):
    """What policies said of a change that they allow."""

    verdicts: Sequence[Verdict] = ()

    @property
    def overriding(self) -> str | None:
        """The reason for which an administrator had the change against the rules, if so."""
        return next((verdict.reason for verdict in self.verdicts if verdict.outcome == "overridden"), None)

    @property
    def warning(self) -> str:
        """What policies that only warn say, or ""."""
        warning = [verdict for verdict in self.verdicts if verdict.outcome == "warn"]
        return " ".join(f"Policy {verdict.policy!r} warns: {_names(verdict.failing)}." for verdict in warning)


NO_POLICY = Passed()


def check_naming(
    tx: Tx, model: sa.Row[Any], version: sa.Row[Any], target: str, actor: Actor, cause: Cause
) -> Passed:
    """Check that a target may name a version from now on, and store the verdicts.

    ``model`` is the locked row. Raise ``Refused`` or ``PermissionDenied``.
    """
    if not model.is_guarded:
        return NO_POLICY
    return _check(tx, policies.covering(tx, model.name, target), model, version, target, actor, cause)


def check_release(tx: Tx, model: sa.Row[Any], target: str, actor: Actor) -> None:
    """Check that a target may name no version from now on: it needs an editor, but no rules."""
    if not model.is_guarded or actor.override:
        return
    for policy in policies.covering(tx, model.name, target):
        _check_editor(tx, policy, model.name, target, actor)


def check_deletion(tx: Tx, model: sa.Row[Any], versions: Iterable[int] | None = None) -> None:
    """Check that no policy guards what names these versions of a model, or any version.

    Raise ``PermissionDenied``: the alias is to be moved first, for which the policy says who may.
    """
    if not model.is_guarded:
        return
    guarded = {policy.target: policy.name for policy in policies.covering(tx, model.name)}
    only = None if versions is None else set(versions)
    for target, version in _named(tx, model.id):
        if target in guarded and (only is None or version in only):
            raise PermissionDenied(
                f"Version {version} of model {model.name!r} may not be deleted: {_spoken(target)} names it, "
                f"which the policy {guarded[target]!r} guards. Move or delete that first."
            )


def check_rename(tx: Tx, model: sa.Row[Any], new_name: str, is_guarded: bool, actor: Actor) -> None:
    """Check that a model may have another name, with which other policies may be about it.

    ``is_guarded`` says whether a policy may be about a model of that name.
    """
    before = policies.covering(tx, model.name) if model.is_guarded else []
    after = policies.covering(tx, new_name) if is_guarded else []
    named = _named(tx, model.id) if before or after else []
    for policy in before:
        if policy not in after and any(target == policy.target for target, _ in named):
            _check_editor(tx, policy, model.name, policy.target, actor)
    for target, number in named:
        found = [policy for policy in after if policy.target == target and policy not in before]
        if found:
            _check(tx, found, model, _version(tx, model.id, number), target, actor, "rename")


def judge(
    tx: Tx, model: sa.Row[Any], version: sa.Row[Any], target: str, cause: Cause = "gate"
) -> list[Verdict]:
    """Return what each policy on a target says of a version. Nothing is stored."""
    found = policies.covering(tx, model.name, target)
    return [_judge(tx, policy, model, version, target, cause) for policy in found]


def try_out(tx: Tx, rules: Sequence[Rule], target: str, version: sa.Row[Any]) -> list[Result]:
    """Return what rules, which were checked, say of a version for a target. Nothing is stored."""
    nodes = [_parsed(rule.expression) for rule in rules]
    needed = {fact for node in nodes for fact in rule_language.facts_of(node)}
    values = facts.read(tx, needed, version, target)
    return [
        evaluation.evaluate(rule.name, rule.expression, node, values)
        for rule, node in zip(rules, nodes, strict=True)
    ]


# The same rules are asked at each move of an alias.
_parsed = lru_cache(maxsize=512)(rule_language.parse)


def _check(
    tx: Tx,
    covering: Sequence[Policy],
    model: sa.Row[Any],
    version: sa.Row[Any],
    target: str,
    actor: Actor,
    cause: Cause,
) -> Passed:
    """Check the policies on a target, as ``check_naming`` does."""
    found = []
    for policy in covering:
        if not actor.override:
            _check_editor(tx, policy, model.name, target, actor)
        found.append(_judge(tx, policy, model, version, target, cause))
    failed = [verdict for verdict in found if verdict.outcome == "fail"]
    if failed:
        outcome: Outcome = "overridden"
        if not actor.override and _named_last(tx, model, target) == version.version:
            outcome = "rollback"
        elif not actor.override:
            raise Refused(_refusal(model.name, version.version, target, failed), found)
        reason = actor.override or None
        found = [
            verdict._replace(outcome=outcome, reason=reason) if verdict.outcome == "fail" else verdict
            for verdict in found
        ]
    verdicts.record(tx, found)
    return Passed(found)


def _judge(
    tx: Tx, policy: Policy, model: sa.Row[Any], version: sa.Row[Any], target: str, cause: Cause
) -> Verdict:
    results = try_out(tx, policy.rules, target, version)
    outcome: Outcome = "pass"
    if not all(result.holds for result in results):
        outcome = "warn" if policy.mode == policy_rules.WARN else "fail"
    return Verdict(
        policy.name, policy.revision, model.id, version.version, target, outcome, tuple(results), cause
    )


def _check_editor(tx: Tx, policy: Policy, model: str, target: str, actor: Actor) -> None:
    """Raise ``PermissionDenied`` if the policy has editors, and the caller is none of them."""
    if not policy.editors:
        return
    if actor.principal_id is not None:
        mine = {f"user:{tx.user}"}
        if any(editor.startswith("role:") for editor in policy.editors):
            mine |= {f"role:{name}" for name in roles.names_in_workspace(tx, actor.principal_id)}
        if mine & set(policy.editors):
            return
    who = tx.user if actor.principal_id is not None else "a caller without a log-in"
    raise PermissionDenied(
        f"{who} may not change what {_spoken(target)} of model {model!r} names: by the policy "
        f"{policy.name!r} only {', '.join(policy.editors)} may."
    )


def _named(tx: Tx, model_id: int) -> list[tuple[str, int]]:
    """Return what names versions of a model: each alias, and each stage but None, with the version."""
    a, v = registered_model_aliases.c, model_versions.c
    aliases = sa.select(sa.literal("alias:") + a.alias, a.version).where(a.model_id == model_id)
    stages = sa.select(sa.literal("stage:") + v.current_stage, v.version).where(
        v.model_id == model_id, v.current_stage != "None"
    )
    rows = [tuple(row) for row in tx.execute(sa.union_all(aliases, stages))]
    return sorted(rows)


def _named_last(tx: Tx, model: sa.Row[Any], target: str) -> int | None:
    """Return the version that a target named before the one that it names now, or None.

    What it named under another name of the model does not count: other policies held there.
    """
    h = registry_history.c
    kind, _, name = target.partition(":")
    query = sa.select(h.old_value, h.version).where(h.model_id == model.id, h.name == model.name)
    if kind == policy_rules.ALIAS:
        query = query.where(h.key == name, h.action.in_(history.ALIAS_CHANGES))
    else:
        query = query.where(h.action == history.STAGE_CHANGED, h.old_value == name)
    row = tx.execute(query.order_by(h.id.desc()).limit(1)).first()
    if row is None:
        return None
    if kind == policy_rules.ALIAS:
        return None if row.old_value is None else int(row.old_value)
    return int(row.version)


def _version(tx: Tx, model_id: int, number: int) -> sa.Row[Any]:
    v = model_versions.c
    return tx.execute(sa.select(model_versions).where(v.model_id == model_id, v.version == number)).one()


def _refusal(model: str, version: int, target: str, failed: Sequence[Verdict]) -> str:
    lines = []
    for verdict in failed:
        rules, failing = len(verdict.results), verdict.failing
        lines.append(
            f"T{_spoken(target)[1:]} of model {model!r} may not name version {version}: "
            f"{len(failing)} of {rules} rule{'s' if rules > 1 else ''} of policy {verdict.policy!r} "
            f"fail{'s' if len(failing) == 1 else ''}."
        )
        lines += [f"- {one.name}: {one.expression} ({one.reasons})" for one in failing]
    return "\n".join(lines)


def _names(results: Sequence[Result]) -> str:
    return ", ".join(result.name for result in results)


def _spoken(target: str) -> str:
    kind, _, name = target.partition(":")
    return f"the {kind} {name!r}"

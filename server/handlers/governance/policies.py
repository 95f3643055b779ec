"""Policies: rules that model versions must meet before an alias or a stage names them."""

from __future__ import annotations

from collections.abc import Sequence

from trackway.client_compat.governance import policy_rules
from trackway.client_compat.governance.policy_rules import Rule
from trackway.client_compat.trackway_governance import (
    DeletePolicy,
    GetPolicy,
    ListPolicies,
    Policy,
    PolicyRule,
    PutPolicy,
    TryPolicy,
)
from trackway.server.auth import policy
from trackway.server.dispatch import Context, handles
from trackway.storage.governance import gates, policies, verdicts
from trackway.storage.registry import model_versions

from .actors import check_may_govern, check_member


@handles(PutPolicy, can=policy.edit_policy)
def put_policy(ctx: Context, req: PutPolicy) -> PutPolicy.Response:
    check_may_govern(ctx, "change policies")
    stored = policies.put(
        ctx.tx,
        req.name,
        models=req.models,
        target=req.target,
        rules=_rules(req.rules),
        editors=req.editors,
        mode=req.mode,
        if_revision=req.if_revision,
    )
    return PutPolicy.Response(policy=_message(stored))


@handles(GetPolicy, can=policy.read_policy)
def get_policy(ctx: Context, req: GetPolicy) -> GetPolicy.Response:
    check_member(ctx)
    return GetPolicy.Response(policy=_message(policies.get(ctx.tx, req.name)))


@handles(ListPolicies, can=policy.read_policy)
def list_policies(ctx: Context, req: ListPolicies) -> ListPolicies.Response:
    check_member(ctx)
    found = policies.find_all(ctx.tx, model=req.model or "", target=req.target or "")
    return ListPolicies.Response(policies=[_message(one) for one in found])


@handles(DeletePolicy, can=policy.delete_policy)
def delete_policy(ctx: Context, req: DeletePolicy) -> DeletePolicy.Response:
    check_may_govern(ctx, "delete policies")
    policies.delete(ctx.tx, req.name)
    return DeletePolicy.Response()


@handles(TryPolicy, can=policy.read_version)
def try_policy(ctx: Context, req: TryPolicy) -> TryPolicy.Response:
    """Say what rules would say of a version. Nothing is stored."""
    target, rules = policy_rules.canonical_target(req.target), _rules(req.rules)
    policy_rules.check_rules(rules)
    version = model_versions.find(ctx.tx, req.name, req.version)
    results = gates.try_out(ctx.tx, rules, target, version)
    return TryPolicy.Response(
        outcome="pass" if all(result.holds for result in results) else "fail",
        pending=any(result.is_pending for result in results),
        rules=[verdicts.to_json(result) for result in results],
    )


def _rules(rules: Sequence[PolicyRule]) -> list[Rule]:
    return [Rule(rule.name, rule.expression) for rule in rules]


def _message(stored: policies.Policy) -> Policy:
    return Policy(
        name=stored.name,
        models=stored.models,
        target=stored.target,
        rules=[PolicyRule(name=rule.name, expression=rule.expression) for rule in stored.rules],
        editors=list(stored.editors),
        mode=stored.mode,
        revision=stored.revision,
        creation_time=stored.creation_time,
        last_updated_time=stored.last_updated_time,
    )

"""Verdicts: what policies say of model versions."""

from __future__ import annotations

import json
from typing import Any

from trackway.client_compat import registry_rules
from trackway.client_compat.governance import policy_rules
from trackway.client_compat.trackway_governance import CreateVerdict, ListVerdicts, Verdict
from trackway.server.auth import policy
from trackway.server.dispatch import Context, handles
from trackway.storage.governance import gates, verdicts
from trackway.storage.registry import model_rows, model_versions


@handles(CreateVerdict, can=policy.create_verdict)
def create_verdict(ctx: Context, req: CreateVerdict) -> CreateVerdict.Response:
    """Ask the policies on a target about a version, and keep what they say."""
    target = policy_rules.canonical_target(req.target)
    model, version = model_versions.lock(ctx.tx, req.name, req.version)
    found = gates.judge(ctx.tx, model, version, target)
    verdicts.record(ctx.tx, found)
    outcomes = [verdict.outcome for verdict in found]
    return CreateVerdict.Response(
        outcome=next((one for one in ("fail", "warn", "pass") if one in outcomes), "none"),
        pending=any(result.is_pending for verdict in found for result in verdict.results),
        verdicts=[_new(ctx, verdict) for verdict in found],
    )


@handles(ListVerdicts, can=policy.read_version)
def list_verdicts(ctx: Context, req: ListVerdicts) -> ListVerdicts.Response:
    model = model_rows.find(ctx.tx, req.name)
    found, token = verdicts.find_page(
        ctx.tx,
        model.id,
        version=registry_rules.parse_version(req.version) if req.version else None,
        target=policy_rules.canonical_target(req.target) if req.target else "",
        size=req.max_results,
        token=req.page_token or None,
    )
    return ListVerdicts.Response(verdicts=[_stored(row) for row in found], next_page_token=token)


def _new(ctx: Context, verdict: verdicts.Verdict) -> Verdict:
    rules = [verdicts.to_json(result) for result in verdict.results]
    return _message(verdict, rules, ctx.tx.user, ctx.tx.request_id, ctx.tx.now_ms)


def _stored(row: Any) -> Verdict:
    return _message(row, json.loads(row.results), row.user, row.request_id or None, row.time_ms)


def _message(said: Any, rules: Any, user: str | None, request_id: str | None, time_ms: int) -> Verdict:
    """Return the message for a ``verdicts.Verdict`` or a row of one."""
    return Verdict(
        policy=said.policy,
        revision=said.revision,
        version=str(said.version),
        target=said.target,
        outcome=said.outcome,
        rules=rules,
        cause=said.cause,
        reason=said.reason,
        user=user,
        request_id=request_id,
        time_ms=time_ms,
    )

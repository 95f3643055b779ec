"""Issuers whose tokens (JWT) are accepted, and trust rules, which say as which service account."""

from __future__ import annotations

import json
from typing import Any

from trackway.client_compat import access_rules
from trackway.client_compat.trackway_trust import (
    CreateIssuer,
    CreateTrustRule,
    DeleteIssuer,
    DeleteTrustRule,
    Issuer,
    ListIssuers,
    ListTrustRules,
    TrustRule,
)
from trackway.server.auth import policy
from trackway.server.dispatch import Context, handles
from trackway.storage.access import issuers

from .callers import caller


@handles(CreateIssuer, can=policy.create_issuer)
def create_issuer(ctx: Context, req: CreateIssuer) -> CreateIssuer.Response:
    caller(ctx)
    row = issuers.create(ctx.tx, req.name, req.url, req.audience, req.kind)
    return CreateIssuer.Response(issuer=_issuer(row))


@handles(ListIssuers, can=policy.read_trust)
def list_issuers(ctx: Context, req: ListIssuers) -> ListIssuers.Response:
    caller(ctx)
    return ListIssuers.Response(issuers=[_issuer(row) for row in issuers.find_all(ctx.tx)])


@handles(DeleteIssuer, can=policy.delete_issuer)
def delete_issuer(ctx: Context, req: DeleteIssuer) -> DeleteIssuer.Response:
    caller(ctx)
    issuers.delete(ctx.tx, req.name)
    return DeleteIssuer.Response()


@handles(CreateTrustRule, can=policy.create_trust_rule)
def create_trust_rule(ctx: Context, req: CreateTrustRule) -> CreateTrustRule.Response:
    caller(ctx)
    row = issuers.create_rule(
        ctx.tx,
        req.name,
        issuer=req.issuer,
        account=req.service_account,
        conditions=req.conditions,
        scopes=access_rules.check_scopes(req.scopes),
        max_lifetime_ms=access_rules.lifetime_ms(req.max_lifetime),
        workspace=req.workspace,
    )
    return CreateTrustRule.Response(trust_rule=_rule(row))


@handles(ListTrustRules, can=policy.read_trust)
def list_trust_rules(ctx: Context, req: ListTrustRules) -> ListTrustRules.Response:
    caller(ctx)
    return ListTrustRules.Response(trust_rules=[_rule(row) for row in issuers.find_rules(ctx.tx)])


@handles(DeleteTrustRule, can=policy.delete_trust_rule)
def delete_trust_rule(ctx: Context, req: DeleteTrustRule) -> DeleteTrustRule.Response:
    caller(ctx)
    issuers.delete_rule(ctx.tx, req.name)
    return DeleteTrustRule.Response()


def _issuer(row: Any) -> Issuer:
    return Issuer(
        name=row.name, url=row.url, audience=row.audience, kind=row.kind, creation_time=row.creation_time
    )


def _rule(row: Any) -> TrustRule:
    return TrustRule(
        name=row.name,
        issuer=row.issuer,
        conditions=json.loads(row.conditions),
        service_account=row.account,
        workspace=row.workspace,
        scopes=row.scopes.split(),
        max_lifetime_ms=row.max_lifetime_ms,
        creation_time=row.creation_time,
        created_by=row.created_by,
    )

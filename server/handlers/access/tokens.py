"""API tokens. Principals manage their own, administrators all."""

from __future__ import annotations

from typing import Any

from trackway.client_compat import access_rules, registry_rules
from trackway.client_compat.errors import BadRequest, InvalidParameter, NotFound
from trackway.client_compat.trackway_access import (
    ApiToken,
    CreateToken,
    ListTokens,
    RevokeToken,
    RotateToken,
)
from trackway.server.auth import api_tokens, policy
from trackway.server.auth import limits as token_limits
from trackway.server.auth.identity import Principal
from trackway.server.dispatch import Context, handles
from trackway.storage.access import containers, principals, tokens
from trackway.storage.database import Tx

from .callers import caller, check_no_job, check_self_or_admin

_MAX_NAME_LENGTH = 250
_ALL = "*"
# A rotated token remains valid for this time, so that programs can be given the new one.
_OVERLAP_MS = 3_600_000


@handles(CreateToken, can=policy.create_token)
def create_token(ctx: Context, req: CreateToken) -> CreateToken.Response:
    owner = req.owner or caller(ctx).name
    check_self_or_admin(ctx, owner)
    check_no_job(ctx)
    _check_name(req.name)
    limited = token_limits.to_text(
        containers.ids_of(ctx.tx, req.experiments),
        registry_rules.check_model_names(req.models),
        ctx.identity.workspace,
    )
    scopes = access_rules.check_token_scopes(req.scopes, is_limited=limited is not None)
    row = principals.find(ctx.tx, owner)
    expiry = None
    if req.expires_in != "never":
        expiry = ctx.tx.now_ms + access_rules.lifetime_ms(req.expires_in)
    elif row.kind != principals.SERVICE:
        raise InvalidParameter("A token of a user must expire; give expires_in as a lifetime such as 90d.")
    return _create(ctx.tx, row.id, req.name, scopes, expiry, limited)


@handles(ListTokens, can=policy.read_tokens)
def list_tokens(ctx: Context, req: ListTokens) -> ListTokens.Response:
    owner = req.owner or caller(ctx).name
    check_self_or_admin(ctx, owner)
    found = tokens.find_all(ctx.tx, None if owner == _ALL else owner)
    return ListTokens.Response(tokens=[_message(row) for row in found])


@handles(RevokeToken, can=policy.edit_token)
def revoke_token(ctx: Context, req: RevokeToken) -> RevokeToken.Response:
    _find(ctx, req.token_id)
    tokens.revoke(ctx.tx, req.token_id)
    return RevokeToken.Response()


@handles(RotateToken, can=policy.edit_token)
def rotate_token(ctx: Context, req: RotateToken) -> CreateToken.Response:
    check_no_job(ctx)
    old = _find(ctx, req.token_id)
    if old.trust_rule_id is not None:
        raise BadRequest(f"The token {req.token_id} belongs to a CI job, which exchanges a new one.")
    now = ctx.tx.now_ms
    if old.revoked_time is not None or (old.expiry_time is not None and old.expiry_time <= now):
        raise BadRequest(f"The token {req.token_id} is no longer valid; create a new one.")
    expiry = None if old.expiry_time is None else now + (old.expiry_time - old.creation_time)
    owner = principals.find(ctx.tx, old.owner)
    tokens.shorten(ctx.tx, req.token_id, now + _OVERLAP_MS)
    return _create(ctx.tx, owner.id, old.name, tuple(old.scopes.split()), expiry, old.limits)


def _create(
    tx: Tx, principal_id: int, name: str, scopes: tuple[str, ...], expiry: int | None, limited: str | None
) -> CreateToken.Response:
    token = api_tokens.make()
    tokens.create(
        tx,
        principal_id,
        token_id=token.token_id,
        digest=token.digest,
        name=name,
        scopes=scopes,
        expiry_time=expiry,
        limits=limited,
    )
    return CreateToken.Response(secret=token.text, token=_message(tokens.find(tx, token.token_id)))


def _find(ctx: Context, token_id: str) -> Any:
    """Return a token of the caller, for administrators any. Others do not learn whether it exists."""
    principal: Principal = caller(ctx)
    row = tokens.find(ctx.tx, token_id)
    if row.owner != principal.name and not principal.is_admin:
        raise NotFound(f"There is no token {token_id!r}.")
    return row


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > _MAX_NAME_LENGTH:
        raise InvalidParameter.invalid(
            "name", name, f"A token's name has 1 to {_MAX_NAME_LENGTH} characters."
        )


def _message(row: Any) -> ApiToken:
    experiments, models = token_limits.to_lists(row.limits)
    return ApiToken(
        token_id=row.token_id,
        owner=row.owner,
        name=row.name,
        scopes=row.scopes.split(),
        experiments=experiments,
        models=models,
        creation_time=row.creation_time,
        created_by=row.created_by,
        expiry_time=row.expiry_time,
        revoked_time=row.revoked_time,
        last_used_time=row.last_used_time,
    )

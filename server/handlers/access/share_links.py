"""Share links. Principals manage their own, administrators all."""

from __future__ import annotations

import json
from typing import Any

from trackway.client_compat import access_rules
from trackway.client_compat.errors import FeatureDisabled, InvalidParameter, NotFound, PermissionDenied
from trackway.client_compat.trackway_shares import CreateShareLink, ListShareLinks, RevokeShareLink, ShareLink
from trackway.server.auth import api_tokens, limits, policy, shared
from trackway.server.auth.rights import Rung
from trackway.server.dispatch import Context, handles
from trackway.storage.access import share_links
from trackway.storage.tracking import experiments

from .callers import caller, check_no_job, check_self_or_admin

_MAX_LABEL_LENGTH = 250
_MAX_LIFETIME_MS = 30 * 86_400_000
_ALL = "*"


@handles(CreateShareLink, can=policy.create_share_link)
def create_share_link(ctx: Context, req: CreateShareLink) -> CreateShareLink.Response:
    principal = caller(ctx)
    check_no_job(ctx)
    label = (req.label or "").strip()
    if len(label) > _MAX_LABEL_LENGTH:
        raise InvalidParameter(f"The label of a share link has at most {_MAX_LABEL_LENGTH} characters.")
    lifetime = access_rules.lifetime_ms(req.expires)
    if lifetime > _MAX_LIFETIME_MS:
        raise InvalidParameter.invalid("expires", req.expires, "A share link lives for at most 30 days.")
    experiment_ids = _experiments(ctx, req)
    _check_may_share(ctx, experiment_ids)
    made = api_tokens.make()
    share_links.create(
        ctx.tx,
        principal.id,
        link_id=made.token_id,
        digest=made.digest,
        label=label,
        limits=limits.link_to_text(experiment_ids, req.run_ids, ctx.tx.workspace),
        expiry_time=ctx.tx.now_ms + lifetime,
    )
    return CreateShareLink.Response(
        url=shared.address(ctx.request.environ, ctx.config, made.text),
        share_link=_message(share_links.find(ctx.tx, made.token_id)),
    )


@handles(ListShareLinks, can=policy.read_share_links)
def list_share_links(ctx: Context, req: ListShareLinks) -> ListShareLinks.Response:
    owner = req.owner or caller(ctx).name
    check_self_or_admin(ctx, owner)
    found = share_links.find_all(ctx.tx, None if owner == _ALL else owner)
    return ListShareLinks.Response(share_links=[_message(row) for row in found])


@handles(RevokeShareLink, can=policy.delete_share_link)
def revoke_share_link(ctx: Context, req: RevokeShareLink) -> RevokeShareLink.Response:
    principal = caller(ctx)
    # Others do not learn whether it exists.
    if share_links.find(ctx.tx, req.link_id).owner != principal.name and not principal.is_admin:
        raise NotFound(f"There is no share link {req.link_id!r}.")
    share_links.revoke(ctx.tx, req.link_id)
    return RevokeShareLink.Response()


def _experiments(ctx: Context, req: CreateShareLink) -> list[str]:
    """Return the experiments of what the link is to show. Raise ``NotFound`` if it is deleted or missing."""
    if bool(req.run_ids) == bool(req.experiment_id):
        raise InvalidParameter("A share link shows runs or an experiment: give run_ids or experiment_id.")
    if req.experiment_id:
        return [str(experiments.find(ctx.tx, req.experiment_id, view="ACTIVE_ONLY").id)]
    if len(req.run_ids) > shared.MAX_RUNS:
        raise InvalidParameter(
            f"A share link shows at most {shared.MAX_RUNS} runs, not {len(req.run_ids)}; share the "
            "experiment."
        )
    found = share_links.experiments_of(ctx.tx, req.run_ids)
    for run_id in req.run_ids:
        if run_id not in found:
            raise NotFound(f"Run '{run_id}' not found")
    return list(found.values())


def _check_may_share(ctx: Context, experiment_ids: list[str]) -> None:
    """Raise an error if the server's setting does not allow the link. That it may be read is checked."""
    setting = ctx.config.share_links
    if setting == "off":
        raise FeatureDisabled("Share links are switched off on this server (--share-links off).")
    rights = None if ctx.identity.is_unrestricted else ctx.identity.rights
    if setting == "read" or rights is None:
        return
    for experiment_id in experiment_ids:
        if not rights.allow([Rung("experiment", experiment_id, "manage")]):
            raise PermissionDenied(
                f"On this server who shares runs must manage their experiment (--share-links manage); "
                f"{caller(ctx).name} does not manage the experiment {experiment_id}."
            )


def _message(row: Any) -> ShareLink:
    shown = json.loads(row.limits)
    return ShareLink(
        link_id=row.link_id,
        label=row.label,
        owner=row.owner,
        workspace=row.workspace,
        run_ids=shown["runs"] or [],
        experiment_id=None if shown["runs"] else shown["experiments"][0],
        creation_time=row.creation_time,
        expiry_time=row.expiry_time,
        last_used_time=row.last_used_time,
    )

"""Who wants a change of the registry, as the gates need it."""

from __future__ import annotations

from trackway.client_compat.errors import InvalidParameter, PermissionDenied
from trackway.server.auth.identity import Identity, may_everything
from trackway.server.dispatch import Context
from trackway.server.usage import WARNING
from trackway.storage.governance.gates import Actor, Passed

# An administrator's reason to have a change against the rules of policies.
_OVERRIDE = "HTTP_X_TRACKWAY_OVERRIDE"
_MAX_REASON_LENGTH = 1_000


def actor_of(ctx: Context) -> Actor:
    """Return who sends the request. Raise ``PermissionDenied`` for an override by others than administrators.

    An open server has no users: there everybody may override, as everybody may change the policies.
    """
    principal = ctx.identity.principal
    reason = ctx.request.environ.get(_OVERRIDE, "").encode("latin-1").decode(errors="replace").strip()
    if len(reason) > _MAX_REASON_LENGTH:
        raise InvalidParameter(f"The reason of an override has at most {_MAX_REASON_LENGTH} characters.")
    if reason:
        check_may_govern(ctx, "override a policy")
    return Actor(principal.id if principal else None, reason)


def check_may_govern(ctx: Context, what: str) -> None:
    """Raise ``PermissionDenied`` unless the caller administrates the workspace."""
    if ctx.identity.principal is None or _administrates(ctx.identity):
        return
    raise PermissionDenied(
        f"{ctx.identity.user} may not {what}: only administrators of the workspace may, with a credential "
        "that has the scope admin."
    )


def _administrates(identity: Identity) -> bool:
    """Return whether the caller, with its credential, may change what holds for the whole workspace."""
    principal, rights = identity.principal, identity.rights
    if principal is None or rights is None:
        return False
    if may_everything(principal):
        return True
    is_limited = principal.limits is not None or (principal.scopes and "admin" not in principal.scopes)
    return rights.is_workspace_admin and not is_limited


def check_member(ctx: Context) -> None:
    """Raise ``PermissionDenied`` unless the caller may see what holds for the whole workspace."""
    identity = ctx.identity
    if identity.is_unrestricted or identity.workspaces is None or identity.rights is None:
        return
    if identity.workspace_name not in identity.workspaces and not identity.rights.may_create:
        raise PermissionDenied(f"{identity.user} has no role in the workspace {identity.workspace_name!r}.")


def warn(ctx: Context, passed: Passed) -> None:
    """Have the response say what policies that only warn say of a change."""
    if passed.warning:
        ctx.request.environ[WARNING] = passed.warning

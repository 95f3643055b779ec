"""Users, as MLflow's basic-auth app has them, and who the caller is.

Handlers that hash a password have ``transaction="none"``, so that no transaction is open meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from trackway.client_compat import access_rules, codec
from trackway.client_compat import extra_users as x
from trackway.client_compat.errors import BadRequest, InvalidParameter
from trackway.client_compat.trackway_access import WhoAmI
from trackway.client_compat.wire import NULL
from trackway.server.auth import policy
from trackway.server.dispatch import Context, handles
from trackway.storage.access import grants, principals, roles

from . import resource_permissions
from .callers import administrated_workspaces, caller, check_self_or_admin
from .roles import messages


@handles(WhoAmI, can=policy.read_self)
def who_am_i(ctx: Context, req: WhoAmI) -> WhoAmI.Response:
    principal = ctx.identity.principal
    if principal is None:
        return WhoAmI.Response(
            authenticated_by="nothing: the server is open", workspace=ctx.identity.workspace_name
        )
    is_token = principal.authenticated_by == "token"
    return WhoAmI.Response(
        name=principal.name,
        kind=principal.kind,
        is_admin=principal.is_admin,
        authenticated_by=principal.authenticated_by,
        token_id=principal.credential if is_token else None,
        scopes=list(principal.scopes),
        experiments=sorted(principal.limits.experiments) if principal.limits else [],
        models=sorted(principal.limits.models) if principal.limits else [],
        expiry_time=principal.expiry_ms,
        workspace=ctx.identity.workspace_name,
    )


@handles(x.GetCurrentUser, can=policy.read_self, transaction="none")
def get_current_user(ctx: Context, req: x.GetCurrentUser) -> x.GetCurrentUser.Response:
    principal = ctx.identity.principal
    if principal is None or principal.kind == "link":
        return x.GetCurrentUser.Response(user=NULL, is_basic_auth=False)
    user = {"id": principal.id, "username": principal.name, "is_admin": principal.is_admin}
    return x.GetCurrentUser.Response(user=user, is_basic_auth=principal.has_password)


@handles(x.CreateUser, can=policy.create_user, transaction="none")
def create_user(ctx: Context, req: x.CreateUser) -> x.CreateUser.Response:
    from trackway.server.auth import passwords

    caller(ctx)
    if not req.username or not req.password:
        raise InvalidParameter("Username and password cannot be empty.")
    access_rules.check_name(req.username)
    access_rules.check_password(req.password)
    name, password_hash = req.username, passwords.make_hash(req.password)
    return ctx.run(
        lambda tx: x.CreateUser.Response(
            user=_user(principals.create(tx, name, password_hash=password_hash))
        ),
        write=True,
    )


@handles(x.GetUser, can=policy.read_users)
def get_user(ctx: Context, req: x.GetUser) -> x.GetUser.Response:
    check_self_or_admin(ctx, req.username)
    row = principals.find(ctx.tx, req.username, kind=principals.USER)
    return x.GetUser.Response(user=_user(row, grants.own_of(ctx.tx, ctx.identity.workspace_name, [row.id])))


@handles(x.ListUsers, can=policy.read_users)
def list_users(ctx: Context, req: x.ListUsers) -> x.ListUsers.Response:
    if ctx.identity.principal is None:
        return x.ListUsers.Response()
    name, shown = caller(ctx).name, administrated_workspaces(ctx)
    rows = principals.find_all(ctx.tx, principals.USER)
    theirs = roles.of_principal(ctx.tx, [row.id for row in rows])
    own = grants.own_of(ctx.tx, ctx.identity.workspace_name, [row.id for row in rows])
    users = []
    for row in rows:
        user = _user(row, own)
        found = [
            role
            for role in theirs.get(row.id, ())
            if shown is None or row.name == name or role.workspace in shown
        ]
        user.roles = [codec.encode(role) for role in messages(ctx.tx, found)] if found else []
        users.append(user)
    return x.ListUsers.Response(users=users)


@handles(x.UpdateUserPassword, can=policy.edit_own_user, transaction="none")
def update_user_password(ctx: Context, req: x.UpdateUserPassword) -> x.UpdateUserPassword.Response:
    from trackway.server.auth import passwords

    principal = check_self_or_admin(ctx, req.username)
    access_rules.check_password(req.password)
    if principal.name == req.username:
        if not req.current_password:
            raise InvalidParameter("Current password is required when changing your own password.")
        current = ctx.run(lambda tx: principals.find(tx, req.username).password_hash, write=False)
        if not passwords.is_correct(req.current_password, current):
            raise InvalidParameter("Current password does not match.")
        if req.password == req.current_password:
            raise InvalidParameter("New password must differ from the current password.")
    password_hash = passwords.make_hash(req.password)

    def update(tx: Any) -> x.UpdateUserPassword.Response:
        principals.set_password(tx, req.username, password_hash)
        return x.UpdateUserPassword.Response()

    return ctx.run(update, write=True)


@handles(x.UpdateUserAdmin, can=policy.edit_user)
def update_user_admin(ctx: Context, req: x.UpdateUserAdmin) -> x.UpdateUserAdmin.Response:
    caller(ctx)
    principals.set_admin(ctx.tx, req.username, req.is_admin)
    return x.UpdateUserAdmin.Response()


@handles(x.DeleteUser, can=policy.delete_user)
def delete_user(ctx: Context, req: x.DeleteUser) -> x.DeleteUser.Response:
    if caller(ctx).name == req.username:
        raise BadRequest(
            "Users cannot delete their own account. Ask another admin to delete this user instead."
        )
    principals.delete(ctx.tx, req.username)
    return x.DeleteUser.Response()


def _user(row: Any, own: Mapping[int, Sequence[Any]] = MappingProxyType({})) -> x.User:
    """Return a user with its own permissions, which clients of MLflow 2.5 to 3.12 read here."""
    return x.User(
        id=row.id,
        username=row.name,
        is_admin=bool(row.is_admin),
        **resource_permissions.of_user(own.get(row.id, ()), row.id),
    )

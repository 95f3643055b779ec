"""Service accounts: accounts for programs, which use tokens and have no password."""

from __future__ import annotations

from trackway.client_compat.trackway_access import (
    CreateServiceAccount,
    DeleteServiceAccount,
    ListServiceAccounts,
    ServiceAccount,
)
from trackway.server.auth import policy
from trackway.server.dispatch import Context, handles
from trackway.storage.access import principals

from .callers import caller


@handles(CreateServiceAccount, can=policy.create_service_account)
def create_service_account(ctx: Context, req: CreateServiceAccount) -> CreateServiceAccount.Response:
    caller(ctx)
    row = principals.create(ctx.tx, req.name, kind=principals.SERVICE)
    account = ServiceAccount(name=row.name, creation_time=row.creation_time)
    return CreateServiceAccount.Response(service_account=account)


@handles(ListServiceAccounts, can=policy.read_service_accounts)
def list_service_accounts(ctx: Context, req: ListServiceAccounts) -> ListServiceAccounts.Response:
    caller(ctx)
    found = principals.find_all(ctx.tx, principals.SERVICE)
    accounts = [ServiceAccount(name=row.name, creation_time=row.creation_time) for row in found]
    return ListServiceAccounts.Response(service_accounts=accounts)


@handles(DeleteServiceAccount, can=policy.delete_service_account)
def delete_service_account(ctx: Context, req: DeleteServiceAccount) -> DeleteServiceAccount.Response:
    caller(ctx)
    principals.delete(ctx.tx, req.name, kind=principals.SERVICE)
    return DeleteServiceAccount.Response()

"""Approvals: a user's yes or no to a model version.

A user also decides by a tag of the version, which MLflow's own clients and UI can set: by the tag
``trackway.approve.production`` with the value "yes", "yes: looks right", "no" or "no: too slow". To delete
the tag is to withdraw the decision.
"""

from __future__ import annotations

from typing import Any

from trackway.client_compat.errors import InvalidParameter, PermissionDenied
from trackway.client_compat.governance import approval_rules, policy_rules
from trackway.client_compat.trackway_governance import Approval, CreateApproval, ListApprovals
from trackway.server.auth import policy
from trackway.server.dispatch import Context, handles
from trackway.storage.governance import approvals
from trackway.storage.registry import model_versions

_TAG_PREFIX = "trackway.approve."
_WORDS = {"yes": approval_rules.APPROVE, "no": approval_rules.REJECT}


@handles(CreateApproval, can=policy.create_approval)
def create_approval(ctx: Context, req: CreateApproval) -> CreateApproval.Response:
    target = policy_rules.canonical_target(req.target)
    principal = ctx.identity.principal
    if principal is None:
        raise PermissionDenied("Approvals need users, and this server has none; start it with --auth.")
    version = model_versions.find_locked(ctx.tx, req.name, req.version)
    row = approvals.add(ctx.tx, version, target, req.decision, principal.name, req.comment or "")
    return CreateApproval.Response(approval=_message(row, req.version))


@handles(ListApprovals, can=policy.read_version)
def list_approvals(ctx: Context, req: ListApprovals) -> ListApprovals.Response:
    version = model_versions.find(ctx.tx, req.name, req.version)
    found = approvals.of_version(ctx.tx, version.id)
    return ListApprovals.Response(approvals=[_message(row, req.version) for row in found])


def decide_by_tag(ctx: Context, name: str, version: str, key: str, value: str | None) -> None:
    """Store the decision that a tag of a version says; None: the tag is deleted.

    On an open server, which has no users, it is a tag like any other.
    """
    principal = ctx.identity.principal
    if principal is None or not key.startswith(_TAG_PREFIX):
        return
    target = policy_rules.canonical_target(f"alias:{key.removeprefix(_TAG_PREFIX)}")
    decision, comment = approval_rules.WITHDRAW, ""
    if value is not None:
        word, _, comment = value.partition(":")
        if word.strip().lower() not in _WORDS:
            raise InvalidParameter(
                f"The tag {key} is a decision about the version: its value begins with 'yes' or 'no', not "
                f"{value[:100]!r}. Write for example 'yes: looks right'."
            )
        decision = _WORDS[word.strip().lower()]
    row = model_versions.find_locked(ctx.tx, name, version)
    approvals.add(ctx.tx, row, target, decision, principal.name, comment.strip())


def _message(row: Any, version: str) -> Approval:
    return Approval(
        version=version,
        target=row.target,
        decision=row.decision,
        comment=row.comment,
        user=row.user,
        time_ms=row.time_ms,
    )

"""Trackway's own endpoints for policies: rules for model versions, what they say, and approvals."""

from __future__ import annotations

from .wire import Endpoint, Json, Message


class PolicyRule(Message):
    """One rule of a policy, in the language of ``governance/rule_language.py``."""

    _fields = {"name": "string", "expression": "string"}
    __slots__ = tuple(_fields)

    def __init__(self, *, name: str, expression: str) -> None:
        self.name = name
        self.expression = expression


class Policy(Message):
    """Rules on a target of models. `models` is a pattern of their names; `target` such as alias:production.

    `mode` is "enforce" or "warn". Without `editors` everybody may move the target who may set aliases.
    """

    _fields = {
        "name": "string",
        "models": "string",
        "target": "string",
        "rules": "PolicyRule[]",
        "editors": "string[]",
        "mode": "string",
        "revision": "int64",
        "creation_time": "int64",
        "last_updated_time": "int64",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        name: str | None = None,
        models: str | None = None,
        target: str | None = None,
        rules: list[PolicyRule] | None = None,
        editors: list[str] | None = None,
        mode: str | None = None,
        revision: int | None = None,
        creation_time: int | None = None,
        last_updated_time: int | None = None,
    ) -> None:
        self.name = name
        self.models = models
        self.target = target
        self.rules = [] if rules is None else rules
        self.editors = [] if editors is None else editors
        self.mode = mode
        self.revision = revision
        self.creation_time = creation_time
        self.last_updated_time = last_updated_time


class PutPolicy(Message):
    """Store a policy, or replace the one of this name. `if_revision` must be its revision, 0 if it is new."""

    _fields = {
        "name": "string",
        "models": "string",
        "target": "string",
        "rules": "PolicyRule[]",
        "editors": "string[]",
        "mode": "string",
        "if_revision": "int64",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"policy": "Policy"}
        __slots__ = tuple(_fields)

        def __init__(self, *, policy: Policy | None = None) -> None:
            self.policy = policy

    def __init__(
        self,
        *,
        name: str,
        target: str,
        rules: list[PolicyRule] | None = None,
        models: str = "*",
        editors: list[str] | None = None,
        mode: str = "enforce",
        if_revision: int | None = None,
    ) -> None:
        self.name = name
        self.models = models
        self.target = target
        self.rules = [] if rules is None else rules
        self.editors = [] if editors is None else editors
        self.mode = mode
        self.if_revision = if_revision


class GetPolicy(Message):
    _fields = {"name": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"policy": "Policy"}
        __slots__ = tuple(_fields)

        def __init__(self, *, policy: Policy | None = None) -> None:
            self.policy = policy

    def __init__(self, *, name: str) -> None:
        self.name = name


class ListPolicies(Message):
    """The policies of the workspace, by name. With `model`, those about that model."""

    _fields = {"model": "string", "target": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"policies": "Policy[]"}
        __slots__ = tuple(_fields)

        def __init__(self, *, policies: list[Policy] | None = None) -> None:
            self.policies = [] if policies is None else policies

    def __init__(self, *, model: str | None = None, target: str | None = None) -> None:
        self.model = model
        self.target = target


class DeletePolicy(Message):
    """Delete a policy. Its verdicts remain."""

    _fields = {"name": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(self, *, name: str) -> None:
        self.name = name


class TryPolicy(Message):
    """Say what the rules of a policy that is not stored would say of a version. Nothing is stored.

    `name` and `version` are those of the version.
    """

    _fields = {
        "name": "string",
        "version": "string",
        "target": "string",
        "rules": "PolicyRule[]",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"outcome": "string", "pending": "bool", "rules": "google.Value"}
        __slots__ = tuple(_fields)

        def __init__(
            self, *, outcome: str | None = None, pending: bool | None = None, rules: Json = None
        ) -> None:
            self.outcome = outcome
            self.pending = pending
            self.rules = rules

    def __init__(
        self, *, name: str, version: str, target: str, rules: list[PolicyRule] | None = None
    ) -> None:
        self.name = name
        self.version = version
        self.target = target
        self.rules = [] if rules is None else rules


class Verdict(Message):
    """What a policy said of a version. `outcome` is pass, fail, warn, overridden or rollback.

    `rules` is a list of objects: name, expression, holds, and values, the list of the facts found, each with
    fact, value, state (known, absent, pending or no_version), note and version.
    """

    _fields = {
        "policy": "string",
        "revision": "int64",
        "version": "string",
        "target": "string",
        "outcome": "string",
        "rules": "google.Value",
        "cause": "string",
        "reason": "string",
        "user": "string",
        "request_id": "string",
        "time_ms": "int64",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        policy: str | None = None,
        revision: int | None = None,
        version: str | None = None,
        target: str | None = None,
        outcome: str | None = None,
        rules: Json = None,
        cause: str | None = None,
        reason: str | None = None,
        user: str | None = None,
        request_id: str | None = None,
        time_ms: int | None = None,
    ) -> None:
        self.policy = policy
        self.revision = revision
        self.version = version
        self.target = target
        self.outcome = outcome
        self.rules = rules
        self.cause = cause
        self.reason = reason
        self.user = user
        self.request_id = request_id
        self.time_ms = time_ms


class CreateVerdict(Message):
    """Ask each policy on a target about a version, and keep what it says: the gate of a pipeline.

    `outcome` is pass, warn, fail, or none if there is no policy. With `pending` a fact that a failing rule
    needs is still being determined.
    """

    _fields = {"name": "string", "version": "string", "target": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"outcome": "string", "pending": "bool", "verdicts": "Verdict[]"}
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            outcome: str | None = None,
            pending: bool | None = None,
            verdicts: list[Verdict] | None = None,
        ) -> None:
            self.outcome = outcome
            self.pending = pending
            self.verdicts = [] if verdicts is None else verdicts

    def __init__(self, *, name: str, version: str, target: str) -> None:
        self.name = name
        self.version = version
        self.target = target


class ListVerdicts(Message):
    """The verdicts on a model's versions, newest first."""

    _fields = {
        "name": "string",
        "version": "string",
        "target": "string",
        "max_results": "int64",
        "page_token": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"verdicts": "Verdict[]", "next_page_token": "string"}
        __slots__ = tuple(_fields)

        def __init__(
            self, *, verdicts: list[Verdict] | None = None, next_page_token: str | None = None
        ) -> None:
            self.verdicts = [] if verdicts is None else verdicts
            self.next_page_token = next_page_token

    def __init__(
        self,
        *,
        name: str,
        version: str | None = None,
        target: str | None = None,
        max_results: int = 100,
        page_token: str | None = None,
    ) -> None:
        self.name = name
        self.version = version
        self.target = target
        self.max_results = max_results
        self.page_token = page_token


class Approval(Message):
    """A user's decision about a version: approve, reject or withdraw."""

    _fields = {
        "version": "string",
        "target": "string",
        "decision": "string",
        "comment": "string",
        "user": "string",
        "time_ms": "int64",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        version: str | None = None,
        target: str | None = None,
        decision: str | None = None,
        comment: str | None = None,
        user: str | None = None,
        time_ms: int | None = None,
    ) -> None:
        self.version = version
        self.target = target
        self.decision = decision
        self.comment = comment
        self.user = user
        self.time_ms = time_ms


class CreateApproval(Message):
    """Approve of a version for a target, reject it, or withdraw one's decision."""

    _fields = {
        "name": "string",
        "version": "string",
        "target": "string",
        "decision": "string",
        "comment": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"approval": "Approval"}
        __slots__ = tuple(_fields)

        def __init__(self, *, approval: Approval | None = None) -> None:
            self.approval = approval

    def __init__(
        self, *, name: str, version: str, target: str, decision: str = "approve", comment: str | None = None
    ) -> None:
        self.name = name
        self.version = version
        self.target = target
        self.decision = decision
        self.comment = comment


class ListApprovals(Message):
    """All decisions about a version, oldest first. Of each user and target the newest counts."""

    _fields = {"name": "string", "version": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"approvals": "Approval[]"}
        __slots__ = tuple(_fields)

        def __init__(self, *, approvals: list[Approval] | None = None) -> None:
            self.approvals = [] if approvals is None else approvals

    def __init__(self, *, name: str, version: str) -> None:
        self.name = name
        self.version = version


# fmt: off
ENDPOINTS: tuple[Endpoint, ...] = tuple(
    Endpoint(verb, f"/3.0/trackway/{path}", message.__name__, message, message.Response, "Trackway")
    for verb, path, message in (
        ("GET", "policies", ListPolicies),
        ("GET", "policies/<name>", GetPolicy),
        ("PUT", "policies/<name>", PutPolicy),
        ("DELETE", "policies/<name>", DeletePolicy),
        ("POST", "policies/try", TryPolicy),
        ("POST", "verdicts", CreateVerdict),
        ("GET", "verdicts", ListVerdicts),
        ("POST", "approvals", CreateApproval),
        ("GET", "approvals", ListApprovals),
    )
)
# fmt: on

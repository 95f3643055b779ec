"""Trackway's own endpoint for the audit."""

from __future__ import annotations

from .wire import Endpoint, Message


class AuditEntry(Message):
    """A write, or a request that was refused. `detail` is JSON: changes of access, or the reason."""

    _fields = {
        "id": "int64",
        "time_ms": "int64",
        "workspace": "string",
        "user": "string",
        "principal_id": "int64",
        "authenticated_by": "string",
        "address": "string",
        "action": "string",
        "target": "string",
        "outcome": "string",
        "detail": "string",
        "request_id": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        id: int | None = None,
        time_ms: int | None = None,
        workspace: str | None = None,
        user: str | None = None,
        principal_id: int | None = None,
        authenticated_by: str | None = None,
        address: str | None = None,
        action: str | None = None,
        target: str | None = None,
        outcome: str | None = None,
        detail: str | None = None,
        request_id: str | None = None,
    ) -> None:
        self.id = id
        self.time_ms = time_ms
        self.workspace = workspace
        self.user = user
        self.principal_id = principal_id
        self.authenticated_by = authenticated_by
        self.address = address
        self.action = action
        self.target = target
        self.outcome = outcome
        self.detail = detail
        self.request_id = request_id


class SearchAudit(Message):
    """Entries of the audit, newest first, by page.

    Administrators see all, administrators of a workspace its entries. A `target` that ends in "*" means all
    that begin with the rest. `since` and `until` are milliseconds since the epoch; `until` is not included.
    """

    _fields = {
        "actor": "string",
        "action": "string",
        "target": "string",
        "outcome": "string",
        "since": "int64",
        "until": "int64",
        "max_results": "int64",
        "page_token": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"entries": "AuditEntry[]", "next_page_token": "string"}
        __slots__ = tuple(_fields)

        def __init__(
            self, *, entries: list[AuditEntry] | None = None, next_page_token: str | None = None
        ) -> None:
            self.entries = [] if entries is None else entries
            self.next_page_token = next_page_token

    def __init__(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        target: str | None = None,
        outcome: str | None = None,
        since: int | None = None,
        until: int | None = None,
        max_results: int = 100,
        page_token: str | None = None,
    ) -> None:
        self.actor = actor
        self.action = action
        self.target = target
        self.outcome = outcome
        self.since = since
        self.until = until
        self.max_results = max_results
        self.page_token = page_token


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/3.0/trackway/audit", "SearchAudit", SearchAudit, SearchAudit.Response, "Trackway"),
)

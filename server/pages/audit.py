"""The page of the audit: a search form, and entries page by page."""

from __future__ import annotations

import datetime
from urllib.parse import urlencode

from flask import Flask, Response, request

from trackway.client_compat.errors import ApiError
from trackway.client_compat.trackway_audit import SearchAudit
from trackway.storage.audit import OUTCOMES

from .frame import Frame, error_text

# Fields of the form and their labels. Days are in UTC.
_FIELDS = (
    ("actor", "User"),
    ("action", "Action"),
    ("target", "Target (run:* for all runs)"),
    ("since", "From day (2026-01-31)"),
    ("until", "Before day"),
)


def mount(app: Flask, frame: Frame) -> None:
    """Add the page to the application."""

    @app.get("/trackway/audit")
    def audit_page() -> Response:
        wanted = {name: request.args.get(name, "").strip() for name, _ in _FIELDS}
        wanted["outcome"] = request.args.get("outcome", "")
        found, error, status = SearchAudit.Response(), "", 200
        try:
            query = SearchAudit(
                actor=wanted["actor"],
                action=wanted["action"],
                target=wanted["target"],
                outcome=wanted["outcome"],
                since=_day(wanted["since"]),
                until=_day(wanted["until"]),
                page_token=request.args.get("page", ""),
            )
            found = frame.call(query, SearchAudit.Response)
        except ApiError as refused:
            error, status = error_text(refused), refused.status
        except ValueError as wrong:
            error, status = str(wrong), 400
        token = found.next_page_token
        return frame.page(
            "audit.html",
            fields=_FIELDS,
            outcomes=OUTCOMES,
            wanted=wanted,
            entries=found.entries,
            next_page=urlencode({**wanted, "page": token}) if token else "",
            error=error,
            date=_time,
            status=status,
        )


def _day(text: str) -> int | None:
    """Return the first millisecond of a day; None without one. Raise ``ValueError`` with a sentence."""
    if not text:
        return None
    try:
        day = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a day; write it as 2026-01-31.") from None
    return int((day if day.tzinfo else day.replace(tzinfo=datetime.UTC)).timestamp() * 1000)


def _time(time_ms: int) -> str:
    return datetime.datetime.fromtimestamp(time_ms / 1000, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")

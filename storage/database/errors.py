"""Errors of the database: which ones allow a retry of the transaction, and which API errors they become."""

from __future__ import annotations

import re

from sqlalchemy import exc

from trackway.client_compat.errors import BadRequest, Unavailable

# PostgreSQL: serialization failure, deadlock, foreign key violation. The last one occurs when another
# transaction purges the parent after this one has read it; the retry then reports that it does not exist.
_RETRYABLE_SQLSTATES = {"40001", "40P01", "23503"}
_SQLITE_ERROR = 1
# A statement was stopped by the time limit.
_QUERY_CANCELED = "57014"
_SQLITE_INTERRUPT = 9
# What PostgreSQL says while it starts, stops, recovers, or has no connection left.
_TEMPORARY = re.compile("starting up|shutting down|recovery|not yet accepting|too many|remaining connection")


def is_retryable(fault: exc.SQLAlchemyError, write: bool) -> bool:
    """Return whether the transaction may succeed at a retry and was certainly not committed."""
    if not isinstance(fault, exc.DBAPIError):
        return False
    if getattr(fault.orig, "sqlstate", None) in _RETRYABLE_SQLSTATES:
        return True
    if isinstance(fault, exc.OperationalError) and "database is locked" in str(fault.orig):
        return True
    # The connection was lost, for example because PostgreSQL restarted. If a statement failed by it, nothing
    # was committed. If COMMIT failed, which SQLAlchemy reports without a statement, the outcome is unknown.
    return fault.connection_invalidated and (not write or fault.statement is not None)


def as_api_error(fault: exc.SQLAlchemyError) -> Exception:
    """Return the error for the client: ``Unavailable``, or ``fault`` itself if it is a bug (status 500)."""
    text = first_line(fault)
    if "file is not a database" in text:
        return Unavailable("The file that the store URI names is not a SQLite database.")
    if "disk image is malformed" in text:
        return Unavailable("The database is damaged; restore it from a backup.")
    origin = getattr(fault, "orig", None)
    state = getattr(origin, "sqlstate", None) or ""
    if getattr(origin, "sqlite_errorcode", None) == _SQLITE_ERROR:
        # An invalid statement. SQLite's driver raises OperationalError for it, as it does for a full disk.
        return fault
    if state == _QUERY_CANCELED or getattr(origin, "sqlite_errorcode", None) == _SQLITE_INTERRUPT:
        return BadRequest(
            "The request was stopped, because its database statements took too long (--statement-timeout): "
            "make its filter simpler or ask for fewer results."
        )
    if "disk is full" in text or state == "53100":
        return Unavailable("The database's disk is full: nothing of this request was stored.")
    if isinstance(fault, exc.TimeoutError) or "database is locked" in text or state.startswith("53"):
        return Unavailable("The database has no free connection or stays locked; try again in a moment.")
    is_operational = isinstance(fault, exc.OperationalError | exc.InterfaceError)
    if is_operational and isinstance(fault, exc.DBAPIError) and (fault.connection_invalidated or not state):
        return unreachable(text)
    return fault


def unreachable(reason: str) -> Unavailable:
    """Return the error for a database that does not answer.

    ``reason`` may contain hosts and names, so it is added as a note, which the server logs and does not send
    to clients.
    """
    error = Unavailable("The database cannot be reached or written; try again in a moment.")
    error.add_note(reason)
    return error


def is_temporary(error: Unavailable) -> bool:
    """Return whether the database may answer later by itself: not if it has refused the user, for example."""
    reason = " ".join(getattr(error, "__notes__", ()))
    return "FATAL" not in reason or bool(_TEMPORARY.search(reason))


def first_line(fault: BaseException) -> str:
    """Return the first line of the driver's message, or of the error's own if there is no driver's error."""
    return str(getattr(fault, "orig", None) or fault).strip().split("\n", 1)[0]

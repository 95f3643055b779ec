"""Errors of the database: which ones allow a retry of the transaction, and which API errors they become.

Clients repeat ``Unavailable`` (503), and show the other errors at once. So ``Unavailable`` is for what may
pass by itself; ``Unusable`` and ``StorageFull`` are for what an administrator has to change. docs/errors.md
has the table for users.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from trackway.client_compat.errors import ApiError, BadRequest, StorageFull, Unavailable, Unusable

from .time_limit import is_cancelled

# PostgreSQL: serialization failure, deadlock, foreign key violation. The last one occurs when another
# transaction purges the parent after this one has read it; the retry then reports that it does not exist.
_RETRYABLE_SQLSTATES = {"40001", "40P01", "23503"}

_UNREACHABLE = "The database cannot be reached or written; try again in a moment."
_BUSY = "The database has no free connection or stays locked; try again in a moment."
_FULL = "The database's disk is full: nothing of this request was stored."
_DAMAGED = "The database is damaged; restore it from a backup."
_READ_ONLY = "The database is read-only: nothing of this request was stored."
_REFUSED = "The database refuses the server's connection."
_NO_RIGHT = "The database refuses this request, because the server's account lacks a right"
_OTHER_SCHEMA = "The database lacks a table or column that the server needs. Was its schema changed?"
_TOO_SLOW = (
    "The request was stopped, because its database statements took too long (--statement-timeout): "
    "make its filter simpler or ask for fewer results."
)
_TOO_LARGE = (
    "The request exceeds a limit of the database: make its filter simpler, ask for fewer results, or send "
    "fewer or shorter values."
)

_Found = tuple[type[ApiError], str]
# SQLSTATE of PostgreSQL, or the class of SQLSTATEs that begin so -> the error. The longest key counts. Other
# errors are bugs of the server, with status 500.
_OF_SQLSTATE: dict[str, _Found] = {
    "08": (Unavailable, _UNREACHABLE),  # the connection failed
    "25006": (Unusable, _READ_ONLY),  # default_transaction_read_only, or a standby
    "25P": (Unavailable, _UNREACHABLE),  # time limits of transactions, which end the connection
    "28": (Unusable, _REFUSED),  # wrong user or password
    "3D": (Unusable, _REFUSED),  # no such database
    "3F": (Unusable, _OTHER_SCHEMA),
    "40": (Unavailable, _BUSY),  # deadlock or serialization failure, in each of several attempts
    "42501": (Unusable, _NO_RIGHT),
    "42703": (Unusable, _OTHER_SCHEMA),
    "42P01": (Unusable, _OTHER_SCHEMA),
    "53": (Unavailable, _BUSY),  # too many connections, out of memory, no room for locks
    "53100": (StorageFull, _FULL),
    "53400": (BadRequest, _TOO_LARGE),  # temp_file_limit
    "54": (BadRequest, _TOO_LARGE),  # statement too complex, index row too large
    "55": (Unavailable, _BUSY),  # lock_timeout, object in use
    "57014": (BadRequest, _TOO_SLOW),
    "57P": (Unavailable, _UNREACHABLE),  # PostgreSQL stops, starts or has crashed
    "58": (Unusable, "The database failed to read or write its own files."),
    "F0": (Unusable, _REFUSED),
    "XX001": (Unusable, _DAMAGED),
    "XX002": (Unusable, _DAMAGED),
}
# 57014 as well, but pg_cancel_backend() was called.
_CANCELLED_BY_ADMINISTRATOR = "user request"
_QUERY_CANCELED = "57014"
_SQLITE_INTERRUPT = 9
# Result codes of SQLite; the higher bits of a code have details.
_SQLITE_ERROR = 1
_OF_SQLITE: dict[int, _Found] = {
    3: (Unusable, _NO_RIGHT),
    5: (Unavailable, _BUSY),
    6: (Unavailable, _BUSY),
    7: (Unavailable, _BUSY),  # out of memory
    8: (Unusable, _READ_ONLY),
    9: (BadRequest, _TOO_SLOW),
    11: (Unusable, _DAMAGED),
    13: (StorageFull, _FULL),
    14: (Unusable, "The database's file cannot be opened."),
    18: (BadRequest, _TOO_LARGE),
    26: (Unusable, "The file that the store URI names is not a SQLite database."),
}

# A connection that PostgreSQL refuses has no SQLSTATE in the driver, only a text.
# What PostgreSQL says while it starts, stops, recovers, or has no connection left.
_TEMPORARY = re.compile("starting up|shutting down|recovery|not yet accepting|too many|remaining connection")
# What it says of a wrong account or database, and libpq of wrong settings.
_PERMANENT = re.compile(
    "FATAL|does not support SSL|certificate|private key|sslmode|connection option|invalid port"
)


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


def _is_stopped(fault: exc.SQLAlchemyError) -> bool:
    origin = getattr(fault, "orig", None)
    is_interrupted = getattr(origin, "sqlite_errorcode", None) == _SQLITE_INTERRUPT
    return is_interrupted or getattr(origin, "sqlstate", None) == _QUERY_CANCELED


def as_api_error(fault: exc.SQLAlchemyError) -> Exception:
    """Return the error for the client, or ``fault`` itself if it is a bug (status 500).

    The driver's message is added as a note, which the server logs and does not send to clients, because it
    may contain hosts and names.
    """
    if _is_stopped(fault) and is_cancelled():
        return BadRequest("The request was stopped, because its client has closed the connection.")
    found = _of_driver(fault) if isinstance(fault, exc.DBAPIError) else None
    if isinstance(fault, exc.TimeoutError):  # no connection of the pool became free
        found = Unavailable, _BUSY
    if found is None:
        return fault
    kind, message = found
    text = first_line(fault)
    if message is _NO_RIGHT:
        return kind(f"{_NO_RIGHT} ({text}).")
    error = kind(message)
    error.add_note(text)
    return error


@contextmanager
def translated() -> Iterator[None]:
    """Raise each error of the database from the block as an ``ApiError``, for commands and the start."""
    try:
        yield
    except (exc.DBAPIError, exc.TimeoutError) as fault:
        error = as_api_error(fault)
        if not isinstance(error, ApiError):
            error = Unusable(f"The database failed: {first_line(fault)}")
        raise error from fault


def first_line(fault: BaseException) -> str:
    """Return the first line of the driver's message, or of the error's own if there is no driver's error."""
    return str(getattr(fault, "orig", None) or fault).strip().split("\n", 1)[0]


def _of_driver(fault: exc.DBAPIError) -> _Found | None:
    state = getattr(fault.orig, "sqlstate", None)
    code = getattr(fault.orig, "sqlite_errorcode", None)
    text = str(fault.orig)
    is_operational = isinstance(fault, exc.OperationalError | exc.InterfaceError)
    if state:
        if state == "57014" and _CANCELLED_BY_ADMINISTRATOR in text:
            return Unavailable, _UNREACHABLE
        return next((_OF_SQLSTATE[key] for n in (5, 3, 2) if (key := state[:n]) in _OF_SQLSTATE), None)
    if code == _SQLITE_ERROR:  # an invalid statement; also OperationalError, as for a full disk
        return (Unusable, _OTHER_SCHEMA) if "no such table" in text or "no such column" in text else None
    if code is not None and (found := _OF_SQLITE.get(code & 0xFF)):
        return found
    if fault.statement is None and _PERMANENT.search(text) and not _TEMPORARY.search(text):
        return Unusable, _REFUSED
    return (Unavailable, _UNREACHABLE) if is_operational or fault.connection_invalidated else None

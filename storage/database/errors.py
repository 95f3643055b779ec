"""A database's faults: which pass when the transaction is run again, and what clients are told."""

from __future__ import annotations

from sqlalchemy import exc

from trackway.client_compat.errors import Unavailable

# PostgreSQL: serialization failure, deadlock, and a foreign key to what was there a moment ago: somebody
# purged it meanwhile, and whoever looks again is told that it does not exist.
_PASSING_SQLSTATES = {"40001", "40P01", "23503"}
_SQLITE_ERROR = 1


def is_retryable(fault: exc.SQLAlchemyError, write: bool) -> bool:
    """Whether the same transaction may pass when it is run again, and cannot have been committed."""
    if not isinstance(fault, exc.DBAPIError):
        return False
    if getattr(fault.orig, "sqlstate", None) in _PASSING_SQLSTATES:
        return True
    if isinstance(fault, exc.OperationalError) and "database is locked" in str(fault.orig):
        return True
    # A connection that died (the server restarted): when it was a statement that met it, nothing was
    # committed. When it was COMMIT, which SQLAlchemy reports without one, nobody knows.
    return fault.connection_invalidated and (not write or fault.statement is not None)


def as_api_error(fault: exc.SQLAlchemyError) -> Exception:
    """What a client is told; the fault itself where it is ours."""
    text = first_line(fault)
    if "file is not a database" in text:
        return Unavailable("The file that the store URI names is not a database of SQLite's.")
    origin = getattr(fault, "orig", None)
    state = getattr(origin, "sqlstate", None) or ""
    if getattr(origin, "sqlite_errorcode", None) == _SQLITE_ERROR:
        return fault  # a statement that cannot be, which SQLite calls operational as it does a full disk
    if "disk is full" in text or state == "53100":
        return Unavailable("The database's disk is full: nothing of this request was stored.")
    if isinstance(fault, exc.TimeoutError) or "database is locked" in text or state.startswith("53"):
        return Unavailable("The database has no free connection or stays locked; try again in a moment.")
    is_operational = isinstance(fault, exc.OperationalError | exc.InterfaceError)
    if is_operational and isinstance(fault, exc.DBAPIError) and (fault.connection_invalidated or not state):
        return unreachable(text)
    return fault


def unreachable(reason: str) -> Unavailable:
    """``reason`` says where it should be and under which name: for the operator, not for clients."""
    told = Unavailable("The database cannot be reached or written; try again in a moment.")
    told.add_note(reason)
    return told


def first_line(fault: BaseException) -> str:
    return str(getattr(fault, "orig", None) or fault).strip().split("\n", 1)[0]

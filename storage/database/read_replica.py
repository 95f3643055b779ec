"""A read replica of PostgreSQL: it answers searches instead of the primary."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import exc

from trackway.client_compat.errors import NotFound

from . import errors
from .database import DEFAULT_WORKSPACE, Database, Tx, parse_uri

T = TypeVar("T")

log = logging.getLogger("trackway.storage")

# Seconds for which a replica that did not answer is not asked again.
_RETRY_AFTER_S = 10.0
_ATTEMPTS = 3
# SQLSTATE of "canceling statement due to conflict with recovery": the query blocked the replay of the
# primary's changes.
_RECOVERY_CONFLICT = "40001"
# A host that is down does not reply at all. With the system's defaults a query to it would wait for many
# minutes.
_CONNECT_PARAMETERS = {
    "connect_timeout": 2,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


class ReadReplica:
    """Runs searches on a replica, and on the primary if the replica cannot answer.

    A replica lags behind the primary, usually by milliseconds. If an object is not found on the replica, the
    search runs again on the primary, so that a client gets no wrong "not found". A list may lack the latest
    writes.
    """

    def __init__(self, uri: str, primary: Database, *, pool_size: int = 8) -> None:
        """Prepare the pool. Raise ``ValueError`` if the URI is not one of PostgreSQL's."""
        if parse_uri(uri).get_backend_name() != "postgresql":
            raise ValueError(
                "A read replica must be a PostgreSQL database: postgresql://user:password@host/name."
            )
        self._database = Database(uri, pool_size=pool_size, connect_parameters=_CONNECT_PARAMETERS)
        self._primary = primary
        self._skip_until = 0.0
        self._is_down = False

    def run(
        self,
        work: Callable[[Tx], T],
        *,
        write: bool = False,
        workspace: int = DEFAULT_WORKSPACE,
        user: str | None = None,
        request_id: str = "",
    ) -> T:
        """Run ``work(tx)``, which must only read, and return the result.

        It may run on both databases. Raise the same errors as ``Database.run``.
        """
        assert not write, "a replica is read-only"
        if time.monotonic() >= self._skip_until:
            if self._is_down:
                # Only this request tries the replica; the others skip it meanwhile.
                self._skip_until = time.monotonic() + _RETRY_AFTER_S
            for _ in range(_ATTEMPTS):
                try:
                    with self._database.begin(
                        write=False, workspace=workspace, user=user, request_id=request_id
                    ) as tx:
                        result = work(tx)
                except NotFound:
                    break
                except (exc.DBAPIError, exc.TimeoutError) as fault:
                    state = getattr(getattr(fault, "orig", None), "sqlstate", None)
                    if state == _RECOVERY_CONFLICT or self._database.lost_prepared_statement(fault):
                        continue
                    if _is_unreachable(fault):
                        self._mark_down(fault)
                    break
                self._mark_up()
                return result
        return self._primary.run(work, write=False, workspace=workspace, user=user, request_id=request_id)

    def forget_experiments(self) -> None:
        """Forget which experiments are in which workspace: some may have moved."""
        self._database.forget_experiments()

    def check(self, identity: sa.Select[Any]) -> None:
        """Check the replica when the server starts.

        Log a warning if it does not answer. Raise ``ValueError`` if it is not a copy of the primary:
        ``identity`` selects one value that is different in every two databases.
        """
        try:
            with self._database.begin(write=False) as tx:
                on_replica = tx.execute(identity).scalar()
        except exc.ProgrammingError:
            on_replica = None
        except (exc.DBAPIError, exc.TimeoutError) as fault:
            self._mark_down(fault)
            return
        with self._primary.begin(write=False) as tx:
            on_primary = tx.execute(identity).scalar()
        if on_replica is None:
            log.warning(
                "the read replica has not caught up; searches that it cannot answer go to the primary"
            )
        elif on_replica != on_primary:
            raise ValueError(
                "--read-replica-backend-store-uri names a database that is no replica of --backend-store-uri."
            )

    def dispose(self) -> None:
        self._database.dispose()

    def _mark_down(self, fault: Exception) -> None:
        self._skip_until = time.monotonic() + _RETRY_AFTER_S
        if not self._is_down:
            self._is_down = True
            reason = errors.first_line(fault)
            log.warning("the read replica does not answer; searches go to the primary: %s", reason)

    def _mark_up(self) -> None:
        if self._is_down:
            self._is_down = False
            self._skip_until = 0.0
            log.info("the read replica answers again")


def _is_unreachable(fault: exc.SQLAlchemyError) -> bool:
    """Return whether other queries would fail as well.

    They would not if the replica merely lacks a table yet, or if the query took too long.
    """
    if not isinstance(fault, exc.DBAPIError):
        return True  # no connection became free in time
    state = getattr(fault.orig, "sqlstate", None) or ""
    return fault.connection_invalidated or not state or state.startswith(("08", "53", "57P"))


__all__ = ["ReadReplica"]

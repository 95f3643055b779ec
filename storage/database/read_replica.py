"""A read replica: a copy of the database that follows it, and answers searches in its place."""

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

# How long a replica that did not answer is left alone.
_REST_S = 10.0
_ATTEMPTS = 3
# What replay does to a query that is in its way: "canceling statement due to conflict with recovery".
_CONFLICT = "40001"
# A host that is gone answers nothing; without these a query to it would wait for many minutes.
_IMPATIENT = {
    "connect_timeout": 2,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


class ReadReplica:
    """Runs searches on a replica, and on the primary whatever the replica cannot answer.

    A replica lags behind, by milliseconds as a rule. So what it does not have is asked of the primary
    before the client hears that it is not there; but a list may miss what was written last.
    """

    def __init__(self, uri: str, primary: Database, *, pool_size: int = 8) -> None:
        if parse_uri(uri).get_backend_name() != "postgresql":
            raise ValueError("A read replica is one of PostgreSQL's: postgresql://user:password@host/name.")
        self._database = Database(uri, pool_size=pool_size, connect=_IMPATIENT)
        self._primary = primary
        self._rests_until = 0.0
        self._is_away = False

    def run(
        self,
        work: Callable[[Tx], T],
        *,
        write: bool = False,
        workspace: int = DEFAULT_WORKSPACE,
        user: str | None = None,
        request_id: str = "",
    ) -> T:
        """``work(tx)``, which only reads; it may run on both. Raises as ``Database.run`` does."""
        assert not write, "a replica is not written to"
        if time.monotonic() >= self._rests_until:
            if self._is_away:
                self._rests_until = time.monotonic() + _REST_S  # one asks, the others go on without it
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
                    if state == _CONFLICT or self._database.lost_prepared_statement(fault):
                        continue
                    if _is_unreachable(fault):
                        self._went_away(fault)
                    break
                self._came_back()
                return result
        return self._primary.run(work, write=False, workspace=workspace, user=user, request_id=request_id)

    def check(self, identity: sa.Select[Any]) -> None:
        """At a server's start: warn when it does not answer, raise ValueError when it is no copy.

        ``identity`` selects one value that differs between any two databases.
        """
        try:
            with self._database.begin(write=False) as tx:
                here = tx.execute(identity).scalar()
        except exc.ProgrammingError:
            here = None
        except (exc.DBAPIError, exc.TimeoutError) as fault:
            self._went_away(fault)
            return
        with self._primary.begin(write=False) as tx:
            there = tx.execute(identity).scalar()
        if here is None:
            log.warning("the read replica has not caught up; what it cannot answer goes to the primary")
        elif here != there:
            raise ValueError(
                "--read-replica-backend-store-uri names another database than a copy of --backend-store-uri."
            )

    def dispose(self) -> None:
        self._database.dispose()

    def _went_away(self, fault: Exception) -> None:
        self._rests_until = time.monotonic() + _REST_S
        if not self._is_away:
            self._is_away = True
            reason = errors.first_line(fault)
            log.warning("the read replica does not answer; searches go to the primary: %s", reason)

    def _came_back(self) -> None:
        if self._is_away:
            self._is_away = False
            self._rests_until = 0.0
            log.info("the read replica answers again")


def _is_unreachable(fault: exc.SQLAlchemyError) -> bool:
    """Whether others would fare no better; not so where it lacks a table yet, or a query took too long."""
    if not isinstance(fault, exc.DBAPIError):
        return True  # no connection came free
    state = getattr(fault.orig, "sqlstate", None) or ""
    return fault.connection_invalidated or not state or state.startswith(("08", "53", "57P"))


__all__ = ["ReadReplica"]

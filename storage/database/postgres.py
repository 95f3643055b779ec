"""PostgreSQL: connection settings, and whether connections may use prepared statements.

psycopg prepares a statement after it has sent it five times, which saves PostgreSQL the work of planning it.
A prepared statement belongs to one session of PostgreSQL. It is lost behind a connection pooler that gives
each transaction another session, such as PgBouncer in transaction mode.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import URL

log = logging.getLogger("trackway.storage")

_THRESHOLD_OPTION = "prepare_threshold"
# A host that is down does not reply at all. By default the system waits 15 minutes for the acknowledgement of
# sent data, and two hours if none was sent. These settings do not limit how long a statement may take: its
# host acknowledges meanwhile.
_CONNECT_PARAMETERS = {
    "connect_timeout": 5,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
# SQLSTATEs of "prepared statement ... already exists" and "... does not exist".
_LOST_STATEMENT_SQLSTATES = {"42P05", "26000"}


class PreparePolicy:
    """Decides after how many uses the connections of one engine prepare a statement, if ever.

    The option ``?prepare_threshold=`` of the store URI, a number or ``none``, decides for all connections.
    Without it, each new connection is checked for a pooler.
    """

    def __init__(self, url: URL) -> None:
        given = url.query.get(_THRESHOLD_OPTION)
        self.url = url.difference_update_query([_THRESHOLD_OPTION])
        self._threshold = _parse_threshold(given) if isinstance(given, str) else None
        self._detects_pooler = given is None
        self._is_disabled = False

    def configure(self, connection: Any, _record: Any = None) -> None:
        """Set ``prepare_threshold`` of a new psycopg connection. Looking for a pooler takes a round trip."""
        if self._detects_pooler and not self._is_disabled:
            connection.autocommit = True
            (pid,) = connection.execute("SELECT pg_backend_pid()").fetchone()
            connection.autocommit = False
            # A pooler gives its clients a process id of its own making, so the two differ behind one.
            if pid == connection.info.backend_pid:
                return
        connection.prepare_threshold = None if self._is_disabled else self._threshold

    def disable_after(self, fault: exc.DBAPIError) -> bool:
        """Return whether a prepared statement was lost. If so, new connections prepare no statements."""
        if getattr(fault.orig, "sqlstate", None) not in _LOST_STATEMENT_SQLSTATES:
            return False
        if not self._is_disabled:
            self._is_disabled = True
            log.warning(
                "A prepared statement was lost: a connection pooler in front of PostgreSQL changes sessions. "
                "No more statements are prepared. To begin without them, append ?%s=none to the store URI.",
                _THRESHOLD_OPTION,
            )
        return True


def make_engine(
    url: URL,
    *,
    pool_size: int,
    pool_timeout_s: float,
    statement_timeout_s: float | None,
    connect_parameters: Mapping[str, int],
) -> tuple[sa.Engine, PreparePolicy]:
    """Return an engine with a pool, and its policy on prepared statements.

    ``connect_parameters`` are libpq's; those in the URI have priority. Raise ``ValueError``, with a message
    for the operator, if the driver is missing or the URI's ``prepare_threshold`` is wrong.
    """
    prepare_policy = PreparePolicy(url)
    try:
        engine = sa.create_engine(
            _with_defaults(prepare_policy.url, {**_CONNECT_PARAMETERS, **connect_parameters}),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=pool_timeout_s,
            pool_use_lifo=True,
        )
    except ImportError:
        raise ValueError('PostgreSQL needs a driver: pip install "trackway[postgres]".') from None
    sa.event.listen(engine, "connect", prepare_policy.configure)
    if statement_timeout_s is not None:
        sa.event.listen(engine, "connect", partial(_set_statement_timeout, statement_timeout_s))
    sa.event.listen(engine, "connect", _add_pipeline)
    sa.event.listen(engine, "connect", _watch)
    # Not a "rollback" event: with a listener on an engine, SQLAlchemy looks for listeners at each statement.
    engine.dialect.do_rollback = _roll_back  # type: ignore[method-assign, assignment]
    return engine, prepare_policy


def _set_statement_timeout(timeout_s: float, connection: Any, _record: Any) -> None:
    """Limit the time of each statement of the session.

    The setting is not a start-up parameter, since PgBouncer refuses those.
    """
    connection.autocommit = True
    connection.execute(f"SET statement_timeout = {timeout_s * 1000:.0f}")
    connection.autocommit = False


def _add_pipeline(connection: Any, record: Any) -> None:
    from .postgres_pipeline import Pipeline

    record.info["pipeline"] = connection.trackway_pipeline = Pipeline(connection)


def _watch(connection: Any, record: Any) -> None:
    from .postgres_cancel import watch

    watch(connection)


def _roll_back(connection: Any) -> None:
    pipeline = getattr(connection, "trackway_pipeline", None)
    if pipeline is None:  # SQLAlchemy inspects a new connection before _add_pipeline
        connection.rollback()
    else:
        pipeline.roll_back()


def _with_defaults(url: URL, parameters: Mapping[str, Any]) -> URL:
    return url.update_query_dict(
        {name: str(value) for name, value in parameters.items() if name not in url.query}
    )


def _parse_threshold(given: str) -> int | None:
    if given.lower() == "none":
        return None
    if not given.isdecimal():
        raise ValueError(f"{_THRESHOLD_OPTION} in the store URI must be a number or none, not {given!r}.")
    return int(given)

"""Connections to PostgreSQL, and whether they may keep prepared statements.

psycopg prepares a statement that it has sent five times, which saves the server the work of planning
it. A prepared statement belongs to one connection of the database's, so it is lost where a pooler,
such as PgBouncer in transaction mode, gives each transaction another one.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import URL

log = logging.getLogger("trackway.storage")

_OPTION = "prepare_threshold"
# A host that is gone answers nothing, and the system would wait a quarter of an hour for an acknowledgement,
# two hours where nothing is under way. A statement may take as long as it needs: its host acknowledges.
_ALIVE = {
    "connect_timeout": 5,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
# "prepared statement ... already exists", "... does not exist".
_LOST_STATEMENT = {"42P05", "26000"}


class PreparePolicy:
    """After how many uses the connections of one engine prepare a statement; None for never.

    Found out for each connection, unless the store's URI says ``?prepare_threshold=none`` or a number.
    """

    def __init__(self, url: URL) -> None:
        given = url.query.get(_OPTION)
        self.url = url.difference_update_query([_OPTION])
        self._threshold = _read(given) if isinstance(given, str) else None
        self._finds_out = given is None
        self._is_off = False

    def configure(self, connection: Any, _record: Any = None) -> None:
        """Decide for a new psycopg connection; one round trip."""
        if self._finds_out and not self._is_off:
            connection.autocommit = True
            (pid,) = connection.execute("SELECT pg_backend_pid()").fetchone()
            connection.autocommit = False
            # Between the two stands a pooler that has told us of a process of its own making.
            if pid == connection.info.backend_pid:
                return
        connection.prepare_threshold = None if self._is_off else self._threshold

    def disable_after(self, fault: exc.DBAPIError) -> bool:
        """Whether a fault came of a prepared statement; if so, new connections prepare none."""
        if getattr(fault.orig, "sqlstate", None) not in _LOST_STATEMENT:
            return False
        if not self._is_off:
            self._is_off = True
            log.warning(
                "A prepared statement was lost: something before PostgreSQL changes its connections. "
                "No more are prepared; say so with ?%s=none at the end of the store's URI.",
                _OPTION,
            )
        return True


def make_engine(
    url: URL, *, pool_size: int, patience_s: float, connect: Mapping[str, int]
) -> tuple[sa.Engine, PreparePolicy]:
    """An engine with its pool; ``connect`` are libpq's parameters, where the URI has none of its own.

    Raises ValueError with a sentence for the operator.
    """
    prepare_policy = PreparePolicy(url)
    try:
        engine = sa.create_engine(
            _with_defaults(prepare_policy.url, {**_ALIVE, **connect}),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=patience_s,
            pool_use_lifo=True,
        )
    except ImportError:
        raise ValueError('PostgreSQL needs a driver: pip install "trackway[postgres]".') from None
    sa.event.listen(engine, "connect", prepare_policy.configure)
    sa.event.listen(engine, "connect", _add_pipeline)
    # Not a "rollback" event: a listener on an engine makes each statement look for listeners.
    engine.dialect.do_rollback = _roll_back  # type: ignore[method-assign, assignment]
    return engine, prepare_policy


def _add_pipeline(connection: Any, record: Any) -> None:
    from .postgres_pipeline import Pipeline

    record.info["pipeline"] = connection.trackway_pipeline = Pipeline(connection)


def _roll_back(connection: Any) -> None:
    pipeline = getattr(connection, "trackway_pipeline", None)
    if pipeline is None:  # SQLAlchemy's first look at a new connection
        connection.rollback()
    else:
        pipeline.roll_back()


def _with_defaults(url: URL, parameters: Mapping[str, Any]) -> URL:
    return url.update_query_dict(
        {name: str(value) for name, value in parameters.items() if name not in url.query}
    )


def _read(given: str) -> int | None:
    if given.lower() == "none":
        return None
    if not given.isdecimal():
        raise ValueError(f"{_OPTION} in the store's URI is a number or none, not {given!r}.")
    return int(given)

"""One statement asked of PostgreSQL again and again by a server that has nothing else to do.

By libpq alone: a pool, the driver's connection and its cursor would run code on 2 MiB of pages that a
server's processes share as long as none of them does.
"""

from __future__ import annotations

import select
import time
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from psycopg import pq
from psycopg.conninfo import make_conninfo

from trackway.client_compat.errors import Unavailable

from . import faults
from .pipe import dumped
from .sqlite import PATIENCE_S

_EVENTS = {pq.PollingStatus.READING: select.POLLIN, pq.PollingStatus.WRITING: select.POLLOUT}


class Lookout:
    """A connection of its own, made at the first question and after each that could not be asked."""

    def __init__(self, engine: sa.Engine) -> None:
        _, parameters = engine.dialect.create_connect_args(engine.url)
        known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}  # others are the driver's
        self._conninfo = make_conninfo(**{k: v for k, v in parameters.items() if k in known}).encode()
        self._connection: pq.abc.PGconn | None = None

    def first(self, sql: str, values: Iterable[Any]) -> Sequence[str | None] | None:
        """The first row as texts. Raises ``Unavailable``."""
        texts = [dumped(value) for value in values]
        result = self._connection and self._connection.exec_params(sql.encode(), texts)
        if not result or result.status != pq.ExecStatus.TUPLES_OK:  # a restarted database cuts idle ones off
            self.close()
            self._connection = self._connect()
            result = self._connection.exec_params(sql.encode(), texts)
        if result.status != pq.ExecStatus.TUPLES_OK:
            self.close()
            raise _unreachable(result.error_message)
        if not result.ntuples:
            return None
        cells = (result.get_value(0, column) for column in range(result.nfields))
        return [None if cell is None else cell.decode() for cell in cells]

    def close(self) -> None:
        if self._connection:
            self._connection.finish()
        self._connection = None

    def _connect(self) -> pq.abc.PGconn:
        # Not in one call, which has no time-out and keeps Python's lock.
        connection = pq.PGconn.connect_start(self._conninfo)
        deadline = time.monotonic() + PATIENCE_S
        while (state := pq.PollingStatus(connection.connect_poll())) != pq.PollingStatus.OK:
            error = connection.error_message
            if events := _EVENTS.get(state):
                poll = select.poll()
                poll.register(connection.socket, events)
                if poll.poll(max(0, deadline - time.monotonic()) * 1000):
                    continue
                error = b"no answer in %g seconds" % PATIENCE_S
            connection.finish()
            raise _unreachable(error)
        return connection


def _unreachable(message: bytes) -> Unavailable:
    return faults.unreachable(message.decode(errors="replace").strip())

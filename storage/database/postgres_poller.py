"""One statement asked of PostgreSQL again and again by a server that has nothing else to do.

By libpq alone, once connected: a pool and a cursor would run code on 2 MiB of pages that a server's
processes share as long as none of them does.
"""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import errors, pq

from .errors import unreachable
from .postgres_pipeline import dumped
from .sqlite import PATIENCE_S


class Lookout:
    """A connection of its own, made at the first question and after each that could not be asked."""

    def __init__(self, engine: sa.Engine) -> None:
        _, parameters = engine.dialect.create_connect_args(engine.url)
        self._parameters: dict[str, Any] = {"connect_timeout": int(PATIENCE_S), **parameters}
        self._connection: psycopg.Connection[Any] | None = None
        self._lock = threading.Lock()

    def first(self, sql: str, values: Iterable[Any]) -> Sequence[str | None] | None:
        """The first row as texts. Raises ``Unavailable``, or psycopg's error where the statement is wrong."""
        texts = [dumped(value) for value in values]
        with self._lock:
            if self._connection:
                with suppress(psycopg.OperationalError):  # a restarted database cuts idle ones off
                    return _ask(self._connection.pgconn, sql, texts)
                self._drop()
            try:
                self._connection = psycopg.connect(**self._parameters)
                return _ask(self._connection.pgconn, sql, texts)
            except psycopg.OperationalError as fault:
                self._drop()
                raise unreachable(str(fault)) from fault

    def close(self) -> None:
        """Let go of the connection, unless another thread waits for its answer just now."""
        if self._lock.acquire(blocking=False):
            try:
                self._drop()
            finally:
                self._lock.release()

    def _drop(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None


def _ask(libpq: pq.abc.PGconn, sql: str, texts: list[bytes | None]) -> Sequence[str | None] | None:
    libpq.send_query_params(sql.encode(), texts)
    answer = _received(libpq)
    if answer.status != pq.ExecStatus.TUPLES_OK:
        raise errors.error_from_result(answer)
    if not answer.ntuples:
        return None
    cells = (answer.get_value(0, column) for column in range(answer.nfields))
    return [None if cell is None else cell.decode() for cell in cells]


def _received(libpq: pq.abc.PGconn) -> pq.abc.PGresult:
    """The answer, of which nothing remains to be read. Raises ``OperationalError`` where none comes."""
    answer = None
    deadline = time.monotonic() + PATIENCE_S
    poll = select.poll()

    def wait() -> None:
        if not poll.poll(1000 * max(0, deadline - time.monotonic())):
            raise psycopg.OperationalError(f"no answer in {PATIENCE_S:g} seconds")
        libpq.consume_input()

    poll.register(libpq.socket, select.POLLIN | select.POLLOUT)
    while libpq.flush():
        wait()
    poll.modify(libpq.socket, select.POLLIN)
    while True:
        while libpq.is_busy():
            wait()
        result = libpq.get_result()
        if libpq.status == pq.ConnStatus.BAD:
            raise psycopg.OperationalError("the connection is lost")
        if result is None:
            assert answer is not None
            return answer
        answer = answer or result

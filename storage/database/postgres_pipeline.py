"""Statements of hot paths on PostgreSQL, sent by libpq's pipeline.

A statement whose result is not needed is deferred: it is sent together with the next statement that returns
rows, or with the commit. Logging a metric takes two round trips this way, instead of five:

    BEGIN, UPDATE runs ... RETURNING  |  INSERT INTO series and points, INSERT INTO audit, COMMIT

and one if the run is in the row cache (``row_cache.py``).

psycopg still owns the connection. It sees each change of the transaction's state, which libpq keeps.

A round trip costs two context switches, 30 to 60 microseconds if client and server share a machine. psycopg's
cursors cost as much again for each statement.
"""

from __future__ import annotations

import select
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from psycopg import errors, pq
from psycopg.adapt import Transformer

from .postgres_cancel import CHECK_EVERY_S, cancel_if_unneeded

Values = Sequence[Any]
# Prepared statements per connection. psycopg keeps as many of its own. Each takes PostgreSQL some 50 kB, and
# the filters of searches would add new ones without end.
_MAX_PREPARED = 200
# Since libpq 17 a prepared statement can be closed by a message of the protocol. Poolers understand it, and
# it causes no error if the statement does not exist. Older releases of libpq need the SQL command DEALLOCATE.
_HAS_CLOSE_MESSAGE = pq.version() >= 170000
_CHECK_EVERY_MS = int(CHECK_EVERY_S * 1000)
_OK = {pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK}
_IDLE = pq.TransactionStatus.IDLE
_NO_TRANSACTION = {_IDLE, pq.TransactionStatus.UNKNOWN}  # UNKNOWN: the connection is lost

# Local to the transaction: without a BEGIN, that is one exchange (all statements until the next sync).
_FORCE_GENERIC_PLAN = ("SELECT set_config('plan_cache_mode', $1, true)", ("force_generic_plan",))


class Pipeline:
    """The pipeline of one connection.

    Statements have ``$1`` for the first value. Values are sent as text, so a statement has to cast a value if
    PostgreSQL cannot infer its type.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._libpq = connection.pgconn
        self._may_prepare = connection.prepare_threshold is not None
        # Names of the statements prepared on this connection, by text; the most recently used is the last.
        self._names: OrderedDict[str, bytes] = OrderedDict()
        self._last_number = 0
        self._to_deallocate: list[bytes] = []
        self._deferred: list[tuple[str, Values]] = []
        self._poll = select.poll()
        self._poll.register(self._libpq.socket, select.POLLIN)

    def start(self) -> None:
        """Drop statements that an earlier transaction deferred and did not send."""
        self._deferred = []

    def defer(self, sql: str, values: Values) -> None:
        """Run a statement before the next one that is sent. Its errors are raised there."""
        self._deferred.append((sql, values))

    def run(self, sql: str, values: Values, *, begin: bool) -> list[Any]:
        """Run a statement, after the deferred ones, and return its rows.

        With ``begin``, begin a transaction first if none is open.
        """
        return self._send([*self._take_deferred(), (sql, values)], begin=begin)

    def run_with_generic_plan(self, sql: str, values: Values) -> list[Any]:
        """Run a statement outside a transaction, with one plan for all values, and return its rows."""
        if not self._may_prepare:
            return self.run(sql, values, begin=False)
        return self._send([_FORCE_GENERIC_PLAN, (sql, values)], begin=False)

    def flush(self, *, begin: bool) -> None:
        """Send the deferred statements, if there are any."""
        if self._deferred:
            self._send(self._take_deferred(), begin=begin)

    def check_alive(self) -> None:
        """Raise ``OperationalError`` if the connection was lost since its last use.

        It is called before the commit: nothing has been sent yet, so the transaction can be repeated.
        """
        if self._libpq.status == pq.ConnStatus.BAD:
            raise psycopg.OperationalError("the connection is lost")
        while self._poll.poll(0):  # PostgreSQL's last message, then the end of the stream
            self._libpq.consume_input()

    def commit(self) -> None:
        """Send the deferred statements and commit the transaction.

        If none is open, the deferred statements need neither BEGIN nor COMMIT: PostgreSQL runs one exchange
        as one transaction.
        """
        if self._libpq.transaction_status != _IDLE:
            self._send([*self._take_deferred(), ("COMMIT", ())], begin=False)
        elif self._deferred:
            self._send(self._take_deferred(), begin=False)

    def roll_back(self) -> None:
        """Drop the deferred statements and roll back the transaction, if one is open.

        psycopg's own rollback is not used: it deallocates all prepared statements, also those of this module.
        """
        self._deferred = []
        if self._libpq.transaction_status not in _NO_TRANSACTION:
            self._send([("ROLLBACK", ())], begin=False)

    def is_idle(self) -> bool:
        """Return whether the connection works and has no open transaction."""
        return bool(self._libpq.transaction_status == _IDLE)

    def _take_deferred(self) -> list[tuple[str, Values]]:
        taken, self._deferred = self._deferred, []
        return taken

    def _send(self, statements: list[tuple[str, Values]], *, begin: bool) -> list[Any]:
        """Send all statements in one round trip and return the rows of the last one.

        If a statement fails, PostgreSQL skips those after it, and the error is raised here.
        """
        libpq = self._libpq
        is_idle = libpq.transaction_status == _IDLE
        if is_idle and begin:
            statements = [("BEGIN", ()), *statements]
        ready = [(sql, [to_text(value) for value in values]) for sql, values in statements]
        new: dict[str, bytes] = {}
        libpq.enter_pipeline_mode()
        try:
            if is_idle:
                self._deallocate()
            for sql, values in ready:
                if not self._may_prepare or not values:
                    libpq.send_query_params(sql.encode(), values)
                    continue
                name = self._names.get(sql) or new.get(sql)
                if name is not None and sql not in new:
                    self._names.move_to_end(sql)
                elif name is None:
                    self._last_number += 1
                    # Never reuse a number: after a failed exchange, some of its names may exist.
                    name = new[sql] = b"trackway_%d" % self._last_number
                    libpq.send_prepare(name, sql.encode())
                libpq.send_query_prepared(name, values)
            libpq.pipeline_sync()
            last = self._read_results()
            libpq.exit_pipeline_mode()
        except BaseException:
            if _HAS_CLOSE_MESSAGE:
                self._to_deallocate += new.values()  # some of them may have been prepared before the error
            if libpq.pipeline_status != pq.PipelineStatus.OFF:
                self._connection.close()  # later statements would read the remaining results of this exchange
            raise
        self._names.update(new)
        if not last.ntuples:
            return []
        transformer = Transformer(self._connection)
        transformer.set_pgresult(last)
        return transformer.load_rows(0, last.ntuples, tuple)

    def _deallocate(self) -> None:
        while len(self._names) > _MAX_PREPARED:
            self._to_deallocate.append(self._names.popitem(last=False)[1])
        for name in self._to_deallocate:
            if _HAS_CLOSE_MESSAGE:
                self._libpq.send_close_prepared(name)
            else:
                self._libpq.send_query_params(b"DEALLOCATE " + name, [])
        self._to_deallocate = []

    def _read_results(self) -> Any:
        """Read all results up to the sync and return the last one. Raise the first error."""
        libpq = self._libpq
        if libpq.flush():  # the socket's send buffer is full
            self._poll.modify(libpq.socket, select.POLLIN | select.POLLOUT)
            while libpq.flush():
                self._poll.poll()
                libpq.consume_input()
            self._poll.modify(libpq.socket, select.POLLIN)
        last = fault = None
        is_cancelled = False
        while True:
            while libpq.is_busy():
                if self._poll.poll(None if is_cancelled else _CHECK_EVERY_MS):
                    libpq.consume_input()
                else:
                    is_cancelled = cancel_if_unneeded(self._connection)
            result = libpq.get_result()
            if result is None:  # the end of one statement's results
                if libpq.status == pq.ConnStatus.BAD:
                    raise psycopg.OperationalError("the connection is lost")
            elif result.status == pq.ExecStatus.PIPELINE_SYNC:
                break
            elif result.status in _OK:
                last = result
            elif fault is None and result.status == pq.ExecStatus.FATAL_ERROR:
                fault = result
        if fault is not None:
            libpq.exit_pipeline_mode()
            raise errors.error_from_result(fault)
        return last


def to_text(value: Any) -> bytes | None:
    """Return a value in PostgreSQL's text format; None is NULL."""
    if value is None:
        return None
    if isinstance(value, list):
        return f"{{{','.join(_elements(value))}}}".encode()
    return _TO_TEXT[type(value)](value).encode()


def _elements(values: list[Any]) -> Sequence[str]:
    kinds = set(map(type, values))
    if len(kinds) == 1:
        (kind,) = kinds
        return list(map(_TO_ELEMENT[kind], values))
    return [_TO_ELEMENT[type(item)](item) for item in values]


def _quoted(text: str) -> str:
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


_TO_TEXT: dict[type, Callable[[Any], str]] = {
    str: str,
    int: str,
    float: repr,
    bool: lambda value: "t" if value else "f",
    bytes: lambda value: "\\x" + value.hex(),
}
_TO_ELEMENT: dict[type, Callable[[Any], str]] = {
    **_TO_TEXT,
    str: _quoted,
    bytes: lambda value: _quoted("\\x" + value.hex()),
    type(None): lambda value: "NULL",
}

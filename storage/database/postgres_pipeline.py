"""Hot statements on PostgreSQL, by libpq's pipeline: what needs no answer goes out with the next that does.

A round trip costs two changes of process, 30 to 60 microseconds where both share a machine, and each
statement by psycopg's cursors as much again. Logging a metric takes two trips this way, else five:

    BEGIN, UPDATE runs ... RETURNING  |  INSERT INTO series and points, INSERT INTO audit, COMMIT

and one where the run was seen before (``seen.py``).

psycopg stays responsible for the connection and sees each change of its transaction, which libpq keeps.
"""

from __future__ import annotations

import select
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from psycopg import errors, pq
from psycopg.adapt import Transformer

Values = Sequence[Any]
# As many as psycopg keeps, and again as many for ours. Each takes the database some 50 kB: filters of
# searches are of ever other shapes.
_MOST_PREPARED = 200
# With libpq 17 by a message of the protocol, which poolers understand, and which a name that is not there
# does not disturb.
_CAN_CLOSE = pq.version() >= 170000
_OK = {pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK}
_IDLE = pq.TransactionStatus.IDLE
_NO_TRANSACTION = {_IDLE, pq.TransactionStatus.UNKNOWN}  # unknown where the connection is lost

# Until the end of the exchange, which without a BEGIN is a transaction of its own.
_PLAN_ONCE = ("SELECT set_config('plan_cache_mode', $1, true)", ("force_generic_plan",))


class Pipeline:
    """One connection. Statements have ``$1`` for the first value and say its type where it matters."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._libpq = connection.pgconn
        self._prepares = connection.prepare_threshold is not None
        # Prepared on this connection, by text; those used last are at the end.
        self._names: OrderedDict[str, bytes] = OrderedDict()
        self._number = 0
        self._unneeded: list[bytes] = []
        self._deferred: list[tuple[str, Values]] = []
        self._poll = select.poll()
        self._poll.register(self._libpq.socket, select.POLLIN)

    def start(self) -> None:
        """Forget what an earlier transaction left unsent."""
        self._deferred = []

    def defer(self, sql: str, values: Values) -> None:
        """Have a statement run before the next one that is; its faults come with that."""
        self._deferred.append((sql, values))

    def run(self, sql: str, values: Values, *, begin: bool) -> list[Any]:
        """The rows that a statement returns. With ``begin``, in a transaction, which may begin here."""
        return self._send([*self._take_deferred(), (sql, values)], begin=begin)

    def run_with_generic_plan(self, sql: str, values: Values) -> list[Any]:
        """The rows of a statement outside of a transaction, which the database plans once for any values."""
        if not self._prepares:
            return self.run(sql, values, begin=False)
        return self._send([_PLAN_ONCE, (sql, values)], begin=False)

    def flush(self, *, begin: bool) -> None:
        if self._deferred:
            self._send(self._take_deferred(), begin=begin)

    def check_alive(self) -> None:
        """Raise where the connection was lost while nobody used it: nothing was sent, so another can be."""
        if self._libpq.status == pq.ConnStatus.BAD:
            raise psycopg.OperationalError("the connection is lost")
        while self._poll.poll(0):  # a farewell, then the end
            self._libpq.consume_input()

    def commit(self) -> None:
        """Send what waits, and end the transaction where there is one.

        What one exchange holds is a transaction of its own: it needs no BEGIN, and its end is the COMMIT.
        """
        if self._libpq.transaction_status != _IDLE:
            self._send([*self._take_deferred(), ("COMMIT", ())], begin=False)
        elif self._deferred:
            self._send(self._take_deferred(), begin=False)

    def roll_back(self) -> None:
        """End the transaction, if there is one, as if it had not been.

        psycopg's own rollback deallocates all prepared statements as well, these included.
        """
        self._deferred = []
        if self._libpq.transaction_status not in _NO_TRANSACTION:
            self._send([("ROLLBACK", ())], begin=False)

    def is_idle(self) -> bool:
        """Whether the connection is in no transaction, and good for another."""
        return bool(self._libpq.transaction_status == _IDLE)

    def _take_deferred(self) -> list[tuple[str, Values]]:
        taken, self._deferred = self._deferred, []
        return taken

    def _send(self, statements: list[tuple[str, Values]], *, begin: bool) -> list[Any]:
        """Send all in one trip; the rows of the last. The first fault is raised, what follows it not run."""
        libpq = self._libpq
        is_idle = libpq.transaction_status == _IDLE
        if is_idle and begin:
            statements = [("BEGIN", ()), *statements]
        ready = [(sql, [to_text(value) for value in values]) for sql, values in statements]
        new: dict[str, bytes] = {}
        libpq.enter_pipeline_mode()
        try:
            if is_idle:
                self._close_unneeded()
            for sql, values in ready:
                if not self._prepares or not values:
                    libpq.send_query_params(sql.encode(), values)
                    continue
                name = self._names.get(sql) or new.get(sql)
                if name is not None and sql not in new:
                    self._names.move_to_end(sql)
                elif name is None:
                    self._number += 1
                    # Never a name again that may be taken: of an exchange that failed, some may be.
                    name = new[sql] = b"trackway_%d" % self._number
                    libpq.send_prepare(name, sql.encode())
                libpq.send_query_prepared(name, values)
            libpq.pipeline_sync()
            last = self._received()
            libpq.exit_pipeline_mode()
        except BaseException:
            if _CAN_CLOSE:
                self._unneeded += new.values()  # some of them were prepared before the fault
            if libpq.pipeline_status != pq.PipelineStatus.OFF:
                self._connection.close()  # answers may still come, and nobody would know whose they are
            raise
        self._names.update(new)
        if not last.ntuples:
            return []
        transformer = Transformer(self._connection)
        transformer.set_pgresult(last)
        return transformer.load_rows(0, last.ntuples, tuple)

    def _close_unneeded(self) -> None:
        while len(self._names) > _MOST_PREPARED:
            self._unneeded.append(self._names.popitem(last=False)[1])
        for name in self._unneeded:
            if _CAN_CLOSE:
                self._libpq.send_close_prepared(name)
            else:
                self._libpq.send_query_params(b"DEALLOCATE " + name, [])
        self._unneeded = []

    def _received(self) -> Any:
        """The last result before the end of the pipeline, read to its end. Raises the first fault."""
        libpq = self._libpq
        if libpq.flush():  # more than the socket holds
            self._poll.modify(libpq.socket, select.POLLIN | select.POLLOUT)
            while libpq.flush():
                self._poll.poll()
                libpq.consume_input()
            self._poll.modify(libpq.socket, select.POLLIN)
        last = fault = None
        while True:
            while libpq.is_busy():
                self._poll.poll()
                libpq.consume_input()
            result = libpq.get_result()
            if result is None:  # the end of a statement's results
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
    """A value as PostgreSQL reads its text."""
    if value is None:
        return None
    if isinstance(value, list):
        return f"{{{','.join(_elements(value))}}}".encode()
    return _texts[type(value)](value).encode()


def _elements(values: list[Any]) -> Sequence[str]:
    kinds = set(map(type, values))
    if len(kinds) == 1:
        (kind,) = kinds
        return list(map(_quoted if kind is str else _texts[kind], values))
    return [
        "NULL" if value is None else _quoted(value) if isinstance(value, str) else _texts[type(value)](value)
        for value in values
    ]


def _quoted(text: str) -> str:
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


_texts: dict[type, Callable[[Any], str]] = {
    str: str,
    int: str,
    float: repr,
    bool: lambda value: "t" if value else "f",
}

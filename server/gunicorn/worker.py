"""The worker: gunicorn's threads, with what 26.2 lacks for a server whose clients keep connections."""

from __future__ import annotations

import errno
import logging
import select
import threading
import time
from collections.abc import Iterable
from functools import partial
from itertools import islice
from selectors import EVENT_READ
from typing import Any

from gunicorn import sock as gunicorn_sock
from gunicorn.http import errors as http_errors
from gunicorn.http import parser as http_parser
from gunicorn.http import wsgi
from gunicorn.workers.gthread import ThreadWorker

from trackway.client_compat import errors

from ..jobs.runner import Runner
from ..responses import error_answer
from . import compat_26, response, socket_timeouts
from .affinity import Affinity
from .fast_path import FastPath
from .lingering_close import LingeringClose
from .malloc import Trim
from .response import Writer
from .thread_pool import Pool

log = logging.getLogger("trackway.server")

# How long a thread stays with a connection for its next request. Eight Python clients on two busy cores send
# one every 14 to 18 ms each, now and then after 30; to hand the connection on and back takes a fifth of a
# request's processor time.
_NEXT_REQUEST_MS = 100
# How long a worker waits for another one to take a new connection, for each that it has itself.
_ACCEPT_DELAY_S = 0.00005
_MAX_DELAYS = 6
# How long a worker rests that can take no connection: it is told of it again at once.
_FULL_PAUSE_S = 0.05
# How long a new connection may say nothing.
_FIRST_BYTES_S = 10.0
# How long a body that nobody read may take to come.
_DRAIN_S = 0.25


def install_patches() -> None:
    """Put our parts in the places of gunicorn's; before the fork, so that the workers share them."""
    compat_26.install_patches()
    http_parser.SocketUnreader = socket_timeouts.TimedUnreader
    gunicorn_sock.ssl_wrap_socket = socket_timeouts.tls_handshake
    wsgi.Response = response.Response


class Worker(ThreadWorker):  # type: ignore[misc]
    """gthread, with what it lacks for us.

    - A stop does not wait for idle connections (26.2 waits out the graceful time-out, 30 s, as soon as
      one client keeps a connection, which every MLflow client does).
    - A connection that says nothing keeps no thread (gthread gives it one for up to 5 s), and one that
      stops in the middle keeps none for long (see ``arrivals``).
    - A chunk's size line has a bound (26.2 scans it again at each read: 4 MiB cost 1 s of CPU).
    - A client that does not hang up keeps nobody waiting: gthread waits for it in the one thread that
      hands out all others' requests, for up to 2 s each.
    - Kept connections, however many, keep no new one out.
    - Requests that are no HTTP are refused in the protocol's shape, not as HTML.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # gthread keeps none beyond, however long others have been silent; here those make room.
        self.max_keepalived = self.worker_connections
        self._waiting_lock = threading.Lock()
        self._waiting = 0
        self._lingering = LingeringClose(self._close)
        self._is_full = False
        self._fast_path: FastPath | None = None
        self._trim = Trim()
        self._runner: Runner | None = None

    def run(self) -> None:
        extensions = getattr(self.wsgi, "extensions", {})
        backend = extensions.get("trackway")
        if backend and self._has_fast_path():
            self._fast_path = FastPath(self.wsgi.wsgi_app)
        self._runner = extensions.get("trackway.jobs")
        if self._runner:
            self._runner.stand_by()
        try:
            super().run()
        finally:
            if self._runner:
                self._runner.stop()
            if backend:
                # The last to leave folds SQLite's log into the one file, which is then a whole copy.
                backend.close()

    def get_thread_pool(self) -> Pool:
        if not self.app.config.cpu_affinity:
            return Pool(self.cfg.threads)
        # By the parent's number, so that two servers on one machine seldom begin with the same processor.
        return Pool(self.cfg.threads, Affinity(self.ppid + self.age))

    def handle(self, conn: Any) -> Any:
        """Answer a connection's requests in one pool thread while they come one upon the other.

        gthread gives the connection back to the main thread after each request, and takes it again
        for the next: three thread switches, which cost more than the request itself.
        """
        keep = self._handle_next(conn)
        while keep is True and self.alive and self._next_request_comes(conn):
            keep = self._handle_next(conn)
        return keep

    def _handle_next(self, conn: Any) -> Any:
        if conn.parser is not None:
            conn.parser.unreader.begin()
            if self._fast_path and not conn.is_http2:
                keep = self._fast_path.serve(conn)
                if keep is not None:
                    return keep
        return super().handle(conn)

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        """A body that nobody read is passed over where it comes at once; gthread waits 5 s for it."""
        return keepalive and bool(conn.parser.finish_body(deadline=time.monotonic() + _DRAIN_S))

    def _next_request_comes(self, conn: Any) -> bool:
        """Whether the next request comes at once; waits a little while half of the threads are to spare."""
        if conn.parser.unreader.buf.tell():  # it came in one packet with the last one
            return True
        poll = getattr(conn, "poll", None)
        if poll is None:
            poll = conn.poll = select.poll()
            poll.register(conn.sock, select.POLLIN)
        if self.tpool._work_queue.qsize():  # others are waiting for a thread
            return False
        with self._waiting_lock:
            may_wait = self._waiting < self.cfg.threads // 2
            self._waiting += may_wait
        if not may_wait:
            return False
        try:
            return bool(poll.poll(_NEXT_REQUEST_MS))
        finally:
            with self._waiting_lock:
                self._waiting -= 1

    def _has_fast_path(self) -> bool:
        """Whether gunicorn was asked for nothing that it does around each request."""
        cfg = self.cfg
        asked = (cfg.is_ssl, cfg.accesslog, cfg.statsd_host, cfg.max_requests, cfg.proxy_protocol != "off")
        return not any(asked) and not self.app.config.variables.script_name

    def _close_kept(self, conns: Iterable[Any]) -> None:
        for conn in conns:
            self.keepalived_conns.remove(conn)
            self.poller.unregister(conn.sock)
            self._close(conn)

    def accept(self, listener: Any) -> None:
        """Take a new connection, the later the more this worker has: so each takes its share.

        The system wakes all workers for each. Where one had taken all of eight, it answered 1,770 requests
        a second, its threads waiting for Python's lock; two with four each answered 4,800. Where clients take
        a new connection for each request, the wait costs a quarter of the rate.
        """
        if self.cfg.workers > 1:
            time.sleep(min(self.nr_conns, _MAX_DELAYS) * _ACCEPT_DELAY_S)
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            log.warning("no new connection can be taken, too many files are open: %s", error)
            self._is_full = True  # room is made when no other event is under way
            time.sleep(_FULL_PAUSE_S)

    def enqueue_req(self, conn: Any) -> None:
        """Give a connection to the pool, a new one only when its first bytes are there."""
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
            return
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + _FIRST_BYTES_S
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        if not self.alive:
            # First those whose next request is already here, then the rest have nothing to lose.
            super().wait_for_and_dispatch_events(0)
            self._close_idle()
            timeout = min(timeout, 0.1)
        if self.alive and (self._is_full or self.nr_conns >= self.worker_connections):
            self._make_room()
        super().wait_for_and_dispatch_events(timeout)
        self._trim.when_due()
        if self._runner and self.alive:
            self._runner.check_leadership()

    def _make_room(self) -> None:
        """Close those kept connections that were silent longest; gthread would wait till they end.

        Those with which a thread stays are not among the kept ones yet, so a moment's silence is not enough.
        """
        self._is_full = False
        longest = islice(self.keepalived_conns, self.worker_connections // 10 or 1)
        silent_until = time.monotonic() + self.cfg.keepalive - _NEXT_REQUEST_MS / 1000
        self._close_kept([conn for conn in longest if conn.timeout <= silent_until])
        self.set_accept_enabled(self.nr_conns < self.worker_connections)

    def _close_idle(self) -> None:
        self._close_kept(list(self.keepalived_conns))
        for conn in self.pending_conns:
            conn.timeout = 0.0
        self.murder_pending()

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Called in the main thread when a pool thread is done with a connection."""
        is_over = fs.cancelled() or fs.exception() is not None or not fs.result()
        if is_over or not self.alive:
            self._lingering.add(conn, self.poller)
        else:
            super().finish_request(conn, fs)

    def _close(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.close()

    def murder_pending(self) -> None:
        super().murder_pending()
        self._lingering.close_overdue(self.poller)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Answer what never became a request; the connection is closed afterwards."""
        status = _STATUS_OF.get(type(exc), 400 if isinstance(exc, http_errors.ParseException) else 500)
        if status == 500:
            error: errors.ApiError = errors.Internal("Something went wrong in the server.")
            error.__cause__ = exc  # which the log has
        else:
            log.warning("refused what %s sent: %s", addr[0] if addr else "-", exc)
            error = errors.BadRequest(f"This is no request that the server can read: {exc}", status=status)
        answer = error_answer(error, "")
        headers = [*answer.headers, ("Content-Length", str(len(answer.body))), ("Connection", "close")]
        try:
            Writer().write(client, answer._replace(headers=headers))
        except OSError:
            log.debug("the client did not wait for the answer")


_STATUS_OF: dict[type[Exception], int] = {
    http_errors.LimitRequestHeaders: 431,
    http_errors.LimitRequestLine: 414,
    http_errors.ExpectationFailed: 417,
    http_errors.UnsupportedTransferCoding: 501,
    http_errors.ForbiddenProxyRequest: 403,
}

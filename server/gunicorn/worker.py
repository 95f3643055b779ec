"""The worker class: gunicorn's gthread worker with corrections for clients that keep their connections."""

from __future__ import annotations

import errno
import logging
import select
import socket
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
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
from trackway.storage.database import set_cancelled

from ..jobs.runner import Runner
from ..responses import Answer, error_answer
from . import compat_26, receiving, response, socket_timeouts
from .affinity import Affinity
from .client_left import has_left
from .current_connection import set_connection
from .fast_path import FastPath
from .incoming_request import IncomingRequest
from .lingering_close import LingeringClose
from .malloc import Trim
from .receiving import Receiving
from .response import Writer
from .sending import Sending
from .socket_timeouts import receive
from .thread_pool import Pool

log = logging.getLogger("trackway.server")

# How long a pool thread waits for the next request on a connection. Eight Python clients on two busy cores
# each send a request every 14 to 18 ms, sometimes after 30 ms. To pass a connection to the main thread and
# back takes a fifth of a request's processor time.
_NEXT_REQUEST_S = 0.1
# How long a pool thread waits for the rest of a request. On a busy machine a normal client pauses for 10 ms
# or more between head and body.
_REST_OF_REQUEST_S = 0.1
# A worker delays accepting a new connection by this time for each connection it has, up to a maximum number,
# so that a worker with fewer connections accepts it first.
_ACCEPT_DELAY_S = 0.00005
_MAX_DELAYS = 6
# How long a worker pauses when it cannot open another file. The poller would report the connection again at
# once.
_FULL_PAUSE_S = 0.05
# How long a new connection may send nothing before it is closed.
_FIRST_BYTES_S = 10.0
# How long the rest of an unread body may take to arrive if the connection is to be kept.
_DRAIN_S = 0.25
_MAX_HEALTH_BYTES = 2048
# How long a request may wait for a thread before further ones are answered 503.
_MAX_QUEUE_S = 10.0
# How often the main thread looks for clients that are too slow.
_CHECK_S = 1.0
# The result of a task whose request is not complete: the main thread receives the rest.
_INCOMPLETE = object()


def install_patches() -> None:
    """Replace parts of gunicorn. Call this before gunicorn forks, so that the workers share their memory."""
    compat_26.install_patches()
    http_parser.SocketUnreader = socket_timeouts.TimedUnreader
    gunicorn_sock.ssl_wrap_socket = receiving.wrap_tls
    wsgi.Response = response.Response


class Worker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's gthread worker with these differences:

    - A stopping server closes idle connections at once. gunicorn 26.2 waits for the graceful time-out, 30 s,
      if any client keeps a connection, and every MLflow client does.
    - A new connection gets a thread when its first bytes arrive; gthread occupies a thread for up to 5 s.
    - The main thread receives what is incomplete (``receiving``) and sends what the client does not take at
      once (``sending``), and answers ``/health``. Only requests of more than 1 MiB and streamed responses
      are waited for in a thread (``socket_timeouts``, ``client_waits``).
    - A chunk's size line has a maximum length. gunicorn 26.2 scans the line again at each read, so that a
      line of 4 MiB takes 1 s of processor time (``compat_26``).
    - A client that does not close its side delays no other request. gthread waits for it in the main thread,
      which dispatches all requests, for up to 2 s (``lingering_close``).
    - If the maximum number of connections is reached, idle ones are closed to accept new ones.
    - The response to a malformed HTTP request is JSON in the protocol's form, not HTML.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # gthread closes connections beyond a lower number after their request. Here all are kept, and
        # _make_room closes those that have been idle longest.
        self.max_keepalived = self.worker_connections
        self._waiting_lock = threading.Lock()
        self._waiting = 0
        self._lingering = LingeringClose(self._close)
        self._receiving = Receiving(super().enqueue_req, self._refuse_received, self._close)
        self._sending = Sending(self._finish_response, self._close)
        self._next_check = 0.0
        self._is_full = False
        self._fast_path: FastPath | None = None
        self._health_line = b""
        self._trim = Trim()
        self._runner: Runner | None = None

    def run(self) -> None:
        extensions = getattr(self.wsgi, "extensions", {})
        backend = extensions.get("trackway")
        if backend and self._has_fast_path():
            self._fast_path = FastPath(self.wsgi.wsgi_app, self._wait)
            self._health_line = f"GET {backend.config.static_prefix}/health HTTP/1.1\r\n".encode()
        if backend and self.age == 1:  # the first worker of the server
            backend.start_artifact_check()
        if backend:
            backend.usage.start()
        self._runner = extensions.get("trackway.jobs")
        if self._runner:
            self._runner.stand_by()
        try:
            super().run()
        finally:
            if self._runner:
                self._runner.stop()
            if backend:
                backend.write_pending()
                # When the last process closes the database, SQLite merges its write-ahead log into the file.
                backend.close()

    def get_thread_pool(self) -> Pool:
        config = self.app.config
        # The parent's process id is included so that several servers on one machine seldom begin with the
        # same processor.
        affinity = Affinity(self.ppid + self.age) if config.cpu_affinity else None
        return Pool(self.cfg.threads, affinity, config.transfer_timeout)

    def handle(self, conn: Any) -> Any:
        """Answer requests of a connection in one pool thread as long as they follow each other quickly.

        Return whether the connection can be kept, or ``_INCOMPLETE`` if its next request has not arrived yet.
        gthread returns a connection to the main thread after each request; the three thread switches cost
        more than the request itself.
        """
        set_connection(conn)
        set_cancelled(partial(has_left, conn))
        try:
            keep = self._handle_next(conn)
            while keep is True and self.alive and not conn.unsent and self._has_next_request(conn):
                keep = self._handle_next(conn)
            return keep
        finally:
            set_cancelled(None)
            set_connection(None)

    def _handle_next(self, conn: Any) -> Any:
        if not conn.initialized:
            conn.sock.setblocking(True)
            try:
                conn.init()
            except OSError:
                log.debug("the client closed a new connection")
                return False
        if conn.is_http2:
            return super().handle(conn)
        if conn.sock.gettimeout() is not None:
            # The poller or a transfer has set one. While one is set, Python waits even with MSG_DONTWAIT.
            conn.sock.settimeout(None)
        if conn.incoming is not None:  # the main thread has received it
            conn.parser.unreader.unread(bytes(conn.incoming.data))
            conn.incoming = None
        conn.parser.unreader.begin()
        conn.takes_interim = not self.cfg.is_ssl
        deadline = time.monotonic() + _REST_OF_REQUEST_S
        if self._fast_path:
            keep = self._fast_path.serve(conn, deadline)
            if keep is not None:
                return keep
        if not self._is_complete(conn, deadline):
            return _INCOMPLETE
        return super().handle(conn)

    def _is_complete(self, conn: Any, deadline: float) -> bool:
        """Return whether gunicorn can read the next request without waiting, or must see that there is none.

        Otherwise the bytes that have arrived are in ``conn.incoming``, for the main thread.
        """
        unreader = conn.parser.unreader
        request = IncomingRequest(unreader.take_buffered())
        while not request.is_ready:
            part = receive(conn.sock)
            if part is None and self._wait(conn, deadline):
                part = receive(conn.sock)
            if part is None:
                conn.incoming = request
                return False
            if not part:
                break
            request.add(part)
        unreader.unread(bytes(request.data))
        return True

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer a request. Raise ``UnsupportedTransferCoding`` for codings that gunicorn would ignore."""
        for name, value in req.headers:
            if name == "TRANSFER-ENCODING" and value.strip().lower() != "chunked":
                raise http_errors.UnsupportedTransferCoding(value)
        conn.takes_interim = conn.takes_interim and req.version == (1, 1)
        return super().handle_request(req, conn)

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        """Discard the rest of an unread body. gthread waits up to 5 s for it, this worker 0.25 s."""
        return keepalive and bool(conn.parser.finish_body(deadline=time.monotonic() + _DRAIN_S))

    def _has_next_request(self, conn: Any) -> bool:
        """Return whether the next request has begun to arrive, or does within a short time."""
        # A client may send several requests at once.
        return bool(conn.parser.unreader.buf.tell()) or self._wait(conn, time.monotonic() + _NEXT_REQUEST_S)

    def _wait(self, conn: Any, deadline: float) -> bool:
        """Wait in a pool thread until a connection is readable. Return False if it is not until ``deadline``.

        At most half of the threads wait at the same time, and none waits if a task is queued for the pool.
        """
        poll = getattr(conn, "poll", None)
        if poll is None:
            poll = conn.poll = select.poll()
            poll.register(conn.sock, select.POLLIN)
        if self.tpool._work_queue.qsize():  # other connections are waiting for a thread
            return False
        with self._waiting_lock:
            may_wait = self._waiting < self.cfg.threads // 2
            self._waiting += may_wait
        if not may_wait:
            return False
        try:
            return bool(poll.poll(max(0.0, deadline - time.monotonic()) * 1000))
        finally:
            with self._waiting_lock:
                self._waiting -= 1

    def _has_fast_path(self) -> bool:
        """Return whether no option is set that the fast path does not support.

        Such options need work by gunicorn at each connection or request: TLS, gunicorn's access log, statsd,
        a maximum number of requests, the PROXY protocol, SCRIPT_NAME.
        """
        cfg = self.cfg
        options = (cfg.is_ssl, cfg.accesslog, cfg.statsd_host, cfg.max_requests, cfg.proxy_protocol != "off")
        return not any(options) and not self.app.config.variables.script_name

    def _close_idle(self, conns: Iterable[Any]) -> None:
        for conn in conns:
            self.keepalived_conns.remove(conn)
            self.poller.unregister(conn.sock)
            self._close(conn)

    def accept(self, listener: Any) -> None:
        """Accept a new connection, with a delay that grows with the number of connections of this worker.

        The delay distributes the connections evenly, because the system wakes all workers for each new one.
        One worker that had accepted all of eight connections answered 1,770 requests a second, as its threads
        waited for Python's global interpreter lock; two workers with four connections each answered 4,800. If
        clients open a connection for each request, the delay reduces the rate by a quarter.
        """
        if self.cfg.workers > 1:
            time.sleep(min(self.nr_conns, _MAX_DELAYS) * _ACCEPT_DELAY_S)
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            log.warning("cannot accept a connection, too many files are open: %s", error)
            self._is_full = True  # connections are closed later, when no event is being dispatched
            time.sleep(_FULL_PAUSE_S)

    def enqueue_req(self, conn: Any) -> None:
        """Submit a connection to the thread pool; a new one only after its first bytes have arrived."""
        if conn.initialized or conn.data_ready:
            if self._answer_health(conn):
                return
            if self.tpool.queue_s() > _MAX_QUEUE_S:
                busy = errors.Unavailable("The server is busy; try again in a moment.", retry_after_s=5)
                self._refuse(conn, busy)
                return
            super().enqueue_req(conn)
            return
        conn.unsent, conn.incoming, conn.is_cut, conn.was_probed = b"", None, False, False
        conn.sock.setblocking(False)
        if self.cfg.is_ssl:
            self._receiving.add_tls(conn, self.poller)
            return
        conn.timeout = time.monotonic() + _FIRST_BYTES_S
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def _answer_health(self, conn: Any) -> bool:
        """Answer ``GET /health`` in the main thread. Return False for any other request.

        The response needs no database, so it also comes while all threads wait for one.
        """
        if self._fast_path is None:
            return False
        try:
            head = conn.sock.recv(_MAX_HEALTH_BYTES, socket.MSG_PEEK | socket.MSG_DONTWAIT)
            if not head.startswith(self._health_line) or not head.endswith(b"\r\n\r\n"):
                return False
            conn.sock.setblocking(True)
            conn.init()
        except OSError:
            return False
        if conn.is_http2:
            return False
        set_connection(conn)
        try:
            keep = self._fast_path.serve(conn, 0.0)
        finally:
            set_connection(None)
        if keep is None:
            return False
        self._finish_request(conn, keep)
        return True

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        if not self.alive:
            # Dispatch requests that have already arrived. All other connections can then be closed.
            super().wait_for_and_dispatch_events(0)
            self._close_all_idle()
            timeout = min(timeout, 0.1)
        if self.alive and (self._is_full or self.nr_conns >= self.worker_connections):
            self._make_room()
        super().wait_for_and_dispatch_events(min(timeout, self._receiving.next_check_s()))
        self._receiving.resume(self.poller)
        self._check_slow_clients()
        self._trim.when_due()
        if self._runner and self.alive:
            self._runner.check_leadership()

    def _check_slow_clients(self) -> None:
        now = time.monotonic()
        if now >= self._next_check:
            self._next_check = now + _CHECK_S
            self._receiving.check(self.poller)
            self._sending.check(self.poller)
            self.tpool.check_client_waits()

    def _make_room(self) -> None:
        """Close up to a tenth of the connections, those idle longest. gthread would wait until they time out.

        Only connections that have been idle in the poller for ``_NEXT_REQUEST_S`` are closed. A more recent
        one may be in use: pool threads return a connection only after they have waited for its next request.
        """
        self._is_full = False
        self._receiving.refuse_first(self.poller, "the server has as many connections as it can have")
        longest_idle = islice(self.keepalived_conns, self.worker_connections // 10 or 1)
        latest_timeout = time.monotonic() + self.cfg.keepalive - _NEXT_REQUEST_S
        self._close_idle([conn for conn in longest_idle if conn.timeout <= latest_timeout])
        self.set_accept_enabled(self.nr_conns < self.worker_connections)

    def _close_all_idle(self) -> None:
        self._close_idle(list(self.keepalived_conns))
        for conn in self.pending_conns:
            conn.timeout = 0.0
        self.murder_pending()
        self._receiving.refuse_heads(self.poller, "the server stops")

    def is_parent_alive(self) -> bool:
        """Return whether the master process lives. If not, stop as after a signal: close idle connections.

        gthread would keep the port for up to 30 s while one client keeps a connection.
        """
        if not super().is_parent_alive():
            self.alive = False
        return bool(self.alive)

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Go on with a connection. gunicorn calls this in the main thread after a pool thread's work."""
        keep = not fs.cancelled() and fs.exception() is None and fs.result()
        try:
            if keep is _INCOMPLETE:
                self._receiving.add(conn, self.poller)
            else:
                self._finish_request(conn, bool(keep))
        except (OSError, ValueError, KeyError):  # the socket is closed already
            log.debug("a connection was closed while its request was answered")
            self._close(conn)

    def _finish_request(self, conn: Any, keep: bool) -> None:
        conn.keep = keep
        if conn.unsent:
            self._sending.add(conn, self.poller)
        else:
            self._finish_response(conn)

    def _finish_response(self, conn: Any) -> None:
        if not (conn.keep and self.alive):
            self._lingering.add(conn, self.poller)
        elif conn.parser.unreader.buf.tell():
            self.enqueue_req(conn)
        else:
            conn.sock.setblocking(False)
            conn.set_timeout()
            self.keepalived_conns.append(conn)
            self.poller.register(conn.sock, EVENT_READ, partial(self.on_client_socket_readable, conn))

    def _refuse_received(self, conn: Any, reason: str) -> None:
        message = f"The request was refused: {reason}. Nothing was stored."
        self._refuse(conn, errors.BadRequest(message, status=408))

    def _refuse(self, conn: Any, error: errors.ApiError) -> None:
        """Answer a request that no thread will read, without waiting for the client. Close the connection."""
        answer = _last_answer(error)
        with suppress(OSError):
            conn.sock.setblocking(False)
            conn.sock.send(Writer().head(answer) + answer.body)
        self._lingering.add(conn, self.poller)

    def _close(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.close()

    def murder_pending(self) -> None:
        super().murder_pending()
        self._lingering.close_overdue(self.poller)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Send an error response if a request cannot be parsed. gunicorn then closes the connection."""
        status = _STATUS_OF.get(type(exc), 400 if isinstance(exc, http_errors.ParseException) else 500)
        if status == 500:
            error: errors.ApiError = errors.Internal("Internal server error; the server's log has details.")
            error.__cause__ = exc  # error_answer logs the cause
        else:
            log.warning("refused a request from %s: %s", addr[0] if addr else "-", exc)
            error = errors.BadRequest(f"The server cannot read this request: {exc}", status=status)
        try:
            Writer().write(client, _last_answer(error))
        except OSError:
            log.debug("the client closed the connection before the response")


def _last_answer(error: errors.ApiError) -> Answer:
    """Return the response for an error after which the connection is closed."""
    answer = error_answer(error, "")
    length = ("Content-Length", str(len(answer.body)))
    return answer._replace(headers=[*answer.headers, length, ("Connection", "close")])


_STATUS_OF: dict[type[Exception], int] = {
    http_errors.LimitRequestHeaders: 431,
    http_errors.LimitRequestLine: 414,
    http_errors.ExpectationFailed: 417,
    http_errors.UnsupportedTransferCoding: 501,
    http_errors.ForbiddenProxyRequest: 403,
}

"""Transfers: requests with a file as request or response body, and the registration of their handlers.

As in ``dispatch``, the steps are: decode the request, check the permission, call the handler. No transaction
is open while a client sends or receives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

from trackway.client_compat import codec
from trackway.client_compat.errors import PermissionDenied, QuotaExceeded
from trackway.client_compat.wire import Endpoint, Message

from ..auth.policy import Permission
from ..backend import Backend
from ..dispatch import Context, Transactions
from ..request_body import RequestBody, parse_query
from ..responses import JSON_TYPE, Answer, Headers, Stream
from . import waiting
from .router import Request

M = TypeVar("M", bound=Message)

# A shorter response body fits into the socket's buffer, so that sending it does not wait for the client.
_SHORT_BODY_BYTES = 256 * 1024


class Transfer(Context):
    """The context of a transfer's handler: ``dispatch.Context`` with the request and response body."""

    __slots__ = ()

    @contextmanager
    def upload(self) -> Iterator[RequestBody]:
        """Yield the request's body. In the block, the thread pool does not count the thread as busy."""
        with waiting.for_client(receives=True):
            timeout_s = self.config.transfer_timeout
            waiting.set_timeout(self.request.environ, timeout_s)
            yield RequestBody(self.request.environ, timeout_s)

    def download(
        self,
        status: int,
        headers: Headers,
        chunks: Iterator[bytes],
        close: Callable[[], None],
        size: int | None,
    ) -> Stream:
        """Return a response with the chunks as body.

        ``close`` is called at the end, also if the client has gone. ``size`` is the number of bytes or None.
        """
        waiting.set_timeout(self.request.environ, self.config.transfer_timeout)
        return Stream(status, headers, _Download(chunks, close, size is None or size > _SHORT_BODY_BYTES))


class _Download:
    """A response body. While a long one is sent, the thread pool does not count the thread as busy."""

    def __init__(self, chunks: Iterator[bytes], close: Callable[[], None], is_long: bool) -> None:
        self._chunks = chunks
        self._close = close
        self._pool = waiting.begin_client_wait(receives=False) if is_long else None

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def close(self) -> None:
        """Close the file. The WSGI server calls this after the last chunk, or if the client has gone."""
        waiting.end_client_wait(self._pool)
        self._pool = None
        self._close()


Handler = Callable[[Transfer, M], Answer | Stream]


class Registered(NamedTuple):
    call: Callable[[Transfer, Any], Answer | Stream]
    can: Permission


HANDLERS: dict[type[Message], Registered] = {}


def transfers(message: type[M], *, can: Permission) -> Callable[[Handler[M]], Handler[M]]:
    """Register the decorated function as the handler of the transfer with this request message."""

    def register(function: Handler[M]) -> Handler[M]:
        HANDLERS[message] = Registered(function, can)
        return function

    return register


class FileTransfer:
    """The responder of an endpoint with a file as request or response body."""

    __slots__ = ("_backend", "_endpoint")

    streams = True

    def __init__(self, backend: Backend, endpoint: Endpoint) -> None:
        self._backend = backend
        self._endpoint = endpoint

    def answer(self, request: Request) -> Answer | Stream:
        call, can = HANDLERS[self._endpoint.request]
        pairs = parse_query(request.environ.get("QUERY_STRING", ""))
        pairs.update({name: [value] for name, value in request.path_values.items()})
        message = codec.decode_query(self._endpoint.request, pairs)
        transactions = Transactions(self._backend, self._endpoint.rpc, can, message, request)
        try:
            transactions.authorize()
            return call(Transfer(transactions), message)
        except (PermissionDenied, QuotaExceeded) as error:
            transactions.refused(error)
            raise


def message(answer: Message) -> Answer:
    """Return a response with a message as body, for a transfer whose response is not a file."""
    return Answer(200, [JSON_TYPE], codec.dumps(answer))

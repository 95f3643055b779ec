"""Requests that pass a file instead of a message: how they come in, and how they are answered.

Beside ``dispatch``, with the same order of things: decode, permission, handler. No transaction is held
while a client sends or receives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

from trackway.client_compat import codec
from trackway.client_compat.wire import Endpoint, Message

from ..auth.policy import Permission
from ..backend import Backend
from ..dispatch import Context, Transactions
from ..request_body import RequestBody, parse_query
from ..responses import JSON_TYPE, Answer, Headers, Stream
from . import waiting
from .router import Request

M = TypeVar("M", bound=Message)

# The body of an answer that the network's buffers take at once waits for nobody.
_SHORT = 256 * 1024


class Transfer(Context):
    """What a transfer's handler has besides its request's message."""

    __slots__ = ()

    @contextmanager
    def upload(self) -> Iterator[RequestBody]:
        """The request's body. While it is read the thread does not count as busy."""
        with waiting.for_client():
            patience_s = self.config.transfer_timeout
            waiting.set_timeout(self.request.environ, patience_s)
            yield RequestBody(self.request.environ, patience_s)

    def download(
        self,
        status: int,
        headers: Headers,
        chunks: Iterator[bytes],
        close: Callable[[], None],
        size: int | None,
    ) -> Stream:
        """An answer whose body is these chunks, ``size`` bytes in all where that is known."""
        waiting.set_timeout(self.request.environ, self.config.transfer_timeout)
        return Stream(status, headers, _Download(chunks, close, size is None or size > _SHORT))


class _Download:
    """A body on its way. While a long one is sent its thread does not count as busy."""

    def __init__(self, chunks: Iterator[bytes], close: Callable[[], None], is_long: bool) -> None:
        self._chunks = chunks
        self._close = close
        self._pool = waiting.begin_client_wait() if is_long else None

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def close(self) -> None:
        """Called by the server in the end, whether all was sent or the client is gone."""
        waiting.end_client_wait(self._pool)
        self._pool = None
        self._close()


Handler = Callable[[Transfer, M], Answer | Stream]


class Registered(NamedTuple):
    call: Callable[[Transfer, Any], Answer | Stream]
    can: Permission


HANDLERS: dict[type[Message], Registered] = {}


def transfers(message: type[M], *, can: Permission) -> Callable[[Handler[M]], Handler[M]]:
    """Make a function the handler of a request that passes a file, named by its request message."""

    def register(function: Handler[M]) -> Handler[M]:
        HANDLERS[message] = Registered(function, can)
        return function

    return register


class FileTransfer:
    """One endpoint whose request or answer is a file."""

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
        transactions.authorize()
        return call(Transfer(transactions), message)


def message(answer: Message) -> Answer:
    """A transfer's answer that is a message."""
    return Answer(200, [JSON_TYPE], codec.dumps(answer))

"""Requests that pass a file instead of a message: how they come in, and how they are answered.

Beside ``dispatch``, with the same order of things: name the caller, decode, permission, handler. No
transaction is held while a client sends or receives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

from trackway.client_compat import codec, errors
from trackway.client_compat.wire import Endpoint, Message

from ..auth.identity import identify
from ..auth.policy import Permission
from ..backend import Backend
from ..dispatch import (
    JSON_TYPE,
    Answer,
    Context,
    Environ,
    Headers,
    PathValues,
    error_answer,
    in_transactions,
    unexpected_answer,
)
from ..request_body import parse_query
from . import waiting

M = TypeVar("M", bound=Message)

# The body of an answer that the network's buffers take at once waits for nobody.
_SHORT = 256 * 1024


class Stream(NamedTuple):
    """An answer whose body comes in pieces; closed by the server in the end, also when none was taken."""

    status: int
    headers: Headers
    body: Iterable[bytes]


class Transfer(Context):
    """What a transfer's handler has besides its request."""

    __slots__ = ("environ",)

    environ: Environ

    @contextmanager
    def upload(self) -> Iterator[Upload]:
        """The request's body. While it is read the thread does not count as busy."""
        with waiting.aside():
            yield Upload(self.environ, self.config.transfer_timeout)

    def download(
        self,
        status: int,
        headers: Headers,
        chunks: Iterator[bytes],
        close: Callable[[], None],
        size: int | None,
    ) -> Stream:
        """An answer whose body is these chunks, ``size`` bytes in all where that is known."""
        be_patient(self.environ, self.config.transfer_timeout)
        return Stream(status, headers, _Download(chunks, close, size is None or size > _SHORT))


class Upload:
    """A request's body, of the length it was announced with. Raises when the client goes or stalls."""

    def __init__(self, environ: Environ, patience_s: float) -> None:
        declared = environ.get("CONTENT_LENGTH")
        if declared and not declared.isdecimal():
            raise errors.InvalidParameter(f"Content-Length is not a number: {declared!r}.")
        is_chunked = not declared and "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
        if is_chunked and not environ.get("wsgi.input_terminated"):
            # A server that does not say where chunks end would make an empty file of every upload.
            raise errors.BadRequest("An upload needs a Content-Length here.", status=411)
        # None: the chunks say where it ends.
        self.length = None if is_chunked else int(declared or 0)
        self._stream = environ["wsgi.input"]
        self._taken = 0
        self._patience_s = patience_s
        be_patient(environ, patience_s)

    def read(self, size: int) -> bytes:
        if self.length is not None:
            size = min(size, self.length - self._taken)
            if size <= 0:
                return b""
        try:
            data: bytes = self._stream.read(size)
        except TimeoutError:
            raise self._broken(f"nothing came for {self._patience_s:.0f} s", 408) from None
        except OSError as error:
            raise self._broken(str(error)) from None
        self._taken += len(data)
        if not data and self.length is not None:
            raise self._broken("the client ended it")
        return data

    def _broken(self, why: str, status: int = 400) -> errors.BadRequest:
        of = "" if self.length is None else f" of {self.length}"
        return errors.BadRequest(
            f"The upload broke off after {self._taken}{of} bytes: {why}. Nothing was stored.", status=status
        )


class _Download:
    """A body on its way. While a long one is sent its thread does not count as busy."""

    def __init__(self, chunks: Iterator[bytes], close: Callable[[], None], is_long: bool) -> None:
        self._chunks = chunks
        self._close = close
        self._pool = waiting.step_aside() if is_long else None

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def close(self) -> None:
        """Called by the server in the end, whether all was sent or the client is gone."""
        waiting.step_back(self._pool)
        self._pool = None
        self._close()


def be_patient(environ: Environ, seconds: float) -> None:
    """Bound how long a send or receive may wait. gunicorn lifts the bound at the next request."""
    connection = environ.get("gunicorn.socket")
    if connection is not None:
        connection.settimeout(seconds)


class Registered(NamedTuple):
    call: Callable[[Transfer, Any], Stream]
    can: Permission


HANDLERS: dict[type[Message], Registered] = {}


def transfers(
    message: type[M], *, can: Permission
) -> Callable[[Callable[[Transfer, M], Stream]], Callable[[Transfer, M], Stream]]:
    """Make a function the handler of a request that passes a file, named by its request message."""

    def register(function: Callable[[Transfer, M], Stream]) -> Callable[[Transfer, M], Stream]:
        HANDLERS[message] = Registered(function, can)
        return function

    return register


def answer(
    endpoint: Endpoint, backend: Backend, environ: Environ, request_id: str, path_values: PathValues
) -> Stream:
    """Do the transfer's part before the body. Never raises: whatever goes wrong is an answer, too."""
    try:
        call, can = HANDLERS[endpoint.request]
        pairs = parse_query(environ.get("QUERY_STRING", ""))
        pairs.update({name: [value] for name, value in path_values.items()})
        request = codec.decode_query(endpoint.request, pairs)
        identity = identify(environ)
        can.check(None, identity, request)
        run = in_transactions(backend.database, endpoint.rpc, can, identity, request, request_id)
        transfer = Transfer(backend, None, identity, request_id, run, path_values)
        transfer.environ = environ
        return call(transfer, request)
    except errors.ApiError as error:
        return _whole(error_answer(error, request_id))
    except Exception:
        return _whole(unexpected_answer(environ, request_id))


def message(answer: Message) -> Stream:
    return _whole(Answer(200, [JSON_TYPE], codec.dumps(answer)))


def _whole(answer: Answer) -> Stream:
    status, headers, body = answer
    return Stream(status, [*headers, ("Content-Length", str(len(body)))], [body])

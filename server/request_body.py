"""Reads the body of a request, as bytes or as JSON, and parses its query string."""

from __future__ import annotations

import functools
import json
import re
import threading
from codecs import BOM_UTF8
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from urllib.parse import parse_qs

from trackway.client_compat import errors
from trackway.client_compat import messages as m
from trackway.client_compat.scalars import UNSTORABLE
from trackway.client_compat.wire import Message

from .config import Config

Environ = dict[str, Any]

# MLflow's server checks the Content-Type of these methods only.
_METHODS_WITH_CONTENT_TYPE = frozenset({"POST", "PUT"})
# A JSON escape that may be NUL or a lone surrogate. Neither can be stored in a database.
_SUSPECT_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_MAX_QUERY_FIELDS = 5000
# Smaller batches use the codec, since the compiled decoder takes memory and time to load.
_MIN_BATCH_BYTES = 1024
# A batch of 1,000 metrics has some 100 KB, and its Python objects take ten times that. Handling one batch on
# every thread of the pool would save no time, because of Python's interpreter lock, and would leave 5 to
# 10 MiB of fragmented memory in each process.
_LARGE_BODY_BYTES = 32 * 1024
_MAX_LARGE_BODIES = 4
# Bodies may be larger than --max-message-size where MLflow's limits allow it: 200 params and tags of up to
# 8,000 characters, each escaped as six bytes; datasets with profiles of 16 MB; params of a logged model.
_LARGER: dict[type[Message], int] = {
    m.LogBatch: 16 * 2**20,
    m.LogInputs: 2**40,
    m.CreateLoggedModel: 8 * 2**20,
    m.LogLoggedModelParamsRequest: 8 * 2**20,
}
# In bodies of more than 1 MiB, values are counted before they are decoded: an empty list of 3 bytes becomes
# an object of 64.
_COUNT_FROM_BYTES = 2**20
_BUDGET_TIMEOUT_S = 5.0
_MAX_VALUES = 200_000
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_large_body_slots = threading.BoundedSemaphore(_MAX_LARGE_BODIES)
_NO_SLOT = nullcontext()


def large_body_slot(body: bytes) -> AbstractContextManager[object]:
    """Return a context manager that limits how many large bodies are decoded and handled at the same time.

    The body has been received already. Small bodies are not limited. See ``_MAX_LARGE_BODIES``.
    """
    return _large_body_slots if len(body) >= _LARGE_BODY_BYTES else _NO_SLOT


def max_body_bytes(config: Config, message: type[Message]) -> int:
    """Return how large the body of a request may be."""
    return min(config.max_request_size, max(config.max_message_size, _LARGER.get(message, 0)))


class BodyBudget:
    """Limits the bytes of all large bodies that a process receives and handles at the same time."""

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._condition = threading.Condition()

    def reservation(self, environ: Environ) -> AbstractContextManager[Reservation | None]:
        """Return a context manager for the time in which a request's body is received and handled.

        It yields None for a body that is announced to have at most 1 MiB: there are not more of those than
        threads.
        """
        length = environ.get("CONTENT_LENGTH") or "0"
        is_small = "HTTP_TRANSFER_ENCODING" not in environ and length.isdecimal()
        return _NO_SLOT if is_small and int(length) <= _COUNT_FROM_BYTES else Reservation(self)

    def take(self, size: int) -> None:
        """Raise ``Unavailable`` if so many bytes do not become free in time."""
        with self._condition:
            if not self._condition.wait_for(lambda: self._free >= size, _BUDGET_TIMEOUT_S):
                raise errors.Unavailable(
                    "The server is busy with other large requests; try again in a moment."
                )
            self._free -= size

    def give_back(self, size: int) -> None:
        with self._condition:
            self._free += size
            self._condition.notify_all()


class Reservation:
    """The bytes of one body. They are taken as they arrive: a slow client does not hold all of them."""

    def __init__(self, budget: BodyBudget) -> None:
        self._budget = budget
        self._size = 0

    def __enter__(self) -> Reservation:
        return self

    def __exit__(self, *_error: object) -> None:
        self._budget.give_back(self._size)

    def take(self, size: int) -> None:
        """Raise ``Unavailable`` if the process has too many bytes of large bodies."""
        self._budget.take(size)
        self._size += size


def read_json(environ: Environ, limit: int) -> dict[str, Any]:
    """Return the JSON object in a request's body, or an empty dict if the body is empty.

    Raise the errors of ``read_json_body`` and ``parse``.
    """
    return parse(read_json_body(environ, limit))


def read_json_body(environ: Environ, limit: int, reservation: Reservation | None = None) -> bytes:
    """Return a request's body after a check of its Content-Type.

    Raise ``InvalidParameter`` for a wrong Content-Type, ``TooLarge`` for more than ``limit`` bytes, and
    ``BadRequest`` for an incomplete body. Raise ``Unavailable`` if the reservation cannot have its bytes.
    """
    if environ["REQUEST_METHOD"] in _METHODS_WITH_CONTENT_TYPE:
        _check_content_type(environ.get("CONTENT_TYPE"))
    return RequestBody(environ).read_all(limit, reservation)


def read_batch(body: bytes) -> m.LogBatch | None:
    """Decode a large log-batch body with the compiled decoder.

    Return None for a small body and for one that only the codec can read. The caller then uses ``parse`` and
    the codec, which also reports what is wrong.
    """
    decode = _batch_decoder() if len(body) >= _MIN_BATCH_BYTES else None
    return decode(body) if decode else None


@functools.cache
def _batch_decoder() -> Callable[[bytes], m.LogBatch | None] | None:
    try:
        from .batch_decoder import decode
    except ImportError:  # msgspec has no wheel for this platform
        return None
    return decode


def check_value_count(body: bytes) -> None:
    """Raise ``InvalidParameter`` if a large JSON text has more than ``_MAX_VALUES`` values."""
    if len(body) > _COUNT_FROM_BYTES:
        rest = _STRING.sub(b"", body)
        count = rest.count(b",") + rest.count(b"[") + rest.count(b"{")
        if count > _MAX_VALUES:
            raise errors.InvalidParameter(
                f"The request body has {count:,} values; it may have at most {_MAX_VALUES:,}."
            )


def parse(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a body. An empty body and ``null`` give an empty dict.

    Raise ``InvalidParameter`` for invalid UTF-8 or JSON, for another JSON type, for values that are nested
    too deeply, and for strings that a database cannot store.
    """
    if not body:
        return {}
    try:
        return _parse(body)
    except RecursionError:
        raise nested_too_deeply() from None


def nested_too_deeply() -> errors.InvalidParameter:
    return errors.InvalidParameter("The request body is nested too deeply.")


def _parse(body: bytes) -> dict[str, Any]:
    try:
        # Python clients send bare NaN and Infinity, which json.loads accepts.
        data = json.loads(body.removeprefix(BOM_UTF8).decode())
        if isinstance(data, str):  # old clients encode the object twice
            data = json.loads(data)
    except UnicodeDecodeError:
        raise errors.InvalidParameter("The request body is not valid UTF-8.") from None
    except json.JSONDecodeError as error:
        raise errors.InvalidParameter(f"The request body is not valid JSON: {error}.") from None
    except ValueError:  # an integer of more than 4,300 digits
        raise errors.InvalidParameter("The request body contains a number with too many digits.") from None
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise errors.InvalidParameter(
            f"The request body must be a JSON object, not {errors.shown(data)[:100]}."
        )
    if _SUSPECT_ESCAPE.search(body):
        check_storable(data)
    return data


class RequestBody:
    """A request's body, with a Content-Length or chunked.

    Raise ``BadRequest`` if the body is incomplete. WSGI servers raise various exceptions for clients that
    disconnect, stall, or send malformed chunks; this class converts all of them.
    """

    def __init__(self, environ: Environ, timeout_s: float = 0.0) -> None:
        """Check the headers. ``timeout_s`` is the socket timeout, if one is set; error messages show it.

        Raise ``BadRequest`` for a malformed Content-Length, and with status 411 for a chunked body if the
        WSGI server does not support one.
        """
        declared = environ.get("CONTENT_LENGTH")
        if declared and not declared.isdecimal():
            raise errors.BadRequest(f"Content-Length is not a number: {declared!r}.")
        is_chunked = not declared and "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
        is_terminated = bool(environ.get("wsgi.input_terminated"))
        if is_chunked and not is_terminated:
            # Without wsgi.input_terminated the end of the chunks is unknown: the body would seem empty.
            raise errors.BadRequest(
                "This WSGI server does not support chunked bodies; send a Content-Length.", status=411
            )
        # None for a chunked body.
        self.length = None if is_terminated and not declared else int(declared or 0)
        self._stream = environ["wsgi.input"]
        # Bytes that were read.
        self.received = 0
        self._timeout_s = timeout_s

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes, none at the end. Raise ``BadRequest`` if the body is incomplete."""
        if self.length is not None:
            size = min(size, self.length - self.received)
        if size <= 0:
            return b""
        try:
            data: bytes = self._stream.read(size)
        except TimeoutError:
            raise self._incomplete(f"no data was received for {self._timeout_s:.0f} s", 408) from None
        except Exception as error:
            raise self._incomplete(str(error), getattr(error, "status", 400)) from None
        self.received += len(data)
        if not data and self.length is not None:
            raise self._incomplete("the client closed the connection")
        return data

    def read_all(self, limit: int, reservation: Reservation | None = None) -> bytes:
        """Return the whole body. Raise ``TooLarge`` as soon as it has more than ``limit`` bytes."""
        if self.length is not None and self.length > limit:
            raise _too_large(limit)
        left = limit + 1 if self.length is None else self.length
        most = left if reservation is None else _COUNT_FROM_BYTES
        parts = []
        while left and (data := self.read(min(left, most))):
            if reservation:
                reservation.take(len(data))
            parts.append(data)
            left -= len(data)
        if self.length is None and not left:
            raise _too_large(limit)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _incomplete(self, reason: str, status: int = 400) -> errors.BadRequest:
        of = "" if self.length is None else f" of {self.length}"
        return errors.BadRequest(
            f"The request body is incomplete after {self.received}{of} bytes: {reason}. Nothing was stored.",
            status=status,
        )


def _check_content_type(content_type: str | None) -> None:
    if content_type == "application/json":
        return
    if not content_type:
        raise errors.InvalidParameter("Bad Request. Content-Type header is missing.")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise errors.InvalidParameter("Bad Request. Content-Type must be one of ['application/json'].")


def parse_query(query: str) -> dict[str, list[str]]:
    """Return the values of each field of a query string, in their order.

    Raise ``InvalidParameter`` for too many fields and for NUL characters.
    """
    if not query.isascii():  # WSGI passes the bytes as latin-1
        query = query.encode("latin-1").decode("utf-8", "replace")
    try:
        pairs = parse_qs(query, keep_blank_values=True, max_num_fields=_MAX_QUERY_FIELDS)
    except ValueError:
        raise errors.InvalidParameter(f"The query string has more than {_MAX_QUERY_FIELDS} fields.") from None
    if "%00" in query:
        check_storable(pairs)
    return pairs


def check_storable(value: object) -> None:
    """Raise ``InvalidParameter`` if a string in ``value`` has a character that databases cannot store."""
    if isinstance(value, str):
        if found := UNSTORABLE.search(value):
            raise errors.InvalidParameter(
                f"A string must not contain the character U+{ord(found.group()):04X}: "
                f"{errors.shown(value)[:200]}."
            )
    elif isinstance(value, dict):
        for key, item in value.items():
            check_storable(key)
            check_storable(item)
    elif isinstance(value, list):
        for item in value:
            check_storable(item)


def _too_large(limit: int) -> errors.TooLarge:
    return errors.TooLarge(
        f"The request body is larger than the {limit} bytes that this server accepts for this request "
        "(--max-message-size, --max-request-size)."
    )

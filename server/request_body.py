"""What a request brings: its body, as bytes or as JSON, and its query string."""

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

Environ = dict[str, Any]

# MLflow's server looks at the type of these only.
_METHODS_WITH_CONTENT_TYPE = frozenset({"POST", "PUT"})
# An escape that may stand for NUL or for half a character, neither of which a database can keep.
_SUSPECT_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_MAX_QUERY_FIELDS = 5000
# Bytes from which a batch is worth loading the compiled decoder.
_LARGE = 1024
# A batch of 1,000 metrics has some 100 KB, and as objects takes ten times that. As many at once as there are
# threads would gain no time, for Python's lock, and leave 5 to 10 MiB of holes in each process's memory.
_HEAVY = 32 * 1024
_AT_ONCE = 4
_large = threading.BoundedSemaphore(_AT_ONCE)
_NOTHING = nullcontext()


def large_body_slot(body: bytes) -> AbstractContextManager[object]:
    """While a request with that body, which has come, is decoded and done; see ``_AT_ONCE``."""
    return _large if len(body) >= _HEAVY else _NOTHING


def read_json(environ: Environ, limit: int) -> dict[str, Any]:
    """The object in a request's body; an empty one where there is no body."""
    return parse(read_json_body(environ, limit))


def read_json_body(environ: Environ, limit: int) -> bytes:
    if environ["REQUEST_METHOD"] in _METHODS_WITH_CONTENT_TYPE:
        _check_content_type(environ.get("CONTENT_TYPE"))
    return RequestBody(environ).read_all(limit)


def read_batch(body: bytes) -> m.LogBatch | None:
    """A large batch of the ordinary kind, by a shorter way than JSON and the codec; None for others."""
    decode = _batch_decoder() if len(body) >= _LARGE else None
    return decode(body) if decode else None


@functools.cache
def _batch_decoder() -> Callable[[bytes], m.LogBatch | None] | None:
    try:
        from .batch_decoder import decode
    except ImportError:  # there is no wheel of msgspec for this platform
        return None
    return decode


def parse(body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    try:
        # Python's clients write bare NaN and Infinity; json.loads takes them.
        data = json.loads(body.removeprefix(BOM_UTF8).decode())
        if isinstance(data, str):  # old clients encode twice
            data = json.loads(data)
    except UnicodeDecodeError:
        raise errors.InvalidParameter("The request body is not valid UTF-8.") from None
    except json.JSONDecodeError as error:
        raise errors.InvalidParameter(f"The request body is not valid JSON: {error}.") from None
    except ValueError:  # an integer of more than 4,300 digits
        raise errors.InvalidParameter("The request body holds a number that is too long.") from None
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
    """A request's body: of the length it was announced with, or in chunks.

    Raises ``BadRequest`` where it does not come whole: each WSGI server has exceptions of its own for
    clients that went away, stalled, or sent chunks that are none.
    """

    def __init__(self, environ: Environ, patience_s: float = 0.0) -> None:
        """``patience_s`` is how long the connection waits for the next bytes, where somebody bounds it."""
        declared = environ.get("CONTENT_LENGTH")
        if declared and not declared.isdecimal():
            raise errors.BadRequest(f"Content-Length is not a number: {declared!r}.")
        is_chunked = not declared and "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
        ends = bool(environ.get("wsgi.input_terminated"))
        if is_chunked and not ends:
            # A server that does not say where chunks end would make an empty body of each.
            raise errors.BadRequest("A request with a body needs a Content-Length here.", status=411)
        # None: its chunks say where it ends.
        self.length = None if ends and not declared else int(declared or 0)
        self._stream = environ["wsgi.input"]
        self._taken = 0
        self._patience_s = patience_s

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes; none at the end."""
        if self.length is not None:
            size = min(size, self.length - self._taken)
        if size <= 0:
            return b""
        try:
            data: bytes = self._stream.read(size)
        except TimeoutError:
            raise self._broken(f"nothing came for {self._patience_s:.0f} s", 408) from None
        except Exception as error:
            raise self._broken(str(error)) from None
        self._taken += len(data)
        if not data and self.length is not None:
            raise self._broken("the client ended it")
        return data

    def read_all(self, limit: int) -> bytes:
        """All of it. Raises ``TooLarge`` before more memory is taken."""
        if self.length is not None and self.length > limit:
            raise _too_large(limit)
        left = limit + 1 if self.length is None else self.length
        parts = []
        while left and (data := self.read(left)):
            parts.append(data)
            left -= len(data)
        if self.length is None and not left:
            raise _too_large(limit)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _broken(self, why: str, status: int = 400) -> errors.BadRequest:
        of = "" if self.length is None else f" of {self.length}"
        return errors.BadRequest(
            f"The request's body broke off after {self._taken}{of} bytes: {why}. Nothing was stored.",
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
    """A query string's values by name, each in order."""
    if not query.isascii():  # WSGI hands bytes over as latin-1
        query = query.encode("latin-1").decode("utf-8", "replace")
    try:
        pairs = parse_qs(query, keep_blank_values=True, max_num_fields=_MAX_QUERY_FIELDS)
    except ValueError:
        raise errors.InvalidParameter(f"The query string has more than {_MAX_QUERY_FIELDS} fields.") from None
    if "%00" in query:
        check_storable(pairs)
    return pairs


def check_storable(value: object) -> None:
    if isinstance(value, str):
        if found := UNSTORABLE.search(value):
            raise errors.InvalidParameter(
                f"Texts cannot hold the character U+{ord(found.group()):04X}: {errors.shown(value)[:200]}."
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
        f"The request body is larger than the {limit} bytes that this server takes (--max-request-size)."
    )

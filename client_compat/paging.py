"""Page tokens of keyset pagination: encode and decode the position after which the next page begins.

A token is URL-safe base64, without padding, of a version byte, a hash, and the position. The position is the
sort keys of the last row as JSON. The token contains everything, so the server stores nothing. The hash binds
the token to its query and detects damage. It is not a signature: a forged position only selects other rows of
a search that the caller may run anyway.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import TypeVar

from .errors import InvalidParameter

MAX_LENGTH = 200_000  # characters; a position may contain whole values of tags
_VERSION = b"\x01"
_HASH_LENGTH = 8
_HEADER_LENGTH = len(_VERSION) + _HASH_LENGTH

T = TypeVar("T")
Position = list[bool | int | float | str | None]


def encode(query: Sequence[object], position: Position) -> str:
    """Return the page token for the rows after a position.

    `query` contains everything that determines the rows and their order. Queries are distinguished by their
    `repr`, which must be the same in every process: use plain values, tuples and lists, no sets.
    """
    # json writes NaN and infinities as bare words and reads them back. It keeps 1 and 1.0 different.
    text = json.dumps(position, separators=(",", ":"), ensure_ascii=False)
    body = text.encode("utf-8", "surrogatepass")
    return _base64(_VERSION + _hash(query, body) + body)


def cut(
    rows: Sequence[T], size: int, query: Sequence[object], position: Callable[[T], Position]
) -> tuple[Sequence[T], str | None]:
    """Return the first `size` rows, and the token of the next page or None if there are no more rows.

    The caller reads `size` + 1 rows, so that the last one shows whether there is a next page.
    """
    if len(rows) <= size:
        return rows, None
    page = rows[:size]
    return page, encode(query, position(page[-1]))


def decode(token: str, query: Sequence[object]) -> Position:
    """Return the position in a token. Raise InvalidParameter unless `encode` made it for the same query."""
    if len(token) > MAX_LENGTH:
        raise InvalidParameter(f"Invalid page token, it has more than {MAX_LENGTH} characters")
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raw = b""
    if _base64(raw) != token:  # the decoder also accepts padding, and a last letter with unused bits
        raise InvalidParameter("Invalid page token, could not base64-decode")
    version, hash, body = raw[: len(_VERSION)], raw[len(_VERSION) : _HEADER_LENGTH], raw[_HEADER_LENGTH:]
    if version != _VERSION:
        raise InvalidParameter("Invalid page token, it was not issued by this server")
    if hash != _hash(query, body):
        raise InvalidParameter("Invalid page token, it is damaged or belongs to another query")
    try:
        position = json.loads(body.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        position = None
    if not isinstance(position, list) or any(isinstance(value, list | dict) for value in position):
        raise InvalidParameter("Invalid page token, its position is not a JSON list of plain values")
    return position


def _hash(query: Sequence[object], body: bytes) -> bytes:
    digest = hashlib.blake2b(body, digest_size=_HASH_LENGTH)
    # ascii(), because a query may contain lone surrogates, which cannot be encoded.
    digest.update(ascii(tuple(query)).encode())
    return digest.digest()


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

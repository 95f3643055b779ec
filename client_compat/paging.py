"""Page tokens: where the next page of a query begins, as text that a client hands back untouched.

A token is url-safe base64, without padding, of a version byte, a hash, and the position: the sort
keys of the last row as JSON. It holds all there is, so that the server remembers nothing. The hash
ties it to the query and shows damage; it is no signature, since a forged position leads to nothing
but rows of a search that the caller may do anyway.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import TypeVar

from .errors import InvalidParameter

MAX_LENGTH = 200_000  # characters; a position may hold the whole values of tags
_VERSION = b"\x01"
_HASH_LENGTH = 8
_HEAD = len(_VERSION) + _HASH_LENGTH

T = TypeVar("T")
Position = list[bool | int | float | str | None]


def encode(query: Sequence[object], position: Position) -> str:
    """The token with which a query goes on behind a position.

    The query is everything that decides which rows come in which order. It is told from others by
    its `repr`, which must be the same in every process: plain values, tuples and lists, no sets.
    """
    # json writes NaN and the infinities as bare words and reads them back; 1 and 1.0 stay apart.
    text = json.dumps(position, separators=(",", ":"), ensure_ascii=False)
    body = text.encode("utf-8", "surrogatepass")
    return _text(_VERSION + _hash(query, body) + body)


def cut(
    rows: Sequence[T], size: int, query: Sequence[object], position: Callable[[T], Position]
) -> tuple[Sequence[T], str | None]:
    """A page out of its rows and at least one more, if there are more; and the token of the next page."""
    if len(rows) <= size:
        return rows, None
    page = rows[:size]
    return page, encode(query, position(page[-1]))


def decode(token: str, query: Sequence[object]) -> Position:
    """The position in a token. Raises InvalidParameter unless `encode` made it for this very query."""
    if len(token) > MAX_LENGTH:
        raise InvalidParameter(f"Invalid page token, it has more than {MAX_LENGTH} characters")
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raw = b""
    if _text(raw) != token:  # the decoder also takes padding, and last letters with bits too many
        raise InvalidParameter("Invalid page token, could not base64-decode")
    version, hash, body = raw[: len(_VERSION)], raw[len(_VERSION) : _HEAD], raw[_HEAD:]
    if version != _VERSION:
        raise InvalidParameter("Invalid page token, it was not issued by this server")
    if hash != _hash(query, body):
        raise InvalidParameter("Invalid page token, it is damaged or belongs to another query")
    try:
        position = json.loads(body.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        position = None
    if not isinstance(position, list) or any(isinstance(value, list | dict) for value in position):
        raise InvalidParameter("Invalid page token, its position cannot be read")
    return position


def _hash(query: Sequence[object], body: bytes) -> bytes:
    digest = hashlib.blake2b(body, digest_size=_HASH_LENGTH)
    # ascii: a query may hold text that no encoding takes, such as half of a surrogate pair.
    digest.update(ascii(tuple(query)).encode())
    return digest.digest()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

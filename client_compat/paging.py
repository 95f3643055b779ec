"""Page tokens of keyset pagination: encode and decode the position after which the next page begins.

A token is URL-safe base64, without padding, of a version byte, a checksum, a hash of the query, and the
position. The position is the sort keys of the last row as JSON. The token contains everything, so the server
stores nothing. The checksum detects damage, and the hash tells the token of another query. Neither is a
signature: a forged position only selects other rows of a search that the caller may run anyway.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import TypeVar

from .errors import InvalidParameter

MAX_LENGTH = 200_000  # characters; a position may contain whole values of tags
_VERSION = b"\x02"
_CHECKSUM_LENGTH = 4
_HASH_LENGTH = 8
_CHECKED_FROM = len(_VERSION) + _CHECKSUM_LENGTH
_BODY_FROM = _CHECKED_FROM + _HASH_LENGTH

T = TypeVar("T")
Position = list[bool | int | float | str | None]


class TokenOfAnotherQuery(InvalidParameter):
    """The token is intact, but belongs to a query with another filter, order or scope."""


def encode(query: Sequence[object], position: Position) -> str:
    """Return the page token for the rows after a position.

    `query` contains everything that determines the rows and their order. Queries are distinguished by their
    `repr`, which must be the same in every process: use plain values, tuples and lists, no sets.
    """
    # json writes NaN and infinities as bare words and reads them back. It keeps 1 and 1.0 different.
    text = json.dumps(position, separators=(",", ":"), ensure_ascii=False)
    body = text.encode("utf-8", "surrogatepass")
    return _seal(_hash(query) + body)


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
    """Return the position in a token.

    Raise InvalidParameter unless `encode` made the token, and TokenOfAnotherQuery if it made it for another
    query.
    """
    checked = _open(token)
    of_query, body = checked[:_HASH_LENGTH], checked[_HASH_LENGTH:]
    if of_query != _hash(query):
        raise TokenOfAnotherQuery("Invalid page token, it belongs to another query")
    try:
        position = json.loads(body.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        position = None
    if not isinstance(position, list) or any(isinstance(value, list | dict) for value in position):
        raise InvalidParameter("Invalid page token, its position is not a JSON list of plain values")
    return position


def is_intact(token: str) -> bool:
    """Return whether `encode` made the token, for any query."""
    try:
        _open(token)
    except InvalidParameter:
        return False
    return True


def _seal(checked: bytes) -> str:
    return _base64(_VERSION + _checksum(checked) + checked)


def _open(token: str) -> bytes:
    """Return the hash of the query and the position. Raise InvalidParameter if the token is damaged."""
    if len(token) > MAX_LENGTH:
        raise InvalidParameter(f"Invalid page token, it has more than {MAX_LENGTH} characters")
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raw = b""
    if _base64(raw) != token:  # the decoder also accepts padding, and a last letter with unused bits
        raise InvalidParameter("Invalid page token, could not base64-decode")
    if not raw.startswith(_VERSION):
        raise InvalidParameter("Invalid page token, it was not issued by this server")
    checked = raw[_CHECKED_FROM:]
    if len(raw) < _BODY_FROM or raw[len(_VERSION) : _CHECKED_FROM] != _checksum(checked):
        raise InvalidParameter("Invalid page token, it is damaged")
    return checked


def _checksum(checked: bytes) -> bytes:
    return hashlib.blake2b(checked, digest_size=_CHECKSUM_LENGTH).digest()


def _hash(query: Sequence[object]) -> bytes:
    # ascii(), because a query may contain lone surrogates, which cannot be encoded.
    return hashlib.blake2b(ascii(tuple(query)).encode(), digest_size=_HASH_LENGTH).digest()


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

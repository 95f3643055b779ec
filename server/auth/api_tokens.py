"""The text of API tokens: ``tw_<id>_<secret>_<checksum>``.

The prefix and the checksum let secret scanners find tokens in files, and let the server tell a mistyped token
from one that was revoked. The id finds the token's row, the secret has 256 random bits.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
import zlib
from typing import NamedTuple

PREFIX = "tw_"
_ALPHABET = string.ascii_letters + string.digits
_ID_LENGTH, _SECRET_LENGTH = 12, 43
_FORM = re.compile(
    rf"({PREFIX}([A-Za-z0-9]{{{_ID_LENGTH}}})_[A-Za-z0-9]{{{_SECRET_LENGTH}}})_([0-9a-f]{{8}})"
)


class NewToken(NamedTuple):
    """A token that was just made: its id, its text, which nobody stores, and the digest to store."""

    token_id: str
    text: str
    digest: str


def make() -> NewToken:
    """Return a new token."""
    token_id = _random(_ID_LENGTH)
    body = f"{PREFIX}{token_id}_{_random(_SECRET_LENGTH)}"
    text = f"{body}_{_checksum(body)}"
    return NewToken(token_id, text, digest(text))


def id_of(text: str) -> str | None:
    """Return the id in a token's text, or None if it is not a complete token."""
    match = _FORM.fullmatch(text)
    return match[2] if match and match[3] == _checksum(match[1]) else None


def digest(text: str) -> str:
    """Return the SHA-256 of a secret with enough random bits, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"

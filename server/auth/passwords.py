"""Password hashes: Argon2id with the parameters that OWASP recommends (19 MiB, 2 iterations, 1 lane).

A hash takes tens of milliseconds and 19 MiB, so a process computes few at a time. If many requests wait for
one, further requests are refused: wrong passwords must not occupy the threads that answer other requests.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from trackway.client_compat.errors import TooManyRequests

_MAX_AT_ONCE = 2
_MAX_WAITING = 4
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Of a random password. It is verified if a user does not exist or has no password, so that the time of the
# response does not tell which users exist.
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$3fawy4qlrlIZdZYcs8VWLg$NnvU6W9fXrX9NysPVhdt30hgzv3KeXwW24R0+gOynbQ"
_places = threading.BoundedSemaphore(_MAX_AT_ONCE + _MAX_WAITING)
_running = threading.BoundedSemaphore(_MAX_AT_ONCE)


def make_hash(password: str) -> str:
    """Return the hash of a password. Raise ``TooManyRequests`` if too many requests wait for one."""
    with _place():
        return _hasher.hash(password)


def is_correct(password: str, password_hash: str | None) -> bool:
    """Return whether the password has this hash. It takes as long if there is no hash.

    Raise ``TooManyRequests`` if too many requests wait for a hash.
    """
    with _place():
        try:
            return _hasher.verify(password_hash or _NOBODY, password) and password_hash is not None
        except (InvalidHashError, VerificationError):
            return False


@contextmanager
def _place() -> Iterator[None]:
    if not _places.acquire(blocking=False):
        raise TooManyRequests("Too many log-ins at the same time; try again in a moment.")
    try:
        with _running:
            yield
    finally:
        _places.release()

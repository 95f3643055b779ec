"""Free space on the disks that the server writes to."""

from __future__ import annotations

import os

from trackway.client_compat.errors import Unavailable

# Less is too little for SQLite's log between two checkpoints, which is 16 MB, and a few uploads.
MIN_FREE_BYTES = 64 * 2**20


def free_bytes(folder: str) -> int | None:
    """Return the bytes that can still be written to the folder's disk, None if the system does not say."""
    space = os.statvfs(folder)
    return space.f_bavail * space.f_frsize if space.f_blocks else None


def check(folder: str) -> None:
    """Raise ``Unavailable`` if the folder's disk has less than ``MIN_FREE_BYTES`` free."""
    free = free_bytes(folder)
    if free is not None and free < MIN_FREE_BYTES:
        raise Unavailable(
            f"The disk of {folder} has {free:,} bytes free; the server needs {MIN_FREE_BYTES:,} to be ready"
        )

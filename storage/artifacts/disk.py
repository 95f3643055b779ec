"""Write uploads to a file, and sync the file to the disk.

The sync is complete before the response if the server is configured so; otherwise it is only started.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator

# A large file is synced while it is received. One sync of ten gigabytes at the end would take longer than
# the client's time-out of two minutes.
_SYNC_EVERY_BYTES = 256 * 1024 * 1024
_SYNC_FILE_RANGE_WRITE = 2

# macOS has no fdatasync.
_sync = getattr(os, "fdatasync", os.fsync)
_sync_file_range = None
if sys.platform == "linux":
    _sync_file_range = getattr(ctypes.CDLL(None), "sync_file_range", None)
if _sync_file_range is not None:
    _sync_file_range.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)


def copy(contents: Iterator[bytes], fd: int) -> None:
    """Write all chunks to the file. Raise ``OSError`` if the system cannot."""
    unsynced = 0
    for data in contents:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        unsynced += len(data)
        if unsynced >= _SYNC_EVERY_BYTES:
            _sync(fd)
            unsynced = 0


def flush(fd: int, *, is_synced: bool) -> None:
    """Sync a written file to the disk. Call it before the file is renamed to its final name.

    With ``is_synced`` wait until the file is on the disk. Otherwise only start to write it: a power failure
    then affects files of the last few seconds, not of the half minute after which Linux writes by itself.
    Starting takes 0.05 ms; waiting takes 0.5 ms on an idle disk, and 100 ms if other programs sync to it.
    """
    if is_synced or _sync_file_range is None or _sync_file_range(fd, 0, 0, _SYNC_FILE_RANGE_WRITE):
        os.fsync(fd)
        return
    # NFS writes the data and reports a full disk when a descriptor is closed. Close a duplicate, because the
    # original holds the lock of the upload.
    os.close(os.dup(fd))

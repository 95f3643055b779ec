"""Which of a server's processes looks for what has been left: one of them at a time."""

from __future__ import annotations

import fcntl
import tempfile


class LeaderLock:
    """Made before the fork, and held by one process until it ends, however it ends.

    A lock of POSIX on a file without a name: a child does not inherit it, and the system frees it at its
    holder's death, so that the next to ask has it.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 -- open as long as the process is

    def acquire(self) -> bool:
        """Whether this process holds the watch; takes it where nobody does."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # POSIX leaves open which of the two it is
            return False
        except OSError:  # a temporary folder on a network may have no locks; then all look
            return True
        return True

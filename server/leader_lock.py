"""Leader lock: only one of a server's processes polls for abandoned jobs."""

from __future__ import annotations

import fcntl
import tempfile


class LeaderLock:
    """A file lock that one process holds until it ends. It is created before the server forks.

    It is a POSIX lock on an unnamed temporary file. A child process does not inherit such a lock. The kernel
    releases it when the holder ends, even by SIGKILL, so that the next process to call ``acquire`` gets it.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 -- it stays open until the process ends

    def acquire(self) -> bool:
        """Take the lock if it is free. Return whether this process holds it, now or from an earlier call."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # POSIX allows either error for a lock that is taken
            return False
        except OSError:  # a network file system may have no locks; then every process polls
            return True
        return True

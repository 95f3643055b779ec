"""The hidden folder of a folder store: uploads that have not arrived, and changes that are about to be made.

The writer of a temporary file holds a lock (``flock``), which ends with its process; ``sweep`` removes
temporary files that nobody has locked.

When a change's audit row is about to be committed, there is a locked file whose name ends with the tag of the
change: the contents of an upload, or an empty file for a deletion. If the process is killed, the store asks
whether the row was committed, and then completes the change (``LocalStore.heal``).
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from trackway.client_compat.artifact_paths import UPLOADS_FOLDER

from .local_trash import remove

# The beginning of the names of what is being removed permanently.
_REMOVED = "deleted-"


class LocalUploads:
    def __init__(self, root: str) -> None:
        self._root = root
        self._folder = os.path.join(root, UPLOADS_FOLDER)

    @contextmanager
    def temporary_file(self) -> Iterator[tuple[str, int]]:
        """Yield path and descriptor of a new locked temporary file.

        Listings do not show it. It is removed after the block unless it was renamed.
        """
        while True:
            path = os.path.join(self._folder, secrets.token_hex(16))
            try:
                fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            except FileNotFoundError:
                self._make_folder()
                continue
            with suppress(OSError):  # no locks on this file system; ``sweep`` then removes no uploads
                fcntl.flock(fd, fcntl.LOCK_EX)
            if os.fstat(fd).st_nlink:  # 0 if a sweep removed it before it was locked
                break
            os.close(fd)
        try:
            yield path, fd
        finally:
            with suppress(FileNotFoundError):
                os.unlink(path)
            os.close(fd)

    @contextmanager
    def tagged(self, temporary: str, tag: str) -> Iterator[str]:
        """Add the tag of a change to the name of its temporary file: its row may be committed from now on.

        Yield the new name. The file is removed after the block unless it was renamed.
        """
        path = f"{temporary}-{tag}" if tag else temporary
        os.rename(temporary, path)
        try:
            yield path
        finally:
            with suppress(FileNotFoundError):
                os.unlink(path)

    def interrupted(self) -> Iterator[tuple[str, str, int]]:
        """Yield path, tag and time (ms) of each tagged file whose process has ended, then remove the file."""
        for item in self._items():
            if _is_tagged(item.name):
                with _lock_of(item.path) as modified_ms:
                    if modified_ms is not None:
                        yield item.path, item.name.partition("-")[2], modified_ms
                        with suppress(FileNotFoundError):  # it is in its place now
                            os.unlink(item.path)

    def new_removal(self) -> str:
        """Return a path to which something is moved before it is removed; ``sweep`` removes the rest."""
        self._make_folder()
        return os.path.join(self._folder, _REMOVED + secrets.token_hex(16))

    def sweep(self) -> int:
        """Remove what interrupted uploads and removals have left. Return the number."""
        removed = 0
        for item in self._items():
            if item.name.startswith(_REMOVED):
                remove(item.path)
                removed += 1
            elif not _is_tagged(item.name):
                removed += _remove_if_unlocked(item.path)
        return removed

    def _make_folder(self) -> None:
        os.makedirs(self._root, exist_ok=True)
        with suppress(FileExistsError):
            os.mkdir(self._folder, 0o700)

    def _items(self) -> list[os.DirEntry[str]]:
        with suppress(FileNotFoundError, NotADirectoryError):
            return list(os.scandir(self._folder))
        return []


def _is_tagged(name: str) -> bool:
    return "-" in name and not name.startswith(_REMOVED)


@contextmanager
def _lock_of(path: str) -> Iterator[int | None]:
    """Lock a temporary file. Yield its time in ms, or None if it has a writer or does not exist any more."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:  # renamed meanwhile
        yield None
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found = os.fstat(fd)
        is_left = bool(found.st_nlink) and os.path.exists(path)
    except OSError:  # another process still writes it
        is_left = False
    try:
        yield found.st_mtime_ns // 1_000_000 if is_left else None
    finally:
        os.close(fd)


def _remove_if_unlocked(path: str) -> bool:
    with _lock_of(path) as modified_ms:
        if modified_ms is None:
            return False
        with suppress(FileNotFoundError):
            os.unlink(path)
    return True

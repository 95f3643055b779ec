"""Copy a SQLite database to a file while servers write to it.

The copy is made with SQLite's online backup API, inside a read transaction. In WAL mode that transaction
sees the database as it was when it began, and writers go on. So the copy is of one moment, and its pages can
be read in steps, between which the progress is reported. Without the transaction, SQLite begins again after
each write of another process, and the copy of a busy database never ends. ``VACUUM INTO`` gives a consistent
copy as well, but takes twice as long and reports no progress.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from ..database import Database
from ..database.sqlite import driver
from . import integrity

# 4 MiB, of SQLite's default page size.
_PAGES_PER_STEP = 1024
# Files that SQLite applies to a database of the same name when it opens it.
_LOGS = ("-wal", "-journal")

Progress = Callable[[str, float], None]


class BackupError(Exception):
    """The backup cannot be made. The message is for the operator."""


def copy(database: Database, file: Path, target: Path, progress: Progress, *, overwrite: bool) -> int:
    """Copy a SQLite database, whose file is ``file``, to the file ``target``. Return its size in bytes.

    The copy is checked for damage and synced to the disk before it gets its name. If the process ends early,
    there is no file of that name, or the earlier one is unchanged; the unfinished copy is
    ``<target>.incomplete``, which the next backup removes.

    ``progress`` is called with the name of a step and the share of it that is done (0 to 1). Raise
    ``BackupError`` if the target exists and ``overwrite`` is not set, or if the database is damaged, and
    ``OSError`` if the target cannot be written.
    """
    _check_target(file, target, overwrite)
    with _incomplete(target) as unfinished:
        with closing(driver().connect(str(unfinished), isolation_level=None)) as copied:
            # The file is synced once, at the end. An interrupted copy is thrown away and needs no journal.
            copied.execute("PRAGMA journal_mode = OFF")
            copied.execute("PRAGMA synchronous = OFF")
            try:
                if not _copy_pages(database, copied, progress):
                    raise BackupError(f"The database {file} is empty; there is nothing to back up.")
                # One file, which can also be read where nothing can be written. A server sets WAL mode again.
                copied.execute("PRAGMA journal_mode = DELETE")
                progress("Checking", 0)
                problems = integrity.problems_of(copied.execute)
            except driver().Error as error:
                problems = [str(error)]
                if "full" in str(error):
                    raise BackupError(f"The disk of {target} is full; the backup was not made.") from None
        if problems:
            raise BackupError(
                f"The copy of {file} has errors, so that the database is damaged or the disk fails. The "
                "backup was not made:\n  " + "\n  ".join(problems)
            )
        progress("Checking", 1)
        _sync(unfinished)
        size = unfinished.stat().st_size
        _check_target(file, target, overwrite)
        unfinished.replace(target)
        _sync(target.parent)
    return size


def _copy_pages(database: Database, target: Any, progress: Progress) -> bool:
    """Copy all pages. Return False, and copy none, if the database has no tables."""

    def report(_status: int, remaining: int, total: int) -> None:
        progress("Copying", 1 - remaining / total if total else 1)

    with database.engine.connect() as connection:
        source = connection.connection.driver_connection
        assert source is not None
        source.execute("BEGIN")
        try:
            # The first read fixes what the transaction sees.
            if not source.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone():
                return False
            source.backup(target, pages=_PAGES_PER_STEP, progress=report)
        finally:
            source.execute("ROLLBACK")
    return True


def _check_target(file: Path, target: Path, overwrite: bool) -> None:
    """Raise ``BackupError`` if the target must not be written."""
    if target.exists() and not target.is_file():
        raise BackupError(f"{target} is no file; give the name of a file for the backup.")
    if not target.parent.is_dir():
        raise BackupError(f"There is no folder {target.parent} for the backup.")
    if target.exists() and target.samefile(file):
        raise BackupError(f"{target} is the database itself; give another file for the backup.")
    for suffix in _LOGS:
        log = target.with_name(target.name + suffix)
        if log.exists():
            raise BackupError(
                f"There is {log}, so {target} is a database in use, or was one. SQLite would apply that log "
                "to the backup and damage it. Give another file for the backup."
            )
    if target.exists() and not overwrite:
        raise BackupError(f"{target} exists already; give another file, or --overwrite.")


@contextmanager
def _incomplete(target: Path) -> Iterator[Path]:
    """Yield an empty file beside the target, which no other process uses. Remove it after an error.

    The lock on the file ends with the process, so a file that a killed process left behind is used again.
    It is ``flock``, which does not affect SQLite's own locks (``fcntl``) on the file.
    """
    path = target.with_name(target.name + ".incomplete")
    # Only its owner can read the backup, as with the database file.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(f"Another backup to {target} is running.") from None
        # Another process may have renamed or removed the file before this one had the lock.
        if not path.exists() or not os.path.samestat(os.fstat(descriptor), path.stat()):
            raise BackupError(f"Another backup to {target} has just ended; run the command again.")
        os.truncate(descriptor, 0)
        try:
            yield path
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    finally:
        os.close(descriptor)


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Artifacts in a folder. An upload is written beside and renamed, so it is whole or not there.

A power cut may take an upload of the last seconds with it, also where files are synced: the folder that
names it is not synced with each (7.0 ms for a small file against 2.2).

What is being written lies in a hidden folder on the same file system, under a lock that ends with
the process: what is not locked there is nobody's, and is swept.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import unquote, urlsplit

from trackway.client_compat import artifact_paths
from trackway.client_compat.artifact_paths import UPLOADS_FOLDER, is_reserved
from trackway.client_compat.errors import ApiError, InvalidParameter, NotImplementedYet, Unavailable

from . import CHUNK_SIZE, Entry, Part, SignedUrl, Source, disk, is_a_folder, no_such_artifact, pieces

_ROOM_MATTERS_FROM = 1024 * 1024
_SWEEP_EVERY_S = 3600.0
_DELETED = "deleted-"


def folder_of(uri: str) -> str:
    """The absolute folder that a path or ``file:`` URI names."""
    parts = urlsplit(uri)
    if parts.scheme not in ("", "file") or parts.netloc not in ("", "localhost"):
        raise ValueError(
            f"Artifacts cannot be kept in {uri!r}: name a folder, a file: URI or s3://bucket/prefix."
        )
    return os.path.abspath(unquote(parts.path) if parts.scheme else uri)


class LocalFile:
    def __init__(self, fd: int, path: str) -> None:
        found = os.fstat(fd)
        self._fd = fd
        self._path = path
        self.size = found.st_size
        self.modified = found.st_mtime
        # A file is never changed in place, so its inode and time name its contents.
        self.etag = f"{found.st_mtime_ns:x}-{found.st_ino:x}-{found.st_size:x}"

    def fileno(self) -> int:
        return self._fd

    def chunks(self, start: int, stop: int) -> Iterator[bytes]:
        while start < stop:
            data = os.pread(self._fd, min(CHUNK_SIZE, stop - start), start)
            if not data:
                raise OSError(errno.EIO, "The file became shorter while it was read", self._path)
            start += len(data)
            yield data

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class LocalStore:
    signs = False

    def __init__(self, root: str, *, is_synced: bool = True) -> None:
        """``is_synced``: an upload is answered when its contents are on the disk, not before."""
        self.root = root
        self._is_synced = is_synced
        self._real_root = ""
        self._uploads = os.path.join(root, UPLOADS_FOLDER)
        self._swept = float("-inf")

    def list(self, path: str) -> list[Entry]:
        folder = self._inside(path)
        with _translate_errors(path):
            try:
                entries = [entry for item in os.scandir(folder) if (entry := self._entry(path, item))]
            except (FileNotFoundError, NotADirectoryError):
                return []
        return sorted(entries)

    def walk(self, path: str) -> Iterator[Entry]:
        start = self._inside(path)
        with _translate_errors(path):
            if os.path.isfile(start):
                found = os.stat(start)
                yield Entry(path, False, found.st_size, found.st_mtime)
                return
            if not os.path.isdir(start):
                raise no_such_artifact(path)
        waiting = [path]
        while waiting:
            folders = []
            for entry in self.list(waiting.pop()):
                if not entry.is_dir:
                    yield entry
                # A linked folder could hold itself.
                elif not os.path.islink(os.path.join(self.root, entry.path)):
                    folders.append(entry.path)
            waiting += reversed(folders)

    def open(self, path: str, *, partly: bool = False) -> LocalFile:
        real = self._inside(path)
        try:
            # A pipe would keep a thread waiting for its writer.
            fd = os.open(real, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            raise no_such_artifact(path) from None
        except OSError as error:
            raise _api_error(error, path) from error
        mode = os.fstat(fd).st_mode
        if stat.S_ISREG(mode):
            return LocalFile(fd, path)
        os.close(fd)
        raise is_a_folder(path) if stat.S_ISDIR(mode) else no_such_artifact(path)

    def put(self, path: str, source: Source, length: int | None) -> None:
        target = self._inside(path)
        if time.monotonic() - self._swept > _SWEEP_EVERY_S:
            self.sweep()
        with _translate_errors(path):
            if os.path.isdir(target):
                raise InvalidParameter(f"'{path}' is a folder; a file cannot take its place.")
            folder = os.path.dirname(target)
            if not os.path.isdir(folder):
                os.makedirs(folder, exist_ok=True)
            if length and length > _ROOM_MATTERS_FROM:
                _check_room(folder, length)
            with self._beside() as (temporary, fd):
                disk.copy(pieces(source, length), fd)
                disk.flush(fd, is_synced=self._is_synced)
                os.rename(temporary, target)

    def delete(self, path: str) -> None:
        self._inside(path)  # refuses what leads outside
        if not path:
            raise artifact_paths.invalid()
        # The name itself, not what it links to.
        victim = os.path.join(self._inside(os.path.dirname(path)), os.path.basename(path))
        with _translate_errors(path):
            if not os.path.lexists(victim):
                return
            # Out of sight in one step; a kill from here on leaves work for the sweep, nothing half there.
            hidden = os.path.join(self._uploads_folder(), _DELETED + secrets.token_hex(16))
            try:
                os.rename(victim, hidden)
            except FileNotFoundError:  # somebody else was faster
                return
            except OSError as error:
                if error.errno not in (errno.EXDEV, errno.EBUSY):
                    raise
                hidden = victim
            _remove(hidden)

    def sweep(self) -> int:
        self._swept = time.monotonic()
        removed = 0
        with suppress(FileNotFoundError, NotADirectoryError):
            for item in os.scandir(self._uploads):
                if item.name.startswith(_DELETED):
                    _remove(item.path)
                    removed += 1
                else:
                    removed += _remove_if_nobodys(item.path)
        return removed

    def check(self) -> None:
        folder = self.root
        while not os.path.exists(folder):
            folder = os.path.dirname(folder)
        if not os.path.isdir(folder) or not os.access(folder, os.W_OK | os.X_OK):
            raise Unavailable(f"{folder} is no folder that the server can write to")

    def begin_parts(self, path: str) -> str:
        raise unsupported("Multipart upload")

    def complete_parts(self, path: str, upload_id: str, parts: Iterable[Part]) -> None:
        raise unsupported("Multipart upload")

    def abort_parts(self, path: str, upload_id: str) -> None:
        raise unsupported("Multipart upload")

    def sign_part(self, path: str, upload_id: str, number: int, seconds: int) -> str:
        raise unsupported("Multipart upload")

    def sign_get(self, path: str, seconds: int) -> str:
        raise unsupported("Multipart download")

    def sign_put(self, path: str, seconds: int) -> SignedUrl:
        raise unsupported("Presigned upload")

    def _inside(self, path: str) -> str:
        """Where the path leads, links followed; raises when that is not below the root."""
        root = self._real_root or os.path.realpath(self.root)
        if not self._real_root and os.path.isdir(root):
            self._real_root = root
        try:
            real = os.path.realpath(os.path.join(root, path))
        except ValueError:  # a NUL
            raise artifact_paths.invalid() from None
        if real != root and not real.startswith(root.rstrip("/") + "/"):
            raise artifact_paths.invalid()
        return real

    def _entry(self, folder: str, item: os.DirEntry[str]) -> Entry | None:
        path = artifact_paths.join(folder, item.name)
        if is_reserved(item.name):
            return None
        try:
            if item.is_symlink():
                self._inside(path)
            if item.is_dir():
                return Entry(path, True)
            found = item.stat()
        except (OSError, ApiError):  # gone in between, or a link that leads nowhere or outside
            return None
        if not stat.S_ISREG(found.st_mode):
            return None
        return Entry(path, False, found.st_size, found.st_mtime)

    def _uploads_folder(self) -> str:
        os.makedirs(self.root, exist_ok=True)
        with suppress(FileExistsError):
            os.mkdir(self._uploads, 0o700)
        return self._uploads

    @contextmanager
    def _beside(self) -> Iterator[tuple[str, int]]:
        """A new file that nobody lists, as path and descriptor; gone after the block unless renamed."""
        while True:
            path = os.path.join(self._uploads, secrets.token_hex(16))
            try:
                fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            except FileNotFoundError:
                self._uploads_folder()
                continue
            with suppress(OSError):  # a file system without locks; the sweep finds none there either
                fcntl.flock(fd, fcntl.LOCK_EX)
            if os.fstat(fd).st_nlink:  # not swept between the two
                break
            os.close(fd)
        try:
            yield path, fd
        finally:
            with suppress(FileNotFoundError):
                os.unlink(path)
            os.close(fd)


def unsupported(what: str) -> NotImplementedYet:
    """Clients match this text, and then send the whole file."""
    return NotImplementedYet(f"{what} is not supported for the current artifact repository")


def _check_room(folder: str, length: int) -> None:
    """Refuse at once what cannot fit, before the client has sent it all."""
    room = os.statvfs(folder)
    free = room.f_bavail * room.f_frsize
    if room.f_blocks and length > free:
        raise _full(f"{length} bytes are to be stored, {free} are free")


def _full(detail: str) -> ApiError:
    # 507 and not 503: clients would send the same file several times more.
    return ApiError(
        f"The artifact store has no room: {detail}. Nothing was stored.",
        error_code="RESOURCE_EXHAUSTED",
        status=507,
    )


@contextmanager
def _translate_errors(path: str) -> Iterator[None]:
    """Turn what the system says into an answer; what the client did wrong is told apart."""
    try:
        yield
    except OSError as error:
        raise _api_error(error, path) from error


def _api_error(error: OSError, path: str) -> ApiError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return _full(error.strerror or "it is full")
    if error.errno in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENOTEMPTY):
        return InvalidParameter(f"'{path}' cannot be stored: a part of the path is a file, not a folder.")
    if error.errno == errno.ELOOP:
        return artifact_paths.invalid()
    if error.errno == errno.ENAMETOOLONG:
        return InvalidParameter("A name in the artifact's path is too long for the server's file system.")
    return Unavailable(f"The artifact store failed at '{path}': {error.strerror or error}")


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(FileNotFoundError):
            os.unlink(path)


def _remove_if_nobodys(path: str) -> bool:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:  # renamed in between
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(path)
    except OSError:  # being written by somebody who lives, or renamed in between
        return False
    finally:
        os.close(fd)
    return True

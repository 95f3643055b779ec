"""Artifacts in a folder of the local file system.

An upload is written to a temporary file and then renamed, so a file is either complete or absent.

A power failure may undo uploads of the last seconds, even if files are synced: the folder that contains the
file is not synced after each upload (that would take 7.0 ms for a small file, not 2.2).
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from urllib.parse import unquote, urlsplit

from trackway.client_compat import artifact_paths
from trackway.client_compat.artifact_paths import is_hidden
from trackway.client_compat.errors import (
    ApiError,
    InvalidParameter,
    NotImplementedYet,
    StorageFull,
    Unavailable,
    Unusable,
)

from .. import free_space
from . import (
    CHUNK_SIZE,
    Change,
    Entry,
    Part,
    SignedUrl,
    Source,
    disk,
    do_nothing,
    no_such_artifact,
    not_a_file,
    read_chunks,
)
from .local_trash import ATTEMPTS, LocalTrash, make_folder, remove
from .local_uploads import LocalUploads
from .trash import Deletion

# Free space is checked before an upload of more than this many bytes.
_CHECK_SPACE_FROM = 1024 * 1024
_SWEEP_EVERY_S = 3600.0
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# These pass only when an administrator acts.
_REFUSALS = (errno.EACCES, errno.EPERM, errno.EROFS)


def folder_of(uri: str) -> str:
    """Return the absolute path of the folder at a path or ``file:`` URI. Raise ``ValueError`` for others."""
    parts = urlsplit(uri)
    if parts.scheme not in ("", "file") or parts.netloc not in ("", "localhost"):
        raise ValueError(
            f"Artifacts cannot be stored in {uri!r}: give a folder, a file: URI or s3://bucket/prefix."
        )
    return os.path.abspath(unquote(parts.path) if parts.scheme else uri)


class LocalFile:
    def __init__(self, fd: int, path: str) -> None:
        found = os.fstat(fd)
        self._fd = fd
        self._path = path
        self.size = found.st_size
        self.modified = found.st_mtime
        # Files are replaced, never changed in place, so inode, time and size identify the contents.
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
        """With ``is_synced`` an upload waits until its contents are on the disk."""
        self.root = root
        self._is_synced = is_synced
        self._real_root = ""
        self._uploads = LocalUploads(root)
        self.trash = LocalTrash(root, self._resolve)
        self._last_sweep = float("-inf")

    def list(self, path: str) -> list[Entry]:
        folder = self._resolve(path)
        with _translate_errors(path):
            try:
                entries = [entry for item in os.scandir(folder) if (entry := self._entry(path, item))]
            except (FileNotFoundError, NotADirectoryError):
                return []
        return sorted(entries)

    def walk(self, path: str) -> Iterator[Entry]:
        start = self._resolve(path)
        with _translate_errors(path):
            if os.path.isfile(start):
                found = os.stat(start)
                yield Entry(path, False, found.st_size, found.st_mtime)
                return
            if not os.path.isdir(start):
                raise no_such_artifact(path)
        pending = [path]
        while pending:
            folders = []
            for entry in self.list(pending.pop()):
                if not entry.is_dir:
                    yield entry
                # Symbolic links are skipped: a link to a parent folder would make an endless loop.
                elif not os.path.islink(os.path.join(self.root, entry.path)):
                    folders.append(entry.path)
            pending += reversed(folders)

    def open(self, path: str, *, partly: bool = False) -> LocalFile:
        real = self._resolve(path)
        try:
            # Without O_NONBLOCK, opening a named pipe would block the thread until the pipe has a writer.
            fd = os.open(real, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            raise no_such_artifact(path) from None
        except OSError as error:
            raise _api_error(error, path) from error
        mode = os.fstat(fd).st_mode
        if stat.S_ISREG(mode):
            return LocalFile(fd, path)
        os.close(fd)
        raise not_a_file(path) if stat.S_ISDIR(mode) else no_such_artifact(path)

    def put(
        self,
        path: str,
        source: Source,
        length: int | None,
        before_publish: Callable[[], None] = do_nothing,
        tag: str = "",
    ) -> None:
        target = self._resolve(path)
        if time.monotonic() - self._last_sweep > _SWEEP_EVERY_S:
            self.sweep()
        with _translate_errors(path):
            if os.path.isdir(target):
                raise InvalidParameter(f"'{path}' is a folder; a file cannot replace it.")
            folder = os.path.dirname(target)
            if not os.path.isdir(folder):
                make_folder(folder)
            if length and length > _CHECK_SPACE_FROM:
                _check_free_space(folder, length)
            with self._uploads.temporary_file() as (temporary, fd):
                disk.copy(read_chunks(source, length), fd)
                disk.flush(fd, is_synced=self._is_synced)
                with self._uploads.tagged(temporary, tag) as staged:
                    before_publish()
                    _rename(staged, target)

    def delete(self, path: str, before_delete: Callable[[], None] = do_nothing, tag: str = "") -> None:
        target = self._entry_of(path)
        with _translate_errors(path):
            if not os.path.lexists(target):
                before_delete()
                return
            deletion = Deletion.of(path)
            with self._uploads.temporary_file() as (temporary, _), self._uploads.tagged(temporary, tag):
                self.trash.prepare(deletion)
                try:
                    before_delete()
                except BaseException:
                    self.trash.give_up(deletion)
                    raise
                self.trash.receive(target, deletion)

    def remove(self, path: str) -> None:
        target = self._entry_of(path)
        with _translate_errors(path):
            if not os.path.lexists(target):
                return
            # Rename first, so that the folder disappears in one step. If the process is killed afterwards,
            # ``sweep`` removes the rest.
            hidden = self._uploads.new_removal()
            try:
                os.rename(target, hidden)
            except FileNotFoundError:  # another request deleted it
                return
            except OSError as error:
                if error.errno not in (errno.EXDEV, errno.EBUSY):
                    raise
                hidden = target
            remove(hidden)

    def heal(self, find: Callable[[str, int], Change | None]) -> Sequence[Change]:
        healed = []
        for path, tag, modified_ms in self._uploads.interrupted():
            if change := find(tag, modified_ms):
                # InvalidParameter: a link or a file is in the way now, so the change is dropped.
                with suppress(InvalidParameter):
                    self._complete(change, path)
                    healed.append(change)
        return healed

    def _complete(self, change: Change, temporary: str) -> None:
        target = self._entry_of(change.path)
        with _translate_errors(change.path):
            if change.is_deletion:
                if os.path.lexists(target):
                    self.trash.receive(target, Deletion.of(change.path))
            elif not os.path.isdir(target):
                make_folder(os.path.dirname(target))
                _rename(temporary, target)

    def sweep(self) -> int:
        self._last_sweep = time.monotonic()
        return self._uploads.sweep()

    def check(self) -> None:
        # A file is made as for an upload. os.access says nothing of quotas and of the folder for temporary
        # files.
        try:
            with self._uploads.temporary_file():
                pass
        except OSError as error:
            if error.errno in _NO_SPACE:
                raise _api_error(error, "") from error
            raise Unusable(
                f"{self.root} is not a folder that the server can write to: {error.strerror or error}"
            ) from error
        free_space.check(self.root)

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

    def _resolve(self, path: str) -> str:
        """Return the real path, with links resolved. Raise ``InvalidParameter`` if it is outside the root."""
        root = self._real_root or os.path.realpath(self.root)
        if not self._real_root and os.path.isdir(root):
            self._real_root = root
        try:
            real = os.path.realpath(os.path.join(root, path))
        except ValueError:  # a NUL character
            raise artifact_paths.invalid() from None
        if real != root and not real.startswith(root.rstrip("/") + "/"):
            raise artifact_paths.invalid()
        return real

    def _entry_of(self, path: str) -> str:
        """Return the real path of a file, folder or symbolic link that is deleted.

        Of a link, this is the link and not its target, which may be outside of the store.
        """
        if not path:
            raise artifact_paths.invalid()
        return os.path.join(self._resolve(os.path.dirname(path)), os.path.basename(path))

    def _entry(self, folder: str, item: os.DirEntry[str]) -> Entry | None:
        path = artifact_paths.join(folder, item.name)
        if is_hidden(item.name):
            return None
        try:
            if item.is_symlink():
                self._resolve(path)
            if item.is_dir():
                return Entry(path, True)
            found = item.stat()
        except (OSError, ApiError):  # deleted meanwhile, a broken link or a link out of the store
            return None
        if not stat.S_ISREG(found.st_mode):
            return None
        return Entry(path, False, found.st_size, found.st_mtime)


def unsupported(what: str) -> NotImplementedYet:
    """Return the error for an operation that the store does not have.

    MLflow's clients match this text, and then send the whole file in one request.
    """
    return NotImplementedYet(f"{what} is not supported for the current artifact repository")


def _check_free_space(folder: str, length: int) -> None:
    """Raise an error before the client has sent a file that does not fit on the disk."""
    free = free_space.free_bytes(folder)
    if free is not None and length > free:
        raise _no_space_error(f"the upload has {length} bytes, {free} are free")


def _no_space_error(detail: str) -> StorageFull:
    return StorageFull(f"The artifact store has too little free space: {detail}. Nothing was stored.")


@contextmanager
def _translate_errors(path: str) -> Iterator[None]:
    """Raise ``OSError`` from the block as an ``ApiError``; mistakes of the client become 4xx errors."""
    try:
        yield
    except OSError as error:
        raise _api_error(error, path) from error


def _api_error(error: OSError, path: str) -> ApiError:
    if error.errno in _NO_SPACE:
        return _no_space_error(error.strerror or "the disk is full")
    if error.errno in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENOTEMPTY):
        return InvalidParameter(f"'{path}' cannot be stored: a part of the path is a file, not a folder.")
    if error.errno == errno.ELOOP:
        return artifact_paths.invalid()
    if error.errno == errno.ENAMETOOLONG:
        return InvalidParameter("A name in the artifact path is too long for the file system of the server.")
    if error.errno in _REFUSALS:
        return Unusable(f"The artifact store refuses '{path}' to the server: {error.strerror}.")
    return Unavailable(f"The artifact store failed at '{path}': {error.strerror or error}")


def _rename(temporary: str, target: str) -> None:
    """Rename a file. If its folder has been deleted meanwhile, make the folder again."""
    for attempt in range(ATTEMPTS):
        try:
            os.rename(temporary, target)
            return
        except FileNotFoundError:
            if attempt == ATTEMPTS - 1:
                raise
            make_folder(os.path.dirname(target))

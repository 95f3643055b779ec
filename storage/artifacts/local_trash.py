"""The trash of a folder store: a deletion is a rename, so what is deleted disappears in one step."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress

from trackway.client_compat import artifact_paths
from trackway.client_compat.artifact_paths import TRASH_FOLDER

from . import trash
from .trash import Deletion

# How often a step is tried that another request may undo: a deletion of the same folder.
ATTEMPTS = 10


class LocalTrash:
    """See ``trash.Trash``. ``resolve`` returns the real path of an artifact's path."""

    def __init__(self, root: str, resolve: Callable[[str], str]) -> None:
        self._root = root
        self._folder = os.path.join(root, TRASH_FOLDER)
        self._resolve = resolve

    def prepare(self, deletion: Deletion) -> None:
        """Make the folder to which ``receive`` moves the deletion; on a full disk, this is what fails."""
        os.makedirs(self._root, exist_ok=True)
        with suppress(FileExistsError):
            os.mkdir(self._folder, 0o700)
        make_folder(os.path.dirname(self._real(deletion.place)))

    def give_up(self, deletion: Deletion) -> None:
        """Remove the folder that ``prepare`` made."""
        self._prune(os.path.dirname(self._real(deletion.place)))

    def receive(self, target: str, deletion: Deletion) -> None:
        """Move a file or folder to the trash. If it does not exist any more, do nothing."""
        place = self._real(deletion.place)
        for attempt in range(ATTEMPTS):
            self.prepare(deletion)
            try:
                os.rename(target, place)
                return
            except FileNotFoundError:
                if not os.path.lexists(target):  # another request deleted it
                    self.give_up(deletion)
                    return
                if attempt == ATTEMPTS - 1:
                    raise
            except OSError as error:
                # On another file system, or a mount point.
                if error.errno not in (errno.EXDEV, errno.EBUSY):
                    raise
                _copy(target, place)
                remove(target)
                return

    def find(self, path: str = "") -> list[Deletion]:
        found = list(self._below(path))
        for folder, rest in trash.above(path):
            with suppress(FileNotFoundError, NotADirectoryError):
                for name in os.listdir(os.path.join(self._folder, folder)):
                    deletion = trash.parse(folder, name)
                    if deletion and os.path.lexists(os.path.join(self._folder, folder, name, rest)):
                        found.append(deletion)
        return trash.newest_first(found)

    def restore(self, deletion: Deletion, path: str) -> list[str]:
        place, original = deletion.part(path)
        kept: list[str] = []
        with suppress(FileNotFoundError):  # another process restored or purged it
            self._move_back(self._real(place), original, kept)
        self._prune(os.path.dirname(self._real(place)))
        return kept

    def purge(self, deletion: Deletion, path: str) -> None:
        place = self._real(deletion.part(path)[0])
        remove(place)
        self._prune(os.path.dirname(place))

    def _real(self, place: str) -> str:
        return os.path.join(self._root, place)

    def _below(self, path: str) -> Iterator[Deletion]:
        start = os.path.join(self._folder, path) if path else self._folder
        for folder, folders, files in os.walk(start):
            at = os.path.relpath(folder, self._folder)
            inner = []
            for name in [*folders, *files]:
                if deletion := trash.parse(at, name):
                    yield deletion
                else:
                    inner.append(name)
            folders[:] = inner

    def _move_back(self, place: str, path: str, kept: list[str]) -> None:
        target = os.path.join(self._resolve(os.path.dirname(path)), os.path.basename(path))
        if not os.path.lexists(target):
            try:
                make_folder(os.path.dirname(target))
            except (FileExistsError, NotADirectoryError):  # a folder above it is a file now
                kept.append(path)
                return
            os.rename(place, target)
        elif _is_folder(place) and _is_folder(target):
            for name in sorted(os.listdir(place)):
                self._move_back(os.path.join(place, name), artifact_paths.join(path, name), kept)
            with suppress(OSError):  # it is not empty
                os.rmdir(place)
        else:
            kept.append(path)

    def _prune(self, folder: str) -> None:
        """Remove empty folders of the trash, upwards."""
        with suppress(OSError):  # it is not empty
            while folder.startswith(self._folder + os.sep):
                os.rmdir(folder)
                folder = os.path.dirname(folder)


def make_folder(folder: str) -> None:
    """Make a folder and those above it, again if another request deletes one of them meanwhile."""
    for attempt in range(ATTEMPTS):
        try:
            os.makedirs(folder, exist_ok=True)
            return
        except FileNotFoundError:
            if attempt == ATTEMPTS - 1:
                raise


def remove(path: str) -> None:
    """Permanently delete a file or folder, as far as possible."""
    if _is_folder(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(FileNotFoundError, NotADirectoryError):
            os.unlink(path)


def _copy(source: str, target: str) -> None:
    """Copy a file or folder. Leave nothing if that fails."""
    try:
        if _is_folder(source):
            shutil.copytree(source, target, symlinks=True)
        else:
            shutil.copy2(source, target, follow_symlinks=False)
    except BaseException:
        remove(target)
        raise


def _is_folder(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)

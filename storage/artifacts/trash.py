"""The trash of an artifact store: where deleted files and folders are, and what can be done with them.

What was deleted at ``a/b`` is at ``.trackway-trash/a/b/.trackway-deleted-<time>-<random>``, with the same
contents below. So the deletions of a path, of what was below it and of the folders above it are found without
reading the rest of the trash. The artifact endpoints refuse and hide both names (``artifact_paths``).
"""

from __future__ import annotations

import re
import secrets
import time
from typing import NamedTuple, Protocol

from trackway.client_compat import artifact_paths
from trackway.client_compat.artifact_paths import TRASH_FOLDER

_NAME = re.compile(r"\.trackway-deleted-(\d{13,})-[0-9a-f]{16}")


class Deletion(NamedTuple):
    """What one request moved to the trash: a file or folder, its time, and its name in the trash."""

    path: str
    time_ms: int
    name: str

    @classmethod
    def of(cls, path: str) -> Deletion:
        """Return a new deletion of the path, with the present time."""
        time_ms = int(time.time() * 1000)
        return cls(path, time_ms, f".trackway-deleted-{time_ms:013}-{secrets.token_hex(8)}")

    @property
    def place(self) -> str:
        """The path of the deleted file or folder in the store."""
        return artifact_paths.join(TRASH_FOLDER, self.path, self.name)

    def part(self, path: str) -> tuple[str, str]:
        """Return the place in the trash, and the original path, of what was deleted at or below ``path``.

        ``path`` is above, equal to or below the path of the deletion.
        """
        if is_within(self.path, path):
            return self.place, self.path
        return self.place + path[len(self.path) :], path


class Trash(Protocol):
    """The trash of one store. All methods raise ``Unavailable`` if the store fails."""

    def find(self, path: str = "") -> list[Deletion]:
        """Return the deletions, newest first, of ``path``, of paths below it, and of folders that held it."""

    def restore(self, deletion: Deletion, path: str) -> list[str]:
        """Move back what was deleted at or below ``path``.

        Return the paths that stay in the trash because something else is in their place now.
        """

    def purge(self, deletion: Deletion, path: str) -> None:
        """Permanently delete what was deleted at or below ``path``."""


def restore_all(trash: Trash, path: str) -> list[str]:
    """Move back everything that was deleted at or below ``path``. Return the paths that stay in the trash.

    Of a file that was deleted several times the newest contents come back.
    """
    return [kept for deletion in trash.find(path) for kept in trash.restore(deletion, path)]


def purge_all(trash: Trash, path: str) -> None:
    """Permanently delete everything that was deleted at or below ``path``."""
    for deletion in trash.find(path):
        trash.purge(deletion, path)


def parse(path: str, name: str) -> Deletion | None:
    """Return the deletion of ``path`` that has this name in the trash, or None for any other name."""
    found = _NAME.fullmatch(name)
    return Deletion(path, int(found[1]), name) if found else None


def above(path: str) -> list[tuple[str, str]]:
    """Return each folder above the path, with the rest of the path."""
    parts = path.split("/")
    return [("/".join(parts[:depth]), "/".join(parts[depth:])) for depth in range(1, len(parts))]


def is_within(path: str, folder: str) -> bool:
    """Whether a path is a folder or below it."""
    return not folder or path == folder or path.startswith(f"{folder}/")


def newest_first(found: list[Deletion]) -> list[Deletion]:
    return sorted(found, key=lambda deletion: (-deletion.time_ms, deletion))

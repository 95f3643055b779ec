"""Artifacts: files in folders, on a disk or in an S3 bucket, behind one interface.

Paths are relative to the store's root, with slashes, and checked (``artifact_paths.check``). Contents
pass as streams: no store keeps more of a file in memory than a part of fixed size, and none writes
temporary files on the server.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from trackway.client_compat.errors import InvalidParameter, NotFound

from .s3_settings import S3Settings

# How much of a file passes at once.
CHUNK_SIZE = 256 * 1024


class Entry(NamedTuple):
    """A file or folder in a listing; only files have a size and a time."""

    path: str
    is_dir: bool
    size: int | None = None
    modified: float = 0.0


class Source(Protocol):
    """Where an upload comes from. An empty answer is the end; whoever stops early raises."""

    def read(self, size: int, /) -> bytes: ...


class File(Protocol):
    """An open artifact. ``etag`` changes whenever the contents do."""

    size: int
    etag: str
    modified: float

    def chunks(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes from ``start`` up to, not including, ``stop``; raises when they cannot all be had."""

    def close(self) -> None: ...


class Part(NamedTuple):
    number: int
    etag: str


class SignedUrl(NamedTuple):
    """A signed address, and the headers that must be sent with a request to it."""

    url: str
    headers: dict[str, str]


class ArtifactStore(Protocol):
    """Raises ``NotFound``, ``InvalidParameter``, or ``Unavailable`` when the store cannot do its work."""

    # Whether clients can be sent to the store itself, with signed addresses.
    signs: bool

    def list(self, path: str) -> list[Entry]:
        """What lies directly in a folder, by path; nothing for a file or what is not there."""

    def walk(self, path: str) -> Iterator[Entry]:
        """All files in and below a folder, or the file itself; raises ``NotFound`` where there is none."""

    def open(self, path: str, *, partly: bool = False) -> File:
        """``partly`` says that not the whole will be read, which may save fetching it."""

    def put(self, path: str, source: Source, length: int | None) -> None:
        """Store what ``source`` yields, replacing what was there; visible when it is whole, not before.

        ``length`` is what the client promised, where it did.
        """

    def delete(self, path: str) -> None:
        """Remove a file, or a folder with all in it; what is not there is no error."""

    def begin_parts(self, path: str) -> str:
        """Begin an upload in parts, which the client sends to the store itself; its id."""

    def complete_parts(self, path: str, upload_id: str, parts: Iterable[Part]) -> None: ...

    def abort_parts(self, path: str, upload_id: str) -> None: ...

    def sign_part(self, path: str, upload_id: str, number: int, seconds: int) -> str: ...

    def sign_get(self, path: str, seconds: int) -> str: ...

    def sign_put(self, path: str, seconds: int) -> SignedUrl: ...

    def sweep(self) -> int:
        """Remove what uploads and deletions that were killed left behind; how much that was."""

    def check(self) -> None:
        """Raise ``Unavailable`` with the reason when the store cannot be used."""


def prepare(uri: str) -> None:
    """Check that a store can be opened there, without the network. Raises ``ValueError``."""
    if _is_s3(uri):
        if not urlsplit(uri).netloc:
            raise ValueError(f"{uri!r} names no bucket; artifacts are kept in s3://bucket/prefix.")
        try:
            from . import s3  # noqa: F401
        except ImportError:
            raise ValueError(f'Artifacts in {uri} need the extra "s3": install trackway[s3].') from None
    else:
        store = open_store(uri)
        store.check()
        store.sweep()


def check_settings(s3: S3Settings, *uris: str) -> None:
    """Raise ``ValueError`` for settings that the stores at these places could not follow."""
    if any(_is_s3(uri) for uri in uris):
        from . import s3_upload_args

        s3_upload_args.read(s3)


def may_send_clients(uri: str, s3: S3Settings) -> bool:
    """Whether clients can be told to go to the store by themselves: it signs, and they can reach it."""
    return _is_s3(uri) and bool(s3.public_endpoint or not s3.endpoint)


def open_store(uri: str, s3: S3Settings | None = None, *, is_synced: bool = True) -> ArtifactStore:
    """The store at a folder, ``file:`` URI or ``s3://bucket/prefix``. Raises ``ValueError`` for others.

    ``is_synced`` says whether uploads to a folder wait for its disk.
    """
    if _is_s3(uri):
        from .s3 import S3Store

        return S3Store(uri, s3 or S3Settings())
    from .local import LocalStore, folder_of

    return LocalStore(folder_of(uri), is_synced=is_synced)


def can_open(uri: str) -> bool:
    """Whether there is a kind of store for the URI's scheme."""
    return urlsplit(uri).scheme in ("", "file", "s3")


def _is_s3(uri: str) -> bool:
    return urlsplit(uri).scheme == "s3"


def pieces(source: Source, length: int | None) -> Iterator[bytes]:
    """What the source yields; raises when that is less than the length that was promised."""
    left = length
    while left != 0 and (data := source.read(CHUNK_SIZE if left is None else min(CHUNK_SIZE, left))):
        if left is not None:
            left -= len(data)
        yield data
    if left:
        raise InvalidParameter(f"The upload ended {left} bytes early; nothing was stored.")


def no_such_artifact(path: str) -> NotFound:
    return NotFound(f"No such artifact: '{path}'")


def is_a_folder(path: str) -> InvalidParameter:
    return InvalidParameter(f"Artifact path refers to a directory, not a file: '{path}'")

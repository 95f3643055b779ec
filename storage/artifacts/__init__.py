"""Artifact stores: the interface of a store, and functions that open one by its URI.

- ``locations``: which store and path the ``artifact_location`` of an experiment, run or model means
- ``spellings``: finds a file that a client requests with another spelling of its name
- ``local``: a store in a folder of the local file system
- ``trash``: the trash of a store
- ``local_trash``, ``s3_trash``: that of a folder and of a bucket
- ``local_uploads``: temporary files of a folder store
- ``disk``: write a file and sync it to the disk
- ``s3``: a store in an S3 bucket
- ``s3_uploads``: uploads to S3, in one request or as multipart uploads
- ``s3_upload_args``: MLflow's upload options for S3 as request headers
- ``s3_clients``: S3 clients made from the settings
- ``s3_signing``: S3 requests with additional signed headers, and presigned URLs
- ``s3_settings``: the settings of S3 stores, from environment variables
- ``s3_errors``: S3 errors as API errors

Paths are relative to the root of the store, use slashes, and have been checked by ``artifact_paths.check``.
Contents are streamed: a store holds at most one part of fixed size in memory. The S3 store writes no
temporary files on the server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from trackway.client_compat.errors import InvalidParameter, NotFound

from .s3_settings import S3Settings
from .trash import Trash

# The size of one read or write, in bytes.
CHUNK_SIZE = 256 * 1024


class Entry(NamedTuple):
    """A file or folder in a listing.

    ``size`` is in bytes, None for a folder. ``modified`` is in seconds since the epoch, 0.0 for a folder.
    """

    path: str
    is_dir: bool
    size: int | None = None
    modified: float = 0.0


class Source(Protocol):
    """The contents of an upload. ``read`` returns ``b""`` at the end, and raises if the client aborts."""

    def read(self, size: int, /) -> bytes: ...


class File(Protocol):
    """An open artifact. ``etag`` changes when the contents change.

    ``size`` is in bytes, ``modified`` in seconds since the epoch.
    """

    size: int
    etag: str
    modified: float

    def chunks(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes from ``start`` to ``stop`` (exclusive). Raise ``OSError`` if some are missing."""

    def close(self) -> None: ...


class Part(NamedTuple):
    """An uploaded part of a multipart upload. Numbers begin with 1."""

    number: int
    etag: str


class SignedUrl(NamedTuple):
    """A presigned URL, and the headers that the client must send with its request."""

    url: str
    headers: dict[str, str]


class Change(NamedTuple):
    """An upload or deletion whose audit row has been committed."""

    path: str
    is_deletion: bool


def do_nothing() -> None: ...


class ArtifactStore(Protocol):
    """A store of artifacts.

    All methods raise ``InvalidParameter`` for a path that they cannot use, and ``Unavailable`` if the store
    fails or cannot be reached. A store without presigned URLs (``signs`` is False) raises
    ``NotImplementedYet`` from the methods for parts and signing.
    """

    # Whether the store makes presigned URLs, with which clients access it directly.
    signs: bool

    @property
    def trash(self) -> Trash: ...

    def list(self, path: str) -> list[Entry]:
        """Return the entries of a folder, sorted by path; an empty list for a file or a missing path."""

    def walk(self, path: str) -> Iterator[Entry]:
        """Yield all files below a folder, or the file itself. Raise ``NotFound`` if there is none."""

    def open(self, path: str, *, partly: bool = False) -> File:
        """Open a file. Raise ``NotFound`` if it is missing, ``InvalidParameter`` if it is a folder.

        With ``partly`` the S3 store does not request the contents until a range is read.
        """

    def put(
        self,
        path: str,
        source: Source,
        length: int | None,
        before_publish: Callable[[], None] = do_nothing,
        tag: str = "",
    ) -> None:
        """Store the contents of ``source``. An existing file is replaced.

        The file becomes visible when it is complete; a failed upload changes nothing. ``length`` is the
        length in bytes that the client announced, or None. ``before_publish`` is called once, when the whole
        contents have arrived and before they become visible; if it raises, nothing is stored. ``heal`` finds
        an upload with a ``tag`` (letters and digits) that was interrupted after this call.
        """

    def delete(self, path: str, before_delete: Callable[[], None] = do_nothing, tag: str = "") -> None:
        """Move a file, or a folder with its contents, to the trash. A missing path is not an error.

        ``before_delete`` is called once before anything disappears; if it raises, nothing is deleted.
        ``tag`` is that of ``put``.
        """

    def remove(self, path: str) -> None:
        """Permanently delete a file, or a folder with its contents. A missing path is not an error."""

    def heal(self, find: Callable[[str, int], Change | None]) -> Sequence[Change]:
        """Complete or undo the changes with a tag that an ended process left unfinished.

        ``find(tag, time_ms)`` returns the change if its audit row has been committed: it is then completed.
        Return the completed ones. The S3 store finds deletions only, an hour after their beginning.
        """

    def begin_parts(self, path: str) -> str:
        """Begin a multipart upload, to which the client sends its parts directly. Return the upload id."""

    def complete_parts(self, path: str, upload_id: str, parts: Iterable[Part]) -> None:
        """Make a file of the uploaded parts. Raise ``NotFound`` for an unknown upload id."""

    def abort_parts(self, path: str, upload_id: str) -> None:
        """Abort a multipart upload and delete its parts. Raise ``NotFound`` for an unknown upload id."""

    def sign_part(self, path: str, upload_id: str, number: int, seconds: int) -> str:
        """Return a URL for a PUT of one part, valid for ``seconds``."""

    def sign_get(self, path: str, seconds: int) -> str:
        """Return a URL for a GET of the file, valid for ``seconds``."""

    def sign_put(self, path: str, seconds: int) -> SignedUrl:
        """Return a URL for a PUT of the whole file, valid for ``seconds``."""

    def sweep(self) -> int:
        """Remove the remains of interrupted uploads and removals that ``heal`` does not need.

        Return their number.
        """

    def check(self) -> None:
        """Raise ``ApiError`` with the reason if the store cannot be used."""


def prepare(uri: str) -> None:
    """Raise ``ValueError`` if no store can be opened at the URI. Do not access the network.

    For a folder, also check that it is writable (``Unusable``) and remove the remains of old uploads.
    """
    if is_s3(uri):
        if not urlsplit(uri).netloc:
            raise ValueError(f"{uri!r} has no bucket name; give s3://bucket/prefix.")
        try:
            from .s3 import check_bucket_name
        except ImportError:
            raise ValueError(f'Artifacts in {uri} need the extra "s3": install "trackway[s3]".') from None
        check_bucket_name(urlsplit(uri).netloc)
    else:
        store = open_store(uri)
        store.check()
        store.sweep()


def check_settings(s3: S3Settings, *uris: str) -> None:
    """Raise ``ValueError`` for invalid S3 settings, if one of the URIs is in S3."""
    if any(is_s3(uri) for uri in uris):
        from . import s3_settings, s3_upload_args

        s3_settings.check(s3)
        s3_upload_args.read(s3)


def may_send_clients(uri: str, s3: S3Settings) -> bool:
    """Whether clients can access the store directly: it makes presigned URLs, and clients can reach it.

    A custom endpoint may be reachable from the server only, so it needs a public endpoint as well.
    """
    return is_s3(uri) and bool(s3.public_endpoint or not s3.endpoint)


def open_store(uri: str, s3: S3Settings | None = None, *, is_synced: bool = True) -> ArtifactStore:
    """Return the store at a folder, ``file:`` URI or ``s3://bucket/prefix``. Raise ``ValueError`` for others.

    With ``is_synced`` an upload to a folder waits until its contents are on the disk.
    """
    if is_s3(uri):
        from .s3 import S3Store

        return S3Store(uri, s3 or S3Settings())
    from .local import LocalStore, folder_of

    return LocalStore(folder_of(uri), is_synced=is_synced)


def can_open(uri: str) -> bool:
    """Whether a store exists for the scheme of the URI."""
    return urlsplit(uri).scheme in ("", "file", "s3")


def is_s3(uri: str) -> bool:
    """Whether the store at a URI is a bucket, which is reached over the network."""
    return urlsplit(uri).scheme == "s3"


def read_chunks(source: Source, length: int | None) -> Iterator[bytes]:
    """Yield the contents of the source. Raise ``InvalidParameter`` if they are shorter than ``length``."""
    left = length
    while left != 0 and (data := source.read(CHUNK_SIZE if left is None else min(CHUNK_SIZE, left))):
        if left is not None:
            left -= len(data)
        yield data
    if left:
        raise InvalidParameter(f"The upload is {left} bytes shorter than announced. Nothing was stored.")


def no_such_artifact(path: str) -> NotFound:
    return NotFound(f"No such artifact: '{path}'")


def not_a_file(path: str) -> InvalidParameter:
    return InvalidParameter(f"Artifact path refers to a directory, not a file: '{path}'")

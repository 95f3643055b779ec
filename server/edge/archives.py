"""Send a folder as a zip or tar.gz archive.

The archive is written while it is sent: there is no temporary file, and only one chunk is in memory.
"""

from __future__ import annotations

import time
import zipfile
import zlib
from collections.abc import Generator, Iterable
from contextlib import closing
from itertools import chain

from trackway.storage.artifacts import Entry, spellings
from trackway.storage.artifacts.locations import Place

from ..responses import Stream
from .files import SAFETY, attachment
from .transfers import Transfer

_TYPES = {"zip": "application/zip", "tar.gz": "application/gzip"}
# The fastest level: models hardly shrink, and a faster network is easier to get than a faster processor.
_GZIP_LEVEL = 1
_EARLIEST_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_FILE_MODE = 0o644


def send(ctx: Transfer, place: Place, name: str, archive_format: str) -> Stream:
    """Return a response with all files in and below a folder, as ``name.zip`` or ``name.tar.gz``.

    ``archive_format`` is "zip" or "tar.gz". Paths in the archive are relative to the folder. If a file cannot
    be read, the connection is closed before the end of the archive, so that the client notices the error.
    """
    return spellings.read(place, lambda found: _send(ctx, found, name, archive_format))


def _send(ctx: Transfer, place: Place, name: str, archive_format: str) -> Stream:
    entries = place.store.walk(place.path)
    first = next(entries)  # raises 404 for a missing folder while the status can still be chosen
    headers = [
        ("Content-Type", _TYPES[archive_format]),
        ("Content-Disposition", attachment(f"{name}.{archive_format}")),
        ("Cache-Control", "private, no-cache"),
        *SAFETY,
    ]
    if ctx.request.environ["REQUEST_METHOD"] == "HEAD":
        return Stream(200, headers, [])
    archive = (_zip if archive_format == "zip" else _tar)(place, chain([first], entries))
    return ctx.download(200, headers, archive, archive.close, None)


def _zip(place: Place, entries: Iterable[Entry]) -> Generator[bytes]:
    buffer = _Buffer()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for entry in entries:
            modified = max(time.gmtime(entry.modified)[:6], _EARLIEST_ZIP_TIME)
            info = zipfile.ZipInfo(_member_name(place, entry), modified)
            info.external_attr = _FILE_MODE << 16
            with closing(place.store.open(entry.path)) as file:
                info.file_size = file.size  # zipfile uses ZIP64 if it is above 4 GiB
                with archive.open(info, "w") as member:
                    for data in file.chunks(0, file.size):
                        member.write(data)
                        yield buffer.take()
    yield buffer.take()


def _tar(place: Place, entries: Iterable[Entry]) -> Generator[bytes]:
    import tarfile  # imported on demand: 0.25 MiB of memory that most servers never need

    gzip = zlib.compressobj(_GZIP_LEVEL, wbits=zlib.MAX_WBITS | 16)
    for entry in entries:
        with closing(place.store.open(entry.path)) as file:
            info = tarfile.TarInfo(_member_name(place, entry))
            info.size, info.mtime, info.mode = file.size, int(entry.modified), _FILE_MODE
            yield gzip.compress(info.tobuf(tarfile.PAX_FORMAT))
            for data in file.chunks(0, file.size):
                if packed := gzip.compress(data):
                    yield packed
            yield gzip.compress(bytes(-file.size % tarfile.BLOCKSIZE))
    yield gzip.compress(bytes(2 * tarfile.BLOCKSIZE)) + gzip.flush()


def _member_name(place: Place, entry: Entry) -> str:
    if entry.path == place.path:
        return entry.path.rpartition("/")[2]
    return entry.path[len(place.path) :].lstrip("/")


class _Buffer:
    """A file object for ``zipfile`` without seek, so that it writes the archive as a stream."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None: ...

    def close(self) -> None: ...

    def take(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        return data

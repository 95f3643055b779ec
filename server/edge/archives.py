"""A folder as one archive, written while it is sent: no temporary file, and one piece in memory."""

from __future__ import annotations

import time
import zipfile
import zlib
from collections.abc import Generator, Iterable
from contextlib import closing
from itertools import chain

from trackway.storage.artifacts import Entry
from trackway.storage.artifacts.locations import Place

from ..responses import Stream
from .files import SAFETY, attachment
from .transfers import Transfer

_TYPES = {"zip": "application/zip", "tar.gz": "application/gzip"}
# Models hardly shrink, and a faster link is easier to get than a faster core.
_LEVEL = 1
_EARLIEST_ZIP = (1980, 1, 1, 0, 0, 0)
_MODE = 0o644


def send(ctx: Transfer, place: Place, name: str, form: str) -> Stream:
    """All files in and below a folder as ``name.zip`` or ``name.tar.gz``; paths in it start at the folder.

    What cannot be read ends the connection before the archive's end, so that no client takes half for whole.
    """
    entries = place.store.walk(place.path)
    first = next(entries)  # a folder that is not there is a 404, which later it could not be
    headers = [
        ("Content-Type", _TYPES[form]),
        ("Content-Disposition", attachment(f"{name}.{form}")),
        ("Cache-Control", "private, no-cache"),
        *SAFETY,
    ]
    if ctx.request.environ["REQUEST_METHOD"] == "HEAD":
        return Stream(200, headers, [])
    archive = (_zip if form == "zip" else _tar)(place, chain([first], entries))
    return ctx.download(200, headers, archive, archive.close, None)


def _zip(place: Place, entries: Iterable[Entry]) -> Generator[bytes]:
    buffer = _Buffer()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for entry in entries:
            info = zipfile.ZipInfo(_name(place, entry), max(time.gmtime(entry.modified)[:6], _EARLIEST_ZIP))
            info.external_attr = _MODE << 16
            with closing(place.store.open(entry.path)) as file:
                info.file_size = file.size  # decides whether it takes the form for over 4 GiB
                with archive.open(info, "w") as member:
                    for data in file.chunks(0, file.size):
                        member.write(data)
                        yield buffer.take()
    yield buffer.take()


def _tar(place: Place, entries: Iterable[Entry]) -> Generator[bytes]:
    import tarfile  # 0.25 MiB, which most servers never need

    gzip = zlib.compressobj(_LEVEL, wbits=zlib.MAX_WBITS | 16)
    for entry in entries:
        with closing(place.store.open(entry.path)) as file:
            info = tarfile.TarInfo(_name(place, entry))
            info.size, info.mtime, info.mode = file.size, int(entry.modified), _MODE
            yield gzip.compress(info.tobuf(tarfile.PAX_FORMAT))
            for data in file.chunks(0, file.size):
                if packed := gzip.compress(data):
                    yield packed
            yield gzip.compress(bytes(-file.size % tarfile.BLOCKSIZE))
    yield gzip.compress(bytes(2 * tarfile.BLOCKSIZE)) + gzip.flush()


def _name(place: Place, entry: Entry) -> str:
    if entry.path == place.path:
        return entry.path.rpartition("/")[2]
    return entry.path[len(place.path) :].lstrip("/")


class _Buffer:
    """Where ``zipfile`` writes to, as to a pipe: it can only go on."""

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

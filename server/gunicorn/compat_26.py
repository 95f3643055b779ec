"""What gunicorn 26.2 lacks in reading bodies. 27 needs none of it.

The file can go when 27 is the least version that is allowed; full mlflow 3.17 and 3.18 forbid it, so
whoever installs both is on 26.2.
"""

from __future__ import annotations

import io
from typing import Any

import gunicorn
from gunicorn.http import body as http_body
from gunicorn.http import errors as http_errors

NEEDED = int(gunicorn.__version__.split(".")[0]) < 27
_MAX_CHUNK_LINE = 4096
_BODY_PART = 1024 * 1024


def install_patches() -> None:
    if NEEDED:
        http_body.ChunkedReader.parse_chunk_size = bounded_chunk_size
        http_body.ChunkedReader.read = read_chunks
        http_body.Body.read = read_in_large_parts


_parse_chunk_size = http_body.ChunkedReader.parse_chunk_size
_read_chunks = http_body.ChunkedReader.read


class _BoundedUnreader:
    """A reader for one size line: passes reads on until the line is longer than any real one."""

    def __init__(self, unreader: Any) -> None:
        self._unreader = unreader
        self._left = _MAX_CHUNK_LINE
        self.unread = unreader.unread

    def read(self, size: int | None = None) -> bytes:
        if self._left <= 0:
            raise http_errors.InvalidChunkSize(b"longer than any size")
        data: bytes = self._unreader.read(size)
        self._left -= len(data)
        return data


def bounded_chunk_size(self: Any, unreader: Any, data: bytes | None = None) -> Any:
    """gunicorn 26.2's ``ChunkedReader.parse_chunk_size``, which gives up on a line without an end."""
    return _parse_chunk_size(self, _BoundedUnreader(unreader), data)


def read_chunks(self: Any, size: int) -> bytes:
    """gunicorn 26.2's ``ChunkedReader.read``, after whose faults nothing more is read of the connection.

    Where the body ends is not known then, so what follows must not be taken for a request. The faults are
    all ``OSError``; those of trailers are not in gunicorn.
    """
    try:
        data: bytes = _read_chunks(self, size)
    except OSError:
        self.req.force_close()
        raise
    except http_errors.ParseException as error:
        self.req.force_close()
        raise OSError(f"its trailers are none: {error}") from None
    return data


def read_in_large_parts(self: Any, size: int | None = None) -> bytes:
    """gunicorn 26.2's ``Body.read``, which asks for 1 KiB at a time: 1.9 ms per MB, against 0.4."""
    wanted = self.getsize(size)
    parts = [self.buf.getvalue()]
    have = len(parts[0])
    while have < wanted:
        part = self.reader.read(min(wanted - have, _BODY_PART))
        if not part:
            break
        parts.append(part)
        have += len(part)
    data = b"".join(parts)
    self.buf = io.BytesIO()
    self.buf.write(data[wanted:])
    return data[:wanted]

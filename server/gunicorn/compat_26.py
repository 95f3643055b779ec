"""Patches for gunicorn 26.2: corrections to how it reads request bodies. gunicorn 27 needs none of them.

Delete this file when gunicorn 27 is the oldest supported version. Until then 26.2 is needed for installations
that also contain the full mlflow 3.17 or 3.18, which do not allow gunicorn 27.
"""

from __future__ import annotations

import io
from typing import Any

import gunicorn
from gunicorn.http import body as http_body
from gunicorn.http import errors as http_errors

NEEDED = int(gunicorn.__version__.split(".")[0]) < 27
_MAX_CHUNK_LINE_BYTES = 4096
_READ_BYTES = 1024 * 1024


def install_patches() -> None:
    """Replace gunicorn's methods if this version of gunicorn needs it."""
    if NEEDED:
        http_body.ChunkedReader.parse_chunk_size = strict_chunk_size
        http_body.ChunkedReader.read = read_chunks
        http_body.Body.read = read_in_large_parts


_parse_chunk_size = http_body.ChunkedReader.parse_chunk_size
_read_chunks = http_body.ChunkedReader.read


def strict_chunk_size(self: Any, unreader: Any, data: bytes | None = None) -> Any:
    """Replace ``ChunkedReader.parse_chunk_size`` of gunicorn 26.2, which reads a line of any length.

    Raise ``InvalidChunkSize`` if the line does not end within 4 KiB, or if it has a bare line feed, which a
    proxy in front may take for the line's end.
    """
    line = data or b""
    while (end := line.find(b"\r\n")) < 0 and len(line) <= _MAX_CHUNK_LINE_BYTES:
        part = unreader.read()
        if not part:
            break
        line += part
    if end < 0 and len(line) > _MAX_CHUNK_LINE_BYTES:
        raise http_errors.InvalidChunkSize(b"the line has more than %d bytes" % _MAX_CHUNK_LINE_BYTES)
    if b"\n" in line[:end]:
        raise http_errors.InvalidChunkSize(line[:end])
    return _parse_chunk_size(self, unreader, line)


def read_chunks(self: Any, size: int) -> bytes:
    """Replace ``ChunkedReader.read`` of gunicorn 26.2, which keeps the connection after a malformed chunk.

    After a malformed chunked body the connection is closed, so that its remaining bytes are not parsed as a
    request. gunicorn raises ``OSError`` for malformed chunks but ``ParseException`` for malformed trailers;
    this function raises ``OSError`` for both.
    """
    try:
        data: bytes = _read_chunks(self, size)
    except OSError:
        self.req.force_close()
        raise
    except http_errors.ParseException as error:
        self.req.force_close()
        raise OSError(f"malformed trailers: {error}") from None
    return data


def read_in_large_parts(self: Any, size: int | None = None) -> bytes:
    """Replace ``Body.read`` of gunicorn 26.2, which reads 1 KiB at a time.

    Reading 1 MiB at a time takes 0.4 ms per MB instead of 1.9 ms.
    """
    wanted = self.getsize(size)
    parts = [self.buf.getvalue()]
    received = len(parts[0])
    while received < wanted:
        part = self.reader.read(min(wanted - received, _READ_BYTES))
        if not part:
            break
        parts.append(part)
        received += len(part)
    data = b"".join(parts)
    self.buf = io.BytesIO()
    self.buf.write(data[wanted:])
    return data[:wanted]

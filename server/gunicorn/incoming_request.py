"""A request that is arriving: tells from its bytes whether a thread can answer it without waiting for more.

Nothing is validated here. What this module takes for the end of a request decides only when a thread reads
it; gunicorn's parser decides what the request is.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

# A request with a larger body is ready as soon as its head is there: a thread reads the body as it arrives.
MAX_BODY_BYTES = 1024 * 1024
# A longer head is ready at once: gunicorn refuses it.
_MAX_HEAD_BYTES = 1024 * 1024
_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,18})[ \t]*\r\n")
_CODING = re.compile(rb"\r\ntransfer-encoding:[ \t]*([^\r\n]*)")
# The client waits for an interim response before it sends the body, and gunicorn sends that.
_EXPECT = re.compile(rb"\r\nexpect:")
_MAX_SIZE_LINE_BYTES = 4096
_CHUNK_SIZE = re.compile(rb"[0-9a-fA-F]{1,8}")


class IncomingRequest:
    """The bytes of a request so far. ``is_ready`` says whether it is complete, or not to be waited for."""

    __slots__ = ("_missing", "began", "data", "has_head", "is_ready")

    def __init__(self, data: bytes = b"") -> None:
        self.began = time.monotonic()
        self.data = bytearray()
        self.has_head = False
        self.is_ready = False
        self._missing = self._wait()
        next(self._missing)
        if data:
            self.add(data)

    def add(self, part: bytes) -> None:
        self.data += part
        try:
            next(self._missing)
        except StopIteration:
            self.is_ready = True
        if len(self.data) > MAX_BODY_BYTES + _MAX_HEAD_BYTES:
            self.is_ready = True

    def _wait(self) -> Iterator[None]:
        """Resumed after each part; returns when the request is ready."""
        data = self.data
        end = -1
        while end < 0:
            # The end may lie across two parts.
            searched = max(0, len(data) - len(_HEAD_END) + 1)
            yield
            end = data.find(_HEAD_END, searched)
        self.has_head = True
        head = bytes(data[: end + len(_HEAD_END)]).lower()
        body = end + len(_HEAD_END)
        length, coding = _LENGTH.search(head), _CODING.search(head)
        is_chunked = coding is not None and coding[1].rstrip() == b"chunked"
        if _EXPECT.search(head) or (coding and (length or not is_chunked)):  # the worker refuses the latter
            return
        if is_chunked:
            yield from self._wait_for_chunks(body)
        elif length:
            size = int(length[1])
            while len(data) - body < size <= MAX_BODY_BYTES:
                yield

    def _wait_for_chunks(self, position: int) -> Iterator[None]:
        """Wait for the last chunk and the trailers, or for a malformed chunk."""
        data = self.data
        limit = position + MAX_BODY_BYTES
        while True:
            while (end := data.find(b"\r\n", position)) < 0:
                rest = len(data) - position
                if rest > _MAX_SIZE_LINE_BYTES or (rest and not _CHUNK_SIZE.match(data, position)):
                    return
                yield
            size = _CHUNK_SIZE.match(data, position, end)
            if size is None:
                return
            if not int(size[0], 16):
                break
            position = end + 2 + int(size[0], 16) + 2
            while len(data) < position <= limit:
                yield
            if position > limit or data[position - 2 : position] != b"\r\n":
                return
        # The trailers end with an empty line, directly after the last size or after the last trailer.
        while data[end : end + 4] != _HEAD_END and data.find(_HEAD_END, end) < 0:
            yield

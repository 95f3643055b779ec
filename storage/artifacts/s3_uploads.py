"""Uploads to an S3 bucket, in one request or as multipart uploads.

An upload of known length is streamed without a buffer: the server sends a PUT to a presigned URL and passes
the body on as it arrives. This module uses private multipart methods of the SDK, which is therefore pinned
to 7.2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from xml.etree import ElementTree

import urllib3
from minio.datatypes import Part as MinioPart
from minio.error import S3Error

from trackway.client_compat import artifact_paths
from trackway.client_compat.errors import ApiError

from . import CHUNK_SIZE, Part, Source, read_chunks
from .s3_errors import MISSING, api_error, translate_errors
from .s3_signing import Client
from .s3_upload_args import UploadArgs

# S3 accepts up to 5 GiB in one request.
_MAX_SINGLE_PUT = 4 * 1024**3
_MAX_PARTS = 10_000
# Streamed parts use no memory, so they can be large; but more is lost if a large part fails.
_STREAMED_PART_SIZE = 1024**3
# If the length is unknown, each part is buffered in memory, because the request of a part begins with its
# length. This limits such an upload to 80 GiB; MLflow's Python clients always send the length.
_BUFFERED_PART_SIZE = 8 * 1024**2
_URL_VALID_S = 3600
_ABANDONED_AFTER = timedelta(days=7)
_LISTING_PAGE = 1000
# The body of a part, and its length.
_Body: TypeAlias = tuple[Iterable[bytes | bytearray], int]
_CODE = re.compile(rb"<Code>([^<]+)</Code>")


class Uploads:
    """The uploads of one store. The methods raise ``ApiError``."""

    def __init__(
        self, client: Client, http: urllib3.PoolManager, bucket: str, prefix: str, args: UploadArgs
    ) -> None:
        self._client = client
        self._http = http
        self._bucket = bucket
        self._prefix = prefix
        self._args = args

    def put(self, path: str, source: Source, length: int | None, before_publish: Callable[[], None]) -> None:
        """Store a file, in one request if it is small enough. See ``ArtifactStore.put``."""
        if length is not None and length <= _MAX_SINGLE_PUT:
            self._put_at_once(path, read_chunks(source, length), length, before_publish)
        elif length is None:
            buffer = _read_fully(source, _BUFFERED_PART_SIZE)
            if len(buffer) < _BUFFERED_PART_SIZE:
                self._put_at_once(path, [buffer], len(buffer), before_publish)
            else:
                self._send_parts(path, _buffered_parts(buffer, source), before_publish)
        else:
            size = max(_STREAMED_PART_SIZE, -(-length // _MAX_PARTS))
            self._send_parts(path, _streamed_parts(source, length, size), before_publish)

    def _put_at_once(
        self,
        path: str,
        chunks: Iterable[bytes | bytearray],
        length: int,
        before_publish: Callable[[], None],
    ) -> None:
        """Store a file with one request. S3 stores nothing if the last chunk is not sent."""
        headers = self._args.headers(path)
        if length == 0:  # S3 stores an empty file as soon as it has read the head
            before_publish()
            self._send(path, [], 0, headers)
        else:
            self._send(path, _before_last(chunks, before_publish), length, headers)

    def begin(self, path: str) -> str:
        """Begin a multipart upload. Return its id."""
        with translate_errors(path):
            headers: dict[str, Any] = {**self._args.headers(path)}
            return self._client._create_multipart_upload(self._bucket, self.key(path), headers)

    def complete(self, path: str, upload_id: str, parts: Iterable[Part]) -> None:
        done = [MinioPart(part.number, part.etag.strip('"')) for part in parts]
        with translate_errors(path):
            self._client._complete_multipart_upload(self._bucket, self.key(path), upload_id, done)

    def abort(self, path: str, upload_id: str) -> None:
        with translate_errors(path):
            self._client._abort_multipart_upload(self._bucket, self.key(path), upload_id)

    def sweep(self) -> int:
        """Abort multipart uploads that began more than a week ago. Return their number."""
        removed = 0
        with translate_errors(""):
            for key, upload_id, began in self._unfinished():
                if datetime.now(began.tzinfo) - began > _ABANDONED_AFTER:
                    removed += self._abort_if_there(key, upload_id)
        return removed

    def _unfinished(self) -> Iterator[tuple[str, str, datetime]]:
        """Yield object key, upload id and start time of the unfinished multipart uploads, page by page."""
        query: dict[str, Any] = {
            "uploads": "",
            "prefix": self._prefix + "/" if self._prefix else "",
            "max-uploads": str(_LISTING_PAGE),
        }
        markers = {"\n"}
        while True:
            response = self._client._execute("GET", self._bucket, query_params=query)
            page = ElementTree.fromstring(response.data)
            for upload in page.iterfind("{*}Upload"):
                texts = (upload.findtext(f"{{*}}{name}") for name in ("Key", "UploadId", "Initiated"))
                key, upload_id, begun = (text or "" for text in texts)
                yield key, upload_id, datetime.fromisoformat(begun)
            query["key-marker"] = page.findtext("{*}NextKeyMarker") or ""
            query["upload-id-marker"] = page.findtext("{*}NextUploadIdMarker") or ""
            marker = query["key-marker"] + "\n" + query["upload-id-marker"]
            # Without a marker, or with a repeated one, this loop would not end.
            if page.findtext("{*}IsTruncated") != "true" or marker in markers:
                return
            markers.add(marker)

    def _abort_if_there(self, key: str, upload_id: str) -> bool:
        try:
            self._client._abort_multipart_upload(self._bucket, key, upload_id)
        except S3Error as error:
            # Another server that sweeps the same bucket, or the client, has ended it meanwhile.
            if error.code == "NoSuchUpload" or error.code in MISSING:
                return False
            raise
        return True

    def key(self, path: str) -> str:
        """Return the object key of a path."""
        return artifact_paths.join(self._prefix, path)

    def _send_parts(self, path: str, parts: Iterable[_Body], before_publish: Callable[[], None]) -> None:
        upload_id = self.begin(path)
        try:
            done = []
            for number, (body, size) in enumerate(parts, 1):
                # Without object headers: they were sent when the upload began.
                query = part_query(upload_id, number)
                done.append(Part(number, self._send(path, body, size, {}, query)))
            before_publish()
            self.complete(path, upload_id, done)
        except BaseException:
            with suppress(ApiError):
                self.abort(path, upload_id)
            raise

    def _send(
        self,
        path: str,
        body: Iterable[bytes | bytearray],
        length: int,
        headers: dict[str, str],
        query: dict[str, str] | None = None,
    ) -> str:
        """Send a PUT with a body of known length. Return the ETag.

        It is not retried, because the body has been consumed.
        """
        with translate_errors(path):
            url = self._client.presign("PUT", self._bucket, self.key(path), _URL_VALID_S, query, headers)
            request_headers = {**headers, "Content-Length": str(length)}
            response = self._http.urlopen("PUT", url, body=body, headers=request_headers, retries=False)
        if response.status == 200:
            return str(response.headers.get("ETag", ""))
        code = _CODE.search(response.data)
        raise api_error(code.group(1).decode() if code else str(response.status), "", path, response.status)


def _before_last(
    chunks: Iterable[bytes | bytearray], call: Callable[[], None]
) -> Iterator[bytes | bytearray]:
    """Yield the chunks. Make a call after all have been read, and before the last one is yielded."""
    held: bytes | bytearray = b""
    for chunk in chunks:
        if held:
            yield held
        held = chunk
    call()
    yield held


def part_query(upload_id: str, number: int) -> dict[str, str]:
    """Return the query parameters of the request that uploads a part."""
    return {"partNumber": str(number), "uploadId": upload_id}


def _streamed_parts(source: Source, length: int, size: int) -> Iterator[_Body]:
    while length:
        part = min(size, length)
        yield read_chunks(source, part), part
        length -= part


def _buffered_parts(buffer: bytearray, source: Source) -> Iterator[_Body]:
    while buffer:
        body = [buffer]
        yield body, len(buffer)
        # Free the part before the next one is read, so that memory holds one part and not two.
        body.clear()
        buffer.clear()
        buffer = _read_fully(source, _BUFFERED_PART_SIZE)


def _read_fully(source: Source, size: int) -> bytearray:
    buffer = bytearray()
    while len(buffer) < size and (data := source.read(min(CHUNK_SIZE, size - len(buffer)))):
        buffer += data
    return buffer

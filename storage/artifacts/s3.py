"""Artifacts in an S3 bucket, through the ``minio`` SDK.

Uploads pass through in one stream, without a buffer, wherever their length is known: the SDK signs the
address, and the body goes to it as it comes. Pinned to the SDK's 7.2, for its multipart calls are private.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

import urllib3
from minio.datatypes import Part as MinioPart
from minio.deleteobjects import DeleteObject

from trackway.client_compat import artifact_paths
from trackway.client_compat.errors import ApiError, NotFound, Unavailable

from . import CHUNK_SIZE, Entry, Part, Source, is_a_folder, pieces
from .s3_errors import MISSING, fault, told
from .s3_settings import make_clients

# S3 takes 5 GiB in one piece.
_WHOLE_LIMIT = 4 * 1024**3
_MAX_PARTS = 10_000
# Parts that are streamed need no memory; larger ones cost more when one fails.
_STREAMED_PART = 1024**3
# Where the length is not known each part is held in memory, for a part must say its length first:
# 80 GiB at the most, and Python's clients always know theirs.
_HELD_PART = 8 * 1024**2
_SIGNED_FOR_S = 3600
_ABANDONED_AFTER = timedelta(days=7)
_SWEEP_EVERY_S = 24 * 3600.0
# What a part sends, and its length.
_Body: TypeAlias = tuple[Iterable[bytes | bytearray], int]
_CODE = re.compile(rb"<Code>([^<]+)</Code>")


class S3File:
    def __init__(self, store: S3Store, path: str, headers: Any, response: Any = None) -> None:
        self._store = store
        self._path = path
        self._response = response
        self.size = int(headers["Content-Length"])
        self.etag = headers.get("ETag", "").strip('"')
        self.modified = _seconds(headers.get("Last-Modified"))

    def chunks(self, start: int, stop: int) -> Iterator[bytes]:
        if start == stop:
            return
        if self._response is None or (start, stop) != (0, self.size):
            self.close()
            self._response = self._store.fetch(self._path, start, stop, self.etag)
        left = stop - start
        try:
            # As it lies there, which its size and ranges count: MLflow's own client stores *.gz with a
            # Content-Encoding, and urllib3 would unpack these.
            for data in self._response.stream(CHUNK_SIZE, decode_content=False):
                left -= len(data)
                yield data
        except urllib3.exceptions.HTTPError as error:
            raise OSError(f"The artifact store broke off within '{self._path}': {error}") from error
        if left:
            raise OSError(f"The artifact store sent {left} bytes too few of '{self._path}'")

    def close(self) -> None:
        if self._response is not None:
            # What is left unread is not fetched only to keep the connection.
            self._response.close()
            self._response.release_conn()
            self._response = None


class S3Store:
    signs = True

    def __init__(self, uri: str, public_endpoint: str = "") -> None:
        parts = urlsplit(uri)
        self._bucket = parts.netloc
        self._prefix = parts.path.strip("/")
        self._client, self._signer, self._http = make_clients(self._bucket, public_endpoint)
        self._swept = time.monotonic()

    def list(self, path: str) -> list[Entry]:
        prefix = self._key(path)
        prefix += "/" if prefix else ""
        with told(path):
            found = self._client.list_objects(self._bucket, prefix=prefix)
            entries = [
                Entry(artifact_paths.join(path, name.rstrip("/")), item.is_dir, *_size_and_time(item))
                for item in found
                if _is_sound((name := item.object_name[len(prefix) :]).rstrip("/"))
            ]
        return sorted(entries)

    def walk(self, path: str) -> Iterator[Entry]:
        key = self._key(path)
        is_empty = True
        with told(path):
            # In pages, as they are asked for.
            prefix = f"{key}/" if key else ""
            for item in self._client.list_objects(self._bucket, prefix=prefix, recursive=True):
                name = item.object_name[len(prefix) :]
                if not item.is_dir and _is_sound(name):
                    is_empty = False
                    yield Entry(artifact_paths.join(path, name), False, *_size_and_time(item))
        if is_empty:
            file = self.open(path, partly=True)
            yield Entry(path, False, file.size, file.modified)

    def open(self, path: str, *, partly: bool = False) -> S3File:
        try:
            with told(path):
                if partly:
                    found = self._client.stat_object(self._bucket, self._key(path))
                    return S3File(self, path, found.metadata)
                response = self._client.get_object(self._bucket, self._key(path))
                return S3File(self, path, response.headers, response)
        except NotFound:
            if self.list(path):
                raise is_a_folder(path) from None
            raise

    def fetch(self, path: str, start: int, stop: int, etag: str) -> Any:
        """The open answer with a range of a file, provided that it is still the same file."""
        with told(path):
            return self._client.get_object(
                self._bucket,
                self._key(path),
                offset=start,
                length=stop - start,
                request_headers={"If-Match": f'"{etag}"'},
            )

    def put(self, path: str, source: Source, length: int | None) -> None:
        key = self._key(path)
        if time.monotonic() - self._swept > _SWEEP_EVERY_S:
            self.sweep()
        if length is not None and length <= _WHOLE_LIMIT:
            self._send(self._own_url("PUT", key), pieces(source, length), length, path)
            return
        if length is None:
            held = _read_fully(source, _HELD_PART)
            if len(held) < _HELD_PART:
                self._send(self._own_url("PUT", key), [held], len(held), path)
                return
            self._send_parts(path, key, _held_parts(held, source))
        else:
            size = max(_STREAMED_PART, -(-length // _MAX_PARTS))
            self._send_parts(path, key, _streamed_parts(source, length, size))

    def delete(self, path: str) -> None:
        if not path:
            raise artifact_paths.invalid()
        key = self._key(path)
        with told(path):
            self._client.remove_object(self._bucket, key)
            below = self._client.list_objects(self._bucket, prefix=f"{key}/", recursive=True)
            victims = (DeleteObject(item.object_name) for item in below)
            for fault in self._client.remove_objects(self._bucket, victims):
                if fault.code not in MISSING:
                    raise Unavailable(f"The artifact store did not delete '{fault.name}': {fault.message}")

    def begin_parts(self, path: str) -> str:
        with told(path):
            return str(self._client._create_multipart_upload(self._bucket, self._key(path), {}))

    def complete_parts(self, path: str, upload_id: str, parts: Iterable[Part]) -> None:
        done = [MinioPart(part.number, part.etag.strip('"')) for part in parts]
        with told(path):
            self._client._complete_multipart_upload(self._bucket, self._key(path), upload_id, done)

    def abort_parts(self, path: str, upload_id: str) -> None:
        with told(path):
            self._client._abort_multipart_upload(self._bucket, self._key(path), upload_id)

    def sign_part(self, path: str, upload_id: str, number: int, seconds: int) -> str:
        query = {"partNumber": str(number), "uploadId": upload_id}
        return self._sign(self._signer, "PUT", self._key(path), seconds, query)

    def sign_get(self, path: str, seconds: int) -> str:
        name = quote(path.rpartition("/")[2])
        # The store's origin is not ours, but a browser had better not show what somebody uploaded.
        query = {"response-content-disposition": f"attachment; filename*=UTF-8''{name}"}
        return self._sign(self._signer, "GET", self._key(path), seconds, query)

    def sign_put(self, path: str, seconds: int) -> str:
        return self._sign(self._signer, "PUT", self._key(path), seconds)

    def sweep(self) -> int:
        """Abort uploads in parts that nobody has finished in a week."""
        self._swept = time.monotonic()
        removed = 0
        with told(""):
            query: dict[str, Any] = {"uploads": "", "prefix": self._prefix + "/" if self._prefix else ""}
            answer = self._client._execute("GET", self._bucket, query_params=query)
            for upload in ElementTree.fromstring(answer.data).iterfind("{*}Upload"):
                texts = (upload.findtext(f"{{*}}{name}") for name in ("Key", "UploadId", "Initiated"))
                key, upload_id, begun = (text or "" for text in texts)
                began = datetime.fromisoformat(begun)
                if datetime.now(began.tzinfo) - began > _ABANDONED_AFTER:
                    self._client._abort_multipart_upload(self._bucket, key, upload_id)
                    removed += 1
        return removed

    def check(self) -> None:
        with told(""):
            next(self._client.list_objects(self._bucket, prefix=self._key(".trackway-check")), None)

    def _key(self, path: str) -> str:
        return artifact_paths.join(self._prefix, path)

    def _own_url(self, method: str, key: str, query: dict[str, Any] | None = None) -> str:
        return self._sign(self._client, method, key, _SIGNED_FOR_S, query)

    def _sign(
        self, client: Any, method: str, key: str, seconds: int, query: dict[str, Any] | None = None
    ) -> str:
        with told(key):
            url = client.get_presigned_url(
                method, self._bucket, key, timedelta(seconds=seconds), extra_query_params=query
            )
        return str(url)

    def _send_parts(self, path: str, key: str, parts: Iterable[_Body]) -> None:
        upload_id = self.begin_parts(path)
        try:
            done = []
            for number, (body, size) in enumerate(parts, 1):
                url = self._own_url("PUT", key, {"partNumber": str(number), "uploadId": upload_id})
                done.append(Part(number, self._send(url, body, size, path)))
            self.complete_parts(path, upload_id, done)
        except BaseException:
            with suppress(ApiError):
                self.abort_parts(path, upload_id)
            raise

    def _send(self, url: str, body: Iterable[bytes | bytearray], length: int, path: str) -> str:
        """PUT a stream of known length; its ETag. Never tried twice, for the body is gone."""
        headers = {"Content-Length": str(length), "Content-Type": "application/octet-stream"}
        with told(path):
            answer = self._http.urlopen("PUT", url, body=body, headers=headers, retries=False)
        if answer.status == 200:
            return str(answer.headers.get("ETag", ""))
        code = _CODE.search(answer.data)
        raise fault(code.group(1).decode() if code else str(answer.status), "", path)


def _streamed_parts(source: Source, length: int, size: int) -> Iterator[_Body]:
    while length:
        part = min(size, length)
        yield pieces(source, part), part
        length -= part


def _held_parts(held: bytearray, source: Source) -> Iterator[_Body]:
    while held:
        body = [held]
        yield body, len(held)
        # Let go of before the next is read: one part in memory, not two.
        body.clear()
        held.clear()
        held = _read_fully(source, _HELD_PART)


def _read_fully(source: Source, size: int) -> bytearray:
    held = bytearray()
    while len(held) < size and (data := source.read(min(CHUNK_SIZE, size - len(held)))):
        held += data
    return held


def _is_sound(name: str) -> bool:
    """Whether a key can be a path. Other tools write others, and in an archive ``..`` would climb out."""
    return not any(part in ("", ".", "..") or artifact_paths.is_reserved(part) for part in name.split("/"))


def _size_and_time(item: Any) -> tuple[int | None, float]:
    if item.is_dir:
        return None, 0.0
    return item.size, item.last_modified.timestamp() if item.last_modified else 0.0


def _seconds(http_date: str | None) -> float:
    with suppress(ValueError, TypeError):
        return datetime.strptime(f"{http_date}+0000", "%a, %d %b %Y %H:%M:%S GMT%z").timestamp()
    return 0.0

"""Artifacts in an S3 bucket, through the ``minio`` SDK."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

import urllib3
from minio.deleteobjects import DeleteObject

from trackway.client_compat import artifact_paths
from trackway.client_compat.errors import NotFound, Unavailable

from . import CHUNK_SIZE, Entry, Part, SignedUrl, Source, is_a_folder, s3_upload_args
from .s3_clients import make_clients
from .s3_errors import MISSING, translate_errors
from .s3_settings import S3Settings
from .s3_uploads import Uploads, part_query

log = logging.getLogger("trackway.storage")

_SWEEP_EVERY_S = 24 * 3600.0


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

    def __init__(self, uri: str, settings: S3Settings) -> None:
        args = s3_upload_args.read(settings)
        parts = urlsplit(uri)
        self._bucket = parts.netloc
        self._client, self._signer, self._http = make_clients(self._bucket, settings, args.everywhere)
        self._uploads = Uploads(self._client, self._http, self._bucket, parts.path.strip("/"), args)
        self._key = self._uploads.key
        self._args = args
        self._swept = time.monotonic()

    def list(self, path: str) -> list[Entry]:
        prefix = self._key(path)
        prefix += "/" if prefix else ""
        with translate_errors(path):
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
        with translate_errors(path):
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
            with translate_errors(path):
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
        with translate_errors(path):
            return self._client.get_object(
                self._bucket,
                self._key(path),
                offset=start,
                length=stop - start,
                request_headers={"If-Match": f'"{etag}"'},
            )

    def put(self, path: str, source: Source, length: int | None) -> None:
        if time.monotonic() - self._swept > _SWEEP_EVERY_S:
            self._try_sweep()
        self._uploads.put(path, source, length)

    def delete(self, path: str) -> None:
        if not path:
            raise artifact_paths.invalid()
        key = self._key(path)
        with translate_errors(path):
            self._client.remove_object(self._bucket, key)
            below = self._client.list_objects(self._bucket, prefix=f"{key}/", recursive=True)
            victims = (DeleteObject(item.object_name) for item in below)
            for fault in self._client.remove_objects(self._bucket, victims):
                if fault.code not in MISSING:
                    raise Unavailable(f"The artifact store did not delete '{fault.name}': {fault.message}")

    def begin_parts(self, path: str) -> str:
        return self._uploads.begin(path)

    def complete_parts(self, path: str, upload_id: str, parts: Iterable[Part]) -> None:
        self._uploads.complete(path, upload_id, parts)

    def abort_parts(self, path: str, upload_id: str) -> None:
        self._uploads.abort(path, upload_id)

    def sign_part(self, path: str, upload_id: str, number: int, seconds: int) -> str:
        return self._sign("PUT", path, seconds, part_query(upload_id, number))

    def sign_get(self, path: str, seconds: int) -> str:
        name = quote(path.rpartition("/")[2])
        # The store's origin is not ours, but a browser had better not show what somebody uploaded.
        query = {"response-content-disposition": f"attachment; filename*=UTF-8''{name}"}
        return self._sign("GET", path, seconds, query)

    def sign_put(self, path: str, seconds: int) -> SignedUrl:
        headers = self._args.headers(path)
        return SignedUrl(self._sign("PUT", path, seconds, headers=headers), headers)

    def sweep(self) -> int:
        self._swept = time.monotonic()
        return self._uploads.sweep()

    def check(self) -> None:
        with translate_errors(""):
            next(self._client.list_objects(self._bucket, prefix=self._key(".trackway-check")), None)

    def _try_sweep(self) -> None:
        try:
            self.sweep()
        except Exception as error:  # whatever it is, nobody's upload is to fail for it
            log.warning("Uploads in parts that nobody finished were not aborted: %s", error)

    def _sign(
        self,
        method: str,
        path: str,
        seconds: int,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> str:
        with translate_errors(path):
            return self._signer.presign(method, self._bucket, self._key(path), seconds, query, headers)


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

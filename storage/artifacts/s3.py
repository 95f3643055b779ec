"""Artifacts in an S3 bucket, accessed with the ``minio`` SDK.

A deletion copies the objects to the trash, has its audit row committed, and deletes the objects. From before
the commit until the end there is an empty object whose name ends with the tag of the deletion; by it ``heal``
finds a deletion that was interrupted. S3 stores an upload when it gets the last bytes, which are sent after
the commit; an interrupted upload leaves nothing.
"""

from __future__ import annotations

import io
import logging
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import urllib3
from minio.helpers import check_bucket_name as check_bucket_name

from trackway.client_compat import artifact_paths
from trackway.client_compat.artifact_paths import UPLOADS_FOLDER
from trackway.client_compat.errors import NotFound

from . import CHUNK_SIZE, Change, Entry, Part, SignedUrl, Source, do_nothing, not_a_file, s3_upload_args
from .s3_clients import make_clients
from .s3_errors import translate_errors
from .s3_settings import S3Settings
from .s3_trash import S3Trash, Stored
from .s3_uploads import Uploads, part_query

log = logging.getLogger("trackway.storage")

_SWEEP_EVERY_S = 24 * 3600.0
# S3 has no locks: a deletion that began earlier is taken to be interrupted.
_INTERRUPTED_AFTER = timedelta(hours=1)


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
            # Without decoding: size and ranges count the stored bytes. MLflow's own client stores *.gz with a
            # Content-Encoding, which urllib3 would decompress.
            for data in self._response.stream(CHUNK_SIZE, decode_content=False):
                left -= len(data)
                yield data
        except urllib3.exceptions.HTTPError as error:
            raise OSError(f"The artifact store aborted the download of '{self._path}': {error}") from error
        if left:
            raise OSError(f"The artifact store sent '{self._path}' without its last {left} bytes")

    def close(self) -> None:
        if self._response is not None:
            # Close the connection: to keep it, the rest of the body would have to be read.
            self._response.close()
            self._response.release_conn()
            self._response = None


class S3Store:
    signs = True

    def __init__(self, uri: str, settings: S3Settings) -> None:
        args = s3_upload_args.read(settings)
        parts = urlsplit(uri)
        self._bucket = parts.netloc
        self._client, self._signer, self._http = make_clients(self._bucket, settings, args.common_headers)
        self._uploads = Uploads(self._client, self._http, self._bucket, parts.path.strip("/"), args)
        self._key = self._uploads.key
        self._args = args
        self.trash = S3Trash(self._client, self._bucket, self._key, args)
        self._last_sweep = time.monotonic()

    def list(self, path: str) -> list[Entry]:
        prefix = self._key(path)
        prefix += "/" if prefix else ""
        with translate_errors(path):
            found = self._client.list_objects(self._bucket, prefix=prefix)
            entries = [
                Entry(artifact_paths.join(path, name.rstrip("/")), item.is_dir, *_size_and_time(item))
                for item in found
                if _is_valid((name := item.object_name[len(prefix) :]).rstrip("/"))
            ]
        return sorted(entries)

    def walk(self, path: str) -> Iterator[Entry]:
        key = self._key(path)
        is_empty = True
        with translate_errors(path):
            # The SDK requests pages of the listing as the caller iterates.
            prefix = f"{key}/" if key else ""
            for item in self._client.list_objects(self._bucket, prefix=prefix, recursive=True):
                name = item.object_name[len(prefix) :]
                if not item.is_dir and _is_valid(name):
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
                raise not_a_file(path) from None
            raise

    def fetch(self, path: str, start: int, stop: int, etag: str) -> Any:
        """Request a range of a file. Return the open response. Raise ``ApiError`` if the ETag has changed."""
        with translate_errors(path):
            return self._client.get_object(
                self._bucket,
                self._key(path),
                offset=start,
                length=stop - start,
                request_headers={"If-Match": f'"{etag}"'},
            )

    def put(
        self,
        path: str,
        source: Source,
        length: int | None,
        before_publish: Callable[[], None] = do_nothing,
        tag: str = "",
    ) -> None:
        if time.monotonic() - self._last_sweep > _SWEEP_EVERY_S:
            self._try_sweep()
        self._uploads.put(path, source, length, before_publish)

    def delete(self, path: str, before_delete: Callable[[], None] = do_nothing, tag: str = "") -> None:
        if not path:
            raise artifact_paths.invalid()
        with translate_errors(path):
            objects = self.trash.objects(path)
            if not objects:
                before_delete()
                return
            deletion = self.trash.receive(path, objects)
            mark = self._key(f"{UPLOADS_FOLDER}/{secrets.token_hex(16)}-{tag}")
            try:
                self._client.put_object(self._bucket, mark, io.BytesIO(), 0)
                before_delete()
            except BaseException:
                self.trash.purge(deletion, path)
                self._client.remove_object(self._bucket, mark)
                raise
            self._delete(path, objects)
            self._client.remove_object(self._bucket, mark)

    def remove(self, path: str) -> None:
        if not path:
            raise artifact_paths.invalid()
        with translate_errors(path):
            self._delete(path, self.trash.objects(path))

    def heal(self, find: Callable[[str, int], Change | None]) -> Sequence[Change]:
        healed = []
        with translate_errors(""):
            prefix = self._key(UPLOADS_FOLDER) + "/"
            for mark in list(self._client.list_objects(self._bucket, prefix=prefix)):
                begun = mark.last_modified
                tag = str(mark.object_name).rpartition("/")[2].partition("-")[2]
                if mark.is_dir or not begun or datetime.now(UTC) - begun < _INTERRUPTED_AFTER:
                    continue
                if change := find(tag, int(begun.timestamp() * 1000)):
                    self.delete(change.path)
                    healed.append(change)
                self._client.remove_object(self._bucket, mark.object_name)
        return healed

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
        # A browser must save an uploaded page and not show it, although the store has another origin.
        query = {"response-content-disposition": f"attachment; filename*=UTF-8''{name}"}
        return self._sign("GET", path, seconds, query)

    def sign_put(self, path: str, seconds: int) -> SignedUrl:
        headers = self._args.headers(path)
        return SignedUrl(self._sign("PUT", path, seconds, headers=headers), headers)

    def sweep(self) -> int:
        self._last_sweep = time.monotonic()
        return self._uploads.sweep()

    def check(self) -> None:
        with translate_errors(""):
            next(self._client.list_objects(self._bucket, prefix=self._key(".trackway-check")), None)

    def _delete(self, path: str, objects: Iterable[Stored]) -> None:
        # The path itself last: some servers list a folder until it is deleted.
        self.trash.delete([*(item.key for item in objects), self._key(path)])

    def _try_sweep(self) -> None:
        try:
            self.sweep()
        except Exception as error:  # the upload that started the sweep must not fail because of it
            log.warning("Cannot abort unfinished multipart uploads: %s", error)

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


def _is_valid(name: str) -> bool:
    """Whether an object key is a valid artifact path.

    Other tools may have written other keys; ``..`` in an archive would lead out of its folder.
    """
    return all(name.split("/")) and not any(map(artifact_paths.is_hidden, name.split("/")))


def _size_and_time(item: Any) -> tuple[int | None, float]:
    if item.is_dir:
        return None, 0.0
    return item.size, item.last_modified.timestamp() if item.last_modified else 0.0


def _seconds(http_date: str | None) -> float:
    with suppress(ValueError, TypeError):
        return datetime.strptime(f"{http_date}+0000", "%a, %d %b %Y %H:%M:%S GMT%z").timestamp()
    return 0.0

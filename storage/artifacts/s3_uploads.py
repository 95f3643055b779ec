"""Uploads into an S3 bucket: whole, or in parts that are put together at the end.

They pass through in one stream, without a buffer, wherever their length is known: the address is
signed, and the body goes to it as it comes. Pinned to the SDK's 7.2, for its multipart calls are private.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from xml.etree import ElementTree

import urllib3
from minio.datatypes import Part as MinioPart
from minio.error import S3Error

from trackway.client_compat import artifact_paths
from trackway.client_compat.errors import ApiError

from . import CHUNK_SIZE, Part, Source, pieces
from .s3_errors import MISSING, fault, translate_errors
from .s3_signing import Client
from .s3_upload_args import UploadArgs

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
_PAGE = 1000
# What a part sends, and its length.
_Body: TypeAlias = tuple[Iterable[bytes | bytearray], int]
_CODE = re.compile(rb"<Code>([^<]+)</Code>")


class Uploads:
    def __init__(
        self, client: Client, http: urllib3.PoolManager, bucket: str, prefix: str, args: UploadArgs
    ) -> None:
        self._client = client
        self._http = http
        self._bucket = bucket
        self._prefix = prefix
        self._args = args

    def put(self, path: str, source: Source, length: int | None) -> None:
        if length is not None and length <= _WHOLE_LIMIT:
            self._send(path, pieces(source, length), length, self._args.headers(path))
            return
        if length is None:
            held = _read_fully(source, _HELD_PART)
            if len(held) < _HELD_PART:
                self._send(path, [held], len(held), self._args.headers(path))
                return
            self._send_parts(path, _held_parts(held, source))
        else:
            size = max(_STREAMED_PART, -(-length // _MAX_PARTS))
            self._send_parts(path, _streamed_parts(source, length, size))

    def begin(self, path: str) -> str:
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
        """Abort uploads in parts that nobody has finished in a week."""
        removed = 0
        with translate_errors(""):
            for key, upload_id, began in self._unfinished():
                if datetime.now(began.tzinfo) - began > _ABANDONED_AFTER:
                    removed += self._abort_if_there(key, upload_id)
        return removed

    def _unfinished(self) -> Iterator[tuple[str, str, datetime]]:
        """Key, id and beginning of every upload in parts, in pages as they are asked for."""
        query: dict[str, Any] = {
            "uploads": "",
            "prefix": self._prefix + "/" if self._prefix else "",
            "max-uploads": str(_PAGE),
        }
        seen = {"\n"}
        while True:
            answer = self._client._execute("GET", self._bucket, query_params=query)
            page = ElementTree.fromstring(answer.data)
            for upload in page.iterfind("{*}Upload"):
                texts = (upload.findtext(f"{{*}}{name}") for name in ("Key", "UploadId", "Initiated"))
                key, upload_id, begun = (text or "" for text in texts)
                yield key, upload_id, datetime.fromisoformat(begun)
            query["key-marker"] = page.findtext("{*}NextKeyMarker") or ""
            query["upload-id-marker"] = page.findtext("{*}NextUploadIdMarker") or ""
            marker = query["key-marker"] + "\n" + query["upload-id-marker"]
            # A store that names no next page, or the same again, would keep us here for ever.
            if page.findtext("{*}IsTruncated") != "true" or marker in seen:
                return
            seen.add(marker)

    def _abort_if_there(self, key: str, upload_id: str) -> bool:
        try:
            self._client._abort_multipart_upload(self._bucket, key, upload_id)
        except S3Error as error:
            # Another server that sweeps the same bucket, or the client itself, was faster.
            if error.code == "NoSuchUpload" or error.code in MISSING:
                return False
            raise
        return True

    def key(self, path: str) -> str:
        """The object that is a path's file."""
        return artifact_paths.join(self._prefix, path)

    def _send_parts(self, path: str, parts: Iterable[_Body]) -> None:
        upload_id = self.begin(path)
        try:
            done = []
            for number, (body, size) in enumerate(parts, 1):
                # How the file is stored was said when the upload began.
                query = part_query(upload_id, number)
                done.append(Part(number, self._send(path, body, size, {}, query)))
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
        """PUT a stream of known length; its ETag. Never tried twice, for the body is gone."""
        with translate_errors(path):
            url = self._client.presign("PUT", self._bucket, self.key(path), _SIGNED_FOR_S, query, headers)
            sent = {**headers, "Content-Length": str(length)}
            answer = self._http.urlopen("PUT", url, body=body, headers=sent, retries=False)
        if answer.status == 200:
            return str(answer.headers.get("ETag", ""))
        code = _CODE.search(answer.data)
        raise fault(code.group(1).decode() if code else str(answer.status), "", path)


def part_query(upload_id: str, number: int) -> dict[str, str]:
    """What the address of a part has."""
    return {"partNumber": str(number), "uploadId": upload_id}


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

"""The trash of an S3 store: S3 has no rename, so a deletion copies the objects within the bucket first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from minio.commonconfig import ComposeSource, CopySource
from minio.deleteobjects import DeleteObject

from trackway.client_compat import artifact_paths
from trackway.client_compat.artifact_paths import TRASH_FOLDER

from . import trash
from .s3_errors import MISSING, api_error, translate_errors
from .s3_signing import Client
from .s3_upload_args import UploadArgs
from .trash import Deletion

_COPIES_AT_ONCE = 8
# S3 copies up to 5 GiB in one request.
_MAX_COPY = 5 * 1024**3
# Headers of an upload that S3 does not copy with an object; the others it does.
_NOT_COPIED = ("x-amz-acl", "x-amz-grant-", "x-amz-server-side-encryption", "x-amz-storage-class")


class Stored(NamedTuple):
    """An object; ``size`` is in bytes."""

    key: str
    size: int


class S3Trash:
    """See ``trash.Trash``. ``key_of`` returns the object key of a path."""

    def __init__(self, client: Client, bucket: str, key_of: Callable[[str], str], args: UploadArgs) -> None:
        self._client = client
        self._bucket = bucket
        self._key = key_of
        headers = args.object_headers.items()
        self._headers = {name: value for name, value in headers if name.startswith(_NOT_COPIED)}

    def objects(self, path: str) -> list[Stored]:
        """Return the object at a path and those below it."""
        key = self._key(path)
        # The listing has also the names that only begin like the path.
        found = self._client.list_objects(self._bucket, prefix=f"{key}/", recursive=True)
        below = [Stored(str(item.object_name), item.size or 0) for item in found]
        for item in self._client.list_objects(self._bucket, prefix=key):
            if item.object_name == key and not item.is_dir:
                return [Stored(key, item.size or 0), *below]
            if str(item.object_name) > key:
                break
        return below

    def receive(self, path: str, objects: Iterable[Stored]) -> Deletion:
        """Copy the objects of a path to the trash. The caller deletes them afterwards."""
        deletion = Deletion.of(path)
        try:
            self._copy_all(objects, path, deletion.place)
        except BaseException:
            self.purge(deletion, path)
            raise
        return deletion

    def find(self, path: str = "") -> list[Deletion]:
        with translate_errors(path):
            found = set(self._below(path))
            for folder, rest in trash.above(path):
                prefix = self._key(artifact_paths.join(TRASH_FOLDER, folder)) + "/.trackway-deleted-"
                for item in self._client.list_objects(self._bucket, prefix=prefix):
                    name = str(item.object_name).rstrip("/").rpartition("/")[2]
                    deletion = trash.parse(folder, name)
                    if deletion and self.objects(artifact_paths.join(deletion.place, rest)):
                        found.add(deletion)
        return trash.newest_first(list(found))

    def restore(self, deletion: Deletion, path: str) -> list[str]:
        place, original = deletion.part(path)
        with translate_errors(path):
            present = {item.key for item in self.objects(original)}
            root = len(self._key(place))
            key = self._key(original)
            moved: list[Stored] = []
            kept: list[Stored] = []
            for item in self.objects(place):
                (kept if key + item.key[root:] in present else moved).append(item)
            self._copy_all(moved, place, original)
            self.delete(item.key for item in moved)
        return [original + item.key[root:] for item in kept]

    def purge(self, deletion: Deletion, path: str) -> None:
        with translate_errors(path):
            self.delete(item.key for item in self.objects(deletion.part(path)[0]))

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects permanently. Missing ones are not an error."""
        objects = (DeleteObject(key) for key in keys)
        for error in self._client.remove_objects(self._bucket, objects):
            if error.code not in MISSING:
                raise api_error(error.code, f"{error.message} (deleting '{error.name}')", "", 0)

    def _below(self, path: str) -> Iterator[Deletion]:
        top = self._key(TRASH_FOLDER) + "/"
        prefix = self._key(artifact_paths.join(TRASH_FOLDER, path)) + "/"
        for item in self._client.list_objects(self._bucket, prefix=prefix, recursive=True):
            parts = str(item.object_name)[len(top) :].split("/")
            for depth, name in enumerate(parts):
                if deletion := trash.parse("/".join(parts[:depth]), name):
                    yield deletion
                    break

    def _copy_all(self, objects: Iterable[Stored], source: str, target: str) -> None:
        """Copy the objects of the path ``source`` to the path ``target``."""
        skip, key = len(self._key(source)), self._key(target)

        def copy(item: Stored) -> None:
            # An object "folder/" is what some tools store for an empty folder.
            if not item.key.endswith("/"):
                self._copy(item, key + item.key[skip:])

        with translate_errors(source), ThreadPoolExecutor(_COPIES_AT_ONCE) as pool:
            for _ in pool.map(copy, objects):
                pass

    def _copy(self, item: Stored, key: str) -> None:
        if item.size > _MAX_COPY:
            self._client.compose_object(self._bucket, key, [ComposeSource(self._bucket, item.key)])
            return
        source = CopySource(self._bucket, item.key)
        headers: dict[str, Any] = {**self._headers, **source.gen_copy_headers()}
        self._client._execute("PUT", self._bucket, object_name=key, headers=headers)

"""The interface of artifact stores, tested with a folder and with a real S3 server."""

from __future__ import annotations

import dataclasses
import errno
import fcntl
import gzip
import io
import os
import random
import urllib.error
import urllib.request

import pytest
from minio.error import S3Error

from trackway.client_compat import artifact_paths
from trackway.client_compat.errors import ApiError, InvalidParameter, NotFound, NotImplementedYet, Unavailable
from trackway.storage.artifacts import Part, open_store, s3_uploads
from trackway.storage.artifacts.locations import Locations
from trackway.storage.artifacts.s3_settings import S3Settings

MIB = 1024 * 1024


class Broken:
    """A client that disconnects during the upload."""

    def __init__(self, good: int) -> None:
        self.left = good

    def read(self, size: int) -> bytes:
        if self.left <= 0:
            raise InvalidParameter("The client is gone.")
        size = min(size, self.left)
        self.left -= size
        return b"x" * size


class Dribbling(io.BytesIO):
    """Returns fewer bytes than requested, as a network connection does."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 1000 + size % 777) if size and size > 0 else size)


def put(store, path, data=b"hello", length=-1):
    store.put(path, io.BytesIO(data), len(data) if length == -1 else length)


def contents(store, path, start=0, stop=None):
    file = store.open(path, partly=bool(start or stop is not None))
    try:
        return b"".join(file.chunks(start, file.size if stop is None else stop))
    finally:
        file.close()


def names(store, path=""):
    return [entry.path for entry in store.list(path)]


@pytest.mark.parametrize("size", [0, 1, 5000, 256 * 1024, 3 * MIB + 7])
@pytest.mark.parametrize("says_length", [True, False])
def test_what_is_put_is_what_is_read(store, size, says_length):
    data = random.Random(size).randbytes(size)
    store.put("a/b/model.bin", Dribbling(data), size if says_length else None)
    assert contents(store, "a/b/model.bin") == data
    file = store.open("a/b/model.bin", partly=True)
    assert file.size == size
    assert file.modified > 1_600_000_000
    file.close()


def test_an_upload_of_unknown_length_is_longer_than_a_part(store, monkeypatch):
    monkeypatch.setattr(s3_uploads, "_BUFFERED_PART_SIZE", 5 * MIB)
    data = random.Random(1).randbytes(11 * MIB + 5)
    put(store, "large", data, length=None)
    assert contents(store, "large") == data


def test_an_upload_of_known_length_is_longer_than_a_store_takes_in_one(store, monkeypatch):
    monkeypatch.setattr(s3_uploads, "_MAX_SINGLE_PUT", 6 * MIB)
    monkeypatch.setattr(s3_uploads, "_STREAMED_PART_SIZE", 5 * MIB)
    data = random.Random(2).randbytes(11 * MIB + 5)
    put(store, "large", data)
    assert contents(store, "large") == data


@pytest.mark.parametrize(
    "name", ["ä ö.txt", "a+b & c=d.txt", "100%.csv", "quote\"'.txt", "~tilde", "数据.bin"]
)
def test_names_are_kept_as_they_are(store, name):
    put(store, f"folder {name}/{name}")
    assert names(store) == [f"folder {name}"]
    assert names(store, f"folder {name}") == [f"folder {name}/{name}"]
    assert contents(store, f"folder {name}/{name}") == b"hello"


def test_a_listing_has_files_with_sizes_and_folders_without_by_name(store):
    for path in ("b.txt", "a/x", "a/y/z", "c/d"):
        put(store, path)
    assert [entry[:3] for entry in store.list("")] == [
        ("a", True, None),
        ("b.txt", False, 5),
        ("c", True, None),
    ]
    assert [entry[:3] for entry in store.list("a")] == [("a/x", False, 5), ("a/y", True, None)]


def test_a_listing_of_a_file_or_of_nothing_is_empty(store):
    put(store, "a.txt")
    assert names(store, "a.txt") == []
    assert names(store, "nothing/here") == []
    assert names(store, "a.txt/below") == []


def test_a_long_listing_comes_whole(s3_store):
    for number in range(1010):
        put(s3_store, f"many/{number:04}", b"")
    assert len(names(s3_store, "many")) == 1010
    assert sum(1 for _ in s3_store.walk("")) == 1010


def test_a_walk_finds_every_file_below(store):
    for path in ("m/MLmodel", "m/data/a", "m/data/b", "mm/other"):
        put(store, path)
    assert sorted(entry.path for entry in store.walk("m")) == ["m/MLmodel", "m/data/a", "m/data/b"]
    assert [entry[:3] for entry in store.walk("m/MLmodel")] == [("m/MLmodel", False, 5)]
    with pytest.raises(NotFound, match="No such artifact: 'missing'"):
        list(store.walk("missing"))


def test_what_is_not_there_and_what_is_a_folder_cannot_be_opened(store):
    put(store, "a/b")
    with pytest.raises(NotFound, match="No such artifact: 'a/c'"):
        store.open("a/c")
    with pytest.raises(NotFound):
        store.open("a/b/c", partly=True)
    with pytest.raises(InvalidParameter, match="refers to a directory, not a file: 'a'"):
        store.open("a")


def test_any_part_of_a_file_can_be_read(store):
    data = bytes(range(256)) * 4000
    put(store, "f", data)
    for start, stop in ((0, 1), (5, 700_000), (1_023_999, 1_024_000), (10, 10), (0, 1_024_000)):
        assert contents(store, "f", start, stop) == data[start:stop]


def test_the_etag_tells_contents_apart(store):
    def etag():
        file = store.open("f", partly=True)
        file.close()
        return file.etag

    put(store, "f", b"one")
    first = etag()
    assert first == etag()
    put(store, "f", b"two")
    assert etag() != first


def test_the_newest_upload_wins(store):
    put(store, "f", b"a longer first text")
    put(store, "f", b"second")
    assert contents(store, "f") == b"second"


@pytest.mark.parametrize("length", [9 * MIB, None])
def test_an_upload_that_breaks_off_leaves_nothing_and_not_what_was_there_changed(store, length):
    put(store, "kept", b"old")
    for path in ("kept", "new/file"):
        with pytest.raises(InvalidParameter, match="The client is gone"):
            store.put(path, Broken(8 * MIB + 9), length)
    assert names(store, "new") == []
    assert contents(store, "kept") == b"old"
    put(store, "new/file", b"then whole")
    assert contents(store, "new/file") == b"then whole"


def test_an_upload_shorter_than_promised_is_refused(store):
    with pytest.raises(ApiError):
        put(store, "short", b"12345", length=7)
    assert names(store) == []


def test_deleting_takes_a_file_or_a_folder_with_all_in_it(store):
    for path in ("a/b/c", "a/b/d", "a/e", "ab"):
        put(store, path)
    store.delete("a/b")
    assert {entry.path for entry in store.walk("")} == {"a/e", "ab"}
    store.delete("ab")
    store.delete("not there")
    assert names(store) == ["a"]


def test_the_root_cannot_be_deleted(store):
    put(store, "a")
    with pytest.raises(InvalidParameter, match="Invalid path"):
        store.delete("")
    assert names(store) == ["a"]


def test_a_store_that_works_passes_its_check(store):
    store.check()
    put(store, "a")
    store.check()


# A folder


def test_an_upload_is_not_seen_before_it_is_whole(folder_store):
    class Looking(io.BytesIO):
        seen = None

        def read(self, size=-1, /):
            data = super().read(size)
            self.seen = names(folder_store), names(folder_store, "a")
            return data

    source = Looking(b"x" * MIB)
    folder_store.put("a/f", source, MIB)
    assert source.seen in ((["a"], []), ([], []))
    assert names(folder_store) == ["a"]
    assert names(folder_store, "a") == ["a/f"]


def test_the_sweep_takes_what_is_nobodys_and_leaves_what_is_being_written(folder_store):
    put(folder_store, "a/f")
    uploads = os.path.join(folder_store.root, artifact_paths.UPLOADS_FOLDER)
    for name in ("left", "alive"):
        open(os.path.join(uploads, name), "w").close()
    os.makedirs(os.path.join(uploads, "deleted-1", "half", "gone"))
    with open(os.path.join(uploads, "alive")) as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        assert folder_store.sweep() == 2
        assert os.listdir(uploads) == ["alive"]
    assert folder_store.sweep() == 1
    assert names(folder_store) == ["a"]


@pytest.mark.parametrize(("is_synced", "waits"), [(True, 1), (False, 0)])
def test_an_upload_waits_for_the_disk_where_it_must(tmp_path, monkeypatch, is_synced, waits):
    store = open_store(str(tmp_path), is_synced=is_synced)
    synced = []
    monkeypatch.setattr("trackway.storage.artifacts.disk.os.fsync", synced.append)
    put(store, "a/f", b"x" * MIB)
    assert len(synced) == waits
    assert contents(store, "a/f") == b"x" * MIB


def test_a_system_that_cannot_begin_to_write_waits_for_the_disk(tmp_path, monkeypatch):
    store = open_store(str(tmp_path), is_synced=False)
    synced = []
    monkeypatch.setattr("trackway.storage.artifacts.disk.os.fsync", synced.append)
    for begin in (None, lambda *of: -1):
        monkeypatch.setattr("trackway.storage.artifacts.disk._sync_file_range", begin)
        put(store, "a/f")
    assert len(synced) == 2


def test_a_disk_that_is_full_when_a_file_is_closed_leaves_nothing(tmp_path, monkeypatch):
    """A network file system may report a full disk when a file is closed."""
    store = open_store(str(tmp_path), is_synced=False)
    duplicate = os.dup
    full = []

    def dup(fd):
        full.append(duplicate(fd))
        return full[-1]

    def close(fd, close=os.close):
        close(fd)
        if fd in full:
            full.remove(fd)
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("trackway.storage.artifacts.disk.os.dup", dup)
        patch.setattr("trackway.storage.artifacts.disk.os.close", close)
        with pytest.raises(ApiError, match="too little free space: No space left on device"):
            put(store, "new")
    assert names(store) == []


@pytest.mark.parametrize("path", ["out/secret", "out", "a/link", "up/secret"])
def test_links_that_lead_outside_are_refused_and_not_listed(folder_store, tmp_path, path):
    put(folder_store, "a/f")
    secret = tmp_path / "secret"
    secret.write_text("not yours")
    root = tmp_path / "artifacts"
    (root / "out").symlink_to(tmp_path)
    (root / "up").symlink_to("..")
    (root / "a" / "link").symlink_to(secret)
    for act in (folder_store.open, folder_store.list, put_into(folder_store), delete_below(folder_store)):
        with pytest.raises(InvalidParameter, match=r"^Invalid path$"):
            act(path)
    assert secret.read_text() == "not yours"
    assert names(folder_store) == ["a"]
    assert names(folder_store, "a") == ["a/f"]
    assert [entry.path for entry in folder_store.walk("")] == ["a/f"]


def test_a_link_that_leads_outside_can_be_deleted_and_its_target_stays(folder_store, tmp_path):
    put(folder_store, "f")
    secret = tmp_path / "secret"
    secret.write_text("not yours")
    link = tmp_path / "artifacts" / "link"
    link.symlink_to(secret)
    folder_store.delete("link")
    assert not link.is_symlink()
    assert secret.read_text() == "not yours"


@pytest.mark.parametrize("length", [0, 5, None])
def test_an_upload_that_is_refused_before_it_is_visible_leaves_what_was_there(store, length):
    put(store, "f", b"first")

    def refuse():
        assert contents(store, "f") == b"first"
        raise Unavailable("no")

    data = b"other"[:length]
    with pytest.raises(Unavailable):
        store.put("f", io.BytesIO(data), length, refuse)
    assert contents(store, "f") == b"first"


def put_into(store):
    return lambda path: put(store, path)


def delete_below(store):
    return lambda path: store.delete(f"{path}/x")


def test_links_within_the_store_are_followed(folder_store, tmp_path):
    put(folder_store, "real/f", b"linked")
    (tmp_path / "artifacts" / "latest").symlink_to("real")
    assert contents(folder_store, "latest/f") == b"linked"
    assert names(folder_store) == ["latest", "real"]
    folder_store.delete("latest")
    assert contents(folder_store, "real/f") == b"linked"


def test_a_link_to_itself_is_refused(folder_store, tmp_path):
    put(folder_store, "f")
    (tmp_path / "artifacts" / "loop").symlink_to("loop")
    with pytest.raises(InvalidParameter, match=r"^Invalid path$"):
        folder_store.open("loop")
    assert names(folder_store) == ["f"]


def test_a_pipe_is_no_artifact(folder_store, tmp_path):
    put(folder_store, "f")
    os.mkfifo(tmp_path / "artifacts" / "pipe")
    with pytest.raises(NotFound):
        folder_store.open("pipe")
    assert names(folder_store) == ["f"]


def test_a_file_and_a_folder_cannot_have_one_name(folder_store):
    put(folder_store, "a/f")
    with pytest.raises(InvalidParameter, match="'a' is a folder"):
        put(folder_store, "a")
    with pytest.raises(InvalidParameter, match="a part of the path is a file"):
        put(folder_store, "a/f/below")
    with pytest.raises(InvalidParameter, match="too long"):
        put(folder_store, "x" * 300)


def test_a_full_disk_is_told_and_leaves_nothing(folder_store, monkeypatch):
    put(folder_store, "kept")

    def full(fd, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("trackway.storage.artifacts.local.os.write", full)
        with pytest.raises(ApiError, match="too little free space: No space left on device") as raised:
            put(folder_store, "new", b"x" * 100)
    assert raised.value.status == 507
    assert names(folder_store) == ["kept"]
    assert os.listdir(os.path.join(folder_store.root, artifact_paths.UPLOADS_FOLDER)) == []
    put(folder_store, "new", b"x" * 100)


def test_what_cannot_fit_is_refused_before_it_is_read(folder_store):
    source = Broken(1)
    with pytest.raises(ApiError, match="are free") as raised:
        folder_store.put("huge", source, 1 << 60)
    assert raised.value.status == 507
    assert source.left == 1


def test_a_folder_takes_no_parts_and_signs_nothing(folder_store):
    with pytest.raises(
        NotImplementedYet, match=r"^Multipart upload is not supported for the current artifact repository$"
    ):
        folder_store.begin_parts("a")
    with pytest.raises(NotImplementedYet, match=r"^Multipart download is not supported"):
        folder_store.sign_get("a", 60)


# S3


def fetch(url, data=None, **headers):
    request = urllib.request.Request(url, data, headers, method="PUT" if data is not None else "GET")
    with urllib.request.urlopen(request) as answer:
        return answer.read(), answer.headers


def s3_error(code):
    return S3Error(None, code, "", "", "", "")


def test_signed_addresses_read_and_write_for_a_while(s3_store):
    link = s3_store.sign_put("a/ä.bin", 60)
    fetch(link.url, b"by the client", **link.headers)
    assert contents(s3_store, "a/ä.bin") == b"by the client"
    body, headers = fetch(s3_store.sign_get("a/ä.bin", 60), Range="bytes=3-5")
    assert body == b"the"
    assert headers["Content-Disposition"].startswith("attachment")
    url = s3_store.sign_get("a/ä.bin", 60)
    for wrong in (url.replace("a/", "b/"), url[:-1] + ("0" if url[-1] != "0" else "1")):
        with pytest.raises(urllib.error.HTTPError):
            fetch(wrong)


def test_a_client_uploads_parts_and_completes_them(s3_store):
    first, second = b"1" * (5 * MIB), b"2" * 10
    upload = s3_store.begin_parts("m/large")
    parts = [
        Part(number, fetch(s3_store.sign_part("m/large", upload, number, 60), data)[1]["ETag"])
        for number, data in ((2, second), (1, first))
    ]
    assert names(s3_store, "m") == []
    s3_store.complete_parts("m/large", upload, sorted(parts))
    assert contents(s3_store, "m/large") == first + second


def test_an_aborted_upload_is_gone(s3_store):
    upload = s3_store.begin_parts("large")
    etag = fetch(s3_store.sign_part("large", upload, 1, 60), b"x")[1]["ETag"]
    s3_store.abort_parts("large", upload)
    with pytest.raises(NotFound, match="no multipart upload of 'large'"):
        s3_store.complete_parts("large", upload, [Part(1, etag)])
    assert names(s3_store) == []


def test_the_sweep_aborts_uploads_that_nobody_finishes(s3_store, monkeypatch):
    upload = s3_store.begin_parts("abandoned")
    assert s3_store.sweep() == 0
    monkeypatch.setattr(s3_uploads, "_ABANDONED_AFTER", s3_uploads.timedelta(0))
    assert s3_store.sweep() == 1
    with pytest.raises(NotFound):
        s3_store.complete_parts("abandoned", upload, [Part(1, "0" * 32)])


def test_the_sweep_reads_every_page(s3_store, monkeypatch):
    # Two uploads of one name, so that the marker of a page includes the upload id.
    for path in ("a", "b", "b", "c", "d"):
        s3_store.begin_parts(path)
    monkeypatch.setattr(s3_uploads, "_ABANDONED_AFTER", s3_uploads.timedelta(0))
    monkeypatch.setattr(s3_uploads, "_LISTING_PAGE", 1)
    assert s3_store.sweep() == 5
    assert s3_store.sweep() == 0


def test_an_upload_that_another_server_swept_first_is_no_error(s3_store, monkeypatch):
    for path in ("a", "b"):
        s3_store.begin_parts(path)
    abort = s3_store._client._abort_multipart_upload

    def too_late(bucket, key, upload_id):
        if key.endswith("/a"):
            # Raised here, because SeaweedFS does not always raise it.
            raise s3_error("NoSuchUpload")
        abort(bucket, key, upload_id)

    monkeypatch.setattr(s3_store._client, "_abort_multipart_upload", too_late)
    monkeypatch.setattr(s3_uploads, "_ABANDONED_AFTER", s3_uploads.timedelta(0))
    assert s3_store.sweep() == 1


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchUpload"])
def test_a_sweep_that_fails_fails_no_upload(s3_store, monkeypatch, caplog, code):
    asked = []

    def refuse(method, bucket, **of):
        asked.append(method)
        raise s3_error(code)

    monkeypatch.setattr(s3_store._client, "_execute", refuse)
    monkeypatch.setattr(s3_store, "_last_sweep", float("-inf"))
    put(s3_store, "f")
    put(s3_store, "g")
    assert asked == ["GET"]
    assert "Cannot abort unfinished multipart uploads: " in caplog.text


def test_links_are_signed_for_the_address_that_clients_see(object_store, monkeypatch):
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    seen = object_store.url.replace("127.0.0.1", "localhost")
    settings = dataclasses.replace(S3Settings.read(os.environ), public_endpoint=seen)
    store = open_store(f"s3://{object_store.bucket()}", settings)
    put(store, "f", b"public")
    url = store.sign_get("f", 60)
    assert url.startswith(seen + "/")
    assert fetch(url)[0] == b"public"


def test_keys_that_are_no_paths_are_not_shown(s3_store, object_store):
    put(s3_store, "a/f")
    client, bucket = object_store.client(), s3_store._bucket
    for key in ("some/prefix/a/.trackway-uploads/x", "some/prefix/a/folder/"):
        client.put_object(bucket, key, io.BytesIO(b""), 0)
    assert [entry.path for entry in s3_store.walk("a")] == ["a/f"]
    assert ".trackway-uploads" not in str(s3_store.list("a"))


@pytest.mark.parametrize(("start", "stop"), [(0, None), (0, 500), (7, 300), (200, None)])
def test_what_was_stored_with_an_encoding_is_read_as_it_lies_there(s3_store, object_store, start, stop):
    packed = gzip.compress(random.Random(3).randbytes(1000))
    object_store.client().put_object(
        s3_store._bucket,
        "some/prefix/a.csv.gz",
        io.BytesIO(packed),
        len(packed),
        content_type="text/csv",
        metadata={"Content-Encoding": "gzip"},
    )
    assert contents(s3_store, "a.csv.gz", start, stop) == packed[start:stop]


@pytest.mark.parametrize(
    ("changes", "bucket", "status", "message"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "", 424, "refuses the access keys of the server"),
        ({"AWS_ACCESS_KEY_ID": "nobody"}, "", 424, "refuses the access keys of the server"),
        ({"AWS_ACCESS_KEY_ID": ""}, "", 424, "the server has no access keys"),
        ({}, "no-such-bucket", 424, "its bucket does not exist"),
        ({"MLFLOW_S3_ENDPOINT_URL": "https://{address}"}, "", 424, "wrong version number"),
        ({"MLFLOW_S3_ENDPOINT_URL": "http://127.0.0.1:9"}, "", 503, "cannot be reached"),
    ],
)
def test_only_what_may_pass_by_itself_is_repeated(
    object_store, monkeypatch, changes, bucket, status, message
):
    """Clients repeat 503 for half a minute and more, and do not show the message."""
    for name, value in {**object_store.environment, **changes}.items():
        monkeypatch.setenv(name, value.format(address=object_store.address))
    store = open_store(f"s3://{bucket or object_store.bucket()}/p", S3Settings.read(os.environ))
    acts = [store.check, lambda: store.open("f"), lambda: names(store)]
    if not bucket:  # SeaweedFS creates a missing bucket at an upload of its administrator
        acts.append(lambda: put(store, "f", b"x" * MIB))
    for act in acts:
        with pytest.raises(ApiError, match=message) as raised:
            act()
        assert raised.value.status == status
        assert raised.value.headers == ({"Retry-After": "5"} if status == 503 else {})


# Locations


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("mlflow-artifacts:/1/r/artifacts", "1/r/artifacts"),
        ("mlflow-artifacts://host:5000/1/r", "1/r"),
        ("https://host/prefix/api/2.0/mlflow-artifacts/artifacts/1/r", "1/r"),
        ("/srv/artifacts/1/r", "1/r"),
        ("file:///srv/artifacts/1/r", "1/r"),
        ("/srv/artifacts", ""),
        # The client's HTTP library decodes the first one, S3 and local clients the others as their kind does.
        ("mlflow-artifacts:/a%20b", "a b"),
        ("mlflow-artifacts:/a%2520b", "a b"),
        ("/srv/artifacts/a%20b", "a%20b"),
        ("file:///srv/artifacts/a%20b", "a b"),
        ("file:///srv/artifacts/a%2520b", "a%20b"),
    ],
)
def test_a_location_is_found_in_the_store_that_is_served(location, path):
    locations = Locations("/srv/artifacts", "mlflow-artifacts:/")
    assert locations.place(location) == (locations.served, path, path)


@pytest.mark.parametrize(
    "location", ["/srv/artifacts2/x", "/srv/artifacts/../x", "file:///etc", "s3://other/x", "dbfs:/x"]
)
def test_a_location_that_was_not_given_to_the_server_is_refused(location):
    with pytest.raises(ApiError) as raised:
        Locations("/srv/artifacts", "s3://bucket/p").place(location)
    assert raised.value.status == 403


def test_a_root_that_only_clients_can_read_is_nobodys_fault():
    with pytest.raises(ApiError) as raised:
        Locations("", "gs://bucket/root").place("gs://bucket/root/0/r")
    assert raised.value.status == 403


def test_without_serving_only_the_default_root_is_shown():
    locations = Locations("", "/srv/mlruns")
    assert locations.place("/srv/mlruns/0/r").path == "0/r"
    with pytest.raises(InvalidParameter, match="--no-serve-artifacts"):
        locations.place("mlflow-artifacts:/0/r")

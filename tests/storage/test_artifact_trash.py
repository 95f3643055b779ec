"""The trash of artifact stores, tested with a folder and with a real S3 server."""

from __future__ import annotations

import errno
import io
import os
import shutil
from contextlib import suppress
from datetime import timedelta

import pytest

from trackway.client_compat.errors import ApiError, InvalidParameter, NotFound, Unavailable
from trackway.storage import audit
from trackway.storage.artifacts import Change, s3, s3_trash, trash
from trackway.storage.maintenance import unfinished


class Killed(BaseException):
    """Stands for the end of the process: nothing is cleaned up after it."""


def put(store, path, data=b"hello", **of):
    store.put(path, io.BytesIO(data), len(data), **of)


def contents(store, path):
    file = store.open(path)
    try:
        return b"".join(file.chunks(0, file.size))
    finally:
        file.close()


def files(store, path=""):
    with suppress(NotFound):
        return sorted(entry.path for entry in store.walk(path))
    return []


def deleted(store, path=""):
    return [deletion.path for deletion in store.trash.find(path)]


def test_a_deleted_file_or_folder_is_in_the_trash_and_comes_back(store):
    for path in ("0/r/artifacts/m/a", "0/r/artifacts/m/b/c", "0/r/artifacts/f", "0/r/artifacts/mm"):
        put(store, path, path.encode())
    store.delete("0/r/artifacts/m")
    store.delete("0/r/artifacts/f")
    store.delete("0/r/artifacts/missing")
    assert files(store) == ["0/r/artifacts/mm"]
    assert [entry.path for entry in store.list("")] == ["0"]
    assert sorted(deleted(store)) == ["0/r/artifacts/f", "0/r/artifacts/m"]
    assert trash.restore_all(store.trash, "0/r/artifacts") == []
    assert files(store, "0/r") == [f"0/r/artifacts/{name}" for name in ("f", "m/a", "m/b/c", "mm")]
    assert contents(store, "0/r/artifacts/m/b/c") == b"0/r/artifacts/m/b/c"
    assert deleted(store) == []


@pytest.mark.parametrize("name", ["ä ö.txt", "a+b & c=d.txt", "100%.csv", "数据.bin"])
def test_names_come_back_as_they_were(store, name):
    put(store, f"{name}/{name}")
    store.delete(f"{name}/{name}")
    assert deleted(store) == [f"{name}/{name}"]
    assert trash.restore_all(store.trash, "") == []
    assert files(store) == [f"{name}/{name}"]


def test_a_part_of_a_deleted_folder_comes_back(store):
    for path in ("0/r/a", "0/r/b", "0/s/a", "0/ss"):
        put(store, path)
    store.delete("0")
    assert deleted(store, "0/r/a") == deleted(store, "0/s") == ["0"]
    assert deleted(store, "0/x") == deleted(store, "1") == []
    assert trash.restore_all(store.trash, "0/s") == []
    assert files(store) == ["0/s/a"]
    trash.purge_all(store.trash, "0/r")
    assert trash.restore_all(store.trash, "") == []
    assert files(store) == ["0/s/a", "0/ss"]
    assert deleted(store) == []


def test_the_newest_of_several_deletions_comes_back_and_nothing_is_overwritten(store):
    for data in (b"first", b"second"):
        put(store, "a/f", data)
        put(store, f"a/{data.decode()}", data)
        store.delete("a")
    assert deleted(store) == ["a", "a"]
    assert trash.restore_all(store.trash, "a") == ["a/f"]
    assert files(store, "a") == ["a/f", "a/first", "a/second"]
    assert contents(store, "a/f") == b"second"
    store.delete("a/f")
    put(store, "a/f", b"third")
    assert trash.restore_all(store.trash, "a/f") == ["a/f", "a/f"]
    assert contents(store, "a/f") == b"third"
    assert deleted(store) == ["a/f", "a"]


def test_what_is_purged_or_removed_is_gone(store):
    for path in ("a/f", "a/g", "b/f"):
        put(store, path)
    store.remove("a/f")
    store.remove("not there")
    assert deleted(store) == []
    store.delete("a")
    store.delete("b")
    trash.purge_all(store.trash, "a")
    assert deleted(store) == ["b"]
    trash.purge_all(store.trash, "")
    assert (deleted(store), files(store)) == ([], [])
    assert trash.restore_all(store.trash, "") == []


def test_a_deletion_that_is_not_allowed_changes_nothing(store):
    put(store, "a/f")

    def refuse():
        raise Unavailable("The database is away.")

    with pytest.raises(Unavailable, match="The database is away"):
        store.delete("a", refuse, "t")
    assert files(store) == ["a/f"]
    assert deleted(store) == []
    assert store.heal(lambda tag, time_ms: Change("a", True)) == []


def test_the_root_cannot_be_removed(store):
    for act in (store.delete, store.remove):
        with pytest.raises(InvalidParameter, match="Invalid path"):
            act("")


def test_an_interrupted_deletion_is_completed_if_its_row_is_there(store, tx, monkeypatch):
    """The process ends after the commit. The second deletion ends before its commit."""
    monkeypatch.setattr(s3, "_INTERRUPTED_AFTER", timedelta(0))
    for path in ("a/f", "a/g", "b/f"):
        put(store, path)
    tx.request_id = "one"

    def die():
        raise Killed

    with monkeypatch.context() as patch:
        leave_the_rest(patch)
        patch.setattr("trackway.storage.artifacts.local_trash.LocalTrash.receive", lambda *of: die())
        patch.setattr("trackway.storage.artifacts.s3_trash.S3Trash.delete", lambda *of: die())
        with pytest.raises(Killed):
            store.delete(
                "a",
                lambda: audit.record(tx, "DeleteArtifact", "artifact:a"),
                unfinished.tag("one", "a"),
            )
        with pytest.raises(Killed):
            store.delete("b", die, unfinished.tag("two", "b"))
    assert files(store) == ["a/f", "a/g", "b/f"]
    assert store.heal(lambda tag, time_ms: unfinished.find(tx, tag, time_ms)) == [Change("a", True)]
    assert files(store) == ["b/f"]
    assert set(deleted(store, "a")) == {"a"}
    assert store.heal(lambda tag, time_ms: pytest.fail("nothing is left")) == []


def test_an_interrupted_upload_is_completed_if_its_row_is_there(folder_store, tx, monkeypatch):
    tx.request_id = "one"

    def die(*of):
        raise Killed

    with monkeypatch.context() as patch:
        leave_the_rest(patch)
        patch.setattr("trackway.storage.artifacts.local._rename", die)
        for path in ("a/new", "a/old", "b"):
            with pytest.raises(Killed):
                put(
                    folder_store,
                    path,
                    before_publish=lambda path=path: audit.record(tx, "UploadArtifact", f"artifact:{path}"),
                    tag=unfinished.tag("one", path),
                )
        with pytest.raises(Killed):
            put(folder_store, "uncommitted", before_publish=die, tag=unfinished.tag("one", "uncommitted"))
    # Later requests win: one for the same file, one for the folder that is now in the place of the file.
    put(folder_store, "a/old", b"newer")
    audit.record(tx, "UploadArtifact", "artifact:a/old")
    audit.record(tx, "UploadArtifact", "artifact:b/file")
    assert folder_store.sweep() == 0
    changes = folder_store.heal(lambda tag, time_ms: unfinished.find(tx, tag, time_ms))
    assert changes == [Change("a/new", False)]
    assert files(folder_store) == ["a/new", "a/old"]
    assert contents(folder_store, "a/old") == b"newer"
    assert os.listdir(os.path.join(folder_store.root, ".trackway-uploads")) == []


def leave_the_rest(patch):
    """Have nothing removed, as after the end of a process."""
    patch.setattr("os.unlink", lambda path: None)
    patch.setattr("trackway.storage.artifacts.s3_trash.S3Trash.purge", lambda *of: None)
    patch.setattr("minio.Minio.remove_object", lambda *of: None)


def test_a_change_that_still_runs_is_left_alone(store):
    put(store, "a")
    seen = []
    store.delete("a", lambda: seen.append(store.heal(lambda tag, time_ms: Change("a", True))), "t")
    assert seen == [[]]
    assert deleted(store) == ["a"]


# A folder


def test_a_folder_on_another_file_system_goes_to_the_trash(folder_store, monkeypatch):
    put(folder_store, "a/f")
    rename = os.rename

    def refuse(source, target):
        if ".trackway-trash" in str(target):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        rename(source, target)

    monkeypatch.setattr("trackway.storage.artifacts.local_trash.os.rename", refuse)
    folder_store.delete("a")
    assert (files(folder_store), deleted(folder_store)) == ([], ["a"])
    assert trash.restore_all(folder_store.trash, "a") == []
    assert files(folder_store) == ["a/f"]


def test_a_deletion_for_which_the_disk_is_full_leaves_no_row(folder_store, monkeypatch):
    put(folder_store, "a/f")

    def full(folder, mode=0o777):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("trackway.storage.artifacts.local_trash.os.mkdir", full)
        with pytest.raises(ApiError) as raised:
            folder_store.delete("a", lambda: pytest.fail("there is no row"))
    assert raised.value.status == 507
    assert files(folder_store) == ["a/f"]


def test_an_interrupted_change_that_cannot_be_made_is_dropped(folder_store, monkeypatch):
    put(folder_store, "a")

    def die(*of):
        raise Killed

    with monkeypatch.context() as patch:
        leave_the_rest(patch)
        patch.setattr("trackway.storage.artifacts.local._rename", die)
        with pytest.raises(Killed):
            put(folder_store, "b", tag="t")
    assert folder_store.heal(lambda tag, time_ms: Change("a/below/a/file", False)) == []
    assert folder_store.heal(lambda tag, time_ms: pytest.fail("nothing is left")) == []
    assert files(folder_store) == ["a"]


def test_a_deleted_link_comes_back_as_a_link(folder_store, tmp_path):
    put(folder_store, "a/f")
    os.symlink("f", tmp_path / "artifacts" / "a" / "link")
    folder_store.delete("a/link")
    assert files(folder_store) == ["a/f"]
    trash.restore_all(folder_store.trash, "a")
    assert os.readlink(tmp_path / "artifacts" / "a" / "link") == "f"


def test_nothing_comes_back_below_a_file(folder_store):
    put(folder_store, "a/b/f")
    folder_store.delete("a/b/f")
    folder_store.remove("a")
    put(folder_store, "a")
    assert trash.restore_all(folder_store.trash, "") == ["a/b/f"]
    assert contents(folder_store, "a") == b"hello"
    assert deleted(folder_store) == ["a/b/f"]


def test_an_empty_trash_has_no_folders_left(folder_store):
    put(folder_store, "a/b/f")
    folder_store.delete("a/b/f")
    trash.restore_all(folder_store.trash, "")
    assert os.listdir(os.path.join(folder_store.root, ".trackway-trash")) == []


def test_a_trash_that_was_removed_by_hand_is_made_again(folder_store):
    for name in ("a", "b"):
        put(folder_store, name)
        folder_store.delete(name)
        shutil.rmtree(os.path.join(folder_store.root, ".trackway-trash"))
    assert deleted(folder_store) == []


# S3


def test_an_object_of_more_than_5_gib_is_copied_in_parts(s3_store, monkeypatch):
    monkeypatch.setattr(s3_trash, "_MAX_COPY", 3)
    put(s3_store, "a/large", b"12345")
    s3_store.delete("a")
    assert files(s3_store) == []
    trash.restore_all(s3_store.trash, "a")
    assert contents(s3_store, "a/large") == b"12345"


def test_a_copy_that_fails_leaves_the_files_and_no_trash(s3_store, monkeypatch):
    for number in range(12):
        put(s3_store, f"a/{number:02}")
    copy = s3_trash.S3Trash._copy

    def fail(self, item, key):
        if item.key.endswith("/11"):
            raise Unavailable("The artifact store cannot be reached.")
        copy(self, item, key)

    with monkeypatch.context() as patch:
        patch.setattr(s3_trash.S3Trash, "_copy", fail)
        with pytest.raises(Unavailable):
            s3_store.delete("a", lambda: pytest.fail("there is no row"))
    assert len(files(s3_store)) == 12
    assert deleted(s3_store) == []


def test_an_uploads_type_survives_the_trash(s3_store):
    put(s3_store, "a/page.html")
    s3_store.delete("a")
    trash.restore_all(s3_store.trash, "a")
    found = s3_store._client.stat_object(s3_store._bucket, s3_store._key("a/page.html"))
    assert found.content_type == "text/html"

"""The headers that each kind of upload sends to a real S3 server."""

from __future__ import annotations

import io
import json
import os
import urllib.error
import urllib.request

import pytest

from trackway.storage.artifacts import Part, open_store, s3_uploads
from trackway.storage.artifacts.s3_settings import S3Settings

OWNER = "123456789012"
ARGS = {
    "StorageClass": "STANDARD_IA",
    "Metadata": {"Team": "vision  and sound"},
    "CacheControl": "max-age=5",
    "Tagging": "a=1&b=2",
    "ACL": "private",
}


@pytest.fixture
def bucket(object_store, monkeypatch):
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    return object_store.bucket()


@pytest.fixture
def store(bucket, monkeypatch):
    monkeypatch.setenv("MLFLOW_S3_UPLOAD_EXTRA_ARGS", json.dumps(ARGS))
    monkeypatch.setenv("MLFLOW_S3_EXPECTED_BUCKET_OWNER", OWNER)
    return open_store(f"s3://{bucket}", S3Settings.read(os.environ))


@pytest.fixture
def stored(object_store, bucket):
    """A function that returns the headers of a stored file."""
    return lambda path: object_store.client().stat_object(bucket, path).metadata


def send(url, headers):
    # urllib adds a Content-Type if there is none. ``headers`` replace it.
    request = urllib.request.Request(url, b"by the client", {"Content-Type": "", **headers}, method="PUT")
    with urllib.request.urlopen(request) as answer:
        return answer.headers


def in_one(store, path, monkeypatch):
    store.put(path, io.BytesIO(b"12345"), 5)


def of_unknown_length(store, path, monkeypatch):
    store.put(path, io.BytesIO(b"12345"), None)


def in_parts(store, path, monkeypatch):
    monkeypatch.setattr(s3_uploads, "_MAX_SINGLE_PUT", 4)
    store.put(path, io.BytesIO(b"12345"), 5)


def in_held_parts(store, path, monkeypatch):
    monkeypatch.setattr(s3_uploads, "_BUFFERED_PART_SIZE", 5)
    store.put(path, io.BytesIO(b"12345"), None)


def in_a_clients_parts(store, path, monkeypatch):
    upload = store.begin_parts(path)
    etag = send(store.sign_part(path, upload, 1, 60), {})["ETag"]
    store.complete_parts(path, upload, [Part(1, etag)])


def over_a_link(store, path, monkeypatch):
    send(*store.sign_put(path, 60))


WAYS = [in_one, of_unknown_length, in_parts, in_held_parts, in_a_clients_parts, over_a_link]


@pytest.mark.parametrize("way", WAYS)
def test_every_upload_is_stored_as_the_operator_asked(store, stored, monkeypatch, way):
    way(store, "a/ä.json", monkeypatch)
    found = stored("a/ä.json")
    assert found["Content-Type"] == "application/json"
    assert found["x-amz-storage-class"] == "STANDARD_IA"
    assert found["x-amz-meta-team"] == "vision and sound"
    assert found["Cache-Control"] == "max-age=5"
    assert found["x-amz-tagging-count"] == "2"


@pytest.mark.parametrize("way", WAYS)
def test_where_nothing_is_asked_a_file_has_the_type_of_its_name(bucket, stored, monkeypatch, way):
    store = open_store(f"s3://{bucket}", S3Settings.read(os.environ))
    for path, content_type in (("page.html", "text/html"), ("a.csv.gz", "application/gzip")):
        way(store, path, monkeypatch)
        assert stored(path)["Content-Type"] == content_type
        assert "Content-Encoding" not in stored(path)
        assert "x-amz-storage-class" not in stored(path)


def test_a_link_is_good_with_its_headers_only(store):
    url, headers = store.sign_put("f.json", 60)
    assert headers == {
        "Content-Type": "application/json",
        "x-amz-storage-class": "STANDARD_IA",
        "x-amz-meta-team": "vision and sound",
        "Cache-Control": "max-age=5",
        "x-amz-tagging": "a=1&b=2",
        "x-amz-acl": "private",
    }
    send(url, headers)
    for name in headers:
        without = {other: value for other, value in headers.items() if other != name}
        for wrong in (without, {**headers, name: "other"}):
            with pytest.raises(urllib.error.HTTPError, match="403"):
                send(url, wrong)


def test_every_request_names_the_buckets_owner_under_its_signature(store, monkeypatch):
    requests = []
    urlopen = store._http.urlopen

    def recording(method, url, **of):
        requests.append((method, url, of.get("headers") or {}))
        return urlopen(method, url, **of)

    monkeypatch.setattr(store._http, "urlopen", recording)
    store.put("a/f", io.BytesIO(b"12345"), 5)
    in_parts(store, "a/g", monkeypatch)
    store.abort_parts("a/h", store.begin_parts("a/h"))
    assert len([*store.list("a"), *store.walk("a")]) == 4
    for partly in (True, False):
        file = store.open("a/f", partly=partly)
        assert b"".join(file.chunks(1, 3)) == b"23"
        file.close()
    store.sweep()
    store.check()
    store.delete("a")
    assert {method for method, _, _ in requests} == {"GET", "HEAD", "PUT", "POST", "DELETE"}
    for method, url, headers in requests:
        if "X-Amz-Signature" in url:
            assert f"x-amz-expected-bucket-owner={OWNER}" in url
        else:
            assert headers["x-amz-expected-bucket-owner"] == OWNER, (method, url)
            assert "x-amz-expected-bucket-owner" in headers["Authorization"]


def test_a_links_owner_cannot_be_changed(store):
    store.put("f", io.BytesIO(b"12345"), 5)
    url = store.sign_get("f", 60)
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"12345"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(url.replace(OWNER, "210987654321"))


def test_a_link_of_keys_for_a_while_carries_their_token(bucket, monkeypatch):
    monkeypatch.setenv("AWS_SESSION_TOKEN", "the/token")
    url = open_store(f"s3://{bucket}", S3Settings.read(os.environ)).sign_get("f", 60)
    assert "X-Amz-Security-Token=the%2Ftoken&" in url

"""MLflow's variables for uploads to S3: their headers, and the values that stop a server from starting."""

from __future__ import annotations

import json

import pytest

from trackway.server.backend import prepare_artifacts
from trackway.server.config import Config
from trackway.storage.artifacts import s3_upload_args
from trackway.storage.artifacts.s3_settings import S3Settings

ARGS = "MLFLOW_S3_UPLOAD_EXTRA_ARGS"
OWNER = "MLFLOW_S3_EXPECTED_BUCKET_OWNER"


def read(given, **more):
    text = given if isinstance(given, str) else json.dumps(given)
    return s3_upload_args.read(S3Settings.read({ARGS: text, **more}))


@pytest.mark.parametrize("given", ["", "{}"])
def test_without_arguments_an_upload_says_its_type_alone(given):
    args = read(given)
    assert args.headers("a/b.json") == {"Content-Type": "application/json"}
    assert args.common_headers == {}


@pytest.mark.parametrize(
    ("given", "headers"),
    [
        (
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "key", "BucketKeyEnabled": True},
            {
                "x-amz-server-side-encryption": "aws:kms",
                "x-amz-server-side-encryption-aws-kms-key-id": "key",
                "x-amz-server-side-encryption-bucket-key-enabled": "true",
            },
        ),
        ({"Metadata": {"Team": "vision"}}, {"x-amz-meta-team": "vision"}),
        ({"ACL": "private", "Tagging": "a=1&b=2"}, {"x-amz-acl": "private", "x-amz-tagging": "a=1&b=2"}),
        ({"CacheControl": " no-store,  private "}, {"Cache-Control": "no-store, private"}),
        ({"ContentType": "text/csv", "ContentEncoding": "br"}, {"Content-Encoding": "br"}),
    ],
)
def test_boto3s_arguments_become_headers(given, headers):
    content_type = given.get("ContentType", "application/octet-stream")
    assert read(given).headers("f") == {"Content-Type": content_type, **headers}


def test_what_concerns_the_bucket_goes_with_every_request():
    owner = {OWNER: "123456789012"}
    assert read({}, **owner).common_headers == {"x-amz-expected-bucket-owner": "123456789012"}
    args = read({"RequestPayer": "requester", "ExpectedBucketOwner": "210987654321"}, **owner)
    assert args.common_headers == {
        "x-amz-expected-bucket-owner": "210987654321",
        "x-amz-request-payer": "requester",
    }
    assert args.object_headers == {}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("AES256", f"{ARGS} must be a JSON object of boto3's arguments such as .*, not 'AES256'"),
        ("[1]", r"must be a JSON object .*, not '\[1\]'"),
        ("null", "must be a JSON object .*, not 'null'"),
        (
            {"Encryption": "AES256"},
            f"{ARGS}: 'Encryption' is not one of the supported arguments .*: ACL, Bucket",
        ),
        ({"ACL": 5}, "ACL must be a string of printable ASCII characters, not 5"),
        ({"ACL": ""}, "ACL must be a string .*, not ''"),
        ({"ACL": "a\r\nb: c"}, r"ACL must be a string .*, not 'a\\r\\nb: c'"),
        ({"StorageClass": "ä"}, "StorageClass must be a string .*, not 'ä'"),
        ({"Metadata": "team"}, "Metadata must be an object such as .*, not 'team'"),
        ({"Metadata": {"a b": "c"}}, "Metadata must be an object such as"),
        ({"Metadata": {"a": 1}}, r'Metadata\["a"\] must be a string .*, not 1'),
        ({"BucketKeyEnabled": "yes"}, "BucketKeyEnabled must be true or false, not 'yes'"),
        ({"SSECustomerKey": "secret"}, "cannot contain SSECustomerKey: the server could not read"),
        ({"ObjectLockMode": "GOVERNANCE"}, "cannot contain ObjectLockMode: S3 needs a checksum"),
        (
            {"ChecksumAlgorithm": "SHA256"},
            "cannot contain ChecksumAlgorithm: the checksum of a stream",
        ),
    ],
)
def test_what_cannot_be_sent_on_is_told_in_a_sentence(given, words):
    with pytest.raises(ValueError, match=words) as told:
        read(given)
    assert "\n" not in str(told.value)
    assert "secret" not in str(told.value)


def test_an_owner_that_is_no_header_is_told():
    with pytest.raises(ValueError, match=rf"{OWNER} must be an AWS account id .*, not '12\\n34'"):
        read({}, **{OWNER: "12\n34"})


@pytest.mark.parametrize(
    "places",
    [
        {"artifacts_destination": "s3://bucket"},
        {"serve_artifacts": False, "default_artifact_root": "s3://bucket/root"},
    ],
)
def test_a_server_does_not_start_with_arguments_that_it_cannot_follow(monkeypatch, tmp_path, places):
    monkeypatch.setenv(ARGS, "AES256")
    with pytest.raises(ValueError, match=ARGS):
        prepare_artifacts(Config(**places))
    # Without artifacts in S3, the variables are for clients with the same environment.
    prepare_artifacts(Config(artifacts_destination=str(tmp_path)))


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("a/b.html", "text/html"),
        ("model.pkl.unknown", "application/octet-stream"),
        ("MLmodel", "application/octet-stream"),
        ("a.csv.gz", "application/gzip"),
        ("a.tar.xz", "application/x-xz"),
        ("a.tar.Z", "application/octet-stream"),
        ("data:ä/ü,x", "application/octet-stream"),
    ],
)
def test_a_file_has_the_type_of_its_bytes(path, content_type):
    assert s3_upload_args.content_type(path) == content_type

"""MLflow's upload options for S3 as request headers.

``MLFLOW_S3_UPLOAD_EXTRA_ARGS`` is a JSON object of arguments of boto3's ``upload_file``.
``MLFLOW_S3_EXPECTED_BUCKET_OWNER`` is the id of an AWS account. This module does not import the SDK, so that
the server can check the variables before it opens a store.
"""

from __future__ import annotations

import json
import mimetypes
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from .s3_settings import S3Settings

_ARGS = "MLFLOW_S3_UPLOAD_EXTRA_ARGS"
_OWNER = "MLFLOW_S3_EXPECTED_BUCKET_OWNER"
_EXAMPLE = '{"ServerSideEncryption": "AES256"}'

# The arguments of boto3 (``S3Transfer.ALLOWED_UPLOAD_ARGS``) and the S3 headers for them.
_OBJECT_HEADERS = {
    "ACL": "x-amz-acl",
    "BucketKeyEnabled": "x-amz-server-side-encryption-bucket-key-enabled",
    "CacheControl": "Cache-Control",
    "ContentDisposition": "Content-Disposition",
    "ContentEncoding": "Content-Encoding",
    "ContentLanguage": "Content-Language",
    "ContentType": "Content-Type",
    "Expires": "Expires",
    "GrantFullControl": "x-amz-grant-full-control",
    "GrantRead": "x-amz-grant-read",
    "GrantReadACP": "x-amz-grant-read-acp",
    "GrantWriteACP": "x-amz-grant-write-acp",
    "SSEKMSEncryptionContext": "x-amz-server-side-encryption-context",
    "SSEKMSKeyId": "x-amz-server-side-encryption-aws-kms-key-id",
    "ServerSideEncryption": "x-amz-server-side-encryption",
    "StorageClass": "x-amz-storage-class",
    "Tagging": "x-amz-tagging",
    "WebsiteRedirectLocation": "x-amz-website-redirect-location",
}
# Arguments that S3 expects as headers of every request, not only of those that begin an upload.
_COMMON_HEADERS = {
    "ExpectedBucketOwner": "x-amz-expected-bucket-owner",
    "RequestPayer": "x-amz-request-payer",
}
# Beginnings of arguments that are refused, with the reasons.
_UNSUPPORTED = (
    ("SSECustomer", "the server could not read a file that is encrypted with a customer's key"),
    ("ObjectLock", "S3 needs a checksum with it, which is not known before a stream ends"),
    ("Checksum", "the checksum of a stream is not known before it ends"),
)
_VALUE = re.compile(r"[\x20-\x7e]*[\x21-\x7e][\x20-\x7e]*")
_METADATA_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# The type of a compressed file, instead of the type of its contents.
_COMPRESSED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}
_DEFAULT_TYPE = "application/octet-stream"


class UploadArgs(NamedTuple):
    """``object_headers`` say how S3 stores a file. ``common_headers`` are sent with each request."""

    object_headers: Mapping[str, str]
    common_headers: Mapping[str, str]

    def headers(self, path: str) -> dict[str, str]:
        """Return the headers of the request that begins an upload.

        The content type follows from the file name, unless the operator set one.
        """
        return {"Content-Type": content_type(path), **self.object_headers}


def read(settings: S3Settings) -> UploadArgs:
    """Parse the settings. Raise ``ValueError``, with a message for the operator, if one is invalid."""
    object_headers: dict[str, str] = {}
    common_headers: dict[str, str] = {}
    if owner := settings.expected_bucket_owner:
        if not _VALUE.fullmatch(owner):
            raise ValueError(f"{_OWNER} must be an AWS account id such as 123456789012, not {owner!r}.")
        common_headers[_COMMON_HEADERS["ExpectedBucketOwner"]] = owner.strip()
    for name, value in _parse(settings.upload_extra_args).items():
        if name in _COMMON_HEADERS:
            common_headers[_COMMON_HEADERS[name]] = _header_value(name, value)
        else:
            object_headers.update(_object_headers(name, value))
    return UploadArgs(object_headers, common_headers)


def content_type(path: str) -> str:
    """Return the content type of a file, by its name.

    Unlike MLflow's own client, this server sets no ``Content-Encoding: gzip``: ``requests`` and browsers
    decompress such responses. Over a presigned URL, ``a.csv.gz`` would then arrive with other contents and
    another size than the uploaded file, and its ranges would not be readable.
    """
    # The "./" is needed: ``guess_type`` would read a name such as "data:x,y" as a data URL.
    guessed, encoding = mimetypes.guess_type(f"./{path.rpartition('/')[2]}")
    return _COMPRESSED.get(encoding, _DEFAULT_TYPE) if encoding else guessed or _DEFAULT_TYPE


def _parse(text: str) -> dict[str, object]:
    try:
        arguments = json.loads(text or "{}")
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        raise ValueError(
            f"{_ARGS} must be a JSON object of boto3's arguments such as {_EXAMPLE}, not {text!r}."
        )
    return arguments


def _object_headers(name: str, value: object) -> Iterator[tuple[str, str]]:
    if name == "Metadata":
        if not isinstance(value, dict) or not all(_METADATA_NAME.fullmatch(key) for key in value):
            raise ValueError(
                f'{_ARGS}: Metadata must be an object such as {{"team": "vision"}}, not {value!r}.'
            )
        for key, item in value.items():
            yield f"x-amz-meta-{key.lower()}", _header_value(f'Metadata["{key}"]', item)
    elif name == "BucketKeyEnabled":
        if not isinstance(value, bool):
            raise ValueError(f"{_ARGS}: {name} must be true or false, not {value!r}.")
        yield _OBJECT_HEADERS[name], str(value).lower()
    elif name in _OBJECT_HEADERS:
        yield _OBJECT_HEADERS[name], _header_value(name, value)
    else:
        for beginning, reason in _UNSUPPORTED:
            if name.startswith(beginning):
                raise ValueError(f"{_ARGS} cannot contain {name}: {reason}.")
        known = ", ".join(sorted([*_OBJECT_HEADERS, *_COMMON_HEADERS, "Metadata"]))
        raise ValueError(f"{_ARGS}: {name!r} is not one of the supported arguments of boto3: {known}.")


def _header_value(name: str, value: object) -> str:
    if not isinstance(value, str) or not _VALUE.fullmatch(value):
        raise ValueError(f"{_ARGS}: {name} must be a string of printable ASCII characters, not {value!r}.")
    # AWS replaces several spaces by one before it computes a signature. Some servers do not, so do it here.
    return " ".join(value.split())

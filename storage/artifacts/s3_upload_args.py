"""What uploads to S3 say besides their contents, from MLflow's variables, as headers.

``MLFLOW_S3_UPLOAD_EXTRA_ARGS`` holds arguments of boto3's ``upload_file``, and
``MLFLOW_S3_EXPECTED_BUCKET_OWNER`` the number of an account. Without the SDK, so that a server can check
them wherever it starts.
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

# boto3's names (``S3Transfer.ALLOWED_UPLOAD_ARGS``) and S3's headers for them.
_HEADERS = {
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
# What S3 wants with every request, not only with those that begin an upload.
_EVERYWHERE = {
    "ExpectedBucketOwner": "x-amz-expected-bucket-owner",
    "RequestPayer": "x-amz-request-payer",
}
_REFUSED = (
    ("SSECustomer", "the server could not read back what is stored with a key of the customer's"),
    ("ObjectLock", "S3 wants a checksum with it, which a stream has not before it ends"),
    ("Checksum", "a stream has no checksum before it ends"),
)
_VALUE = re.compile(r"[\x20-\x7e]*[\x21-\x7e][\x20-\x7e]*")
_METADATA_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# A packed file is not of the type that its name has before the ending.
_PACKED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}
_BYTES = "application/octet-stream"


class UploadArgs(NamedTuple):
    """``stored``: headers that say how a file is kept. ``everywhere``: what each request carries."""

    stored: Mapping[str, str]
    everywhere: Mapping[str, str]

    def headers(self, path: str) -> dict[str, str]:
        """What begins the upload of a file; the operator's word counts before what its name tells."""
        return {"Content-Type": content_type(path), **self.stored}


def read(settings: S3Settings) -> UploadArgs:
    """Raises ``ValueError`` with a sentence for the operator."""
    stored: dict[str, str] = {}
    everywhere: dict[str, str] = {}
    if owner := settings.expected_bucket_owner:
        if not _VALUE.fullmatch(owner):
            raise ValueError(f"{_OWNER} is an account's number such as 123456789012, not {owner!r}.")
        everywhere[_EVERYWHERE["ExpectedBucketOwner"]] = owner.strip()
    for name, value in _given(settings.upload_extra_args).items():
        if name in _EVERYWHERE:
            everywhere[_EVERYWHERE[name]] = _text(name, value)
        else:
            stored.update(_stored(name, value))
    return UploadArgs(stored, everywhere)


def content_type(path: str) -> str:
    """What a file is by its name.

    Its encoding is not set, where MLflow's own client sets it: ``requests`` and browsers unpack what comes
    with ``Content-Encoding: gzip``, so over a signed link ``a.csv.gz`` would arrive as another file than was
    uploaded, of another size than was announced, and its ranges not at all.
    """
    # As a path: a name such as "data:x,y" would be read as an address that tells its own type.
    guessed, encoding = mimetypes.guess_type(f"./{path.rpartition('/')[2]}")
    return _PACKED.get(encoding, _BYTES) if encoding else guessed or _BYTES


def _given(text: str) -> dict[str, object]:
    try:
        given = json.loads(text or "{}")
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise ValueError(f"{_ARGS} is a JSON object of boto3's arguments such as {_EXAMPLE}, not {text!r}.")
    return given


def _stored(name: str, value: object) -> Iterator[tuple[str, str]]:
    if name == "Metadata":
        if not isinstance(value, dict) or not all(_METADATA_NAME.fullmatch(key) for key in value):
            raise ValueError(f'{_ARGS}: Metadata is an object such as {{"team": "vision"}}, not {value!r}.')
        for key, item in value.items():
            yield f"x-amz-meta-{key.lower()}", _text(f"Metadata's {key}", item)
    elif name == "BucketKeyEnabled":
        if not isinstance(value, bool):
            raise ValueError(f"{_ARGS}: {name} is true or false, not {value!r}.")
        yield _HEADERS[name], str(value).lower()
    elif name in _HEADERS:
        yield _HEADERS[name], _text(name, value)
    else:
        for beginning, why in _REFUSED:
            if name.startswith(beginning):
                raise ValueError(f"{_ARGS} cannot have {name}: {why}.")
        known = ", ".join(sorted([*_HEADERS, *_EVERYWHERE, "Metadata"]))
        raise ValueError(f"{_ARGS}: {name!r} is none of boto3's arguments that can be sent on: {known}.")


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not _VALUE.fullmatch(value):
        raise ValueError(f"{_ARGS}: {name} is a text of printable ASCII characters, not {value!r}.")
    # Signatures count neighbouring spaces as one, and not every server does so by itself.
    return " ".join(value.split())

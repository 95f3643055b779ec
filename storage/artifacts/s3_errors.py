"""Errors of an S3 store as API errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import urllib3
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError

from trackway.client_compat.errors import (
    ApiError,
    InvalidParameter,
    NotFound,
    StorageFull,
    Unavailable,
    Unusable,
)

from . import no_such_artifact

MISSING = frozenset({"NoSuchKey", "NoSuchObject", "NoSuchVersion"})
_ACCESS_DENIED = frozenset({"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"})
_WRONG_PARTS = frozenset({"InvalidPart", "InvalidPartOrder", "InvalidPartNumber", "EntityTooSmall"})
_WRONG_FILES = frozenset({"EntityTooLarge", "KeyTooLongError", "XMinioInvalidObjectName"})
_FULL = frozenset({"QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded"})
# Statuses below 500 that may pass by themselves: time-outs, conflicts with other requests, too many requests.
_TEMPORARY_STATUSES = frozenset({408, 409, 412, 425, 429})
_TEMPORARY_CODES = frozenset(
    {"InternalError", "OperationAborted", "RequestTimeout", "ServiceUnavailable", "SlowDown"}
)
_WRONG_TLS = ("CERTIFICATE_VERIFY_FAILED", "WRONG_VERSION_NUMBER")
_CONNECTION = re.compile(r"^\S*Connection(\(.*?\)| object at 0x\w+>): ")
_RETRY_AFTER_S = 5


@contextmanager
def translate_errors(path: str) -> Iterator[None]:
    """Raise errors of the SDK and the network from the block as ``ApiError``."""
    try:
        yield
    except S3Error as error:
        raise api_error(error.code or "", error.message or "", path, error.response.status) from error
    except ServerError as error:
        raise api_error(str(error.status_code), str(error), path, error.status_code) from error
    except InvalidResponseError as error:
        raise api_error("no S3 response:", str(error), path, error._code) from error
    except (MinioException, urllib3.exceptions.HTTPError) as error:
        reason = _reason(error)
        if any(fault in reason for fault in _WRONG_TLS):
            raise _unusable(reason) from error
        raise Unavailable(
            f"The artifact store cannot be reached: {reason}", retry_after_s=_RETRY_AFTER_S
        ) from error
    except ValueError as error:  # from the SDK's checks, for example of bucket names
        reason = str(error)
        if reason == "All providers fail to fetch credentials":
            reason = "the server has no access keys (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)."
        raise _unusable(reason) from error


def api_error(code: str, message: str, path: str, status: int) -> ApiError:
    """Return the API error for an S3 error code, or for the HTTP status if S3 sent no code.

    Clients repeat ``Unavailable``, and show their users the others at once.
    """
    if code in MISSING or code == "404":
        return no_such_artifact(path)
    if code == "NoSuchUpload":
        return NotFound(f"There is no multipart upload of '{path}' with this id.")
    if code in _WRONG_PARTS:
        return InvalidParameter(f"The parts of '{path}' do not form a file: {code}. {message}".rstrip())
    if code in _WRONG_FILES:
        return InvalidParameter(f"The artifact store refuses '{path}': {code}. {message}".rstrip())
    if code in _FULL or status == 507:
        return StorageFull(f"The artifact store is full ({code}). Nothing was stored.")
    if code in _ACCESS_DENIED or code in ("401", "403"):
        return _unusable(f"it refuses the access keys of the server ({code}).")
    if code == "NoSuchBucket":
        return _unusable("its bucket does not exist (NoSuchBucket).")
    why = f"it responded with {code} {message}".rstrip() + "."
    if status < 500 and status not in _TEMPORARY_STATUSES and code not in _TEMPORARY_CODES:
        return _unusable(why)
    return Unavailable(f"The artifact store cannot be used: {why}", retry_after_s=_RETRY_AFTER_S)


def _unusable(why: str) -> Unusable:
    return Unusable(f"The artifact store cannot be used: {why}")


def _reason(error: BaseException) -> str:
    # Without the connection, as in "<...Connection object at 0x7f...>: Failed to ...".
    return _CONNECTION.sub("", str(getattr(error, "reason", None) or error))

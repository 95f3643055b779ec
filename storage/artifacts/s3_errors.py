"""Errors of an S3 store as API errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import urllib3
from minio.error import MinioException, S3Error, ServerError

from trackway.client_compat.errors import ApiError, InvalidParameter, NotFound, Unavailable

from . import no_such_artifact

MISSING = frozenset({"NoSuchKey", "NoSuchObject", "NoSuchVersion"})
_ACCESS_DENIED = frozenset({"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"})
_WRONG_PARTS = frozenset({"InvalidPart", "InvalidPartOrder", "InvalidPartNumber", "EntityTooSmall"})
_RETRY_AFTER_S = 5


@contextmanager
def translate_errors(path: str) -> Iterator[None]:
    """Raise errors of the SDK and the network from the block as ``ApiError``."""
    try:
        yield
    except S3Error as error:
        raise api_error(error.code or "", error.message or "", path) from error
    except ServerError as error:
        raise api_error(str(error.status_code), str(error), path) from error
    except (MinioException, urllib3.exceptions.HTTPError) as error:
        raise Unavailable(
            f"The artifact store cannot be reached: {_reason(error)}", retry_after_s=_RETRY_AFTER_S
        ) from error
    except ValueError as error:  # from the SDK's checks, for example of bucket names
        raise Unavailable(
            f"The artifact store cannot be used: {error}", retry_after_s=_RETRY_AFTER_S
        ) from error


def api_error(code: str, message: str, path: str) -> ApiError:
    """Return the API error for an S3 error code, or for the HTTP status if S3 sent no code."""
    if code in MISSING or code == "404":
        return no_such_artifact(path)
    if code == "NoSuchUpload":
        return NotFound(f"There is no multipart upload of '{path}' with this id.")
    if code in _WRONG_PARTS:
        return InvalidParameter(f"The parts of '{path}' do not form a file: {code}. {message}".rstrip())
    if code in _ACCESS_DENIED or code in ("401", "403"):
        why = f"it refuses the access keys of the server ({code})"
    elif code == "NoSuchBucket":
        why = "its bucket does not exist (NoSuchBucket)"
    else:
        why = f"it responded with {code} {message}".rstrip()
    return Unavailable(f"The artifact store cannot be used: {why}.", retry_after_s=_RETRY_AFTER_S)


def _reason(error: BaseException) -> str:
    reason = getattr(error, "reason", None) or error
    # Remove the Python object from "<...Connection object at 0x7f...>: Failed to ...".
    return str(reason).rpartition("object at ")[2].partition(": ")[2] or str(reason)

"""API errors as MLflow's clients expect them: error code, message, HTTP status.

Raise them where the problem is found, with the message for the user. `server/responses.py` turns them into
HTTP responses.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

# MLflow 3.17's HTTP status of each error code. The status of other codes is 500.
STATUS_OF: Mapping[str, int] = {
    "INTERNAL_ERROR": 500,
    "INVALID_STATE": 500,
    "DATA_LOSS": 500,
    "NOT_IMPLEMENTED": 501,
    "TEMPORARILY_UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
    "REQUEST_LIMIT_EXCEEDED": 429,
    "CANCELLED": 499,
    "RESOURCE_EXHAUSTED": 429,
    "ABORTED": 409,
    "RESOURCE_CONFLICT": 409,
    "ALREADY_EXISTS": 409,
    "NOT_FOUND": 404,
    "ENDPOINT_NOT_FOUND": 404,
    "RESOURCE_DOES_NOT_EXIST": 404,
    "PERMISSION_DENIED": 403,
    "CUSTOMER_UNAUTHORIZED": 401,
    "UNAUTHENTICATED": 401,
    "BAD_REQUEST": 400,
    "RESOURCE_ALREADY_EXISTS": 400,
    "INVALID_PARAMETER_VALUE": 400,
}

# Further fields of errors in MLflow 3.17: error code -> (SQLSTATE, error class).
_SQLSTATE_AND_CLASS: Mapping[str, tuple[str, str]] = {
    "BAD_REQUEST": ("KAM00", "INVALID_PARAMETER_VALUE"),
    "CUSTOMER_UNAUTHORIZED": ("KAM00", "PERMISSION_DENIED"),
    "ENDPOINT_NOT_FOUND": ("KAM00", "RESOURCE_NOT_FOUND"),
    "FEATURE_DISABLED": ("KAM00", "FEATURE_DISABLED"),
    "INTERNAL_ERROR": ("XXM00", "CLIENT_INTERNAL_ERROR"),
    "INVALID_PARAMETER_VALUE": ("KAM00", "INVALID_PARAMETER_VALUE"),
    "INVALID_STATE": ("XXM00", "CLIENT_INTERNAL_ERROR"),
    "NOT_FOUND": ("KAM00", "RESOURCE_NOT_FOUND"),
    "PERMISSION_DENIED": ("KAM00", "PERMISSION_DENIED"),
    "RESOURCE_ALREADY_EXISTS": ("KAM00", "RESOURCE_ALREADY_EXISTS"),
    "RESOURCE_DOES_NOT_EXIST": ("KAM00", "RESOURCE_NOT_FOUND"),
    "TEMPORARILY_UNAVAILABLE": ("XXM00", "CLIENT_INTERNAL_ERROR"),
}

SEE_DOCS = " See the API docs for more information about request parameters."
_MAX_SHOWN_LENGTH = 1000


class ApiError(Exception):
    """An error response. Subclasses set the error code, which determines the status."""

    error_code: str = "INTERNAL_ERROR"
    _status: ClassVar[int | None] = None

    def __init__(
        self,
        message: str,
        *,
        error_code: str | None = None,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        if error_code is not None:
            self.error_code = error_code
        self.status: int = status or self._status or STATUS_OF.get(self.error_code, 500)
        self.headers: dict[str, str] = dict(headers or {})

    def for_operators(self) -> str:
        """Return the message with the exception's notes, for logs and commands. Clients get no notes."""
        return " ".join([self.message, *getattr(self, "__notes__", ())])

    def to_json(self, request_id: str = "") -> dict[str, str]:
        """Return the JSON body of the response. The request id helps to find the line in the log."""
        body = {"error_code": self.error_code, "message": self.message}
        if known := _SQLSTATE_AND_CLASS.get(self.error_code):
            body["sqlstate"], body["error_class"] = known
        if request_id:
            body["request_id"] = request_id
        return body


class InvalidParameter(ApiError):
    error_code = "INVALID_PARAMETER_VALUE"

    @classmethod
    def missing(cls, path: str) -> InvalidParameter:
        return cls(f"Missing value for required parameter '{path}'.{SEE_DOCS}")

    @classmethod
    def invalid(cls, path: str, value: object, hint: str | None = None) -> InvalidParameter:
        """Return MLflow's error for an invalid value. Without a hint, the message has the value's type.

        MLflow's message has two spaces before "Hint".
        """
        hint = hint or f"Value was of type '{type(value).__name__}'."
        return cls(f"Invalid value {shown(value)} for parameter '{path}' supplied:  Hint: {hint}{SEE_DOCS}")


class BadRequest(ApiError):
    error_code = "BAD_REQUEST"


class NotFound(ApiError):
    error_code = "RESOURCE_DOES_NOT_EXIST"


class AlreadyExists(ApiError):
    error_code = "RESOURCE_ALREADY_EXISTS"


class Conflict(ApiError):
    error_code = "RESOURCE_CONFLICT"


class InvalidState(ApiError):
    error_code = "INVALID_STATE"


class FeatureDisabled(ApiError):
    """A feature that is not enabled. MLflow defines no status for this code, so the status is 500."""

    error_code = "FEATURE_DISABLED"


class EndpointNotFound(ApiError):
    error_code = "ENDPOINT_NOT_FOUND"


class MethodNotAllowed(ApiError):
    error_code = "BAD_REQUEST"
    _status = 405


class Unauthenticated(ApiError):
    error_code = "UNAUTHENTICATED"


class PermissionDenied(ApiError):
    error_code = "PERMISSION_DENIED"


class NotImplementedYet(ApiError):
    error_code = "NOT_IMPLEMENTED"


class TooLarge(ApiError):
    error_code = "INVALID_PARAMETER_VALUE"
    _status = 413


class _RetryLater(ApiError):
    """An error with a Retry-After header."""

    def __init__(self, message: str, *, retry_after_s: int = 1, **more: Any) -> None:
        super().__init__(message, **more)
        self.headers.setdefault("Retry-After", str(retry_after_s))


class Unavailable(_RetryLater):
    error_code = "TEMPORARILY_UNAVAILABLE"


class TooManyRequests(_RetryLater):
    error_code = "REQUEST_LIMIT_EXCEEDED"


class Internal(ApiError):
    error_code = "INTERNAL_ERROR"


def shown(value: object) -> str:
    """Return a value as compact JSON, as MLflow prints it, truncated to 1,000 characters."""
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        text = repr(type(value))
    return text if len(text) <= _MAX_SHOWN_LENGTH else text[:_MAX_SHOWN_LENGTH] + "..."

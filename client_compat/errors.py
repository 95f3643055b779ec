"""Errors as MLflow's clients know them: a code, a sentence, an HTTP status.

Raise one where the fact is known, in the sentence the user will read; dispatch turns it into HTTP.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

# MLflow 3.17's table from error code to HTTP status. Codes that it lacks are answered with 500.
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

# What the errors of MLflow 3.17 carry besides: an SQLSTATE, and the class of errors it stands for.
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
_SHOWN_VALUE_LIMIT = 1000


class ApiError(Exception):
    """An answer that is not a success. Subclasses set the code; the status follows from it."""

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
        """The message with its notes, which may name what clients need not know."""
        return " ".join([self.message, *getattr(self, "__notes__", ())])

    def to_json(self, request_id: str = "") -> dict[str, str]:
        """The body of the answer. A request id, where there is one, finds the log line."""
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
        """MLflow's words for a bad value; without a hint, they name the value's type.

        The second space before "Hint" is MLflow's own.
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
    """MLflow's table has no status for it, so it is 500 although the client asked for what is not there."""

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
    """A value as compact JSON, the way MLflow prints it, cut when somebody sent a book."""
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        text = repr(type(value))
    return text if len(text) <= _SHOWN_VALUE_LIMIT else text[:_SHOWN_VALUE_LIMIT] + "..."

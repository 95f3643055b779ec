"""API errors as MLflow's clients expect them: error code, message, HTTP status.

Raise them where the problem is found, with the message for the user. `server/responses.py` turns them into
HTTP responses.

Every release of MLflow's client repeats a request that was answered 408, 429, 500, 502, 503 or 504, for up to
four minutes, and then shows "too many 500 error responses" instead of the message. Therefore these statuses
are only for what may succeed at a repetition, and for bugs. docs/errors.md lists the codes and statuses.
"""

from __future__ import annotations

import json
import re
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

# Codes that clients before MLflow 2.9 do not know: the enumeration of 1.30 and 2.0 lacks them, and these
# clients end with a ValueError at an unknown code. They get the nearest code that they know.
_OLD_CODES: Mapping[str, str] = {
    "ABORTED": "INVALID_STATE",
    "ALREADY_EXISTS": "RESOURCE_ALREADY_EXISTS",
    "CANCELLED": "INVALID_STATE",
    "DATA_LOSS": "INTERNAL_ERROR",
    "DEADLINE_EXCEEDED": "TEMPORARILY_UNAVAILABLE",
    "NOT_FOUND": "RESOURCE_DOES_NOT_EXIST",
    "NOT_IMPLEMENTED": "ENDPOINT_NOT_FOUND",
    "RESOURCE_CONFLICT": "INVALID_STATE",
    "RESOURCE_EXHAUSTED": "RESOURCE_LIMIT_EXCEEDED",
    "UNAUTHENTICATED": "CUSTOMER_UNAUTHORIZED",
}
_OLD_CLIENT = re.compile(r"mlflow-python-client/(?:1\.|2\.[0-8](?!\d))")

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

    def to_json(self, request_id: str = "", user_agent: str = "") -> dict[str, str]:
        """Return the JSON body of the response. The request id helps to find the line in the log.

        ``user_agent`` is the request's header. A client that does not know the error code gets another one.
        """
        code = self.error_code
        if code in _OLD_CODES and _OLD_CLIENT.match(user_agent):
            code = _OLD_CODES[code]
        body = {"error_code": code, "message": self.message}
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
    """An object is not in the state that the request needs. MLflow's status is 500, which clients repeat."""

    error_code = "INVALID_STATE"
    _status = 400


class FeatureDisabled(ApiError):
    """A feature that is not enabled. MLflow's status is 500, which clients repeat."""

    error_code = "FEATURE_DISABLED"
    _status = 400


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


class NotServed(NotImplementedYet):
    """A call of MLflow's API that this server does not implement.

    ``area`` is the part of MLflow that the call belongs to (``unserved.area_of``).
    """

    def __init__(self, call: str, area: str) -> None:
        super().__init__(
            f"{call} is not implemented by this server. Trackway has no {area} yet; docs/unserved.md in its "
            "repository says what is missing and what to do instead."
        )
        self.call = call
        self.area = area


class TooLarge(ApiError):
    error_code = "INVALID_PARAMETER_VALUE"
    _status = 413


class _RetryLater(ApiError):
    """An error with a Retry-After header."""

    def __init__(self, message: str, *, retry_after_s: int = 1, **more: Any) -> None:
        super().__init__(message, **more)
        self.headers.setdefault("Retry-After", str(retry_after_s))


class QuotaExceeded(ApiError):
    """A quota is used up. Waiting does not help, so the status is not 429, which clients repeat."""

    error_code = "QUOTA_EXCEEDED"
    _status = 403


class Unavailable(_RetryLater):
    error_code = "TEMPORARILY_UNAVAILABLE"


class Unusable(ApiError):
    """The database or the artifact store refuses the server, and only an administrator can change that.

    424 Failed Dependency (RFC 4918) is not repeated by clients, so that their users read the message.
    """

    error_code = "INVALID_STATE"
    _status = 424


class StorageFull(ApiError):
    """There is no space left to store the data. Clients do not repeat a request after status 507."""

    error_code = "RESOURCE_EXHAUSTED"
    _status = 507


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

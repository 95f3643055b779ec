"""Responses of the server: complete or streamed, and errors in the format of the protocol."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, NamedTuple

from trackway.client_compat import errors

log = logging.getLogger("trackway.server")


Headers = list[tuple[str, str]]

JSON_TYPE = ("Content-Type", "application/json")
TEXT_TYPE = ("Content-Type", "text/plain; charset=utf-8")


class Answer(NamedTuple):
    """A complete response. Its sender adds the Content-Length header."""

    status: int
    headers: Headers
    body: bytes


class Stream(NamedTuple):
    """A response with a streamed body. The sender closes the body, even if it never read from it."""

    status: int
    headers: Headers
    body: Iterable[bytes]


def error_answer(error: errors.ApiError, request_id: str, user_agent: str = "") -> Answer:
    """Return the response for an error. ``user_agent`` is the request's header.

    Errors of the server and of its stores are written to the log, except missing features.
    """
    is_fault = error.status >= 500 or isinstance(error, errors.Unusable)
    if is_fault and not isinstance(error, errors.NotImplementedYet):
        log.error(
            "%s: %s",
            error.error_code,
            error.for_operators(),
            extra={"request_id": request_id},
            # The message of all others says what is missing. A traceback for each would flood the log.
            exc_info=error.__cause__ if error.status == 500 else None,
        )
    body = json.dumps(error.to_json(request_id, user_agent)).encode()
    return Answer(error.status, [JSON_TYPE, *error.headers.items()], body)


def unexpected_answer(environ: dict[str, Any], request_id: str) -> Answer:
    """Return the response for an unexpected exception. The log gets the traceback, the client does not."""
    log.exception(
        "%s %s failed", environ["REQUEST_METHOD"], environ["PATH_INFO"], extra={"request_id": request_id}
    )
    error = errors.Internal("Internal server error. The server's log has the details under this request id.")
    return Answer(500, [JSON_TYPE], json.dumps(error.to_json(request_id)).encode())


def status_line(status: int) -> str:
    """Return the status with its reason phrase, such as ``404 Not Found``."""
    line = _STATUS_LINES.get(status)
    return line or f"{status} Unknown"


_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}

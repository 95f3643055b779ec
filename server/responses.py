"""What the server answers: a whole answer or a stream, and errors in the protocol's shape."""

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
    """A whole answer. Its Content-Length is added where it is sent."""

    status: int
    headers: Headers
    body: bytes


class Stream(NamedTuple):
    """An answer whose body comes in pieces; the body is closed in the end, also when none was taken."""

    status: int
    headers: Headers
    body: Iterable[bytes]


def error_answer(error: errors.ApiError, request_id: str) -> Answer:
    if error.status >= 500 and not isinstance(error, errors.NotImplementedYet | errors.FeatureDisabled):
        log.error(
            "%s: %s",
            error.error_code,
            error.for_operators(),
            extra={"request_id": request_id},
            # What is out of reach is told in the message; a stack per request would flood the log meanwhile.
            exc_info=None if isinstance(error, errors.Unavailable) else error.__cause__,
        )
    body = json.dumps(error.to_json(request_id)).encode()
    return Answer(error.status, [JSON_TYPE, *error.headers.items()], body)


def unexpected_answer(environ: dict[str, Any], request_id: str) -> Answer:
    """For a fault of the server's own: told to the log with all, to the client without."""
    log.exception(
        "%s %s failed", environ["REQUEST_METHOD"], environ["PATH_INFO"], extra={"request_id": request_id}
    )
    told = errors.Internal("Something went wrong in the server; its log has more under this request id.")
    return Answer(500, [JSON_TYPE], json.dumps(told.to_json(request_id)).encode())


def status_line(status: int) -> str:
    line = _STATUS_LINES.get(status)
    return line or f"{status} Unknown"


_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}

"""Send a stored file as a response.

It supports range requests, ETags and conditional requests (RFC 9110), and adds headers that keep a browser
from running scripts in the file.
"""

from __future__ import annotations

import mimetypes
from posixpath import splitext
from typing import TYPE_CHECKING
from unicodedata import normalize
from urllib.parse import quote

from werkzeug.http import (
    http_date,
    is_resource_modified,
    parse_etags,
    parse_if_range_header,
    parse_range_header,
    quote_header_value,
)

from trackway.client_compat import errors
from trackway.storage.artifacts import spellings
from trackway.storage.artifacts.locations import Place

from ..responses import Stream
from .transfers import Transfer

if TYPE_CHECKING:
    from trackway.storage.artifacts import File

    from ..request_body import Environ
    from ..responses import Headers

_CONDITIONS = (
    "HTTP_RANGE",
    "HTTP_IF_MATCH",
    "HTTP_IF_NONE_MATCH",
    "HTTP_IF_MODIFIED_SINCE",
    "HTTP_IF_UNMODIFIED_SINCE",
)
# Extensions, and whole names, with the type text/plain, as in MLflow, whatever the system's table of MIME
# types contains. MLflow's server only knows "mlproject"; its client also reads "MLproject".
_TEXT = frozenset(
    "txt log err cfg conf cnf cf ini properties prop hocon toml yaml yml xml json js py py3 csv tsv md rst "
    "ipynb MLmodel mlproject MLproject".split()
)
# Characters that RFC 5987 allows unencoded, besides letters and digits.
_ATTRIBUTE_CHARACTERS = "!#$&+-.^_`|~"
# An uploaded HTML page or SVG image can contain scripts. Browsers must not run them in this server's origin.
SAFETY = [
    ("Content-Security-Policy", "sandbox; default-src 'none'"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
]
_NO_SNIFFING = ("X-Content-Type-Options", "nosniff")


def send(ctx: Transfer, place: Place) -> Stream:
    """Return the response to GET or HEAD for a file.

    Raise ``ApiError`` with the status 416 if the requested range is outside the file.
    """
    return spellings.read(place, lambda found: _send(ctx, found))


def _send(ctx: Transfer, place: Place) -> Stream:
    environ = ctx.request.environ
    is_head = environ["REQUEST_METHOD"] == "HEAD"
    partly = is_head or any(name in environ for name in _CONDITIONS)
    file = place.store.open(place.path, partly=partly)
    try:
        name = place.path.rpartition("/")[2]
        headers: Headers = [
            ("ETag", f'"{file.etag}"'),
            ("Last-Modified", http_date(file.modified)),
            ("Accept-Ranges", "bytes"),
            ("Cache-Control", "private, no-cache"),
            *SAFETY,
            *([_NO_SNIFFING] if ctx.config.disable_security_middleware else []),  # else Security adds it
        ]
        status, start, stop = _status_and_range(environ, file)
        if status in (304, 412):
            file.close()
            return Stream(status, headers, [])
        if status == 206:
            headers.append(("Content-Range", f"bytes {start}-{stop - 1}/{file.size}"))
        headers += [
            ("Content-Type", content_type(name)),
            ("Content-Disposition", attachment(name)),
            ("Content-Length", str(stop - start)),
        ]
        if is_head:
            file.close()
            return Stream(status, headers, [])
        return ctx.download(status, headers, file.chunks(start, stop), file.close, stop - start)
    except BaseException:
        file.close()
        raise


def content_type(name: str) -> str:
    """Return a file's content type as MLflow does.

    Text files of many kinds are ``text/plain``; unknown types are ``application/octet-stream``.
    """
    extension = splitext(name)[1].replace(".", "") or name
    if extension in _TEXT:
        return "text/plain"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def attachment(name: str) -> str:
    """Return a ``Content-Disposition`` that makes browsers save the file under this name, not show it.

    As in MLflow, a name that is not plain ASCII has an ASCII form for clients that do not know ``filename*``
    (RFC 6266).
    """
    if name.isascii() and name.isprintable():
        return f"attachment; filename={quote_header_value(name)}"
    letters = normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = quote_header_value("".join(filter(str.isprintable, letters)) or "download")
    encoded = quote(name, safe=_ATTRIBUTE_CHARACTERS, errors="replace")
    return f"attachment; filename={plain}; filename*=UTF-8''{encoded}"


def _status_and_range(environ: Environ, file: File) -> tuple[int, int, int]:
    """Return the status, start and stop that follow from the request's conditions (RFC 9110, 13 and 14).

    The status is 200, 206, 304 or 412. The stop is exclusive.
    """
    whole = (200, 0, file.size)
    modified = http_date(file.modified)
    if not _precondition_holds(environ, file):
        return 412, 0, 0
    method = {"REQUEST_METHOD": environ["REQUEST_METHOD"]}
    # If-None-Match and If-Modified-Since.
    conditions = {name: environ[name] for name in _CONDITIONS[2:4] if name in environ}
    if conditions and not is_resource_modified({**method, **conditions}, f'"{file.etag}"', None, modified):
        return 304, 0, 0
    requested = parse_range_header(environ.get("HTTP_RANGE"))
    if requested is None or requested.units != "bytes" or environ["REQUEST_METHOD"] != "GET":
        return whole
    if "HTTP_IF_RANGE" in environ and not _if_range_holds(environ["HTTP_IF_RANGE"], file):
        return whole
    if len(requested.ranges) != 1:
        return whole  # several ranges in one response are not supported, as no client needs them
    byte_range = requested.range_for_length(file.size)
    first, _ = requested.ranges[0]
    if byte_range is None and first < 0 < file.size:
        byte_range = (
            0,
            file.size,
        )  # a suffix that is longer than the file is the whole file (RFC 9110, 14.1.2)
    if byte_range is None:
        raise errors.ApiError(
            f"The range {environ['HTTP_RANGE']!r} is outside the file, which has {file.size} bytes.",
            error_code="INVALID_PARAMETER_VALUE",
            status=416,
            headers={"Content-Range": f"bytes */{file.size}"},
        )
    return 206, *byte_range


def _precondition_holds(environ: Environ, file: File) -> bool:
    """Check ``If-Match``, or ``If-Unmodified-Since`` if there is no ``If-Match``."""
    if etags := environ.get("HTTP_IF_MATCH"):
        return bool(parse_etags(etags).contains(file.etag))
    if since := environ.get("HTTP_IF_UNMODIFIED_SINCE"):
        date = parse_if_range_header(since).date
        return date is None or int(file.modified) <= date.timestamp()
    return True


def _if_range_holds(if_range: str, file: File) -> bool:
    """Return whether the file is unchanged. A weak ETag never matches (RFC 9110, 13.1.5)."""
    condition = parse_if_range_header(if_range)
    if condition.date is not None:
        return int(file.modified) == int(condition.date.timestamp())
    return condition.etag == file.etag and not if_range.startswith("W/")

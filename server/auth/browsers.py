"""What browsers need beside credentials: the way to the log-in page, session cookies, CSRF tokens."""

from __future__ import annotations

import hashlib
from hmac import compare_digest
from typing import Any
from urllib.parse import quote

from trackway.client_compat.errors import PermissionDenied

from ..responses import TEXT_TYPE, Answer, Headers
from .credentials import SESSION_COOKIE
from .workspaces import MOUNT

LOGIN_PATH = "/auth/login"
# Where MLflow's page for a new user sends its form.
CREATE_USER_PATH = "/api/2.0/mlflow/users/create-ui"
# MLflow's UI sends the value of a cookie "mlflow-request-header-X" as header X with each of its requests.
_CSRF_COOKIE = "mlflow-request-header-X-CSRF-Token"
_CSRF_HEADER = "HTTP_X_CSRF_TOKEN"
_CURRENT_USER_PATH = "/ajax-api/2.0/mlflow/users/current"
_BASIC = ("WWW-Authenticate", 'Basic realm="mlflow"')
# MLflow's text.
_NOT_AUTHENTICATED = (
    "You are not authenticated. Please see "
    "https://www.mlflow.org/docs/latest/auth/index.html#authenticating-to-mlflow on how to authenticate."
)


def challenge(environ: dict[str, Any], reason: str = "") -> Answer:
    """Return the response to a request without valid credentials.

    A page that a browser opens leads to the log-in page. Other requests get 401 as text: clients of MLflow
    1.30 cannot read it as JSON. A script of a page gets no WWW-Authenticate header, because the browser would
    open its own log-in window.
    """
    text = f"{reason} {_NOT_AUTHENTICATED}".strip()
    headers: Headers = [TEXT_TYPE, ("Cache-Control", "no-store")]
    if _is_page_load(environ):
        path = environ.get(MOUNT, "") + environ["PATH_INFO"]
        query = environ.get("QUERY_STRING", "")
        there = quote(path.lstrip("/") + (f"?{query}" if query else ""), safe="")
        location = f"{root_of(environ)}{LOGIN_PATH}" + (f"?next={there}" if there else "")
        return Answer(302, [*headers, ("Location", location)], text.encode())
    if not _is_from_page(environ):
        headers.append(_BASIC)
    if SESSION_COOKIE in environ.get("HTTP_COOKIE", ""):
        headers += cleared_cookies(environ)
    return Answer(401, headers, text.encode())


def is_log_out(environ: dict[str, Any]) -> bool:
    """Return whether a request with a session is probably the log-out of MLflow's UI.

    The UI asks who the caller is, with the name ``mlflow-logged-out-...``, so that the browser forgets the
    real credentials. But browsers send a name that a script gives only after a 401 with WWW-Authenticate
    (``log_out_challenge``). All other requests of the UI have the CSRF token.
    """
    return (
        environ["PATH_INFO"] == _CURRENT_USER_PATH
        and _CSRF_HEADER not in environ
        and environ.get("HTTP_SEC_FETCH_DEST", "empty") == "empty"
    )


def log_out_challenge() -> Answer:
    """Return the response that makes the browser send the name for the log-out."""
    headers: Headers = [TEXT_TYPE, ("Cache-Control", "no-store"), _BASIC]
    return Answer(401, headers, _NOT_AUTHENTICATED.encode())


def session_cookies(environ: dict[str, Any], session_id: str) -> Headers:
    """Return the headers that give a session to a browser."""
    attributes = _attributes(environ)
    return [
        ("Set-Cookie", f"{SESSION_COOKIE}={session_id}; HttpOnly; {attributes}"),
        # The UI's script has to read this one.
        ("Set-Cookie", f"{_CSRF_COOKIE}={csrf_token(session_id)}; {attributes}"),
    ]


def cleared_cookies(environ: dict[str, Any]) -> Headers:
    """Return the headers that delete the session's cookies."""
    attributes = _attributes(environ)
    return [
        ("Set-Cookie", f"{SESSION_COOKIE}=; Max-Age=0; HttpOnly; {attributes}"),
        ("Set-Cookie", f"{_CSRF_COOKIE}=; Max-Age=0; {attributes}"),
    ]


def csrf_token(session_id: str) -> str:
    """Return the token that proves that a page of this server made a request: a hash of the session id."""
    return hashlib.sha256(b"csrf " + session_id.encode()).hexdigest()


def check_csrf(environ: dict[str, Any], session_id: str) -> None:
    """Raise ``PermissionDenied`` unless a request with a session proves that a page of this server made it.

    MLflow's UI sends the token as a header. Forms of our own pages send it as a field, which the page checks.
    """
    if environ["PATH_INFO"].startswith("/trackway/") or environ["PATH_INFO"] == CREATE_USER_PATH:
        return
    check_csrf_token(environ.get(_CSRF_HEADER, ""), session_id)


def check_csrf_token(token: str, session_id: str) -> None:
    """Raise ``PermissionDenied`` unless the token is that of the session."""
    if not compare_digest(token.encode(), csrf_token(session_id).encode()):
        raise PermissionDenied(
            "The request came with a session, but without its CSRF token. Load the page again; programs use "
            "an API token instead of a session."
        )


def _is_page_load(environ: dict[str, Any]) -> bool:
    return (
        environ["REQUEST_METHOD"] in ("GET", "HEAD")
        and "HTTP_AUTHORIZATION" not in environ
        and "text/html" in environ.get("HTTP_ACCEPT", "")
        and environ.get("HTTP_SEC_FETCH_MODE", "navigate") == "navigate"
    )


def _is_from_page(environ: dict[str, Any]) -> bool:
    """Return whether a page in a browser sent the request.

    Browsers send Sec-Fetch-Site only over https and to localhost, so the other headers are examined as well.
    """
    return (
        environ.get("HTTP_SEC_FETCH_SITE", "none") != "none"
        or "HTTP_REFERER" in environ
        or SESSION_COOKIE in environ.get("HTTP_COOKIE", "")
    )


def _attributes(environ: dict[str, Any]) -> str:
    secure = "; Secure" if environ["wsgi.url_scheme"] == "https" else ""
    # One session for all workspaces, whichever the page of the log-in was in.
    return f"Path={root_of(environ) or '/'}; SameSite=Lax{secure}"


def root_of(environ: dict[str, Any]) -> str:
    """Return the path of the whole server, without ``/t/<workspace>``: there the log-in is.

    Identity providers know one address of it.
    """
    return str(environ.get("SCRIPT_NAME", "")).removesuffix(environ.get(MOUNT, ""))

"""What all pages have in common: templates, navigation, calls of handlers, protection of forms."""

from __future__ import annotations

import datetime
from functools import cached_property
from pathlib import Path
from typing import TypeVar, cast

from flask import Flask, Response, request
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from trackway.client_compat import codec, errors
from trackway.client_compat.wire import Message
from trackway.server.auth import browsers
from trackway.server.auth.credentials import session_of
from trackway.server.auth.gate import SAFE_METHODS
from trackway.server.auth.identity import Identity, Principal
from trackway.server.backend import Backend
from trackway.server.dispatch import respond
from trackway.server.edge.flask_pages import REQUEST
from trackway.server.edge.router import Request

R = TypeVar("R", bound=Message)

FOLDER = "/trackway/"
# Title and path (below the static prefix) of each page in the navigation, and whether only administrators of
# the server or the workspace can use it; then the pages for administrators of the server, and those of an
# open server.
_NAVIGATION = (
    ("Models", "trackway/models", False),
    ("API tokens", "trackway/tokens", False),
    ("Share links", "trackway/share-links", False),
    ("Audit", "trackway/audit", True),
)
_ADMIN_NAVIGATION = (("New user", "signup"),)
_OPEN_NAVIGATION = (("Models", "trackway/models"),)
# The link in MLflow's pages to ours: a regular expression for the part of the URL after "#", the title, and
# the path of our page, in which "$1" is the first group. The first one that matches counts. An open server
# has only those of ``MODEL_LINKS``.
MODEL_LINKS = (
    ("^/models/([^/]+)/versions/([0-9]+)(/|$)", "Governance", "trackway/models/$1/versions/$2"),
    ("^/models/([^/]+)(/|$)", "Governance", "trackway/models/$1"),
)
UI_LINKS = (
    *MODEL_LINKS,
    ("^/account(/|$)", "API tokens", "trackway/tokens"),
    ("^/experiments/[^/]+/runs/([0-9a-f]{32})(/|$)", "Share", "trackway/share-links?run=$1"),
    ("", "Trackway", "trackway/"),
)
# No scripts, nothing from other hosts, and no other page may frame these.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


class Frame:
    """Renders pages and protects their forms, for one Flask application."""

    def __init__(self, app: Flask, backend: Backend) -> None:
        self._backend = backend
        app.before_request(_check_form)
        app.register_error_handler(errors.ApiError, self._refusal)

    @cached_property
    def _templates(self) -> Environment:
        # A missing variable is an error, not an empty text.
        return Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
        )

    def page(self, template: str, *, status: int = 200, **values: object) -> Response:
        """Return the page that a template makes of ``values``."""
        identity = _request().identity
        session_id = session_of(request.environ)
        text = self._templates.get_template(template).render(
            root=request.script_root + "/",
            path=request.path.lstrip("/"),
            navigation=_navigation(identity),
            user=identity.user,
            is_open=identity.principal is None and identity.is_unrestricted,
            csrf=browsers.csrf_token(session_id) if session_id else "",
            **values,
        )
        headers = {
            "Content-Security-Policy": _POLICY,
            "Cache-Control": "no-store",
            "Referrer-Policy": "same-origin",
        }
        return Response(text, status, headers, mimetype="text/html")

    def _refusal(self, error: errors.ApiError) -> Response:
        """Return a page with the error's sentence to a browser. Raise the error for other clients."""
        if "text/html" not in request.headers.get("Accept", ""):
            raise error
        return self.page("message.html", title="Refused", text=error_text(error), status=error.status)

    def call(self, message: Message, response: type[R]) -> R:
        """Call a handler as the page's caller. Raise its ``ApiError``."""
        found = respond(self._backend, type(message).__qualname__, message, _request())
        return cast(R, codec.unrendered(found))


def _navigation(identity: Identity) -> tuple[tuple[str, str], ...]:
    """Return the titles and paths of the pages that the caller can use."""
    if identity.principal is None:
        return _OPEN_NAVIGATION if identity.is_unrestricted else ()
    administrates = identity.principal.is_admin or bool(
        identity.rights and identity.rights.is_workspace_admin
    )
    pages = tuple((title, path) for title, path, for_admins in _NAVIGATION if administrates or not for_admins)
    return pages + _ADMIN_NAVIGATION if identity.is_unrestricted else pages


def redirect(path: str, headers: list[tuple[str, str]] | None = None) -> Response:
    """Return a redirect to a path of this server, which cannot lead to another host."""
    response = Response(status=303)
    # Browsers read "//host" and "/\host" as another host, and ignore tabs and line breaks in an address.
    visible = "".join(character for character in path if character >= " ")
    response.headers["Location"] = request.script_root + "/" + visible.lstrip("/\\")
    response.autocorrect_location_header = False
    for name, value in headers or []:
        response.headers.add(name, value)
    return response


def error_text(error: errors.ApiError) -> str:
    """Return the message of an error without the parts that are for programs."""
    return error.message.removesuffix(errors.SEE_DOCS)


def date_text(time_ms: int | None) -> str:
    """Return a time as a date in UTC, or an empty text."""
    if time_ms is None:
        return ""
    return datetime.datetime.fromtimestamp(time_ms / 1000, datetime.UTC).strftime("%Y-%m-%d %H:%M")


def caller() -> Principal:
    """Return the caller of a page that is not open to everybody."""
    principal = _request().identity.principal
    assert principal is not None
    return principal


def check_admin() -> None:
    """Raise ``PermissionDenied`` unless the caller may do everything."""
    identity = _request().identity
    if not identity.is_unrestricted:
        raise errors.PermissionDenied(f"This page is for administrators; {identity.user} is not one.")


def _request() -> Request:
    found: Request = request.environ[REQUEST]
    return found


def _check_form() -> None:
    """Refuse a form that was sent with a session, but without its CSRF token."""
    principal = _request().identity.principal
    if request.method in SAFE_METHODS or principal is None or principal.authenticated_by != "session":
        return
    browsers.check_csrf_token(request.form.get("csrf", ""), session_of(request.environ))

"""The pages of access: log-in and log-out, the first administrator, the caller's API tokens."""

from __future__ import annotations

import datetime

from flask import Flask, Response, request

from trackway.client_compat import access_rules
from trackway.client_compat.errors import ApiError
from trackway.client_compat.trackway_access import CreateToken, ListTokens, RevokeToken
from trackway.server.auth import browsers, first_admin
from trackway.server.auth.gate import ClosedGate, Refused
from trackway.server.backend import Backend

from .frame import Frame, error_text, redirect

_LIFETIMES = (("7d", "7 days"), ("30d", "30 days"), ("90d", "90 days"), ("52w", "a year"))


def mount(app: Flask, frame: Frame, backend: Backend, gate: ClosedGate) -> None:
    """Add the pages to the application."""

    def start_session(name: str, password: str) -> Response:
        """Log in, and go to the page that the user wanted. Raise ``Refused``."""
        session_id = gate.start_session(name, password, request.environ)
        return redirect(request.args.get("next", ""), browsers.session_cookies(request.environ, session_id))

    @app.get(browsers.LOGIN_PATH)
    def log_in_page() -> Response:
        return frame.page("login.html", name="", error="")

    @app.post(browsers.LOGIN_PATH)
    def log_in() -> Response:
        name = request.form.get("name", "")
        try:
            return start_session(name, request.form.get("password", ""))
        except Refused as refused:
            return frame.page("login.html", name=name, error=str(refused), status=401)
        except ApiError as error:
            return frame.page("login.html", name=name, error=error_text(error), status=error.status)

    @app.post("/auth/logout")
    def log_out() -> Response:
        gate.end_session(request.environ)
        return redirect(browsers.LOGIN_PATH, browsers.cleared_cookies(request.environ))

    @app.get(first_admin.SETUP_PATH)
    def set_up_page() -> Response:
        try:
            first_admin.check_link(backend.database, request.args.get("token", ""))
        except ApiError as error:
            return frame.page("message.html", title="Set-up", text=error_text(error), status=error.status)
        return frame.page("setup.html", name="admin", error="")

    @app.post(first_admin.SETUP_PATH)
    def set_up() -> Response:
        name, password = request.form.get("name", ""), request.form.get("password", "")
        try:
            first_admin.create_by_link(backend.database, request.args.get("token", ""), name, password)
            return start_session(name, password)
        except ApiError as error:
            return frame.page("setup.html", name=name, error=error_text(error), status=error.status)

    @app.get("/trackway/tokens")
    def tokens_page() -> Response:
        return tokens()

    @app.post("/trackway/tokens")
    def change_tokens() -> Response:
        form = request.form
        try:
            if form.get("revoke"):
                frame.call(RevokeToken(token_id=form["revoke"]), RevokeToken.Response)
                return redirect("trackway/tokens")
            made = frame.call(
                CreateToken(
                    name=form.get("name", ""),
                    scopes=form.getlist("scope"),
                    expires_in=form.get("expires_in", "90d"),
                ),
                CreateToken.Response,
            )
        except ApiError as error:
            return tokens(error=error_text(error), status=error.status)
        return tokens(secret=made.secret or "")

    def tokens(*, secret: str = "", error: str = "", status: int = 200) -> Response:
        found = frame.call(ListTokens(), ListTokens.Response)
        return frame.page(
            "tokens.html",
            tokens=found.tokens,
            scopes=access_rules.SCOPES,
            lifetimes=_LIFETIMES,
            secret=secret,
            error=error,
            date=_date,
            status=status,
        )


def _date(time_ms: int | None) -> str:
    """Return a time as a date in UTC, or an empty text."""
    if time_ms is None:
        return ""
    return datetime.datetime.fromtimestamp(time_ms / 1000, datetime.UTC).strftime("%Y-%m-%d %H:%M")

"""The pages of access: log-in and log-out, the first administrator, new users, the caller's API tokens."""

from __future__ import annotations

from urllib.parse import quote

from flask import Flask, Response, request

from trackway.client_compat import access_rules
from trackway.client_compat.errors import ApiError
from trackway.client_compat.extra_users import CreateUser
from trackway.client_compat.trackway_access import CreateToken, ListTokens, RevokeToken
from trackway.server.auth import browsers, first_admin
from trackway.server.auth.credentials import Refused
from trackway.server.auth.gate import ClosedGate
from trackway.server.auth.identity import ANONYMOUS, origin_of
from trackway.server.auth.provider_log_out import LOGGED_OUT_PATH, forgotten
from trackway.server.auth.single_sign_on import SingleSignOn
from trackway.server.backend import Backend

from . import single_sign_on
from .frame import FOLDER, Frame, caller, check_admin, date_text, error_text, redirect

_LIFETIMES = (("7d", "7 days"), ("30d", "30 days"), ("90d", "90 days"), ("52w", "a year"))


def mount(app: Flask, frame: Frame, backend: Backend, gate: ClosedGate) -> None:
    """Add the pages to the application."""
    sign_on = SingleSignOn(backend, gate)
    single_sign_on.mount(app, frame, sign_on)

    def start_session(name: str, password: str) -> Response:
        """Log in, and go to the page that the user wanted. Raise ``Refused``."""
        session_id = gate.start_session(name, password, request.environ)
        return redirect(request.args.get("next", ""), browsers.session_cookies(request.environ, session_id))

    def login_page(*, name: str = "", error: str = "", status: int = 200) -> Response:
        return frame.page(
            "login.html",
            name=name,
            error=error,
            providers=list(sign_on.settings.providers.values()),
            passwords=sign_on.settings.passwords,
            next=request.args.get("next", ""),
            status=status,
        )

    @app.get(browsers.LOGIN_PATH)
    def log_in_page() -> Response:
        if sign_on.only:
            there = quote(request.args.get("next", ""), safe="")
            return redirect(f"auth/{sign_on.only.name}/login?next={there}")
        return login_page()

    @app.post(browsers.LOGIN_PATH)
    def log_in() -> Response:
        name = request.form.get("name", "")
        if not sign_on.settings.passwords:
            return login_page(error="This server has no log-in with passwords.", status=403)
        try:
            return start_session(name, request.form.get("password", ""))
        except Refused as refused:
            return login_page(name=name, error=str(refused), status=401)
        except ApiError as error:
            return login_page(name=name, error=error_text(error), status=error.status)

    @app.post("/auth/logout")
    def log_out() -> Response:
        cookies = [*browsers.cleared_cookies(request.environ), forgotten(request.environ)]
        provider_url = sign_on.log_out_url(request.environ)
        gate.end_session(request.environ)
        if provider_url:
            # No redirect: pages forbid that their forms lead elsewhere (Content-Security-Policy).
            page = frame.page(
                "message.html", title="Log out", text="You are logged out here.", url=provider_url
            )
            page.headers.extend([*cookies, ("Refresh", f"0; url={provider_url}")])
            return page
        # The log-in page could lead to the provider at once, which would log the user in again.
        path = LOGGED_OUT_PATH if sign_on.only else browsers.LOGIN_PATH
        return redirect(path, cookies)

    @app.get(LOGGED_OUT_PATH)
    def logged_out() -> Response:
        return frame.page("message.html", title="Logged out", text="You are logged out.", link="auth/login")

    @app.get(first_admin.SETUP_PATH)
    def set_up_page() -> Response:
        try:
            first_admin.check_link(backend.database, request.args.get("token", ""))
        except ApiError as error:
            return frame.page(
                "message.html", title="Set-up", text=error_text(error), link="", status=error.status
            )
        return frame.page("setup.html", name="admin", error="")

    @app.post(first_admin.SETUP_PATH)
    def set_up() -> Response:
        name, password = request.form.get("name", ""), request.form.get("password", "")
        try:
            origin = origin_of(ANONYMOUS, request.environ)
            token = request.args.get("token", "")
            first_admin.create_by_link(backend.database, token, name, password, origin)
            return start_session(name, password)
        except ApiError as error:
            return frame.page("setup.html", name=name, error=error_text(error), status=error.status)

    @app.get(FOLDER)
    def index() -> Response:
        return frame.page("index.html", caller=caller(), server=request.url_root.rstrip("/"))

    @app.get("/signup")
    def new_user_page() -> Response:
        check_admin()
        return frame.page("user.html", name="", made="", error="")

    @app.post(browsers.CREATE_USER_PATH)
    def create_user() -> Response:
        name, password = request.form.get("username", ""), request.form.get("password", "")
        try:
            frame.call(CreateUser(username=name, password=password), CreateUser.Response)
        except ApiError as error:
            if not caller().is_admin:
                raise
            return frame.page("user.html", name=name, made="", error=error_text(error), status=error.status)
        return frame.page("user.html", name="", made=name, error="")

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
            date=date_text,
            status=status,
        )

"""The addresses of single sign-on: the way to an identity provider, and back."""

from __future__ import annotations

from flask import Flask, Response, request

from trackway.client_compat.errors import ApiError
from trackway.server.auth import browsers
from trackway.server.auth.credentials import Refused
from trackway.server.auth.single_sign_on import SingleSignOn
from trackway.server.config import Provider

from .frame import Frame, error_text, redirect


def mount(app: Flask, frame: Frame, sign_on: SingleSignOn) -> None:
    """Add the addresses of each provider to the application."""
    for provider in sign_on.settings.providers.values():
        _mount(app, frame, sign_on, provider)


def _mount(app: Flask, frame: Frame, sign_on: SingleSignOn, provider: Provider) -> None:
    def log_in() -> Response:
        try:
            url, headers = sign_on.begin(request.environ, provider, request.args.get("next", ""))
        except ApiError as error:
            return failed(error_text(error), error.status)
        response = Response(status=302, headers=[*headers, ("Cache-Control", "no-store")])
        response.headers["Location"] = url
        return response

    def callback() -> Response:
        try:
            finished = sign_on.finish(request.environ, provider, request.args)
        except Refused as refused:
            return failed(str(refused), 403)
        except ApiError as error:
            return failed(error_text(error), error.status)
        cookies = browsers.session_cookies(request.environ, finished.session_id)
        return redirect(finished.next_path, [*cookies, *finished.headers])

    def failed(text: str, status: int) -> Response:
        return frame.page("message.html", title="Log in", text=text, link="auth/login", status=status)

    app.add_url_rule(f"/auth/{provider.name}/login", f"{provider.name} login", log_in)
    app.add_url_rule(f"/auth/{provider.name}/callback", f"{provider.name} callback", callback)

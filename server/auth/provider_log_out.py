"""Log-out at the identity provider, too: OpenID Connect RP-Initiated Logout 1.0.

A cookie remembers the provider of the session, and its ID token, by which the provider knows whom to log out
without asking. It proves nothing here, and is only sent back to the log-out.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from werkzeug.http import parse_cookie

from trackway.client_compat.errors import Unavailable

from .browser_sessions import LIFETIME_MS
from .browsers import root_of

if TYPE_CHECKING:
    from ..config import Provider, SignOn
    from .issuer_keys import IssuerKeys

log = logging.getLogger("trackway.server")

LOGGED_OUT_PATH = "/auth/logged-out"
_COOKIE = "trackway_provider"
# Browsers drop cookies of more than 4096 bytes. A token of a user with many groups can be longer; without it
# most providers ask the user.
_MAX_TOKEN = 3500


def remembered(environ: dict[str, Any], provider: Provider, id_token: str) -> tuple[str, str]:
    """Return the header with the cookie that remembers the provider of a session."""
    if not provider.log_out:
        return forgotten(environ)
    value = f"{provider.name}.{id_token if len(id_token) <= _MAX_TOKEN else ''}"
    return cookie(environ, _COOKIE, value, LIFETIME_MS // 1000)


def forgotten(environ: dict[str, Any]) -> tuple[str, str]:
    """Return the header that deletes the cookie."""
    return cookie(environ, _COOKIE, "", 0)


def url(environ: dict[str, Any], settings: SignOn, keys: IssuerKeys, base: str) -> str | None:
    """Return the address at which the provider of the browser's session logs out, which leads back here.

    Return None if the session is of no provider with the setting ``log_out``, or the provider has none.
    ``base`` is the URL of this server for browsers.
    """
    name, _, id_token = parse_cookie(environ.get("HTTP_COOKIE", "")).get(_COOKIE, "").partition(".")
    provider = settings.providers.get(name)
    if provider is None or not provider.log_out:
        return None
    try:
        endpoint = keys.metadata(provider.issuer).get("end_session_endpoint")
    except Unavailable as error:
        log.warning("no log-out at %s: %s", provider.issuer, error)
        return None
    if not isinstance(endpoint, str) or urlsplit(endpoint).scheme not in ("http", "https"):
        return None
    query = {"client_id": provider.client_id, "post_logout_redirect_uri": base + LOGGED_OUT_PATH}
    if id_token:
        query["id_token_hint"] = id_token
    return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(query)}"


def cookie(environ: dict[str, Any], name: str, value: str, max_age_s: int) -> tuple[str, str]:
    """Return the header with a cookie for the log-in and log-out."""
    # Lax: the provider's page leads back here, which is a request from another site.
    secure = "; Secure" if environ["wsgi.url_scheme"] == "https" else ""
    path = f"{root_of(environ)}/auth/"
    return (
        "Set-Cookie",
        f"{name}={value}; Max-Age={max_age_s}; Path={path}; HttpOnly; SameSite=Lax{secure}",
    )

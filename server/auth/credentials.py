"""What a request presents to prove who it is: the Authorization header, else the session cookie."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Literal, NamedTuple

from werkzeug.http import parse_cookie

from . import api_tokens

SESSION_COOKIE = "trackway_session"
# Longer headers are no credentials that this server has given out.
_MAX_LENGTH = 8192


class Credential(NamedTuple):
    """A credential as it was sent. ``name`` is the user's name, empty for tokens and sessions."""

    kind: Literal["password", "token", "session", "jwt", "link"]
    secret: str
    name: str = ""


class Refused(Exception):
    """The credential is not valid. The message may be shown to the caller.

    ``principal`` has the id and the name of the principal that it names, if there is one.
    """

    def __init__(self, message: str, principal: tuple[int, str] | None = None) -> None:
        super().__init__(message)
        self.principal = principal


class Malformed(ValueError):
    """The Authorization header cannot be read. The message says why."""


def presented(environ: dict[str, Any]) -> Credential | None:
    """Return the credential of a request, or None if it has none. Raise ``Malformed``.

    An API token is accepted as bearer and as the password of Basic authentication, with any user name,
    because MLflow's clients can send both. A request with an Authorization header is never identified by its
    cookie.
    """
    header = environ.get("HTTP_AUTHORIZATION")
    if header is None:
        session = session_of(environ)
        return Credential("session", session) if session else None
    scheme, _, value = header.strip().partition(" ")
    value = value.strip()
    if len(header) > _MAX_LENGTH:
        raise Malformed("The Authorization header is too long.")
    if scheme.lower() == "bearer" and value:
        return Credential("jwt" if is_jwt(value) else "token", value)
    if scheme.lower() == "basic":
        name, password = _basic(value)
        if password.startswith(api_tokens.PREFIX) and api_tokens.id_of(password):
            return Credential("token", password)
        return Credential("password", password, name)
    raise Malformed("The Authorization header must be 'Basic <credentials>' or 'Bearer <token>'.")


def is_jwt(text: str) -> bool:
    """Return whether a bearer token has the form of a JWT: a JSON object in base64, and two more parts."""
    return text.startswith("eyJ") and text.count(".") == 2


def session_of(environ: dict[str, Any]) -> str:
    """Return the session id in the cookies of a request, or an empty string."""
    cookies = environ.get("HTTP_COOKIE", "")
    if SESSION_COOKIE not in cookies:
        return ""
    # Session ids are ASCII. Other cookies may have bytes that are not UTF-8, which the parser does not take.
    return parse_cookie(cookies.encode("ascii", "replace").decode()).get(SESSION_COOKIE, "")


def _basic(value: str) -> tuple[str, str]:
    try:
        decoded = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("The credentials of Basic authentication are no base64.") from None
    try:
        text = decoded.decode()
    except UnicodeDecodeError:
        text = decoded.decode("latin-1")
    name, colon, password = text.partition(":")
    if not colon or "\0" in text:
        raise Malformed("The credentials of Basic authentication must be a name, a colon and a password.")
    return name, password

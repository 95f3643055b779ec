"""Log-in of browsers through an identity provider: OpenID Connect, authorization code flow.

The browser is sent to the provider with a state, a nonce and a PKCE challenge, and comes back with a code,
which this server exchanges for an ID token. What has to be remembered meanwhile is in a signed cookie, so
that any server of the database can finish what another began. A log-in counts only in the browser that began
it, and once.

The provider's issuer and subject identify a user, never a name or an e-mail address: those can change, and
another provider may give them to somebody else.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.http import parse_cookie
from werkzeug.wsgi import get_host

from trackway.client_compat.errors import AlreadyExists, Unavailable
from trackway.storage import audit
from trackway.storage.access import external_users, state
from trackway.storage.database import Tx

from ..config import ConfigError, Provider
from ..responses import Headers
from . import browser_sessions, provider_log_out, signed_tokens
from .browsers import root_of
from .credentials import Refused
from .identity import Principal

if TYPE_CHECKING:
    from ..backend import Backend
    from .gate import ClosedGate

log = logging.getLogger("trackway.server")

_COOKIE = "trackway_login_"
# The time that a user has for the provider's pages.
_VALID_S = 900
_TIMEOUT_S = 10
_MAX_SHOWN = 200


class Finished(NamedTuple):
    """A completed log-in: the new session, the path that the user wanted, headers with cookies."""

    session_id: str
    next_path: str
    headers: Headers


class SingleSignOn:
    """Log-in through the providers of the server's settings."""

    def __init__(self, backend: Backend, gate: ClosedGate) -> None:
        self.settings = backend.config.sign_on
        self._backend = backend
        self._gate = gate
        if self.settings.providers:
            check_installed()

    @property
    def only(self) -> Provider | None:
        """The provider to which the log-in page leads at once, or None if users have a choice."""
        providers = list(self.settings.providers.values())
        return providers[0] if len(providers) == 1 and not self.settings.passwords else None

    def begin(self, environ: dict[str, Any], provider: Provider, next_path: str) -> tuple[str, Headers]:
        """Return the URL of the provider's log-in page, and the headers with the cookie.

        Raise ``Unavailable`` if the provider does not answer.
        """
        login = {
            "provider": provider.name,
            "nonce": secrets.token_urlsafe(32),
            "verifier": secrets.token_urlsafe(48),
            "next": next_path,
        }
        endpoint = self._endpoint(provider, "authorization_endpoint")
        url, login_state = self._client(environ, provider).create_authorization_url(
            endpoint, code_verifier=login["verifier"], nonce=login["nonce"]
        )
        value = self._serializer().dumps(login | {"state": login_state})
        return url, [provider_log_out.cookie(environ, _COOKIE + login_state, value, _VALID_S)]

    def finish(self, environ: dict[str, Any], provider: Provider, query: Mapping[str, str]) -> Finished:
        """Complete a log-in with the provider's answer, which is in the query of the callback.

        Raise ``Refused`` if it is not the answer to a log-in that this browser began, or if the user is not
        let in, and ``Unavailable`` if the provider does not answer.
        """
        login_state = query.get("state", "")
        login = self._begun(environ, provider, login_state)
        if "error" in query:
            text = query.get("error_description") or query["error"]
            raise Refused(f"{provider.title} refuses the log-in: {text[:_MAX_SHOWN]}")
        metadata = self._gate.verifier.issuer_keys.metadata(provider.issuer)
        must_name_issuer = metadata.get("authorization_response_iss_parameter_supported") is True
        if query.get("iss", provider.issuer if not must_name_issuer else "") != provider.issuer:
            raise Refused("The answer comes from another identity provider.")
        claims, id_token = self._claims(environ, provider, query.get("code", ""), login)
        user = self._user(provider, claims)
        principal = Principal(user.id, user.kind, user.name, bool(user.is_admin), f"provider {provider.name}")
        session_id = browser_sessions.start(self._backend.database, principal, environ)
        cookies = [
            provider_log_out.cookie(environ, _COOKIE + login_state, "", 0),
            provider_log_out.remembered(environ, provider, id_token),
        ]
        return Finished(session_id, login["next"], cookies)

    def log_out_url(self, environ: dict[str, Any]) -> str | None:
        """Return where the browser is to go to log out at its provider as well, or None."""
        keys = self._gate.verifier.issuer_keys
        return provider_log_out.url(environ, self.settings, keys, self._base(environ))

    def _begun(self, environ: dict[str, Any], provider: Provider, login_state: str) -> dict[str, str]:
        """Return what ``begin`` has stored in the browser. Raise ``Refused``."""
        value = parse_cookie(environ.get("HTTP_COOKIE", "")).get(_COOKIE + login_state, "")
        try:
            login: dict[str, str] = self._serializer().loads(value, max_age=_VALID_S)
        except BadSignature:
            login = {}
        if not login_state or (login.get("state"), login.get("provider")) != (login_state, provider.name):
            raise Refused("This log-in was not begun in this browser, or it is finished, or too old.")
        return login

    def _claims(
        self, environ: dict[str, Any], provider: Provider, code: str, login: Mapping[str, str]
    ) -> tuple[dict[str, Any], str]:
        """Exchange the code, and return the claims of the verified ID token and of the user info.

        Return the ID token as well.
        """
        from authlib.integrations.base_client import OAuthError
        from authlib.oidc.core import CodeIDToken
        from joserfc.errors import JoseError
        from requests import RequestException

        client = self._client(environ, provider)
        keys = self._gate.verifier.issuer_keys
        try:
            token = client.fetch_token(
                self._endpoint(provider, "token_endpoint"),
                grant_type="authorization_code",
                code=code,
                code_verifier=login["verifier"],
                redirect_uri=client.redirect_uri,
                allow_redirects=False,
            )
            id_token = token.get("id_token")
            if not isinstance(id_token, str):
                raise Refused(f"{provider.title} has sent no ID token.")
            claims = dict(signed_tokens.verify(id_token, provider.issuer, provider.client_id, keys))
            known = {
                "nonce": login["nonce"],
                "client_id": provider.client_id,
                "access_token": token.get("access_token"),
            }
            CodeIDToken(claims, signed_tokens.header_of(id_token), params=known).validate(
                leeway=signed_tokens.LEEWAY_S
            )
            wanted = {provider.name_claim, *([provider.groups_claim] if _uses_groups(provider) else [])}
            if not wanted <= claims.keys() and "userinfo_endpoint" in keys.metadata(provider.issuer):
                answer = client.get(self._endpoint(provider, "userinfo_endpoint"), allow_redirects=False)
                info = answer.json() if answer.status_code == 200 else None
                if not isinstance(info, dict) or info.get("sub") != claims["sub"]:
                    raise Refused(f"{provider.title} has sent no information about the user.")
                claims = info | claims
        except OAuthError as error:
            text = str(error.description or error.error)
            raise Refused(f"{provider.title} refuses the log-in: {text[:_MAX_SHOWN]}") from None
        except (JoseError, ValueError) as error:
            raise Refused(f"The ID token of {provider.title} is not valid: {error}") from None
        except RequestException as error:
            log.warning("%s does not answer: %s", provider.issuer, error)
            raise Unavailable(f"{provider.title} does not answer; try again later.") from None
        return claims, id_token

    def _user(self, provider: Provider, claims: Mapping[str, Any]) -> Any:
        """Return the row of the user, with the rights that the groups give. Raise ``Refused``."""
        subject, name = claims["sub"], claims.get(provider.name_claim)
        groups = _groups(claims.get(provider.groups_claim))
        if provider.allowed_groups and not groups & set(provider.allowed_groups):
            raise Refused(
                f"Your account at {provider.title} is in none of the groups that may use this server."
            )
        is_admin = bool(groups & set(provider.admin_groups)) if provider.admin_groups else None
        managed = {pair for pairs in provider.roles.values() for pair in pairs}
        present = {pair for group in groups for pair in provider.roles.get(group, ())}

        def work(tx: Tx) -> Any:
            user = external_users.find_or_none(tx, provider.issuer, subject)
            if user is None:
                user = self._new_user(tx, provider, subject, name)
            changes, missing = external_users.update(
                tx, user, is_admin=is_admin, managed_roles=managed, present_roles=present
            )
            for workspace, role in missing:
                log.warning("there is no role %r in the workspace %r, see --auth-config", role, workspace)
            if changes:
                audit.record(tx, f"UpdateUserByProvider {', '.join(changes)}", f"user:{user.name}")
            return user

        return self._backend.database.run(work, write=True, user=str(name))

    def _new_user(self, tx: Tx, provider: Provider, subject: str, name: Any) -> Any:
        if not provider.creates_users:
            how = external_users.how_to_connect(str(name or "<name>"), provider.issuer, subject)
            raise Refused(f"You have no account on this server. {how}")
        if not isinstance(name, str) or not name:
            raise Refused(f"{provider.title} has not sent the claim {provider.name_claim}, your name here.")
        try:
            user = external_users.create_user(tx, provider.issuer, subject, name)
        except AlreadyExists:
            # Two first log-ins at once: the other one has made the user.
            found = external_users.find_or_none(tx, provider.issuer, subject)
            if found is None:
                raise
            return found
        audit.record(tx, "CreateUserByProvider", f"user:{name}")
        return user

    def _client(self, environ: dict[str, Any], provider: Provider) -> Any:
        from authlib.integrations.requests_client import OAuth2Session

        methods = self._gate.verifier.issuer_keys.metadata(provider.issuer).get(
            "token_endpoint_auth_methods_supported", ["client_secret_basic"]
        )
        method = "client_secret_basic" if "client_secret_basic" in methods else "client_secret_post"
        return OAuth2Session(
            provider.client_id,
            provider.client_secret or None,
            token_endpoint_auth_method=method if provider.client_secret else "none",
            scope=" ".join(provider.scopes),
            redirect_uri=f"{self._base(environ)}/auth/{provider.name}/callback",
            code_challenge_method="S256",
            default_timeout=_TIMEOUT_S,
        )

    def _base(self, environ: dict[str, Any]) -> str:
        """Return the URL of this server for browsers, without a slash at its end."""
        host = f"{environ['wsgi.url_scheme']}://{get_host(environ)}{root_of(environ)}"
        return self.settings.public_url or host

    def _endpoint(self, provider: Provider, name: str) -> str:
        found = self._gate.verifier.issuer_keys.metadata(provider.issuer).get(name)
        if not isinstance(found, str):
            raise Unavailable(f"{provider.issuer} has no {name}.")
        return found

    def _serializer(self) -> URLSafeTimedSerializer:
        key = self._backend.database.run(state.signing_key, write=False)
        return URLSafeTimedSerializer(key, salt="trackway log-in")


def check_installed() -> None:
    """Raise ``ConfigError`` unless the packages of single sign-on are installed."""
    from importlib.util import find_spec

    if missing := [name for name in ("authlib", "joserfc", "requests") if find_spec(name) is None]:
        raise ConfigError(
            f"--auth-config needs the package {missing[0]}: install trackway with the extra sso, "
            "pip install 'trackway[sso]'."
        )


def _uses_groups(provider: Provider) -> bool:
    return bool(provider.admin_groups or provider.allowed_groups or provider.roles)


def _groups(claim: Any) -> set[str]:
    """Return the groups in a claim, which is a list, or one name."""
    if isinstance(claim, str):
        return {claim}
    return {item for item in claim if isinstance(item, str)} if isinstance(claim, list) else set()

"""``POST /api/3.0/trackway/auth/exchange``: an API token for the token (JWT) of a trusted issuer.

The request and the response are those of OAuth 2.0 Token Exchange (RFC 8693). A CI job whose work takes
longer than its JWT is valid uses it; the API token has the rights and the run tags of the JWT.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from trackway.client_compat import access_rules
from trackway.client_compat.errors import ApiError, InvalidParameter
from trackway.storage import audit
from trackway.storage.access import tokens
from trackway.storage.database import Tx

from ..request_body import RequestBody, parse_query
from ..responses import JSON_TYPE, Answer
from . import api_tokens
from .credentials import Refused, is_jwt

if TYPE_CHECKING:
    from ..backend import Backend
    from ..edge.router import Request
    from .gate import ClosedGate

PATH = "/api/3.0/trackway/auth/exchange"
_GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:"
_SUBJECT_TYPES = (f"{_TOKEN_TYPE}jwt", f"{_TOKEN_TYPE}id_token")
_MAX_BODY = 64 * 1024
# Expired tokens of a rule are deleted this long after.
_KEEP_EXPIRED_MS = 7 * 86_400_000


class TokenExchange:
    """The responder. The request needs no other credential than the JWT in its form."""

    streams = False

    def __init__(self, backend: Backend, gate: ClosedGate) -> None:
        self._backend = backend
        self._gate = gate

    def answer(self, request: Request) -> Answer:
        body = RequestBody(request.environ).read_all(_MAX_BODY)
        try:
            form = {name: values[0] for name, values in parse_query(body.decode()).items()}
            text = _subject_token(form)
        except (UnicodeDecodeError, ApiError) as error:
            return _refusal("invalid_request", getattr(error, "message", "The form is no UTF-8."))
        try:
            trusted = self._gate.verifier.verify_trusted(text)
        except Refused as refused:
            return _refusal("invalid_grant", str(refused))
        try:
            scopes = _scopes(form.get("scope", ""), tuple(trusted.rule.scopes.split()))
        except InvalidParameter as error:
            return _refusal("invalid_scope", error.message)
        lifetime_ms = trusted.rule.max_lifetime_ms
        made = api_tokens.make()

        def work(tx: Tx) -> None:
            tokens.forget_expired(tx, trusted.rule.rule_id, tx.now_ms - _KEEP_EXPIRED_MS)
            tokens.create(
                tx,
                trusted.rows[0].principal_id,
                token_id=made.token_id,
                digest=made.digest,
                name=f"exchanged by {trusted.rule.rule}",
                scopes=scopes,
                expiry_time=tx.now_ms + lifetime_ms,
                trust_rule_id=trusted.rule.rule_id,
                run_tags=json.dumps(trusted.run_tags),
            )
            audit.record(tx, "ExchangeToken", f"token:{made.token_id}")

        self._backend.database.run(work, write=True, user=trusted.rule.account, request_id=request.id)
        answer = {
            "access_token": made.text,
            "issued_token_type": f"{_TOKEN_TYPE}access_token",
            "token_type": "Bearer",
            "expires_in": lifetime_ms // 1000,
        }
        if scopes:
            answer["scope"] = " ".join(scopes)
        return _json(200, answer)


def _subject_token(form: dict[str, str]) -> str:
    """Return the JWT in the form. Raise ``InvalidParameter``."""
    for name, allowed in (("grant_type", (_GRANT_TYPE,)), ("subject_token_type", _SUBJECT_TYPES)):
        if form.get(name) not in allowed:
            raise InvalidParameter(f"{name} must be {' or '.join(allowed)}, not {form.get(name)!r}.")
    text = form.get("subject_token", "")
    if not is_jwt(text):
        raise InvalidParameter("subject_token must be a JWT of an issuer that the server trusts.")
    return text


def _scopes(asked: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
    """Return the scopes that were asked for, by default those of the rule. Raise ``InvalidParameter``."""
    if not asked:
        return allowed
    scopes = access_rules.check_scopes(asked.split())
    may_all = not allowed or "admin" in allowed
    if not may_all and (missing := [scope for scope in scopes if scope not in (*allowed, "read")]):
        raise InvalidParameter(f"The trust rule does not include the scope {missing[0]}.")
    return scopes


def _refusal(error: str, description: str) -> Answer:
    """Return an error in the form of OAuth 2.0 (RFC 6749, 5.2)."""
    return _json(400, {"error": error, "error_description": description})


def _json(status: int, body: dict[str, object]) -> Answer:
    return Answer(status, [JSON_TYPE, ("Cache-Control", "no-store")], json.dumps(body).encode())

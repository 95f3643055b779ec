"""Tokens of trusted issuers: the ID tokens of CI jobs, which act as the service account of a trust rule."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from trackway.client_compat import trust_rules
from trackway.storage.access import issuers, principals
from trackway.storage.database import Tx

from . import signed_tokens
from .credentials import Refused
from .issuer_keys import IssuerKeys

if TYPE_CHECKING:
    from ..backend import Backend

_MAX_SHOWN = 100


class Trusted(NamedTuple):
    """A verified token: the rule it matches (``issuers.for_login``), the rows of the rule's account."""

    rule: Any
    rows: Sequence[Any]
    run_tags: Mapping[str, str]
    # When the token is refused, in milliseconds since the epoch.
    expiry_ms: int


def verify(backend: Backend, keys: IssuerKeys, text: str) -> Trusted:
    """Return what a token (JWT) of a trusted issuer stands for.

    Raise ``Refused``, or ``Unavailable`` if the issuer's keys cannot be read. No transaction is open
    meanwhile.
    """
    url = signed_tokens.issuer_of(text)
    rules = backend.database.run(lambda tx: issuers.for_login(tx, url), write=False)
    issuer = rules[0]
    if issuer.issuer is None:
        raise Refused(f"The server does not trust the token's issuer {url[:_MAX_SHOWN]!r}.")
    claims = signed_tokens.verify(text, url, issuer.audience, keys)
    rule = _rule_for(claims, rules)

    def account(tx: Tx) -> Sequence[Any]:
        return principals.for_login(tx, rule.account)

    rows = backend.database.run(account, write=False)
    if rule.account is None or rows[0].principal_id is None:
        raise Refused(f"The service account of the trust rule {rule.rule} is not active.")
    expiry_ms = int((claims["exp"] + signed_tokens.LEEWAY_S) * 1000)
    return Trusted(rule, rows, trust_rules.run_tags(issuer.kind, url, claims), expiry_ms)


def _rule_for(claims: Mapping[str, Any], rules: Sequence[Any]) -> Any:
    """Return the first rule whose conditions the claims meet. Raise ``Refused`` if there is none."""
    issuer = rules[0]
    if issuer.rule_id is None:
        raise Refused(f"The issuer {issuer.issuer} has no trust rule.")
    open_conditions = [(trust_rules.missing(json.loads(rule.conditions), claims), rule) for rule in rules]
    missing, rule = min(open_conditions, key=lambda found: len(found[0]))
    if not missing:
        return rule
    relevant = {claim for item in rules for claim in json.loads(item.conditions)}
    came = ", ".join(
        f"{claim}={trust_rules.text_of(claims[claim])[:_MAX_SHOWN]}"
        for claim in sorted(relevant)
        if claim in claims
    )
    needed = ", ".join(f"{claim}={pattern}" for claim, pattern in missing.items())
    raise Refused(
        f"No trust rule of the issuer {issuer.issuer} matches the token's claims "
        f"({came or 'none of the rules'}); the nearest, {rule.rule}, needs {needed}."
    )

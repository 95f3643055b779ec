"""Verification of signed tokens (JWT) of other issuers: ID tokens of CI systems and identity providers.

Only RS256 and ES256 are accepted, with a key of the issuer's published key set. What a token says about its
own key, other than the key's id, is refused: a forger would name a key of his own.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from trackway.client_compat.errors import FeatureDisabled

from .credentials import Refused
from .issuer_keys import ALGORITHMS, IssuerKeys

# Clocks of the issuer and of this server may differ by this.
LEEWAY_S = 30
_REFUSED_HEADERS = ("jku", "jwk", "x5u", "x5c", "crit")


def issuer_of(text: str) -> str:
    """Return the issuer that a token names; nothing of it is verified. Raise ``Refused``."""
    issuer = _part(text, 1).get("iss")
    if not isinstance(issuer, str):
        raise Refused("The bearer token names no issuer (claim iss).")
    return issuer


def header_of(text: str) -> dict[str, Any]:
    """Return the header of a token; nothing of it is verified. Raise ``Refused``."""
    return _part(text, 0)


def verify(text: str, issuer: str, audience: str, keys: IssuerKeys) -> Mapping[str, Any]:
    """Return the claims of a token of the issuer for the audience.

    Raise ``Refused`` for any other token, and ``Unavailable`` if the issuer's keys cannot be read.
    """
    try:
        from joserfc import jwt
        from joserfc.errors import JoseError
    except ImportError:
        raise FeatureDisabled(
            "This server cannot verify tokens of other issuers: install trackway with the extra sso."
        ) from None
    header = header_of(text)
    if header.get("alg") not in ALGORITHMS:
        raise Refused(f"The token's algorithm {header.get('alg')!r} is not one of {', '.join(ALGORITHMS)}.")
    if found := [name for name in _REFUSED_HEADERS if name in header]:
        raise Refused(f"The token has the header {found[0]}, which is not accepted.")
    key_id = header.get("kid")
    if key_id is not None and not isinstance(key_id, str):
        raise Refused("The token's key id (kid) is no text.")
    key = keys.find(issuer, key_id)
    if key is None:
        raise Refused(f"The issuer {issuer} has no key {key_id!r}.")
    try:
        claims = jwt.decode(text, key, algorithms=list(ALGORITHMS)).claims
        registry = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_S,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
        )
        registry.validate(claims)
    except (JoseError, ValueError, TypeError) as error:
        raise Refused(f"The token of the issuer {issuer} is not valid: {_reason(error)}.") from None
    if claims["iss"] != issuer:  # the registry also accepts a list that contains the issuer
        raise Refused(f"The token is not one of the issuer {issuer}.")
    return dict(claims)


def _reason(error: Exception) -> str:
    return str(error).partition(": ")[2].rstrip(".") or str(error).rstrip(": ")


def _part(text: str, index: int) -> dict[str, Any]:
    try:
        part = text.split(".")[index]
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError, binascii.Error, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Refused("The bearer token is no API token of this server, and no readable JWT.")
    return found

"""Public keys of issuers, found by OpenID Connect Discovery and cached in the memory of a process.

An issuer changes its keys from time to time: an unknown key id has the keys fetched again, at most once a
second. While an issuer does not answer, the cached keys remain in use, and it is asked every few seconds.
"""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

from trackway.client_compat import trust_rules
from trackway.client_compat.errors import InvalidParameter, Unavailable

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, RSAKey

_FRESH_S = 3600.0
_RETRY_S = 1.0
_RETRY_AFTER_FAILURE_S = 10.0
_TIMEOUT_S = 5.0
_MAX_BYTES = 512 * 1024
_MIN_RSA_BITS = 2048
ALGORITHMS = ("RS256", "ES256")
DISCOVERY_PATH = "/.well-known/openid-configuration"


class _Known:
    """What is known of an issuer: its discovery document, and its keys by their id."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.metadata: dict[str, Any] = {}
        self.keys: dict[str | None, RSAKey | ECKey] = {}
        self.fetched_at = float("-inf")
        self.failed_at = float("-inf")
        self.error = ""


class IssuerKeys:
    """Finds keys of issuers. The callers decide which issuers are trusted."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def find(self, issuer: str, key_id: str | None) -> RSAKey | ECKey | None:
        """Return the issuer's key with this id, or None if it has none. Without id: its only key.

        Raise ``Unavailable`` if the keys cannot be fetched.
        """
        known = self._known_of(issuer)
        key = _choose(known, key_id)
        age = time.monotonic() - known.fetched_at
        if age > _FRESH_S or (key is None and age > _RETRY_S):
            self._fetch(issuer, known, has_key=key is not None)
            key = _choose(known, key_id)
        return key

    def metadata(self, issuer: str) -> dict[str, Any]:
        """Return the issuer's discovery document. Raise ``Unavailable`` if it cannot be fetched."""
        known = self._known_of(issuer)
        if time.monotonic() - known.fetched_at > _FRESH_S:
            self._fetch(issuer, known, has_key=bool(known.metadata))
        return known.metadata

    def _known_of(self, issuer: str) -> _Known:
        return self._known.setdefault(issuer, _Known())

    def _fetch(self, issuer: str, known: _Known, *, has_key: bool) -> None:
        """Fetch the keys; others wait for it. Raise ``Unavailable`` if it fails, unless ``has_key``."""
        begun = time.monotonic()
        with known.lock:
            if known.fetched_at > begun:
                return
            if time.monotonic() - known.failed_at > _RETRY_AFTER_FAILURE_S:
                try:
                    known.metadata, known.keys = _fetch(issuer)
                    known.fetched_at = time.monotonic()
                    return
                except (OSError, ValueError, InvalidParameter) as error:
                    known.failed_at = time.monotonic()
                    known.error = str(error)
        if not has_key:
            raise Unavailable(f"The keys of the issuer {issuer} cannot be read: {known.error}")


def _choose(known: _Known, key_id: str | None) -> RSAKey | ECKey | None:
    if key_id is None:
        return next(iter(known.keys.values())) if len(known.keys) == 1 else None
    return known.keys.get(key_id)


def _fetch(issuer: str) -> tuple[dict[str, Any], dict[str | None, RSAKey | ECKey]]:
    metadata = _get(issuer.rstrip("/") + DISCOVERY_PATH)
    if metadata.get("issuer") != issuer:
        raise ValueError(f"its discovery document is that of {metadata.get('issuer')!r}.")
    address = metadata.get("jwks_uri")
    if not isinstance(address, str):
        raise ValueError("its discovery document has no jwks_uri.")
    trust_rules.check_url(address)
    keys = _get(address).get("keys")
    if not isinstance(keys, list):
        raise ValueError(f"{address} has no list of keys.")
    return metadata, {found.get("kid"): key for found in keys if (key := _imported(found))}


def _imported(found: Any) -> RSAKey | ECKey | None:
    """Return a key that verifies signatures by one of the ``ALGORITHMS``, None for other keys."""
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, JWKRegistry, RSAKey

    if not isinstance(found, dict) or found.get("use", "sig") != "sig":
        return None
    try:
        key = JWKRegistry.import_key(found)
        if isinstance(key, RSAKey):
            return key if key.public_key.key_size >= _MIN_RSA_BITS else None
        return key if isinstance(key, ECKey) and key.curve_name == "P-256" else None
    except (JoseError, ValueError, TypeError, KeyError):
        return None


def _get(address: str) -> dict[str, Any]:
    """Return the JSON object at an address. Raise ``OSError`` or ``ValueError``."""
    import requests

    with requests.get(address, timeout=_TIMEOUT_S, allow_redirects=False, stream=True) as response:
        if response.status_code != 200:
            raise ValueError(f"{address} answers {response.status_code}.")
        body = response.raw.read(_MAX_BYTES + 1, decode_content=True)
    if len(body) > _MAX_BYTES:
        raise ValueError(f"{address} answers with more than {_MAX_BYTES} bytes.")
    found = json.loads(body)
    if not isinstance(found, dict):
        raise ValueError(f"{address} answers with no JSON object.")
    return found

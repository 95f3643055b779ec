"""Checks of the Host and Origin headers, CORS, and security headers, as in MLflow 3.17's middleware.

A page on any web site can make a visitor's browser send requests to a server on localhost. The Host check
refuses requests to host names that an attacker has directed to this server (DNS rebinding). The Origin check
refuses writes from pages of other sites. Pages of this server may write at any address that the Host check
allows; MLflow's may only on localhost. Two rules are stricter than MLflow's, which harms no client: the
default allows private *addresses* only (MLflow's patterns also match a name such as ``10.evil.example``), and
writes are checked on every path, not only below ``/api/``.
"""

from __future__ import annotations

import ipaddress
import logging
import re
import time
from fnmatch import translate
from typing import Any
from urllib.parse import urlsplit

from ..config import Config

log = logging.getLogger("trackway.server")

INVALID_HOST = "Invalid Host header - possible DNS rebinding attack detected"
CROSS_ORIGIN = "Cross-origin request blocked"

_WRITING_METHODS = frozenset({"POST", "PUT", "DELETE", "PATCH"})
_CORS_METHODS = "GET, POST, PUT, DELETE, OPTIONS, PATCH"
# No Host check: probes use any address or host name, and these responses contain nothing confidential.
_OPEN_PATHS = frozenset({"/health", "/version", "/ready"})
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
# Loopback and private addresses.
_LOCAL_NETWORKS = tuple(
    ipaddress.ip_network(text)
    for text in (
        "127.0.0.0/8",
        "::1/128",
        "0.0.0.0/32",
        "192.168.0.0/16",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "fc00::/16",
        "fd00::/16",
    )
)
# A name, an IPv4 address, or an IPv6 address in brackets; then perhaps a port (RFC 3986, 3.2.2 and 3.2.3).
_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{0,5})?")
# The origin of a page on the same machine. As in MLflow, https does not match.
_LOCAL_PAGE = re.compile(r"http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?")
_MAX_CACHED_HOSTS = 1000
# The same refusal is logged once in this time, and a header only to this length.
_REPORT_EVERY_S = 60.0
_MAX_REPORTED_LENGTH = 200

Headers = list[tuple[str, str]]
Refusal = tuple[int, str]


class Security:
    """Checks WSGI environs. The static prefix must have been removed from the path."""

    def __init__(self, config: Config) -> None:
        self.is_on = not config.disable_security_middleware
        hosts = _split(config.allowed_hosts)
        origins = _split(config.cors_allowed_origins)
        self._any_host = "*" in hosts
        self._hosts = _pattern(hosts) if hosts else None
        self._any_origin = "*" in origins
        self._origins = _pattern(origins)
        # Without a Host check, a page of an attacker can have the same host as this server (DNS rebinding).
        # It then has no session, because cookies belong to a host, but an open server needs none.
        self._own_pages_may_write = config.requires_login or not self._any_host
        # For each Host header that has been checked, whether it is allowed.
        self._checked_hosts: dict[str, bool] = {}
        # For each refused header that was logged, when.
        self._reported: dict[tuple[str, str], float] = {}
        self._headers: Headers = []
        if self.is_on:
            self._headers.append(("X-Content-Type-Options", "nosniff"))
            if config.x_frame_options != "NONE":
                self._headers.append(("X-Frame-Options", config.x_frame_options))

    def refusal(self, environ: dict[str, Any]) -> Refusal | None:
        """Return the status and text of a refusal, or None if the request is allowed."""
        if not self.is_on:
            return None
        host = environ.get("HTTP_HOST", "")
        if not self._host_is_allowed(host) and environ["PATH_INFO"] not in _OPEN_PATHS:
            self._report("Host", host, "--allowed-hosts", "is a name of this server")
            return 403, INVALID_HOST
        origin = environ.get("HTTP_ORIGIN")
        if (
            origin
            and environ["REQUEST_METHOD"] in _WRITING_METHODS
            and not self._origin_may_write(origin, host)
        ):
            self._report("Origin", origin, "--cors-allowed-origins", "has pages that may use this server")
            return 403, CROSS_ORIGIN
        return None

    def preflight(self, environ: dict[str, Any]) -> Refusal | None:
        """Return the status and text for a CORS preflight request, or None for any other request."""
        if (
            not self.is_on
            or environ["REQUEST_METHOD"] != "OPTIONS"
            or "HTTP_ACCESS_CONTROL_REQUEST_METHOD" not in environ
        ):
            return None
        origin = environ.get("HTTP_ORIGIN", "")
        if self._origin_may_read(origin):
            return 204, ""
        self._report("Origin", origin, "--cors-allowed-origins", "has pages that may use this server")
        return 400, "Disallowed CORS origin"

    def headers(self, environ: dict[str, Any]) -> Headers:
        """Return the security and CORS headers of the response. The caller must not modify the list."""
        origin = environ.get("HTTP_ORIGIN")
        if not origin or not self._headers:
            return self._headers
        headers = [*self._headers, ("Vary", "Origin")]
        if not self._origin_may_read(origin):
            return headers
        if self._any_origin:
            # Without Access-Control-Allow-Credentials: with it every site could use the user's session.
            headers.append(("Access-Control-Allow-Origin", "*"))
        else:
            headers.append(("Access-Control-Allow-Origin", origin))
            headers.append(("Access-Control-Allow-Credentials", "true"))
        if environ["REQUEST_METHOD"] == "OPTIONS":
            headers.append(("Access-Control-Allow-Methods", _CORS_METHODS))
            if requested := environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS"):
                headers.append(("Access-Control-Allow-Headers", requested))
            headers.append(("Access-Control-Max-Age", "600"))
        else:
            headers.append(("Access-Control-Expose-Headers", "*"))
        return headers

    def _report(self, header: str, value: str, option: str, condition: str) -> None:
        """Log a refused header and the option that allows it, once a minute for each value."""
        value = value[:_MAX_REPORTED_LENGTH]
        now = time.monotonic()
        if now - self._reported.get((header, value), -_REPORT_EVERY_S) < _REPORT_EVERY_S:
            return
        if len(self._reported) >= _MAX_CACHED_HOSTS:
            self._reported.clear()
        self._reported[header, value] = now
        if value:
            log.warning(
                "Requests with the %s header %r are refused. If it %s, add it to %s (MLFLOW_SERVER_%s).",
                header,
                value,
                condition,
                option,
                option[2:].upper().replace("-", "_"),
            )
        else:
            log.warning("Requests without %s header are refused.", header)

    def _host_is_allowed(self, host: str) -> bool:
        if self._any_host:
            return bool(host)
        is_allowed = self._checked_hosts.get(host)
        if is_allowed is None:
            is_allowed = bool(self._hosts.fullmatch(host) if self._hosts else is_local_host(host))
            if len(self._checked_hosts) < _MAX_CACHED_HOSTS:
                self._checked_hosts[host] = is_allowed
        return is_allowed

    def _origin_may_write(self, origin: str, host: str) -> bool:
        if self._any_origin or self._origins.fullmatch(origin):
            return True
        try:
            parts = urlsplit(origin)
            if parts.hostname in _LOCAL_NAMES:
                return True
        except ValueError:
            return False
        # The scheme may differ: a proxy may receive https and send http.
        return self._own_pages_may_write and bool(host) and parts.netloc.lower() == host.lower()

    def _origin_may_read(self, origin: str) -> bool:
        if self._any_origin:
            return True
        return bool(_LOCAL_PAGE.fullmatch(origin) or self._origins.fullmatch(origin))


def is_local_host(host: str) -> bool:
    """Return whether a Host header is ``localhost`` or a local address, with or without a port."""
    match = _HOST.fullmatch(host)
    if match is None:
        return False
    name = match["name"].lower()
    if name == "localhost":
        return True
    try:
        address = ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return any(address in network for network in _LOCAL_NETWORKS if network.version == address.version)


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _pattern(allowed: list[str]) -> re.Pattern[str]:
    """Return a regular expression for the entries, which may contain ``*``. No entries: no match."""
    if not allowed:
        return re.compile(r"(?!)")
    return re.compile("|".join(translate(item) if "*" in item else re.escape(item) for item in allowed))

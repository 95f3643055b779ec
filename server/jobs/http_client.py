"""The HTTP client for webhooks. It connects to public addresses only, unless the operator allows others.

This prevents server-side request forgery. The host name is resolved once, every one of its addresses must be
allowed, and the connection uses one of these addresses. There is no second look-up, which could return
another address (DNS rebinding). TLS still verifies the host name.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from urllib.parse import unquote

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util import make_headers, parse_url

from ..config import Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_LOOK_UP_TIMEOUT_S = 5.0
_MAX_BODY_BYTES = 16 * 1024
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Forbidden(Exception):
    """The host has an address that is not allowed."""


class Unresolved(OSError):
    """The host name cannot be resolved at the moment."""


class Answer(NamedTuple):
    status: int
    text: str
    # From the Retry-After header; None if the response has none.
    retry_after_s: float | None


class Failure(Exception):
    """No response was received. The message says why."""


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float, allowed: Collection[Network]
) -> Answer:
    """Send a POST request and return the response with the first 16 KiB of its body.

    Redirects are not followed. ``timeout_s`` limits the whole exchange. Raise ``Forbidden`` if an address of
    the host is not allowed, and ``Failure`` if there is no response in time.
    """
    guard = _Guard(allowed)
    deadline = threading.Timer(timeout_s, guard.abort)
    deadline.daemon = True
    deadline.start()
    try:
        parts = parse_url(url)
        pool_class = _SecurePool if parts.scheme == "https" else _Pool
        request_headers = {**headers, "User-Agent": "trackway", "Accept-Encoding": "identity"}
        if parts.auth:
            request_headers |= make_headers(basic_auth=unquote(parts.auth))
        with pool_class(parts.host or "", parts.port, timeout=timeout_s, guard=guard) as pool:
            response = pool.urlopen(
                "POST",
                parts.request_uri,
                body,
                request_headers,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            with response:
                if guard.is_late:  # a socket that is shut down amid the headers looks like their end
                    raise TimeoutError
                text = response.read(_MAX_BODY_BYTES, decode_content=False).decode("utf-8", "replace")
                return Answer(response.status, text, _parse_retry_after(response.headers.get("Retry-After")))
    except (urllib3.exceptions.HTTPError, OSError) as error:
        if guard.is_late:
            raise Failure(f"No answer within {timeout_s:g} seconds.") from error
        raise Failure(str(error) or repr(error)) from error
    finally:
        deadline.cancel()
        guard.close()


def resolve(host: str, port: int | None, allowed: Collection[Network]) -> list[Any]:
    """Return the host's addresses in the form of ``getaddrinfo``.

    Raise ``Forbidden`` if one of them is not allowed, and ``Unresolved`` if the host name cannot be resolved.
    """
    infos = _getaddrinfo(host.strip("[]"), port)
    for info in infos:
        address = ipaddress.ip_address(info[4][0].partition("%")[0])
        if not is_allowed(address, allowed):
            raise Forbidden(
                f"Webhook URL must not resolve to a non-public IP address. {host!r} resolves to {address}."
            )
    return infos


def is_allowed(address: Address, allowed: Collection[Network]) -> bool:
    """Return whether an address is public or in one of the ``allowed`` networks."""
    inner = _embedded(address)
    is_public = inner.is_global and not (
        inner.is_multicast
        or inner.is_reserved
        or inner.is_unspecified
        or getattr(inner, "is_site_local", False)
    )
    return is_public or any(address in network or inner in network for network in allowed)


def _embedded(address: Address) -> Address:
    """Return the IPv4 address within an IPv6 address (mapped, 6to4 or NAT64), else the address itself.

    A connection to such an IPv6 address reaches the IPv4 host.
    """
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address.sixtofour or address
    return address


def _getaddrinfo(host: str, port: int | None) -> list[Any]:
    """Call ``socket.getaddrinfo`` in a thread, since it has no time-out. Raise ``Unresolved`` on failure."""
    result: list[Any] = []

    def look_up() -> None:
        try:
            result.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            result.append(error)

    thread = threading.Thread(target=look_up, name="trackway-look-up", daemon=True)
    thread.start()
    thread.join(_LOOK_UP_TIMEOUT_S)
    if not result:
        raise Unresolved(
            f"Timed out resolving Webhook URL hostname {host!r} after {_LOOK_UP_TIMEOUT_S:g} seconds"
        )
    if isinstance(result[0], Exception):
        raise Unresolved(f"Cannot resolve Webhook URL hostname {host!r}: {result[0]}")
    return list(result[0])


class _Guard:
    """Makes the connection of one request, to allowed addresses only, and aborts it at its deadline."""

    def __init__(self, allowed: Collection[Network]) -> None:
        self._allowed = allowed
        self._duplicate: socket.socket | None = None
        self.is_late = False

    def connect(self, host: str, port: int, timeout_s: float) -> socket.socket:
        last_error: OSError | None = None
        for family, kind, protocol, _, address in resolve(host, port, self._allowed):
            connection = socket.socket(family, kind, protocol)
            connection.settimeout(timeout_s)
            try:
                connection.connect(address)
            except OSError as error:
                connection.close()
                last_error = error
                continue
            # TLS wraps the socket. A duplicate can still shut the connection down in a slow handshake.
            self._duplicate = connection.dup()
            if self.is_late:
                self.abort()
            return connection
        raise last_error or Unresolved(f"Webhook URL hostname {host!r} has no address")

    def abort(self) -> None:
        """Shut the connection down at the deadline.

        A socket timeout is not enough: it starts again with each byte that a slow receiver sends.
        """
        self.is_late = True
        if self._duplicate:
            with suppress(OSError):
                self._duplicate.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        if self._duplicate:
            self._duplicate.close()


class _Connection(HTTPConnection):
    def __init__(self, *args: Any, guard: _Guard, **more: Any) -> None:
        super().__init__(*args, **more)
        self._guard = guard

    def _new_conn(self) -> socket.socket:
        assert isinstance(self.timeout, int | float)
        return self._guard.connect(self._dns_host, self.port, self.timeout)


class _SecureConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def _parse_retry_after(retry_after: str | None) -> float | None:
    """Return the seconds of a Retry-After header, which holds a number of seconds or a date."""
    if not retry_after:
        return None
    try:
        if retry_after.strip().isdigit():
            return float(retry_after)
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except ValueError:
        return None

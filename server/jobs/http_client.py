"""HTTP to addresses that users name: only to public ones, unless the operator allows others.

The check is made where the connection is: the name is looked up once, every address that it has
must be allowed, and the connection goes to one of those very addresses. A second look-up, which
could say something else, does not happen. TLS still checks the name.
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

from ..config.webhooks import Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_LOOK_UP_S = 5.0
_LONGEST_BODY = 16 * 1024
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Forbidden(Exception):
    """The host has an address that may not be sent to."""


class Unresolved(OSError):
    """The host's name leads to no address, now."""


class Answer(NamedTuple):
    status: int
    text: str
    # Seconds that the receiver asked us to wait, when it did.
    retry_after_s: float | None


class Failure(Exception):
    """No answer came; the text says why."""


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float, allowed: Collection[Network]
) -> Answer:
    """Send, following no redirect, and read the beginning of the answer, all within the time.

    Raises ``Forbidden`` for addresses that are not allowed and ``Failure`` when there was no answer.
    """
    guard = _Guard(allowed)
    deadline = threading.Timer(timeout_s, guard.abort)
    deadline.daemon = True
    deadline.start()
    try:
        parts = parse_url(url)
        pool_class = _SecurePool if parts.scheme == "https" else _Pool
        sent = {**headers, "User-Agent": "trackway", "Accept-Encoding": "identity"}
        if parts.auth:
            sent |= make_headers(basic_auth=unquote(parts.auth))
        with pool_class(parts.host or "", parts.port, timeout=timeout_s, guard=guard) as pool:
            response = pool.urlopen(
                "POST", parts.request_uri, body, sent, retries=False, redirect=False, preload_content=False
            )
            with response:
                if guard.is_late:  # cut off in the midst of the headers, which reads as their end
                    raise TimeoutError
                text = response.read(_LONGEST_BODY, decode_content=False).decode("utf-8", "replace")
                return Answer(response.status, text, _seconds(response.headers.get("Retry-After")))
    except (urllib3.exceptions.HTTPError, OSError) as error:
        if guard.is_late:
            raise Failure(f"No answer within {timeout_s:g} seconds.") from error
        raise Failure(str(error) or repr(error)) from error
    finally:
        deadline.cancel()
        guard.close()


def resolve(host: str, port: int | None, allowed: Collection[Network]) -> list[Any]:
    """The host's addresses as ``getaddrinfo`` gives them, when all of them may be sent to.

    Raises ``Unresolved`` and ``Forbidden``.
    """
    found = _getaddrinfo(host.strip("[]"), port)
    for info in found:
        address = ipaddress.ip_address(info[4][0].partition("%")[0])
        if not is_allowed(address, allowed):
            raise Forbidden(
                f"Webhook URL must not resolve to a non-public IP address. {host!r} resolves to {address}."
            )
    return found


def is_allowed(address: Address, allowed: Collection[Network]) -> bool:
    inner = _embedded(address)
    is_public = inner.is_global and not (
        inner.is_multicast
        or inner.is_reserved
        or inner.is_unspecified
        or getattr(inner, "is_site_local", False)
    )
    return is_public or any(address in network or inner in network for network in allowed)


def _embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 one is another way of writing, where it is: it is what gets reached."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address.sixtofour or address
    return address


def _getaddrinfo(host: str, port: int | None) -> list[Any]:
    """As ``socket.getaddrinfo``, which has no time-out of its own."""
    result: list[Any] = []

    def ask() -> None:
        try:
            result.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            result.append(error)

    asking = threading.Thread(target=ask, name="trackway-look-up", daemon=True)
    asking.start()
    asking.join(_LOOK_UP_S)
    if not result:
        raise Unresolved(f"Timed out resolving Webhook URL hostname {host!r} after {_LOOK_UP_S:g} seconds")
    if isinstance(result[0], Exception):
        raise Unresolved(f"Cannot resolve Webhook URL hostname {host!r}: {result[0]}")
    return list(result[0])


class _Guard:
    """Connects for one request where it is allowed, and ends it when its time is over."""

    def __init__(self, allowed: Collection[Network]) -> None:
        self._allowed = allowed
        self._handle: socket.socket | None = None
        self.is_late = False

    def connect(self, host: str, port: int, timeout_s: float) -> socket.socket:
        refused: OSError | None = None
        for family, kind, protocol, _, address in resolve(host, port, self._allowed):
            connection = socket.socket(family, kind, protocol)
            connection.settimeout(timeout_s)
            try:
                connection.connect(address)
            except OSError as error:
                connection.close()
                refused = error
                continue
            # TLS takes the socket over; a second handle on it still reaches it in a slow handshake.
            self._handle = connection.dup()
            if self.is_late:
                self.abort()
            return connection
        raise refused or Unresolved(f"Webhook URL hostname {host!r} has no address")

    def abort(self) -> None:
        """A receiver that sends a byte now and then would never meet a time-out between two bytes."""
        self.is_late = True
        if self._handle:
            with suppress(OSError):
                self._handle.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        if self._handle:
            self._handle.close()


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


def _seconds(retry_after: str | None) -> float | None:
    """A Retry-After header, which holds seconds or a date."""
    if not retry_after:
        return None
    try:
        if retry_after.strip().isdigit():
            return float(retry_after)
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except ValueError:
        return None

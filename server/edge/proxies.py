"""The address of a client behind proxies, from the header ``X-Forwarded-For``.

Each proxy appends the address of its peer, so only the entries that trusted proxies have added are true:
those at the right end. Clients can send the others themselves.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from functools import lru_cache

from ..config import Network

# An address with a port, as some proxies add it: 10.0.0.3:5081, [2001:db8::1]:5081.
_WITH_PORT = re.compile(r"(?:(?P<four>[0-9.]+)|\[(?P<six>[0-9A-Fa-f:.]+)\])(?::[0-9]{1,5})?")


class TrustedProxies:
    """Proxies whose ``X-Forwarded-For`` is believed, by their networks."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self._networks = networks
        # Of each process; a header has at most some addresses, and few clients come with new ones.
        self._hop = lru_cache(maxsize=4096)(self._read)

    def __bool__(self) -> bool:
        return bool(self._networks)

    def client(self, peer: str, forwarded_for: str) -> str:
        """Return the address of a client: the last one that is not that of a trusted proxy.

        ``peer`` is the address of the connection. If all are trusted, the first one is the client's. An entry
        that is no address ends the search, with the address of the proxy that sent it.
        """
        client, is_trusted = self._hop(peer)
        for entry in reversed(forwarded_for.split(",")):
            if not is_trusted:
                return client or peer
            found, is_trusted = self._hop(entry.strip()[:64])
            if not found:
                return client or peer
            client = found
        return client or peer

    def _read(self, text: str) -> tuple[str, bool]:
        """Return an address in its usual form, or "" for no address, and whether it is a trusted proxy's."""
        match = _WITH_PORT.fullmatch(text)
        try:
            address = ipaddress.ip_address((match["four"] or match["six"]) if match else text)
        except ValueError:
            return "", False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return str(address), any(address in network for network in self._networks)

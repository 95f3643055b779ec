"""The address of a client behind proxies."""

from __future__ import annotations

import ipaddress

import pytest

from trackway.server.config import Config, ConfigError
from trackway.server.edge.proxies import TrustedProxies

PROXIES = TrustedProxies([ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00::/64")])


@pytest.mark.parametrize(
    ("peer", "header", "client"),
    [
        ("10.1.0.1", "203.0.113.7", "203.0.113.7"),
        ("10.1.0.1", "203.0.113.7, 10.1.0.2", "203.0.113.7"),
        # What the client itself sent is at the left.
        ("10.1.0.1", "127.0.0.1, 203.0.113.7", "203.0.113.7"),
        ("10.1.0.1", "10.1.0.9, 203.0.113.7, 10.1.0.2", "203.0.113.7"),
        # Nobody else may say who the client is.
        ("203.0.113.9", "203.0.113.7", "203.0.113.9"),
        ("203.0.113.9", "203.0.113.7, 10.1.0.2", "203.0.113.9"),
        # A client in the proxies' network.
        ("10.1.0.1", "10.1.0.3, 10.1.0.2", "10.1.0.3"),
        # No addresses.
        ("10.1.0.1", "203.0.113.7, unknown", "10.1.0.1"),
        ("10.1.0.1", "203.0.113.7, unknown, 10.1.0.2", "10.1.0.2"),
        ("10.1.0.1", "x" * 10_000, "10.1.0.1"),
        ("10.1.0.1", "", "10.1.0.1"),
        ("", "203.0.113.7", ""),
        # With ports, and version 6.
        ("10.1.0.1", "203.0.113.7:5081", "203.0.113.7"),
        ("fd00::1", "[2001:db8::7]:5081", "2001:db8::7"),
        ("fd00::1", "2001:DB8:0::7", "2001:db8::7"),
        ("::ffff:10.1.0.1", "203.0.113.7", "203.0.113.7"),
    ],
)
def test_the_client_is_the_last_address_that_is_no_trusted_proxy(peer, header, client):
    assert PROXIES.client(peer, header) == client


@pytest.mark.parametrize("value", ["proxy", "10.1.0.0/33", "10.1.0.1/16"])
def test_what_is_no_network_is_refused(value):
    with pytest.raises(ConfigError, match="--trusted-proxies must be comma-separated networks"):
        Config(trusted_proxies=value)

"""The warnings about a server that others can reach."""

import pytest

from trackway.server.config import Config, exposure_warnings


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1", "unix:/run/trackway.sock"])
def test_a_server_on_loopback_gives_no_warning(host):
    assert exposure_warnings(Config(host=host)) == []


@pytest.mark.parametrize(
    ("settings", "count"),
    [({}, 1), ({"allowed_hosts": "*"}, 2), ({"disable_security_middleware": True}, 2)],
)
def test_another_address_gives_one_and_a_second_without_the_host_check(settings, count):
    warnings = exposure_warnings(Config(host="0.0.0.0", port=5001, **settings))
    assert len(warnings) == count
    assert "0.0.0.0:5001" in warnings[0]

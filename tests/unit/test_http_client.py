"""HTTP to addresses that users name: where it goes, and where it must not."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.certificates import certificate
from tests.receiver import Receiver, receiver
from trackway.server.config import ConfigError, WebhookSettings
from trackway.server.jobs import http_client

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


@pytest.fixture
def hook():
    with receiver() as listening:
        yield listening


def post(url: str, allowed=(), timeout_s: float = 5) -> http_client.Answer:
    return http_client.post(url, b"{}", {}, timeout_s=timeout_s, allowed=allowed)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "0",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[::127.0.0.1]",
        "169.254.169.254",
        "[::ffff:169.254.169.254]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "127.0.0.1.",
        "user:password@127.0.0.1",
        "8.8.8.8@127.0.0.1",
    ],
)
def test_nothing_is_sent_to_what_is_not_public(hook: Receiver, host: str):
    port = hook.url.rsplit(":", 1)[1]
    with pytest.raises((http_client.Forbidden, http_client.Failure)) as refused:
        post(f"http://{host}:{port}")
    # A spelling that this machine's resolver does not take leads nowhere either.
    if not isinstance(refused.value, http_client.Forbidden):
        assert "Cannot resolve" in str(refused.value)
    assert hook.received == []


def test_a_name_that_leads_to_loopback_is_refused(hook: Receiver, monkeypatch):
    answer(monkeypatch, "127.0.0.1")
    with pytest.raises(http_client.Forbidden, match=r"'innocent.example' resolves to 127.0.0.1"):
        post(hook.url.replace("127.0.0.1", "innocent.example"))
    assert hook.received == []


def test_one_private_address_among_public_ones_is_enough_to_refuse(hook: Receiver, monkeypatch):
    answer(monkeypatch, "8.8.8.8", "127.0.0.1")
    with pytest.raises(http_client.Forbidden):
        post(hook.url.replace("127.0.0.1", "innocent.example"))


def test_a_name_is_looked_up_once_so_it_cannot_change_its_mind(hook: Receiver, monkeypatch):
    asked = answer(monkeypatch, "127.0.0.1")
    post(hook.url.replace("127.0.0.1", "innocent.example"), LOOPBACK)
    assert (asked, len(hook.received)) == (["innocent.example"], 1)


def test_what_the_operator_allows_is_sent_to(hook: Receiver):
    assert post(hook.url, LOOPBACK) == http_client.Answer(200, "thanks", None)


def test_a_network_that_is_allowed_opens_no_other():
    lan = (ipaddress.ip_network("10.1.0.0/16"),)
    allowed = {ip: http_client.is_allowed(ipaddress.ip_address(ip), lan) for ip in ("10.1.2.3", "10.2.0.1")}
    assert allowed == {"10.1.2.3": True, "10.2.0.1": False}


@pytest.mark.parametrize("ip", ["8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_may_be_sent_to(ip: str):
    assert http_client.is_allowed(ipaddress.ip_address(ip), ())


def test_a_redirect_is_not_followed(hook: Receiver):
    hook.answers, hook.headers = [302], {"Location": hook.url + "/secret"}
    assert post(hook.url, LOOPBACK).status == 302
    assert len(hook.received) == 1


def test_a_proxy_of_the_environment_does_not_stand_between(hook: Receiver, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    assert post(hook.url, LOOPBACK).status == 200


def test_a_user_in_the_url_is_sent_as_basic_auth(hook: Receiver):
    post(hook.url.replace("//", "//al:p%40ss@"), LOOPBACK)
    assert hook.received[0].headers["authorization"] == "Basic YWw6cEBzcw=="


@pytest.mark.parametrize(("header", "seconds"), [("7", 7), ("soon", None), ("-1", None)])
def test_the_receiver_may_ask_for_time(hook: Receiver, header: str, seconds: float | None):
    hook.answers, hook.headers = [429], {"Retry-After": header}
    assert post(hook.url, LOOPBACK).retry_after_s == seconds


def test_a_refused_connection_is_a_failure():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(http_client.Failure, match="refused"):
            post(f"http://127.0.0.1:{unused.getsockname()[1]}", LOOPBACK)


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999/", "http://[::1/", "http://exa mple/", "http://"])
def test_a_url_that_cannot_be_is_a_failure(url: str):
    with pytest.raises(http_client.Failure):
        post(url, LOOPBACK)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_receiver_that_drips_is_cut_off(scheme: str):
    """Each byte comes in time, the answer never does; over https in the midst of the handshake."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 " if scheme == "http" else b"\x16\x03\x03\x3f\xff")
                while True:
                    connection.sendall(b"O")
                    time.sleep(0.05)

        threading.Thread(target=drip, daemon=True).start()
        started = time.monotonic()
        with pytest.raises(http_client.Failure, match=r"No answer within 0\.4 seconds"):
            post(f"{scheme}://127.0.0.1:{server.getsockname()[1]}", LOOPBACK, timeout_s=0.4)
        assert time.monotonic() - started < 2


def test_tls_checks_the_name_that_the_url_has(tmp_path, monkeypatch):
    """The connection goes to an address, the certificate must be for the name."""
    with https_server(tmp_path, "good.example") as (port, authority):
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        answer(monkeypatch, "127.0.0.1")
        assert post(f"https://good.example:{port}", LOOPBACK).status == 200
        with pytest.raises(http_client.Failure, match=r"evil\.example"):
            post(f"https://evil.example:{port}", LOOPBACK)


def test_settings_come_from_mlflows_variables_and_ours():
    given = {
        "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "True",
        "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http, https",
        "MLFLOW_WEBHOOK_REQUEST_TIMEOUT": "7",
        "MLFLOW_WEBHOOK_REQUEST_MAX_RETRIES": "0",
    }
    read = WebhookSettings.read(given)
    assert (read.schemes, read.timeout_s, read.max_retries, read.allows_all) == (
        ("http", "https"),
        7,
        0,
        True,
    )
    ours = "TRACKWAY_WEBHOOK_ALLOW_PRIVATE_ADDRESSES"
    assert not WebhookSettings.read({**given, ours: "10.0.0.0/8"}).allows_all
    with pytest.raises(ConfigError, match="networks such as"):
        WebhookSettings.read({**given, ours: "some"})


def answer(monkeypatch, *addresses: str) -> list[str]:
    """Let every name have these addresses; the names that were asked for."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, **_: object) -> list[object]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


class https_server:
    """A server with a certificate for one name, and the file that vouches for it."""

    def __init__(self, folder, name: str) -> None:
        self.authority, secret = certificate(folder, name)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.authority, secret)
        self.server = HTTPServer(("127.0.0.1", 0), _Answering)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self.server.server_port, self.authority

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


class _Answering(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass

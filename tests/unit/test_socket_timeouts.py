"""Requests that come slowly, and answers that are taken slowly."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from trackway.server.gunicorn import socket_timeouts, thread_pool


@pytest.fixture
def pair(monkeypatch):
    monkeypatch.setattr(socket_timeouts, "TIMEOUT_S", 0.3)
    monkeypatch.setattr(socket_timeouts, "_SHORT_WAIT_S", 0.05)
    client, server = socket.socketpair()
    with client, server:
        yield client, server


def test_what_comes_in_time_is_read(pair):
    client, server = pair
    reader = socket_timeouts.TimedUnreader(server)
    later = threading.Timer(0.15, client.sendall, [b"second"])
    client.sendall(b"first")
    later.start()
    assert [reader.chunk(), reader.chunk()] == [b"first", b"second"]
    client.shutdown(socket.SHUT_WR)
    assert reader.chunk() == b""


def test_a_client_that_stops_in_the_middle_is_given_up_for_good(pair):
    client, server = pair
    reader = socket_timeouts.TimedUnreader(server)
    client.sendall(b"GET / HT")
    assert reader.chunk() == b"GET / HT"
    with pytest.raises(socket_timeouts.TooSlow):
        reader.chunk()
    client.sendall(b"TP/1.1\r\n\r\n")
    began = time.monotonic()
    with pytest.raises(socket_timeouts.TooSlow):
        reader.chunk()
    assert time.monotonic() - began < 0.1


def test_a_client_that_sends_a_letter_now_and_then_is_given_up(pair):
    client, server = pair
    reader = socket_timeouts.TimedUnreader(server)
    began = time.monotonic()

    def dribble():
        while time.monotonic() - began < 5:
            client.sendall(b"x")
            reader.chunk()
            time.sleep(0.01)

    with pytest.raises(socket_timeouts.TooSlow):
        dribble()
    assert time.monotonic() - began < 1


def test_each_request_of_a_connection_has_its_own_time(pair):
    client, server = pair
    reader = socket_timeouts.TimedUnreader(server)
    time.sleep(0.4)
    reader.begin()
    threading.Timer(0.1, client.sendall, [b"next"]).start()
    assert reader.chunk() == b"next"


def test_while_a_client_is_waited_for_another_is_served(pair):
    client, server = pair
    with thread_pool.Pool(1) as threads:
        waiting = threads.submit(socket_timeouts.TimedUnreader(server).chunk)
        time.sleep(0.1)
        assert threads.submit(lambda: "served").result(timeout=0.2) == "served"
        client.sendall(b"at last")
        assert waiting.result() == b"at last"


def test_a_client_that_takes_nothing_is_given_up(pair):
    _, server = pair

    def send():
        with socket_timeouts.send_timeout(server):
            for part in socket_timeouts.split(b"x" * 10_000_000):
                server.sendall(part)

    with pytest.raises(ConnectionResetError):
        send()

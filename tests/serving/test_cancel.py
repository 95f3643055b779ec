"""A statement ends when its client has gone, but not when the client has only finished sending."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

SEARCH = json.dumps({"experiment_ids": ["0"], "filter": "attributes.run_name LIKE '%x%'"}).encode()


@pytest.fixture(scope="module")
def dialect() -> str:
    return "postgresql"


@pytest.fixture
def locked(store_uri: str) -> Iterator[psycopg.Connection]:
    """A connection that holds a lock for which every search waits."""
    with psycopg.connect(store_uri) as connection:
        connection.execute("LOCK TABLE runs IN ACCESS EXCLUSIVE MODE")
        yield connection


def send_search(server, protocol="HTTP/1.1") -> socket.socket:
    head = f"POST /api/2.0/mlflow/runs/search {protocol}\r\nHost: localhost\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(SEARCH)}\r\nConnection: close\r\n\r\n"
    client = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    client.sendall(head.encode() + SEARCH)
    return client


@pytest.fixture
def waiting(store_uri: str) -> Iterator[Callable[[], int]]:
    """A function that returns how many statements wait for a lock."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    with psycopg.connect(store_uri, autocommit=True) as connection:
        yield lambda: connection.execute(f"{query} AND wait_event_type = 'Lock'").fetchone()[0]


def until(check, patience_s=20) -> bool:
    deadline = time.monotonic() + patience_s
    while not (is_so := check()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return is_so


def answer(client) -> bytes:
    parts = []
    while part := client.recv(65536):
        parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize("protocol", ["HTTP/1.1", "HTTP/1.0"])
def test_the_statement_of_a_client_that_has_gone_is_cancelled(serve, locked, waiting, protocol):
    client = send_search(serve(), protocol)
    assert until(lambda: waiting() == 1)
    client.close()
    assert until(lambda: waiting() == 0)


def test_a_client_that_only_sends_nothing_more_gets_its_answer(serve, locked, waiting):
    with send_search(serve()) as client:
        client.shutdown(socket.SHUT_WR)
        assert until(lambda: waiting() == 1)
        time.sleep(3)  # the server looks each second whether the client has gone
        assert waiting() == 1
        locked.rollback()
        found = answer(client)
    assert found.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


def test_a_client_that_waits_gets_only_its_answer(serve, locked, waiting):
    with send_search(serve()) as client:
        assert until(lambda: waiting() == 1)
        time.sleep(2.5)
        locked.rollback()
        assert answer(client).startswith(b"HTTP/1.1 200 OK\r\n")

"""Two closed servers, each with two workers, on one PostgreSQL: all of them refuse what is taken away."""

from __future__ import annotations

import http.client
import threading
import time
from typing import Any

import pytest

from tests.closed import ClosedTrackwayServer, basic

pytestmark = pytest.mark.slow

# What docs/access.md promises: a change is obeyed everywhere after this time.
PROMISED_S = 1.0
# Requests of each load to each server before and after a change; they go over new connections, so that both
# workers get some.
ENOUGH = 30
WHOAMI = ("GET", "/api/3.0/trackway/whoami", None)


def id_of(token: str) -> str:
    return token.split("_")[1]


class Load(threading.Thread):
    """Sends a request to each server in turn until ``end``. ``seen``: server, when it was sent, status."""

    def __init__(self, servers: list[ClosedTrackwayServer], who: str, request: tuple[str, str, Any]) -> None:
        super().__init__(daemon=True)
        self.seen: list[tuple[int, float, int]] = []
        self._servers, self._who, self._request = servers, who, request
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.is_set():
            for number, server in enumerate(self._servers):
                sent = time.monotonic()
                self.seen.append((number, sent, server.ask(self._who, *self._request)[0]))

    def wait(self, since: float) -> None:
        """Wait until each server has answered enough requests that were sent after ``since``."""
        deadline = time.monotonic() + 120
        while any(self.count(number, since) < ENOUGH for number in range(len(self._servers))):
            assert time.monotonic() < deadline, "the load does not get on"
            time.sleep(0.05)

    def count(self, number: int, since: float) -> int:
        return sum(server == number and sent >= since for server, sent, _ in self.seen)

    def statuses(self, since: float, until: float = float("inf")) -> set[int]:
        return {status for _, sent, status in list(self.seen) if since <= sent < until}

    def end(self) -> None:
        self._ended.set()
        self.join()


@pytest.fixture
def servers(databases, tmp_path):
    with databases.fresh("postgresql") as uri:
        servers = [
            ClosedTrackwayServer(tmp_path / f"server-{number}", uri, ["--workers", "2"])
            for number in range(2)
        ]
        for server in servers:
            server.start()
        servers[0].create_users("alice", "bob", "carol")
        yield servers
        for server in servers:
            server.kill()


@pytest.fixture
def loads():
    made: list[Load] = []
    yield made
    for load in made:
        load.end()


def test_what_is_taken_away_is_refused_everywhere_within_a_second_under_load(servers, loads):
    one = servers[0]
    token = one.create_token("alice")
    grant = {"username": "bob", "resource_type": "experiment", "resource_id": "0"}
    one.call("POST", "3.0/mlflow/users/permissions/grant", **grant, permission="EDIT")
    tag = {"experiment_id": "0", "key": "by", "value": "bob"}
    write = ("POST", "/api/2.0/mlflow/experiments/set-experiment-tag", tag)
    begun = time.monotonic()
    run_id = one.call("POST", "2.0/mlflow/runs/create", experiment_id="0")["run"]["info"]["run_id"]
    link = one.call("POST", "3.0/trackway/share-links", run_ids=[run_id])
    path = "/share/" + link["url"].split("/share/")[1] + f"ajax-api/2.0/mlflow/runs/get?run_id={run_id}"
    by_link, by_token, deleted, ungranted = (
        Load(servers, "nobody", ("GET", path, None)),
        Load(servers, token, WHOAMI),
        Load(servers, "carol", WHOAMI),
        Load(servers, "bob", write),
    )
    loads += [by_link, by_token, deleted, ungranted]
    for load in loads:
        load.start()
    for load in loads:
        load.wait(begun + PROMISED_S)
    shown = f"3.0/trackway/share-links/{link['share_link']['link_id']}"
    changes: list[tuple[Load, set[int], tuple[str, str, dict[str, str]]]] = [
        (by_link, {404}, ("DELETE", shown, {})),
        (by_token, {401}, ("POST", "3.0/trackway/tokens/revoke", {"token_id": id_of(token)})),
        (ungranted, {403}, ("POST", "3.0/mlflow/users/permissions/revoke", grant)),
        # After some attempts with the password of a user who is gone, the address has to wait.
        (deleted, {401, 429}, ("DELETE", "2.0/mlflow/users/delete", {"username": "carol"})),
    ]
    for load, refusal, (verb, path, body) in changes:
        before = time.monotonic()
        one.call(verb, path, **body)
        promised = time.monotonic() + PROMISED_S
        load.wait(promised)
        assert load.statuses(begun + PROMISED_S, before) == {200}
        assert load.statuses(before, promised) <= {200} | refusal
        assert load.statuses(promised) <= refusal
    # Who lost nothing noticed nothing.
    for server in servers:
        assert server.ask("alice", *WHOAMI)[0] == 200


def test_a_server_that_is_killed_after_a_revocation_has_not_lost_it(servers):
    one, other = servers
    token = other.create_token("alice")
    for server in servers:
        assert server.ask(token, *WHOAMI)[0] == 200
    one.call("POST", "3.0/trackway/tokens/revoke", token_id=id_of(token))
    one.kill()
    time.sleep(PROMISED_S)
    assert {other.ask(token, *WHOAMI)[0] for _ in range(ENOUGH)} == {401}
    one.start()
    assert {one.ask(token, *WHOAMI)[0] for _ in range(ENOUGH)} == {401}


def test_wrong_passwords_do_not_keep_others_from_their_answers(servers, loads):
    """About 200 wrong passwords a second, for names that exist and names that do not."""
    one = servers[0]
    token = one.create_token("alice")
    for _ in range(ENOUGH):  # both workers have verified bob's password
        assert one.ask("bob", *WHOAMI)[0] == 200
    begun = time.monotonic()
    guesses = Guesses(one)
    guesses.start()
    loads += [Load([one], token, WHOAMI), Load([one], "bob", WHOAMI)]
    for load in loads:
        load.start()
    try:
        guesses.wait(1000)
        for load in loads:
            load.wait(begun)
    finally:
        guesses.end()
    assert [load.statuses(begun) for load in loads] == [{200}, {200}]
    assert guesses.statuses <= {401, 429}


class Guesses:
    """Threads that try wrong passwords, together at most 200 a second."""

    def __init__(self, server: ClosedTrackwayServer) -> None:
        self.statuses: set[int] = set()
        self._server = server
        self._count = 0
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._guess, daemon=True) for _ in range(4)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def wait(self, count: int) -> None:
        deadline = time.monotonic() + 120
        while self._count < count:
            assert time.monotonic() < deadline, f"only {self._count} guesses"
            time.sleep(0.05)

    def end(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _guess(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=60)
        number = 0
        while not self._ended.wait(0.02):
            number += 1
            name = ("carol", f"nobody-{number}")[number % 2]
            connection.request("GET", WHOAMI[1], headers=basic(name, f"guess {number}"))
            answer = connection.getresponse()
            answer.read()
            self.statuses.add(answer.status)
            self._count += 1
        connection.close()

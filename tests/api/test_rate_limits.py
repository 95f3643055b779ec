"""Limits of the rate of requests, over HTTP."""

from __future__ import annotations

import pytest

from tests.access import ADMIN, PASSWORD, basic, closed_server, error_code

ME = "/api/3.0/trackway/whoami"
LIMITED = (429, "REQUEST_LIMIT_EXCEEDED")
pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], scope="module")


@pytest.fixture
def server(store_uri, tmp_path):
    with closed_server(store_uri, tmp_path / "artifacts", rate_limit=2, workers=1) as server:
        yield server


def statuses(server, count, **headers):
    return [server.client.get(ME, headers=headers).status_code for _ in range(count)]


def test_a_caller_over_the_limit_is_refused_and_others_are_not(server):
    alice = [server.call("GET", ME, who="alice") for _ in range(6)]
    assert [response.status_code for response in alice][:4] == [200] * 4
    assert error_code(alice[-1]) == LIMITED
    assert int(alice[-1].headers["Retry-After"]) >= 1
    assert server.call("GET", ME, who="bob").status_code == 200
    # A token and a password of a user are the same caller.
    assert [server.call("GET", ME, who=ADMIN).status_code for _ in range(2)] == [200] * 2


def test_an_address_without_valid_credentials_is_limited_and_known_callers_there_are_not(server):
    assert server.call("GET", ME, who="alice").status_code == 200
    assert statuses(server, 6)[:4] == [401] * 4
    assert statuses(server, 1, Authorization="Bearer x") == [429]
    assert statuses(server, 1, **basic("bob", "wrong")) == [429]
    assert server.call("GET", ME, who="alice").status_code == 200
    assert server.client.get("/health").status_code == 200


def test_the_share_of_a_worker_is_its_part_of_the_limit(store_uri, tmp_path):
    with closed_server(store_uri, tmp_path, rate_limit=4, workers=2) as server:
        found = statuses(server, 6, **basic(ADMIN, PASSWORD))
        assert (found[:4], found[-1]) == ([200] * 4, 429)


def test_responses_say_what_is_left_of_the_limit(server):
    found = [server.call("GET", ME, who="alice") for _ in range(6)]
    assert {response.headers["RateLimit-Limit"] for response in found} == {"4"}
    assert [response.headers["RateLimit-Remaining"] for response in found][:4] == ["3", "2", "1", "0"]
    # Four requests at two a second.
    assert (found[-1].status_code, found[-1].headers["RateLimit-Reset"]) == (429, "2")
    assert server.client.get(ME).headers["RateLimit-Remaining"] == "3"
    assert "RateLimit-Limit" not in server.client.get("/health").headers


def test_a_server_without_a_limit_says_nothing_about_one(store_uri, tmp_path):
    with closed_server(store_uri, tmp_path) as server:
        assert "RateLimit-Limit" not in server.call("GET", ME, who="alice").headers

"""Our own pages: log-in, the index, new users, and what a refusal looks like."""

from __future__ import annotations

import re

import pytest

from tests.access import ADMIN, PASSWORD, closed_server
from tests.pages import Visitor

CREATE = "/api/2.0/mlflow/users/create-ui"
NEW_PASSWORD = "a new user's words"


@pytest.fixture
def server(store_uri, tmp_path):
    with closed_server(store_uri, tmp_path) as server:
        yield server


@pytest.fixture
def admin(server):
    return Visitor(server.client, ADMIN)


def test_a_page_is_there_after_the_log_in_that_it_needs(server):
    visitor = Visitor(server.client)
    page = visitor.open("/trackway/tokens")
    assert page.text.startswith("Log in")
    page = visitor.send(page, name="alice", password="wrong")
    assert "The username or the password is wrong." in page.text
    page = visitor.send(page, name="alice", password=PASSWORD)
    assert "You have none." in page.text
    assert visitor.send(page, form=0).text.startswith("Log in")
    assert visitor.open("/trackway/tokens").text.startswith("Log in")


def test_the_index_leads_to_every_page_that_the_caller_may_open(server, admin):
    page = admin.open("/trackway/")
    assert "You are logged in as admin , an administrator." in page.text
    assert admin.open("/trackway").text == page.text
    assert {"API tokens", "Share links", "New user", "Users and roles"} <= set(page.links)
    alices = Visitor(server.client, "alice")
    links = alices.open("/trackway/").links
    assert "New user" not in links
    for visitor, found in ((admin, page.links), (alices, links)):
        ours = {target for target in found.values() if "#" not in target and target != "/"}
        assert [target for target in sorted(ours) if visitor.open(target).status != 200] == []


def test_an_administrator_creates_a_user_on_mlflows_signup_page(server, admin):
    page = admin.open("/signup")
    assert page.forms[-1][0] == CREATE
    page = admin.send(page, username="carol", password=NEW_PASSWORD)
    assert "The user carol was created." in page.text
    assert Visitor(server.client, "carol", NEW_PASSWORD).open("/trackway/").status == 200
    page = admin.send(page, username="carol", password=NEW_PASSWORD)
    assert (page.status, "already exists" in page.text) == (400, True)
    page = admin.send(page, username="dave", password="short")
    assert (page.status, "at least 12 characters" in page.text) == (400, True)
    assert page.forms[-1][1]["username"] == "dave"


def test_the_signup_page_is_for_administrators(server, admin):
    alice = Visitor(server.client, "alice")
    page = alice.open("/signup")
    assert (page.status, "This page is for administrators; alice is not one." in page.text) == (403, True)
    form = admin.open("/signup")
    form.forms[-1][1]["csrf"] = page.forms[0][1]["csrf"]
    page = alice.send(form, username="eve", password=NEW_PASSWORD)
    assert (page.status, page.text.split()[-1] != "created.") == (403, True)
    users = server.ok("GET", "/api/2.0/mlflow/users/list")["users"]
    assert "eve" not in {user["username"] for user in users}


def test_a_new_user_needs_the_forms_token(server, admin):
    page = admin.open("/signup")
    page.forms[-1][1]["csrf"] = "forged"
    page = admin.send(page, username="eve", password=NEW_PASSWORD)
    assert (page.status, "without its CSRF token" in page.text) == (403, True)


def test_a_run_is_shared_and_the_link_revoked_on_a_page(server):
    made = server.ok("POST", "/api/2.0/mlflow/runs/create", experiment_id="0")["run"]["info"]["run_id"]
    alice = Visitor(server.client, "alice")
    page = alice.open(f"/trackway/share-links?run={made}")
    assert "You have none." in page.text
    assert page.forms[-1][1]["run_ids"] == made
    page = alice.send(page, label="for the review", expires="1d")
    [path] = re.findall(r"http://localhost(/share/\S+)", page.text)
    request = {"path": f"{path}ajax-api/2.0/mlflow/runs/get", "query_string": {"run_id": made}}
    assert server.client.get(**request).status_code == 200
    assert "for the review" in page.text
    [link_id] = re.findall(r"/share/tw_(\w{12})_", path)
    page = alice.send(page, form=1, revoke=link_id)
    assert "You have none." in page.text
    assert server.client.get(**request).status_code == 404
    page = alice.send(page, run_ids="0" * 32)
    assert (page.status, "not found" in page.text) == (404, True)

"""The audit: who did what, from where, what was refused, and what was changed."""

from __future__ import annotations

import html
import json
import random
import re

import pytest

from tests.access import ADMIN, PASSWORD, basic, closed_server, error_code
from tests.databases import statements_of
from trackway.storage.access import changes, grants, principals, roles
from trackway.storage.audit import entries

AUDIT = "/api/3.0/trackway/audit"
M2, M3 = "/api/2.0/mlflow", "/api/3.0/mlflow"
LEVELS = ("READ", "USE", "EDIT", "MANAGE", "DENY")


@pytest.fixture
def server(store_uri, tmp_path):
    with closed_server(store_uri, tmp_path / "artifacts", expose_prometheus=str(tmp_path)) as server:
        yield server


def search(server, who=ADMIN, **query):
    server.backend.refusals.write()
    return server.ok("GET", AUDIT, who=who, **query).get("entries", [])


def create_experiment(server, name, **who):
    return server.ok("POST", f"{M2}/experiments/create", name=name, **who)["experiment_id"]


def test_an_entry_tells_who_did_what_from_where_and_how_it_was_authenticated(server):
    token = server.token(who="alice")
    found = create_experiment(server, "hers", who=token)
    entry = search(server, actor="alice", action="CreateExperiment")[0]
    assert entry.pop("time_ms") > 1_700_000_000_000
    assert all(entry.pop(name) for name in ("id", "request_id", "principal_id"))
    # Creators manage what they create.
    (change,) = [change for change in json.loads(entry.pop("detail")) if change["kind"] == "grant"]
    assert (change["resource_id"], change["old"], change["new"]) == (found, None, "MANAGE")
    assert entry == {
        "workspace": "default",
        "user": "alice",
        "authenticated_by": f"token {token.split('_')[1]}",
        "address": "127.0.0.1",
        "action": "CreateExperiment",
        "target": f"experiment:{found}",
        "outcome": "done",
    }


def test_entries_are_found_by_actor_action_target_outcome_and_time_page_by_page(server):
    ids = [create_experiment(server, f"e{number}", who="alice") for number in range(5)]
    create_experiment(server, "other")
    wanted = {"actor": "alice", "action": "CreateExperiment"}
    found, token = [], None
    while True:
        page = server.ok("GET", AUDIT, **wanted, max_results=2, **({"page_token": token} if token else {}))
        found += page["entries"]
        token = page.get("next_page_token")
        if not token:
            break
    assert [entry["target"] for entry in found] == [f"experiment:{each}" for each in reversed(ids)]
    assert [entry["id"] for entry in search(server, target=f"experiment:{ids[2]}")] == [found[2]["id"]]
    assert len(search(server, target="experiment:*")) == 6
    middle = found[2]["time_ms"]
    expected = [entry["id"] for entry in found if entry["time_ms"] >= middle]
    assert [entry["id"] for entry in search(server, **wanted, since=middle)] == expected
    expected = [entry["id"] for entry in found if entry["time_ms"] < middle]
    assert [entry["id"] for entry in search(server, **wanted, until=middle)] == expected
    assert search(server, outcome="denied") == []


@pytest.mark.parametrize(
    "query", [{"max_results": 0}, {"max_results": 1001}, {"outcome": "x"}, {"page_token": "x"}]
)
def test_what_cannot_be_searched_is_refused(server, query):
    assert error_code(server.call("GET", AUDIT, **query)) == (400, "INVALID_PARAMETER_VALUE")


def test_administrators_read_the_audit_and_others_do_not(server):
    assert error_code(server.call("GET", AUDIT, who="alice")) == (403, "PERMISSION_DENIED")
    reading = server.token(who=ADMIN, scopes=["read"])
    assert error_code(server.call("GET", AUDIT, who=reading)) == (403, "PERMISSION_DENIED")
    role = server.ok("POST", f"{M3}/roles/create", name="boss", workspace="default")["role"]["id"]
    grant = {"resource_type": "workspace", "resource_pattern": "*", "permission": "MANAGE"}
    server.ok("POST", f"{M3}/roles/permissions/add", role_id=role, **grant)
    server.ok("POST", f"{M3}/roles/assign", role_id=role, username="alice")
    assert {entry["workspace"] for entry in search(server, who="alice")} == {"default"}


def test_what_was_refused_is_in_the_audit(server):
    experiment = create_experiment(server, "hers", who="alice")
    rename = {"experiment_id": experiment, "new_name": "his"}
    assert server.call("POST", f"{M2}/experiments/update", who="bob", **rename).status_code == 403
    assert server.client.get(AUDIT, headers=basic("bob", "wrong")).status_code == 401
    assert server.client.get(AUDIT, headers=basic("nobody", "wrong")).status_code == 401
    assert server.client.get("/metrics", headers=basic("bob", PASSWORD)).status_code == 403
    change = {"username": "alice", "password": "another good one"}
    assert server.call("PATCH", f"{M2}/users/update-password", who="bob", **change).status_code == 403
    token = server.token(who="bob")
    server.ok("POST", "/api/3.0/trackway/tokens/revoke", who="bob", token_id=token.split("_")[1])
    assert server.call("GET", AUDIT, who=token).status_code == 401
    found = [entry for entry in search(server) if entry["outcome"] != "done"]
    assert [
        (entry["user"], entry["action"], entry["target"], entry["outcome"]) for entry in reversed(found)
    ] == [
        ("bob", "UpdateExperiment", f"experiment:{experiment}", "denied"),
        ("bob", "GET", f"path:{AUDIT}", "unauthenticated"),
        ("bob", "GET", "path:/metrics", "denied"),
        ("bob", "UpdateUserPassword", "user:alice", "denied"),
        ("bob", "GET", f"path:{AUDIT}", "unauthenticated"),
    ]
    assert all(entry["address"] == "127.0.0.1" and entry["principal_id"] for entry in found)
    reason = json.loads(found[-1]["detail"])["reason"]
    assert reason == f"bob may not edit the experiment {experiment}."


def test_many_refusals_are_counted_and_cost_no_statement_each(server):
    body = {"experiment_id": create_experiment(server, "hers", who="alice"), "new_name": "his"}
    server.backend.refusals.write()
    server.call("POST", f"{M2}/experiments/update", who="bob", **body)
    statements = statements_of(server.backend.database)
    for _ in range(80):
        assert server.call("POST", f"{M2}/experiments/update", who="bob", **body).status_code == 403
    assert not [text for text in statements if "INSERT INTO audit" in text]
    details = [entry.get("detail", "") for entry in search(server, outcome="denied")]
    assert len(details) == 51
    assert json.loads(details[0]) == {"more": 31}


def test_log_in_and_log_out_of_a_browser_are_in_the_audit(server):
    form = {"name": "alice", "password": PASSWORD}
    logged_in = server.client.post("/auth/login", data=form)
    assert logged_in.status_code == 303
    assert server.client.post("/auth/login", data={**form, "password": "wrong"}).status_code == 401
    session_id = re.search("trackway_session=([^;]*)", str(logged_in.headers))[1]
    server.client.post("/auth/logout", headers={"Cookie": f"trackway_session={session_id}"})
    found = search(server, actor="alice")
    assert sorted((entry["outcome"], entry["action"], entry["target"]) for entry in found) == [
        ("done", "LogIn", "user:alice"),
        ("done", "LogOut", "user:alice"),
        ("unauthenticated", "POST", "path:/auth/login"),
    ]
    assert [entry["authenticated_by"][:8] for entry in found if entry["action"] == "LogOut"] == ["session "]


def test_a_write_has_no_more_statements_than_its_own_and_one_for_the_audit(server):
    experiment = create_experiment(server, "hers")
    statements = statements_of(server.backend.database)
    server.ok("POST", f"{M2}/experiments/set-experiment-tag", experiment_id=experiment, key="k", value="v")
    assert len([text for text in statements if "audit" in text]) == 1


def test_the_audit_alone_rebuilds_users_roles_and_grants(server):
    """1,000 random changes of access, 150 on PostgreSQL. Others between them fail, and change nothing."""
    chance = random.Random(20)
    number = done = 0
    while done < (1000 if server.backend.database.dialect == "sqlite" else 150):
        number += 1
        call = chance.choice((add_grant, add_grant, set_grant, drop_grant, add_role, drop_role, rename_role))
        if number % 7 == 0:
            call = chance.choice((add_user, drop_user, set_admin, join, join, leave))
        if number % 11 == 0:
            call = chance.choice((give, give, revoke, add_model, rename_model, drop_model))
        done += call(server, chance).status_code == 200
    with server.backend.database.begin(write=False) as tx:
        noted = [
            change
            for row in entries.in_order(tx, entries.Filter())
            if row.outcome == "done" and row.detail
            for change in json.loads(row.detail)
        ]
        rebuilt = changes.replayed(noted)
        expected = stored(tx)
    made_by_the_test = {("principal", (1,)), ("principal", (2,)), ("principal", (3,))}
    found = {key: value for key, value in rebuilt.items() if key[0] not in ("token", "password")}
    assert {key: value for key, value in found.items() if key not in made_by_the_test} == {
        key: value for key, value in expected.items() if key not in made_by_the_test
    }
    assert len(expected) > 50


def stored(tx):
    """The rows of access, in the form of ``changes.replayed``."""
    found = {}
    everybody = principals.find_all(tx, "user")
    for row in everybody:
        found["principal", (row.id,)] = principals._value(row)
    for role in roles.find_all(tx):
        found["role", (role.id,)] = roles._value(role)
        for member in roles.members(tx, role.id):
            found["member", (member.principal_id, role.id)] = True
        for grant in grants.of_roles(tx, [role.id]).get(role.id, []):
            found["grant", (role.id, grant.resource_type, grant.resource_id)] = grant.permission
    return found


def some_user(chance):
    return chance.choice(("alice", "bob", *(f"user{number}" for number in range(6))))


def some_grant(chance):
    return {
        "resource_type": chance.choice(("experiment", "registered_model")),
        "resource_id": f"{chance.randrange(1, 6)}",
        "permission": chance.choice(LEVELS),
    }


def add_role(server, chance):
    return server.call("POST", f"{M3}/roles/create", name=f"r{chance.randrange(300)}", workspace="default")


def drop_role(server, chance):
    if chance.random() < 0.9:
        return add_role(server, chance)
    return server.call("DELETE", f"{M3}/roles/delete", role_id=chance.randrange(1, 60))


def rename_role(server, chance):
    body = {"role_id": chance.randrange(1, 60), "name": f"r{chance.randrange(300)}"}
    return server.call("PATCH", f"{M3}/roles/update", **body)


def add_grant(server, chance):
    made = some_grant(chance)
    made["resource_pattern"] = made.pop("resource_id")
    return server.call("POST", f"{M3}/roles/permissions/add", role_id=chance.randrange(1, 60), **made)


def set_grant(server, chance):
    body = {"role_permission_id": chance.randrange(1, 300), "permission": chance.choice(LEVELS)}
    return server.call("PATCH", f"{M3}/roles/permissions/update", **body)


def drop_grant(server, chance):
    body = {"role_permission_id": chance.randrange(1, 300)}
    return server.call("DELETE", f"{M3}/roles/permissions/remove", **body)


def join(server, chance):
    body = {"role_id": chance.randrange(1, 60), "username": some_user(chance)}
    return server.call("POST", f"{M3}/roles/assign", **body)


def leave(server, chance):
    body = {"role_id": chance.randrange(1, 60), "username": some_user(chance)}
    return server.call("DELETE", f"{M3}/roles/unassign", **body)


def give(server, chance):
    return server.call(
        "POST", f"{M3}/users/permissions/grant", username=some_user(chance), **some_grant(chance)
    )


def revoke(server, chance):
    body = some_grant(chance)
    body.pop("permission")
    return server.call("POST", f"{M3}/users/permissions/revoke", username=some_user(chance), **body)


def add_user(server, chance):
    with server.backend.database.begin(write=False) as tx:
        taken = principals.find_or_none(tx, name := f"user{chance.randrange(6)}")
    if taken:
        return server.call("GET", "/nothing")
    return server.call("POST", f"{M2}/users/create", username=name, password=PASSWORD)


def drop_user(server, chance):
    return server.call("DELETE", f"{M2}/users/delete", username=f"user{chance.randrange(6)}")


def set_admin(server, chance):
    body = {"username": some_user(chance), "is_admin": chance.random() < 0.3}
    return server.call("PATCH", f"{M2}/users/update-admin", **body)


def add_model(server, chance):
    who = chance.choice(("alice", "bob"))
    return server.call("POST", f"{M2}/registered-models/create", who=who, name=f"{chance.randrange(1, 6)}")


def rename_model(server, chance):
    body = {"name": f"{chance.randrange(1, 6)}", "new_name": f"{chance.randrange(1, 6)}"}
    return server.call("POST", f"{M2}/registered-models/rename", **body)


def drop_model(server, chance):
    return server.call("DELETE", f"{M2}/registered-models/delete", name=f"{chance.randrange(1, 6)}")


# ---- the page


def page(server, who, **query):
    return server.call("GET", "/trackway/audit", who=who, **query)


def test_the_page_shows_entries_and_finds_them(server):
    create_experiment(server, "hers", who="alice")
    create_experiment(server, "<script>", who="bob")
    text = page(server, ADMIN, actor="alice").text
    assert "CreateExperiment" in text
    assert "<td>alice</td>" in text
    assert "<td>bob</td>" not in text
    assert 'href="/trackway/audit"' in server.call("GET", "/trackway/tokens").text
    assert 'href="/trackway/audit"' not in server.call("GET", "/trackway/tokens", who="alice").text
    assert "There are no such entries." in page(server, ADMIN, until="2020-01-01").text
    assert "CreateExperiment" in page(server, ADMIN, since="2020-01-01", outcome="done").text


def test_the_page_has_older_entries_on_later_pages(server):
    for number in range(101):
        create_experiment(server, f"e{number}", who="alice")
    text = page(server, ADMIN, action="CreateExperiment").text
    assert text.count("<td>CreateExperiment</td>") == 100
    older = html.unescape(re.search(r'href="\?([^"]*)">Older', text)[1])
    text = server.client.get(f"/trackway/audit?{older}", headers=basic(ADMIN, PASSWORD)).text
    assert text.count("<td>CreateExperiment</td>") == 1
    assert "Older entries" not in text


def test_the_page_says_what_is_wrong(server):
    refused = page(server, "alice")
    assert refused.status_code == 403
    assert "Only administrators of the workspace" in refused.text
    wrong = page(server, ADMIN, since="yesterday")
    assert (wrong.status_code, "is not a day; write it as 2026-01-31." in wrong.text) == (400, True)
    assert page(server, ADMIN, page="x").status_code == 400

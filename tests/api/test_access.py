"""Who gets in: passwords, API tokens and sessions; users and tokens over HTTP; set-up of a new server."""

from __future__ import annotations

import re

import pytest

from tests.access import ADMIN, PASSWORD, basic, closed_server, error_code
from tests.databases import statements_of
from trackway.server.app import all_endpoints, paths_of
from trackway.server.auth import first_admin

ME = "/api/3.0/trackway/whoami"
USERS = "/api/2.0/mlflow/users"
TOKENS = "/api/3.0/trackway/tokens"
EXPERIMENT = "/api/2.0/mlflow/experiments/get?experiment_id=0"
DENIED = (403, "PERMISSION_DENIED")
NEW = "another good one"
INVALID, TAKEN = "INVALID_PARAMETER_VALUE", "RESOURCE_ALREADY_EXISTS"


@pytest.fixture
def server(store_uri, tmp_path):
    with closed_server(store_uri, tmp_path / "artifacts", expose_prometheus=str(tmp_path)) as server:
        yield server


def example(path):
    """A path for a rule, with values for its variables."""
    path = re.sub(r"<any\(([^)]*)\):\w+>", lambda match: match[1].split(",")[0].strip(" '"), path)
    return re.sub(r"<[^>]*>", "x", path)


# ---- the gate


def test_every_path_but_the_open_ones_is_closed(server):
    asked = 0
    for endpoint in all_endpoints():
        for path in paths_of(endpoint):
            response = server.client.open(example(path), method=endpoint.verb)
            asked += 1
            is_open = endpoint.rpc == "GetServerInfo"
            assert response.status_code == (200 if is_open else 401), (endpoint.verb, path)
            assert is_open or response.headers["WWW-Authenticate"] == 'Basic realm="mlflow"'
    for rule in server.client.application.url_map.iter_rules():
        path = example(rule.rule)
        if not path.startswith(("/static-files/", "/auth/")):
            assert server.client.get(path).status_code == 401, path
    for path in ("/", "/version", "/metrics", "/graphql", "/nothing/here", "/trackway/tokens", "/v1/traces"):
        assert server.client.get(path).status_code == 401, path
        assert server.client.post(path).status_code == 401, path
    assert asked > 300
    for path in ("/health", "/ready", "/ajax-api/3.0/mlflow/server-info", "/auth/login"):
        assert server.client.get(path).status_code == 200, path


@pytest.mark.parametrize(
    "path",
    [
        "/static-filesx/../api/2.0/mlflow/experiments/search",
        "/health/../api/2.0/mlflow/experiments/search",
        "/auth/../api/2.0/mlflow/experiments/search",
        "/HEALTH",
        "/api/3.0/mlflow/server-info/x",
    ],
)
def test_a_path_that_resembles_an_open_one_gives_nothing(server, path):
    assert server.client.get(path).status_code in (401, 404)
    assert server.client.get(path).json is None or "experiments" not in server.client.get(path).json


def test_401_is_text_because_old_clients_cannot_read_its_code(server):
    response = server.client.get(EXPERIMENT)
    assert response.content_type == "text/plain; charset=utf-8"
    assert response.text.startswith("You are not authenticated.")


def test_a_page_leads_to_the_login_page_and_a_script_gets_no_login_window(server):
    response = server.client.get("/?a=b", headers={"Accept": "text/html", "Sec-Fetch-Mode": "navigate"})
    assert (response.status_code, response.headers["Location"]) == (302, "/auth/login?next=%3Fa%3Db")
    # Over http to another host than localhost, browsers do not send Sec-Fetch-Site.
    for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Referer": "http://10.0.0.3:5000/"}):
        response = server.client.get("/ajax-api/2.0/mlflow/users/current", headers=headers)
        assert response.status_code == 401
        assert "WWW-Authenticate" not in response.headers


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic !!!!",
        "Basic bm9jb2xvbg==",
        "Basic YQA6Yg==",
        "Basic " + "A" * 10_000,
        "Bearer",
        "Bearer nonsense",
        "Bearer tw_abcdefghijkl_" + "0" * 43 + "_00000000",
        "Digest username=alice",
        "Negotiate abc",
    ],
)
def test_a_header_that_is_no_credential_is_refused(server, header):
    response = server.client.get(EXPERIMENT, headers={"Authorization": header})
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    "header", ["X-Remote-User", "Remote-User", "X-Forwarded-User", "X-MLflow-Authorization"]
)
def test_headers_that_name_a_user_are_ignored(server, header):
    assert server.client.get(EXPERIMENT, headers={header: ADMIN}).status_code == 401


def test_a_token_in_the_query_string_is_ignored(server):
    assert server.client.get(f"{EXPERIMENT}&access_token={server.token()}").status_code == 401


# ---- passwords and tokens


def test_a_password_a_token_and_a_token_as_password_let_in(server):
    assert server.ok("GET", ME, who="alice")["authenticated_by"] == "password"
    token = server.token(who="alice", scopes=["read"])
    assert server.ok("GET", ME, who=token)["name"] == "alice"
    response = server.client.get(ME, headers=basic("whatever", token))
    assert (response.json["authenticated_by"], response.json["scopes"]) == ("token", ["read"])


def test_wrong_names_and_passwords_get_the_same_answer(server):
    answers = {
        server.client.get(EXPERIMENT, headers=basic(name, password)).text
        for name, password in (("alice", "wrong"), ("nobody", PASSWORD), ("", ""), ("ALICE", PASSWORD))
    }
    assert len(answers) == 1
    assert "username or the password is wrong" in answers.pop()


def test_a_warm_request_adds_no_statement_and_a_cold_one_at_most_one(server):
    token = server.token()
    found = statements_of(server.backend.database)
    gate = server.client.application.wsgi_app._gate

    def statements(who):
        gate._checked_at = float("inf")  # the epoch is read at most twice a second, whatever the requests
        found.clear()
        server.ok("GET", "/api/2.0/mlflow/experiments/get", who=who, experiment_id="0")
        return len(found)

    for who in (token, "alice"):
        gate._cache.clear()
        cold, warm = statements(who), statements(who)
        assert (cold, warm) == (warm + 1, warm)


def test_five_failures_make_the_next_attempt_wait_but_not_who_is_in_already(server):
    server.ok("GET", ME, who="alice")
    for _ in range(5):
        assert server.client.get(ME, headers=basic("bob", "wrong")).status_code == 401
    response = server.client.get(ME, headers=basic("bob", PASSWORD))
    assert error_code(response) == (429, "REQUEST_LIMIT_EXCEEDED")
    assert int(response.headers["Retry-After"]) >= 1
    server.ok("GET", ME, who="alice")


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        ("read", {"experiments/get"}),
        ("log", {"experiments/get", "runs/create"}),
        ("registry", {"experiments/get", "registered-models/create"}),
        ("admin", {"experiments/get", "runs/create", "registered-models/create", "experiments/create"}),
    ],
)
def test_a_scope_cuts_the_rights_of_the_owner(server, scope, allowed):
    token = server.token(scopes=[scope])
    calls = {
        "experiments/get": ("GET", {"experiment_id": "0"}),
        "runs/create": ("POST", {"experiment_id": "0"}),
        "registered-models/create": ("POST", {"name": "iris"}),
        "experiments/create": ("POST", {"name": "new"}),
    }
    found = set()
    for path, (verb, body) in calls.items():
        response = server.call(verb, f"/api/2.0/mlflow/{path}", who=token, **body)
        if response.status_code == 200:
            found.add(path)
        else:
            assert error_code(response) == DENIED
            assert scope in response.json["message"]
    assert found == allowed


def test_a_token_without_the_admin_scope_makes_no_token_and_no_user(server):
    token = server.token(scopes=["read", "log", "registry"])
    for path, body in (
        (f"{TOKENS}/create", {"name": "more"}),
        (f"{USERS}/create", {"username": "x", "password": PASSWORD}),
    ):
        assert error_code(server.call("POST", path, who=token, **body)) == DENIED


def test_a_token_expires_is_revoked_and_is_rotated_with_overlap(server):
    first = server.token(who="alice", expires_in="30d")
    first_id = first.split("_")[1]
    second = server.ok("POST", f"{TOKENS}/rotate", who="alice", token_id=first_id)
    listed = server.ok("GET", f"{TOKENS}/list", who="alice")["tokens"]
    assert [token["token_id"] for token in listed] == [first_id, second["token"]["token_id"]]
    hours = (listed[0]["expiry_time"] - listed[1]["creation_time"]) / 3_600_000
    assert hours == pytest.approx(1, abs=0.01)
    for token in (first, second["secret"]):
        server.ok("GET", ME, who=token)
    server.ok("POST", f"{TOKENS}/revoke", who="alice", token_id=first_id)
    server.client.application.wsgi_app._gate._checked_at = 0
    response = server.call("GET", ME, who=first)
    assert response.status_code == 401
    assert "was revoked" in response.text
    server.ok("GET", ME, who=second["secret"])


def test_an_expired_token_is_refused_even_if_it_was_in_the_cache(server, monkeypatch):
    import time

    token = server.token(expires_in="1h")
    server.ok("GET", ME, who=token)
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now + 3_601 * 10**9)
    response = server.call("GET", ME, who=token)
    assert response.status_code == 401
    assert "has expired" in response.text


def test_tokens_of_others_are_not_there(server):
    token_id = server.token().split("_")[1]
    for call in ("revoke", "rotate"):
        response = server.call("POST", f"{TOKENS}/{call}", who="alice", token_id=token_id)
        assert error_code(response) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert error_code(server.call("GET", f"{TOKENS}/list", who="alice", owner="*")) == (
        403,
        "PERMISSION_DENIED",
    )
    assert error_code(server.call("POST", f"{TOKENS}/create", who="alice", owner=ADMIN, name="x")) == (
        403,
        "PERMISSION_DENIED",
    )
    assert len(server.ok("GET", f"{TOKENS}/list", owner="*")["tokens"]) == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"name": "x", "scopes": ["write"]}, "Unknown scope 'write'"),
        ({"name": "x", "expires_in": "soon"}, "Invalid lifetime 'soon'"),
        ({"name": "x", "expires_in": "never"}, "must expire"),
        ({"name": " "}, "1 to 250 characters"),
    ],
)
def test_a_bad_token_request_changes_nothing(server, body, words):
    response = server.call("POST", f"{TOKENS}/create", **body)
    assert error_code(response) == (400, "INVALID_PARAMETER_VALUE")
    assert words in response.json["message"]
    assert server.ok("GET", f"{TOKENS}/list") == {}


def test_a_service_account_has_tokens_and_no_password(server):
    accounts = "/api/3.0/trackway/service-accounts"
    server.ok("POST", f"{accounts}/create", name="ci")
    token = server.token(owner="ci", expires_in="never")
    assert server.ok("GET", ME, who=token)["kind"] == "service"
    assert server.client.get(ME, headers=basic("ci", "")).status_code == 401
    assert [account["name"] for account in server.ok("GET", f"{accounts}/list")["service_accounts"]] == ["ci"]
    server.ok("DELETE", f"{accounts}/delete", name="ci")
    server.client.application.wsgi_app._gate._checked_at = 0
    assert server.call("GET", ME, who=token).status_code == 401


# ---- users


def test_users_as_mlflow_has_them(server):
    made = server.ok("POST", f"{USERS}/create", username="carol", password=PASSWORD)["user"]
    assert made | {"id": 0} == {
        "id": 0,
        "username": "carol",
        "is_admin": False,
        "experiment_permissions": [],
        "registered_model_permissions": [],
        "scorer_permissions": [],
    }
    assert server.ok("GET", f"{USERS}/get", who="carol", username="carol")["user"] == made
    listed = server.ok("GET", f"{USERS}/list", who="carol")["users"]
    assert [user["username"] for user in listed] == [ADMIN, "alice", "bob", "carol"]
    assert listed[3]["roles"] == []
    current = server.ok("GET", f"{USERS}/current", who="carol")
    assert current == {
        "user": {"id": made["id"], "username": "carol", "is_admin": False},
        "is_basic_auth": True,
    }
    assert server.ok("GET", "/api/3.0/mlflow/users/current/permissions") == {
        "is_admin": True,
        "permissions": [],
    }
    server.ok("PATCH", f"{USERS}/update-admin", username="carol", is_admin=True)
    server.client.application.wsgi_app._gate._checked_at = 0
    server.ok("DELETE", f"{USERS}/delete", who="carol", username=ADMIN)
    server.client.application.wsgi_app._gate._checked_at = 0
    assert server.call("GET", ME).status_code == 401


@pytest.mark.parametrize(
    ("verb", "call", "body", "code", "words"),
    [
        ("POST", "create", {"username": "alice", "password": PASSWORD}, TAKEN, "already exists"),
        ("POST", "create", {"username": "x", "password": "short"}, INVALID, "at least 12"),
        ("POST", "create", {"username": "", "password": ""}, INVALID, "cannot be empty"),
        ("POST", "create", {"username": "a:b", "password": PASSWORD}, INVALID, "no colon"),
        ("POST", "create", {"username": "x", "password": "password1234"}, INVALID, "documentation"),
        ("GET", "get", {"username": "nobody"}, "RESOURCE_DOES_NOT_EXIST", "username=nobody not found"),
        ("PATCH", "update-admin", {"is_admin": False}, "BAD_REQUEST", "only administrator"),
        ("DELETE", "delete", {}, "BAD_REQUEST", "their own account"),
        ("PATCH", "update-password", {"password": NEW}, INVALID, "Current password is required"),
        ("PATCH", "update-password", {"password": NEW, "current_password": "x"}, INVALID, "does not match."),
        ("PATCH", "update-password", {"password": PASSWORD, "current_password": PASSWORD}, INVALID, "differ"),
    ],
)
def test_bad_requests_for_users_change_nothing(server, verb, call, body, code, words):
    before = server.ok("GET", f"{USERS}/list")
    response = server.call(verb, f"{USERS}/{call}", **({"username": ADMIN} | body))
    assert response.json["error_code"] == code
    assert words in response.json["message"]
    assert server.ok("GET", f"{USERS}/list") == before


@pytest.mark.parametrize(
    ("verb", "path", "body"),
    [
        ("POST", f"{USERS}/create", {"username": "x", "password": PASSWORD}),
        ("GET", f"{USERS}/get", {"username": "bob"}),
        ("PATCH", f"{USERS}/update-password", {"username": "bob", "password": NEW}),
        ("PATCH", f"{USERS}/update-admin", {"username": "alice", "is_admin": True}),
        ("DELETE", f"{USERS}/delete", {"username": "bob"}),
        ("POST", "/api/2.0/mlflow/webhooks", {"name": "w", "url": "https://example.com", "events": []}),
        ("GET", "/api/2.0/mlflow/webhooks", {}),
        ("POST", "/api/3.0/trackway/service-accounts/create", {"name": "x"}),
        ("GET", "/metrics", {}),
    ],
)
def test_what_administrators_may_do_others_may_not(server, verb, path, body):
    assert error_code(server.call(verb, path, who="alice", **body)) == DENIED


def test_users_change_their_own_password_which_ends_the_old_one_and_their_sessions(server):
    body = {"username": "alice", "password": NEW, "current_password": PASSWORD}
    session_id = log_in(server, "alice")
    server.ok("PATCH", f"{USERS}/update-password", who="alice", **body)
    server.client.application.wsgi_app._gate._checked_at = 0
    assert server.call("GET", ME, who="alice").status_code == 401
    assert server.client.get(ME, headers=basic("alice", NEW)).status_code == 200
    assert server.client.get(ME, headers={"Cookie": f"trackway_session={session_id}"}).status_code == 401


def test_the_list_of_users_has_their_roles(server):
    server.ok("POST", "/api/2.0/mlflow/experiments/create", who="alice", name="of alice")
    role = server.ok("POST", "/api/3.0/mlflow/roles/create", name="readers", workspace="default")["role"]
    grant = {"resource_type": "experiment", "resource_pattern": "*", "permission": "READ"}
    server.ok("POST", "/api/3.0/mlflow/roles/permissions/add", role_id=role["id"], **grant)
    server.ok("POST", "/api/3.0/mlflow/roles/assign", username="bob", role_id=role["id"])
    users = {user["username"]: user for user in server.ok("GET", f"{USERS}/list")["users"]}
    assert [found["name"] for found in users["bob"]["roles"]] == ["readers"]
    assert grant.items() <= users["bob"]["roles"][0]["permissions"][0].items()
    [own] = users["alice"]["roles"]
    assert own["permissions"][0]["permission"] == "MANAGE"
    assert server.call("GET", f"{USERS}/list", who="alice").status_code == 200


def test_an_open_server_has_no_users(api):
    assert api.get(f"{USERS}/get?username=a").status_code == 404
    assert "--auth" in api.get(f"{USERS}/get?username=a").json["message"]
    assert api.get(ME).json["authenticated_by"].startswith("nothing")


def test_writes_are_audited_with_their_user(server):
    import sqlalchemy as sa

    from trackway.storage.schema.audit import audit

    server.ok("POST", "/api/2.0/mlflow/experiments/create", who="alice", name="hers")
    server.ok("POST", f"{USERS}/create", username="carol", password=PASSWORD)
    token_id = server.token(who="bob").split("_")[1]
    with server.backend.database.begin(write=False) as tx:
        rows = tx.execute(sa.select(audit.c.user, audit.c.action, audit.c.target).order_by(audit.c.id)).all()
    assert [(row.user, row.action) for row in rows[-3:]] == [
        ("alice", "CreateExperiment"),
        (ADMIN, "CreateUser"),
        ("bob", "CreateToken"),
    ]
    assert [row.target for row in rows[-2:]] == ["user:carol", f"token:{token_id}"]


# ---- browsers


def log_in(server, name, password=PASSWORD, where="/auth/login"):
    """Log in with the form. Return the session id of the cookie, which the client does not keep."""
    response = server.client.post(where, data={"name": name, "password": password})
    assert response.status_code == 303, response.text
    cookies = dict(
        header.partition(";")[0].split("=", 1) for header in response.headers.getlist("Set-Cookie")
    )
    return cookies["trackway_session"]


def csrf_of(session_id):
    from trackway.server.auth.browsers import csrf_token

    return csrf_token(session_id)


def test_a_session_reads_and_writes_only_with_its_csrf_token(server):
    session_id = log_in(server, "alice")
    headers = {"Cookie": f"trackway_session={session_id}"}
    assert server.client.get(ME, headers=headers).json["authenticated_by"] == "session"
    create = "/ajax-api/2.0/mlflow/experiments/create"
    for more in ({}, {"X-CSRF-Token": "wrong"}, {"X-CSRF-Token": csrf_of("another session")}):
        response = server.client.post(create, json={"name": "x"}, headers=headers | more)
        assert error_code(response) == DENIED
    more = {"X-CSRF-Token": csrf_of(session_id)}
    assert server.client.post(create, json={"name": "x"}, headers=headers | more).status_code == 200
    response = server.client.post("/trackway/tokens", data={"name": "x"}, headers=headers)
    assert error_code(response) == DENIED


def test_the_login_form_says_what_was_wrong_and_cannot_lead_elsewhere(server):
    response = server.client.post("/auth/login", data={"name": "alice", "password": "<b>wrong"})
    assert response.status_code == 401
    assert "username or the password is wrong" in response.text
    assert "Set-Cookie" not in response.headers
    for target in ("//evil.example/x", "/\\evil.example", "https://evil.example", "\\\\evil.example"):
        response = server.client.post(
            "/auth/login", query_string={"next": target}, data={"name": "alice", "password": PASSWORD}
        )
        assert response.headers["Location"].startswith("/")
        assert not response.headers["Location"].startswith(("//", "/\\"))


def test_logging_out_ends_the_session_in_the_page_and_in_mlflows_ui(server):
    gate = server.client.application.wsgi_app._gate
    session_id = log_in(server, "alice")
    headers = {"Cookie": f"trackway_session={session_id}"}
    response = server.client.post("/auth/logout", headers=headers)
    assert response.status_code == 303
    assert all("Max-Age=0" in cookie for cookie in response.headers.getlist("Set-Cookie"))
    assert server.client.get(ME, headers=headers).status_code == 401
    session_id = log_in(server, "alice")
    headers = {"Cookie": f"trackway_session={session_id}", "Sec-Fetch-Site": "same-origin"}
    # A browser sends the name that the UI gives only after this challenge; it asks nobody for a password.
    response = server.client.get("/ajax-api/2.0/mlflow/users/current", headers=headers)
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, 'Basic realm="mlflow"')
    with_token = headers | {"X-CSRF-Token": csrf_of(session_id)}
    response = server.client.get("/ajax-api/2.0/mlflow/users/current", headers=with_token)
    assert response.json["user"]["username"] == "alice"
    logged_out = headers | basic("mlflow-logged-out-1234", "x")
    response = server.client.get("/ajax-api/2.0/mlflow/users/current", headers=logged_out)
    assert response.status_code == 401
    assert "WWW-Authenticate" not in response.headers
    gate._checked_at = 0
    assert server.client.get(ME, headers=headers).status_code == 401


def test_a_session_ends_without_use_and_after_a_week(server, monkeypatch):
    import time

    now = time.time_ns()
    session_id = log_in(server, "alice")
    headers = {"Cookie": f"trackway_session={session_id}"}
    for hours, status in ((11, 200), (22, 200), (35, 401)):
        monkeypatch.setattr(time, "time_ns", lambda hours=hours: now + hours * 3600 * 10**9)
        server.client.application.wsgi_app._gate._uses.write()
        assert server.client.get(ME, headers=headers).status_code == status, hours


def test_the_page_of_tokens_makes_and_revokes_one(server):
    session_id = log_in(server, "alice")
    headers = {"Cookie": f"trackway_session={session_id}"}
    form = {"name": "<script>", "scope": ["read"], "expires_in": "7d", "csrf": csrf_of(session_id)}
    page = server.client.post("/trackway/tokens", data=form, headers=headers)
    secret = re.search(r"tw_\w+", page.text).group()
    assert "<script>" not in page.text
    assert server.ok("GET", ME, who=secret)["scopes"] == ["read"]
    page = server.client.get("/trackway/tokens", headers=headers)
    assert secret not in page.text
    token_id = secret.split("_")[1]
    assert token_id in page.text
    form = {"revoke": token_id, "csrf": csrf_of(session_id)}
    assert server.client.post("/trackway/tokens", data=form, headers=headers).status_code == 303
    assert token_id not in server.client.get("/trackway/tokens", headers=headers).text
    form = {"name": "", "csrf": csrf_of(session_id)}
    page = server.client.post("/trackway/tokens", data=form, headers=headers)
    assert page.status_code == 400
    assert "1 to 250 characters" in page.text


# ---- a new server


@pytest.fixture
def new_server(store_uri, tmp_path, caplog):
    """A closed server without users, and the path of the set-up link that it logged."""
    from trackway.server.app import create_app
    from trackway.server.config import Config

    app = create_app(Config(backend_store_uri=store_uri, auth=True, port=5001), start_jobs=False)
    [link] = re.findall(r"http://127\.0\.0\.1:5001(/auth/setup\?token=\S+)", caplog.text)
    with app.test_client() as client:
        yield client, link


def test_the_setup_link_makes_the_administrator_once(new_server):
    client, link = new_server
    assert "administrator" in client.get(link).text
    response = client.post(link, data={"name": "root", "password": "short"})
    assert (response.status_code, "at least 12" in response.text) == (400, True)
    response = client.post(link, data={"name": "root", "password": PASSWORD})
    assert (response.status_code, response.headers["Location"]) == (303, "/")
    assert client.get(ME).json["is_admin"] is True
    response = client.post(link, data={"name": "evil", "password": PASSWORD})
    assert response.status_code == 403
    assert "used already" in response.text
    assert client.get(link).status_code == 403


def test_a_forged_or_old_setup_link_is_refused(new_server, monkeypatch):
    client, link = new_server
    for forged in (link[:-5] + "AAAAA", "/auth/setup", "/auth/setup?token=x"):
        response = client.post(forged, data={"name": "evil", "password": PASSWORD})
        assert response.status_code == 403, forged
        assert "not valid" in response.text
    monkeypatch.setattr(first_admin, "_VALID_S", -1)
    assert client.get(link).status_code == 403


# ---- behind proxies


@pytest.mark.parametrize("trusted", ["127.0.0.0/8", ""])
def test_the_address_of_a_client_behind_a_proxy_is_limited_and_audited(store_uri, tmp_path, trusted):
    with closed_server(store_uri, tmp_path, trusted_proxies=trusted) as server:

        def fail(client, name="alice"):
            headers = basic(name, "a wrong password") | {"X-Forwarded-For": f"127.0.0.1, {client}"}
            return server.client.get(ME, headers=headers).status_code

        assert [fail("203.0.113.7") for _ in range(6)] == [401] * 5 + [429]
        assert fail("203.0.113.8") == (401 if trusted else 429)
        server.backend.refusals.write()
        entries = server.ok("GET", "/api/3.0/trackway/audit", outcome="unauthenticated")["entries"]
        assert {entry["address"] for entry in entries} == (
            {"203.0.113.7", "203.0.113.8"} if trusted else {"127.0.0.1"}
        )


def test_a_forged_address_of_somebody_who_is_no_trusted_proxy_is_not_believed(store_uri, tmp_path):
    with closed_server(store_uri, tmp_path, trusted_proxies="10.1.0.0/16") as server:
        wrong = basic("alice", "a wrong password")
        found = [
            server.client.get(ME, headers=wrong | {"X-Forwarded-For": f"203.0.113.{n}"}).status_code
            for n in range(6)
        ]
        assert found == [401] * 5 + [429]

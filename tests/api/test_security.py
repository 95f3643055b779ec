"""Host check, cross-origin check and headers, as MLflow 3.17's middleware answers."""

from __future__ import annotations

import pytest

from trackway.server.app import create_app
from trackway.server.config import Config
from trackway.server.edge.security import is_local_host

READ = "/api/2.0/mlflow/experiments/get?experiment_id=0"
WRITE = "/api/2.0/mlflow/experiments/create"
REBINDING = "Invalid Host header - possible DNS rebinding attack detected"


@pytest.fixture(scope="module")
def dialect():
    """None of this depends on the database."""
    return "sqlite"


@pytest.fixture
def make_api(store_uri):
    return lambda **settings: create_app(
        Config(backend_store_uri=store_uri, **settings), start_jobs=False
    ).test_client()


def write(api, path=WRITE, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.post(path, json={"name": "from a page"}, headers=headers)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:5000",
        "127.0.0.1:5000",
        "[::1]:5000",
        "0.0.0.0:5000",
        "192.168.1.7",
        "10.0.0.3:80",
        "172.16.0.1",
        "172.31.255.254:5000",
        "[fd00::1]:5000",
    ],
)
def test_hosts_on_this_machine_and_private_addresses_are_served(api, host):
    assert is_local_host(host)
    assert api.get(READ, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:5000",
        "10.evil.example",
        "172.32.0.1",
        "8.8.8.8",
        "localhost/evil.example",
        "localhost:evil",
        "localhost@evil.example",
        "localhost:123456",
        "localhost.evil.example",
        "",
    ],
)
def test_other_hosts_are_refused(api, host):
    response = api.get(READ, environ_overrides={"HTTP_HOST": host})
    assert (response.status_code, response.text) == (403, REBINDING)
    assert response.content_type.startswith("text/plain")


def test_a_malformed_host_is_refused_not_a_crash(api):
    assert api.get(READ, environ_overrides={"HTTP_HOST": "[::1"}).status_code == 403


@pytest.mark.parametrize("path", ["/health", "/version", "/ready"])
def test_probes_may_come_by_any_name(api, path):
    assert api.get(path, headers={"Host": "evil.example"}).status_code == 200


def test_allowed_hosts_replace_the_default(make_api):
    api = make_api(allowed_hosts="mlflow.example.com, app-*.internal")
    for host in ("mlflow.example.com", "app-3.internal"):
        assert api.get(READ, headers={"Host": host}).status_code == 200
    for host in ("localhost", "mlflow.example.com:8080", "mlflowxexample.com"):
        assert api.get(READ, headers={"Host": host}).status_code == 403


def test_a_star_allows_every_host(make_api):
    assert make_api(allowed_hosts="*").get(READ, headers={"Host": "any.example"}).status_code == 200


def test_a_foreign_page_cannot_write(api):
    response = write(api, Origin="https://evil.example")
    assert (response.status_code, response.text) == (403, "Cross-origin request blocked")
    assert write(api, Origin="null").status_code == 403


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("10.0.0.3:5000", "http://10.0.0.3:5000"),
        ("192.168.1.7", "http://192.168.1.7"),
        ("[fd00::1]:5000", "http://[fd00::1]:5000"),
        ("10.0.0.3", "https://10.0.0.3"),
    ],
)
def test_a_page_of_this_server_may_write_at_each_of_its_addresses(api, host, origin):
    assert write(api, Host=host, Origin=origin).status_code == 200
    for other in ("http://10.0.0.3:6000", "http://10.0.0.4:5000", "http://evil.example", "null"):
        assert write(api, Host=host, Origin=other).status_code == 403


def test_without_a_host_check_a_page_of_the_same_host_may_write_only_if_a_login_is_needed(make_api):
    same = {"Host": "rebound.example", "Origin": "http://rebound.example"}
    assert write(make_api(allowed_hosts="*"), **same).status_code == 403
    assert write(make_api(allowed_hosts="*", auth=True), **same).status_code == 401


@pytest.mark.parametrize("path", ["//api/2.0/mlflow/experiments/create", "/graphql"])
def test_a_foreign_page_cannot_write_by_another_path(api, path):
    assert write(api, path, Origin="https://evil.example").status_code == 403


def test_a_foreign_page_reads_without_cors_headers(api):
    response = api.get(READ, headers={"Origin": "https://evil.example"})
    assert response.status_code == 200
    assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1", "http://[::1]:8080"])
def test_a_local_page_may_write_with_credentials(api, origin):
    response = write(api, Origin=origin)
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == origin
    assert response.headers["Access-Control-Allow-Credentials"] == "true"
    assert response.headers["Vary"] == "Origin"


def test_allowed_origins_may_write(make_api):
    api = make_api(cors_allowed_origins="https://app.example.com,https://*.trusted.example")
    assert write(api, Origin="https://app.example.com").status_code == 200
    wild = write(api, Origin="https://a.trusted.example")
    assert wild.headers["Access-Control-Allow-Origin"] == "https://a.trusted.example"
    assert write(api, Origin="https://app.example.com.evil.example").status_code == 403


def test_a_star_allows_every_origin_without_credentials(make_api):
    response = write(make_api(cors_allowed_origins="*"), Origin="https://any.example")
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in response.headers


def test_a_preflight_is_answered(api):
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    response = api.options(WRITE, headers={"Origin": "http://localhost:3000", **asks})
    assert (response.status_code, response.data) == (204, b"")
    assert "POST" in response.headers["Access-Control-Allow-Methods"]
    assert response.headers["Access-Control-Allow-Headers"] == "content-type"
    assert api.options(WRITE, headers={"Origin": "https://evil.example", **asks}).status_code == 400


@pytest.mark.parametrize("path", [READ, "/health", "/nope"])
def test_every_answer_has_the_headers(api, path):
    headers = api.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.parametrize(("option", "header"), [("deny", "DENY"), ("NONE", None)])
def test_frames_by_option(make_api, option, header):
    assert make_api(x_frame_options=option).get("/health").headers.get("X-Frame-Options") == header


def test_all_of_it_can_be_switched_off(make_api):
    api = make_api(disable_security_middleware=True)
    response = write(api, Host="evil.example", Origin="https://evil.example")
    assert response.status_code == 200
    assert "X-Content-Type-Options" not in response.headers


def test_the_checks_hold_below_a_static_prefix(make_api):
    api = make_api(static_prefix="/tracking")
    assert write(api, "/tracking" + WRITE, Origin="https://evil.example").status_code == 403
    assert api.get("/tracking/health", headers={"Host": "evil.example"}).status_code == 200
    assert api.get("/tracking" + READ, headers={"Host": "evil.example"}).status_code == 403


def test_the_log_names_a_refused_header_and_the_option_that_allows_it_once(make_api, caplog):
    api = make_api()
    for _ in range(3):
        assert api.get(READ, headers={"Host": "tracking.example:5000"}).status_code == 403
        assert write(api, Origin="https://pages.example").status_code == 403
    assert api.get(READ, headers={"Host": "evil\x1b" + "x" * 5000}).status_code == 403
    texts = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    host, origin, strange = texts
    assert host == (
        "Requests with the Host header 'tracking.example:5000' are refused. If it is a name of this server, "
        "add it to --allowed-hosts (MLFLOW_SERVER_ALLOWED_HOSTS)."
    )
    assert origin == (
        "Requests with the Origin header 'https://pages.example' are refused. If it has pages that may use "
        "this server, add it to --cors-allowed-origins (MLFLOW_SERVER_CORS_ALLOWED_ORIGINS)."
    )
    assert r"evil\x1bxxx" in strange
    assert len(strange) < 400

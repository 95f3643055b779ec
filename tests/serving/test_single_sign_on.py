"""Single sign-on through a certified provider, by HTTP: log-in, groups, refusals. A browser: tests/ui."""

from __future__ import annotations

import time
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit, urlunsplit

import pytest
import requests
from click.testing import CliRunner

from tests.oidc import log_in_at_provider, running_site
from tests.services import TrackwayServer
from trackway.server.cli import main

# One process runs all of these tests, so that the servers start once.
pytestmark = pytest.mark.xdist_group("single-sign-on")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with running_site(tmp_path_factory.mktemp("sign-on")) as site:
        site.company.set_account("1", preferred_username="ada", groups=["ml"])
        yield site


@pytest.fixture
def browser():
    with requests.Session() as browser:
        yield browser


def begin(site, browser, provider="company", **query):
    """Begin a log-in. Return the address at the provider."""
    answer = browser.get(f"{site.url}/auth/{provider}/login", params=query, allow_redirects=False)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def log_in(site, browser, subject="1", provider="company", **query):
    """Log in. Return the response to the callback."""
    callback = log_in_at_provider(browser, begin(site, browser, provider, **query), subject)
    return browser.get(callback, allow_redirects=False)


def whoami(site, browser):
    return browser.get(f"{site.url}/api/3.0/trackway/whoami")


def roles_of(site, name):
    found = site.call("GET", f"/api/3.0/mlflow/users/roles/list?username={name}")
    return [role["name"] for role in found.get("roles", [])]


def refused(answer, words):
    assert answer.status_code == 403, answer.text
    assert words in answer.text
    assert "trackway_session" not in answer.headers.get("Set-Cookie", "")


def with_query(url, **values):
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=urlencode(dict(parse_qsl(parts.query)) | values)))


def test_the_first_log_in_makes_a_user_with_the_roles_of_its_groups(site, browser):
    answer = log_in(site, browser, next="trackway/tokens?x=1")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/trackway/tokens?x=1")
    me = whoami(site, browser).json()
    assert (me["name"], me["authenticated_by"], me.get("is_admin", False)) == ("ada", "session", False)
    assert roles_of(site, "ada") == ["experimenters"]
    assert "ada" in browser.get(f"{site.url}/trackway/tokens").text


def test_groups_are_read_again_at_each_log_in(site):
    site.company.set_account("2", preferred_username="eve", groups=["ml-admins"])
    with requests.Session() as browser:
        log_in(site, browser, "2")
        assert whoami(site, browser).json()["is_admin"] is True
        assert roles_of(site, "eve") == []
    site.company.set_account("2", preferred_username="renamed", groups=["ml"])
    with requests.Session() as browser:
        log_in(site, browser, "2")
        me = whoami(site, browser).json()
        assert (me["name"], me["is_admin"]) == ("eve", False)
        assert roles_of(site, "eve") == ["experimenters"]
    site.company.set_account("2", preferred_username="eve", groups=["sales"])
    with requests.Session() as browser:
        refused(log_in(site, browser, "2"), "in none of the groups")


def test_a_role_that_was_given_by_hand_remains(site):
    role = site.call("POST", "/api/3.0/mlflow/roles/create", name="by-hand", workspace="default")["role"]
    site.company.set_account("3", preferred_username="fay", groups=["ml", "ml-admins"])
    with requests.Session() as browser:
        log_in(site, browser, "3")
    site.call("POST", "/api/3.0/mlflow/roles/assign", username="fay", role_id=role["id"])
    site.company.set_account("3", preferred_username="fay", groups=["ml-admins"])
    with requests.Session() as browser:
        log_in(site, browser, "3")
    assert roles_of(site, "fay") == ["by-hand"]


def test_the_name_of_another_account_is_not_taken_over(site, browser):
    site.call("POST", "/api/2.0/mlflow/users/create", username="gus", password="a good password")
    site.company.set_account("4", preferred_username="gus", email="gus@example.com", groups=["ml"])
    answer = log_in(site, browser, "4")
    assert answer.status_code == 400
    assert "belongs to another account" in answer.text
    assert whoami(site, browser).status_code == 401
    connect = ["user", "connect", "gus", "--issuer", site.company.issuer, "--subject", "4"]
    result = CliRunner().invoke(main, [*connect, "--backend-store-uri", site.server.store_uri])
    assert result.exit_code == 0, result.output
    assert log_in(site, browser, "4").status_code == 303
    assert whoami(site, browser).json()["name"] == "gus"


def test_the_same_subject_at_another_provider_is_somebody_else(site, browser):
    site.second.set_account("1", preferred_username="ada", groups=["ml-admins"])
    refused(log_in(site, browser, "1", "second"), "You have no account on this server")


def test_a_name_that_cannot_be_one_is_refused(site, browser):
    site.company.set_account("5", preferred_username="a:b", groups=["ml"])
    assert log_in(site, browser, "5").status_code == 400
    site.company.set_account("6", groups=["ml"])
    with requests.Session() as other:
        refused(log_in(site, other, "6"), "has not sent the claim preferred_username")


def test_the_request_to_the_provider_has_pkce_state_and_nonce(site, browser):
    query = parse_qs(urlsplit(begin(site, browser)).query)
    assert query["code_challenge_method"] == ["S256"]
    assert query["response_type"] == ["code"]
    assert query["redirect_uri"] == [f"{site.url}/auth/company/callback"]
    assert all(len(query[name][0]) >= 20 for name in ("state", "nonce", "code_challenge"))


def test_a_code_is_accepted_once_and_in_the_browser_that_began(site, browser):
    callback = log_in_at_provider(browser, begin(site, browser), "1")
    with requests.Session() as other:
        refused(other.get(callback, allow_redirects=False), "not begun in this browser")
    assert browser.get(callback, allow_redirects=False).status_code == 303
    refused(browser.get(callback, allow_redirects=False), "not begun in this browser")


@pytest.mark.parametrize(
    "changed",
    [
        {"state": "forged"},
        {"state": ""},
        {"code": "forged"},
        {"code": ""},
        {"iss": "https://evil.example"},
        {"iss": ""},
        {"error": "access_denied", "error_description": "<b>no</b>"},
    ],
)
def test_a_changed_answer_is_refused(site, browser, changed):
    callback = log_in_at_provider(browser, begin(site, browser), "1")
    answer = browser.get(with_query(callback, **changed), allow_redirects=False)
    refused(answer, "Log in")
    assert "<b>no</b>" not in answer.text


def test_the_answer_of_one_provider_does_not_finish_a_log_in_at_another(site, browser):
    callback = log_in_at_provider(browser, begin(site, browser), "1")
    moved = callback.replace("/auth/company/", "/auth/second/")
    refused(browser.get(moved, allow_redirects=False), "not begun in this browser")


def test_a_code_of_another_log_in_is_refused_by_its_nonce_or_verifier(site, browser):
    first = log_in_at_provider(browser, begin(site, browser), "1")
    second = log_in_at_provider(browser, begin(site, browser), "1")
    mixed = with_query(second, code=parse_qs(urlsplit(first).query)["code"][0])
    refused(browser.get(mixed, allow_redirects=False), "refuses the log-in")


@pytest.mark.parametrize(
    "path", ["//evil.example", "/\\evil.example", "\t//evil.example", "https://evil.example", "\r\nX: y"]
)
def test_the_path_after_the_log_in_is_one_of_this_server(site, browser, path):
    location = log_in(site, browser, next=path).headers["Location"]
    assert location.startswith("/")
    assert location[1:2] not in ("/", "\\", "\t")


def test_log_out_ends_the_session_and_a_log_in_has_a_new_one(site, browser):
    log_in(site, browser)
    old = browser.cookies["trackway_session"]
    page = browser.get(f"{site.url}/trackway/tokens").text
    csrf = page.split('name="csrf" value="')[1].split('"')[0]
    answer = browser.post(f"{site.url}/auth/logout", data={"csrf": csrf}, allow_redirects=False)
    assert answer.headers["Location"] == "/auth/login"
    cookie = {"Cookie": f"trackway_session={old}"}
    assert requests.get(f"{site.url}/api/3.0/trackway/whoami", headers=cookie).status_code == 401
    log_in(site, browser)
    assert browser.cookies["trackway_session"] != old


def test_without_the_setting_the_session_of_the_provider_goes_on(site, browser):
    log_in(site, browser)
    assert "trackway_provider" not in browser.cookies
    # A cookie of somebody else's making leads nowhere either.
    forged = {"Cookie": f"{browser_cookie(browser)}; trackway_provider=company.x.y.z"}
    answer = requests.post(f"{site.url}/auth/logout", headers=forged, allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/auth/login")


def browser_cookie(browser):
    return f"trackway_session={browser.cookies['trackway_session']}"


def test_a_log_in_ends_on_another_server_of_the_database_and_log_out_there_holds_here(site, browser):
    config = str(site.server.folder / "auth.toml")
    other = TrackwayServer(
        site.server.folder / "other", site.server.store_uri, options=["--auth", "--auth-config", config]
    )
    other.start()
    try:
        callback = log_in_at_provider(browser, begin(site, browser), "1")
        there = callback.replace(site.url, other.url)
        assert browser.get(there, allow_redirects=False).status_code == 303
        assert whoami(site, browser).json()["name"] == "ada"
        session = {"Cookie": f"trackway_session={browser.cookies['trackway_session']}"}
        requests.post(f"{other.url}/auth/logout", headers=session, allow_redirects=False)
        time.sleep(1)
        assert requests.get(f"{site.url}/api/3.0/trackway/whoami", headers=session).status_code == 401
    finally:
        other.kill()


def test_the_log_in_page_offers_the_providers_and_passwords(site, browser):
    page = browser.get(f"{site.url}/auth/login?next=trackway/tokens").text
    assert 'href="/auth/company/login?next=trackway/tokens"' in page
    assert "Log in with Example Inc." in page
    assert "Log in with second" in page
    assert 'name="password"' in page


def test_cookies_cannot_be_read_by_scripts_and_come_back_from_the_provider(site, browser):
    answer = browser.get(f"{site.url}/auth/company/login", allow_redirects=False)
    cookie = answer.headers["Set-Cookie"]
    assert "; Path=/auth/; HttpOnly; SameSite=Lax" in cookie
    assert cookie.startswith("trackway_login_")

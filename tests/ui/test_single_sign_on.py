"""Single sign-on in a browser: from the UI to the provider and back, groups, log-out, expired session."""

from __future__ import annotations

import re
import sqlite3
import time

import pytest

from tests.oidc import running_site

from .conftest import PATIENCE

# One provider and no passwords: the log-in page leads to the provider at once.
SETTINGS = """
passwords = false

[providers.company]
title = "Example Inc."
issuer = "{issuer}"
client_id = "{client}"
client_secret = "{secret}"
scopes = ["openid", "profile", "email", "groups"]
admin_groups = ["ml-admins"]
"""


@pytest.fixture(scope="module")
def sign_on(tmp_path_factory):
    with running_site(tmp_path_factory.mktemp("sign-on"), SETTINGS) as site:
        yield site


@pytest.fixture
def page(browser):
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


def log_in(page, url, subject):
    """Open an address of the server, and fill the provider's pages, to which it leads."""
    page.goto(url)
    page.fill('input[name="login"]', subject)
    page.fill('input[name="password"]', "any")
    page.click('button[type="submit"]')
    page.click('button[type="submit"]')  # the consent


def whoami(page):
    return page.evaluate("fetch('/api/3.0/trackway/whoami').then(answer => answer.json())")


def test_a_user_logs_in_uses_the_ui_and_logs_out(page, sign_on):
    from playwright.sync_api import expect

    sign_on.company.set_account("10", preferred_username="ada", groups=["ml"])
    log_in(page, f"{sign_on.url}/", "10")
    page.wait_for_url(f"{sign_on.url}/**")
    expect(page.get_by_text("Experiments").first).to_be_visible()
    me = whoami(page)
    assert (me["name"], me.get("is_admin", False)) == ("ada", False)
    page.goto(f"{sign_on.url}/trackway/tokens")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_text("You are logged out.")).to_be_visible()
    assert page.context.cookies(sign_on.url) == [
        cookie for cookie in page.context.cookies(sign_on.url) if "trackway" not in cookie["name"]
    ]
    # The provider's own session goes on: the next log-in needs no password.
    page.get_by_role("link", name="Log in").click()
    page.wait_for_url(f"{sign_on.url}/**")
    assert whoami(page)["name"] == "ada"


def test_the_group_of_administrators_makes_one_who_can_use_the_admin_page(page, sign_on):
    from playwright.sync_api import expect

    sign_on.company.set_account("11", preferred_username="eve", groups=["ml-admins"])
    log_in(page, f"{sign_on.url}/#/admin", "11")
    page.wait_for_url(f"{sign_on.url}/**")
    assert whoami(page)["is_admin"] is True
    page.goto(f"{sign_on.url}/#/admin")
    expect(page.get_by_text("eve").first).to_be_visible()


def test_an_expired_session_leads_through_the_provider_to_the_same_page(page, sign_on):
    sign_on.company.set_account("12", preferred_username="fay", groups=["ml"])
    log_in(page, f"{sign_on.url}/trackway/tokens", "12")
    page.wait_for_url(f"{sign_on.url}/trackway/tokens")
    old = session_of(page)
    with sqlite3.connect(sign_on.server.folder / "trackway.db") as database:
        database.execute("UPDATE sessions SET expiry_time = 1")
        database.execute("UPDATE access_state SET epoch = epoch + 1")
    database.close()
    deadline = time.monotonic() + 20
    while session_of(page) == old and time.monotonic() < deadline:
        page.goto(f"{sign_on.url}/trackway/tokens")
        page.wait_for_url(re.compile(f"{sign_on.url}/trackway/tokens"))
    assert session_of(page) != old
    assert page.get_by_text("Your tokens").is_visible()


def test_log_out_leads_through_that_of_the_provider(page, tmp_path_factory):
    from playwright.sync_api import expect

    settings = SETTINGS + "log_out = true\n"
    with running_site(tmp_path_factory.mktemp("log-out"), settings) as site:
        site.company.set_account("13", preferred_username="gus", groups=["ml"])
        log_in(page, f"{site.url}/trackway/tokens", "13")
        page.wait_for_url(f"{site.url}/trackway/tokens")
        page.get_by_role("button", name="Log out").click()
        # The provider asks whether to end its session.
        page.get_by_role("button", name="Yes, sign me out").click()
        page.wait_for_url(f"{site.url}/auth/logged-out*")
        expect(page.get_by_text("You are logged out.")).to_be_visible()
        assert not [cookie for cookie in page.context.cookies(site.url) if "trackway" in cookie["name"]]
        page.get_by_role("link", name="Log in").click()
        expect(page.locator('input[name="password"]')).to_be_visible()


def session_of(page):
    return next(c["value"] for c in page.context.cookies() if c["name"] == "trackway_session")

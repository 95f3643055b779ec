"""A server that requires a log-in, in a browser: MLflow's own pages for accounts, and ours beside them."""

from __future__ import annotations

from urllib.parse import urlencode

from playwright.sync_api import expect

from tests.closed import ADMIN, PASSWORD

OTHER = "another good password"
LOGGED_OUT = "401 GET /ajax-api/2.0/mlflow/users/current"


def part(ui, component):
    """Return the parts of MLflow's UI with a component id."""
    return ui.page.locator(f'[data-component-id="{component}"]')


def test_the_log_in_leads_to_the_page_that_was_asked_for(visitor):
    ui = visitor()
    run = f"/experiments/{ui.site.experiment_id}/runs/{ui.site.run_id}"
    page = ui.open(run)
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    page.get_by_label("Username").fill("alice")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("The username or the password is wrong.")
    assert ui.faults == ["401 POST /auth/login"]
    ui.faults.clear()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(f"{ui.site.url}/#{run}")
    expect(page.get_by_text("first").first).to_be_visible()
    ui.settle()


def test_logging_out_in_mlflows_menu_ends_the_session(visitor):
    ui = visitor()
    page = ui.log_in("alice")
    menu_of(ui, "alice")
    expect(page.get_by_role("menuitem", name="Manage")).to_have_count(0)
    [session] = [cookie for cookie in page.context.cookies() if cookie["name"] == "trackway_session"]
    page.get_by_role("menuitem", name="Logout").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    assert set(ui.faults) == {LOGGED_OUT}
    ui.faults.clear()
    page.context.add_cookies([session])
    ui.open("/experiments")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_when_the_session_has_ended_the_log_in_comes_and_then_the_same_page(visitor):
    ui = visitor()
    page = ui.log_in("alice", "/experiments")
    expect(page.get_by_role("link", name="of the admin").first).to_be_visible()
    ui.settle()
    page.context.clear_cookies()
    page.get_by_role("link", name="of the admin").first.click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    assert ui.faults
    assert all(fault.startswith("401 ") for fault in ui.faults)
    ui.faults.clear()
    page.get_by_label("Username").fill("alice")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("link", name="of the admin").first).to_be_visible()
    assert f"#/experiments/{ui.site.experiment_id}" in page.url
    ui.settle()


def test_an_account_shows_what_its_user_may_do_and_changes_the_password(visitor):
    server = visitor().site.server
    server.create_users("paul")
    grant = {"username": "paul", "resource_type": "experiment", "resource_id": "0", "permission": "EDIT"}
    server.call("POST", "3.0/mlflow/users/permissions/grant", **grant)
    ui = visitor()
    page = ui.log_in("paul", "/account")
    expect(page.get_by_text("Logged in as paul")).to_be_visible()
    page.get_by_role("tab", name="Permissions").click()
    expect(page.get_by_text("experiment:0")).to_be_visible()
    part(ui, "account.change_password_button").click()
    part(ui, "account.current_password").fill(PASSWORD)
    part(ui, "account.new_password").fill(OTHER)
    part(ui, "account.confirm_password").fill(OTHER)
    page.get_by_role("button", name="Update password").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    ui.settle()
    ui.faults.clear()  # the new password has ended the session
    again = visitor()
    page = again.log_in("paul", "/account", OTHER)
    expect(page.get_by_text("Logged in as paul")).to_be_visible()
    again.settle()


def test_an_administrator_creates_and_deletes_a_user(visitor):
    ui = visitor()
    page = ui.log_in(ADMIN, "/admin")
    part(ui, "admin.users.create_button").click()
    part(ui, "admin.create_user_modal.username").fill("carol")
    part(ui, "admin.create_user_modal.password").fill(PASSWORD)
    part(ui, "admin.create_user_modal.submit").click()
    carol = page.get_by_role("row").filter(has_text="carol")
    expect(carol).to_be_visible()
    theirs = visitor()
    expect(theirs.log_in("carol").get_by_text("carol").first).to_be_visible()
    theirs.settle()
    carol.get_by_role("checkbox").check()
    part(ui, "admin.users.bulk_delete_button").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(carol).to_have_count(0)
    ui.settle()


def test_an_administrator_gives_permissions_by_a_role_and_to_a_single_user(visitor):
    ui = visitor()
    page = ui.log_in(ADMIN, "/admin?tab=roles")
    part(ui, "admin.roles.create_button").click()
    dialog = page.get_by_role("dialog")
    part(ui, "admin.create_role_modal.name").fill("editors")
    dialog.get_by_text("Permissions", exact=True).click()
    choose(ui, "admin.role_permission_form.permission_level", "EDIT")
    part(ui, "admin.role_permissions.add").click()
    dialog.get_by_text("Assign users", exact=True).click()
    choose(ui, "admin.role_users.users", "bob")
    page.keyboard.press("Escape")
    part(ui, "admin.create_role_modal.submit").click()
    expect(dialog).to_have_count(0)
    page.get_by_text("editors", exact=True).click()
    expect(part(ui, "admin.role.permission_level_tag").first).to_have_text("EDIT")
    ui.settle()

    ui.visit("/admin/users/bob")
    expect(page.get_by_text("editors", exact=True)).to_be_visible()
    part(ui, "admin.user_detail.edit_access_button").click()
    choose(ui, "admin.direct_permission.resource_id", "of the admin")
    choose(ui, "admin.direct_permission.permission_level", "MANAGE")
    part(ui, "admin.direct_permissions.add").click()
    part(ui, "admin.edit_access_modal.review").click()
    part(ui, "admin.edit_access_modal.confirm").click()
    expect(dialog).to_have_count(0)
    ui.settle()
    found = ui.site.server.call("GET", "3.0/mlflow/users/current/permissions", who="bob")["permissions"]
    given = {(grant["resource_type"], grant["resource_pattern"], grant["permission"]) for grant in found}
    assert given == {("experiment", "*", "EDIT"), ("experiment", ui.site.experiment_id, "MANAGE")}


def test_who_is_no_administrator_sees_users_and_cannot_change_them(visitor):
    ui = visitor()
    page = ui.log_in("alice", "/admin")
    expect(page.get_by_text("Platform Admin").or_(page.get_by_text("Users")).first).to_be_visible()
    ui.settle()
    expect(part(ui, "admin.users.create_button")).to_have_count(0)


def test_a_change_in_the_ui_is_that_of_the_session(visitor):
    """Every write of MLflow's pages has the session's CSRF token, which their script takes from a cookie."""
    ui = visitor()
    page = ui.log_in("alice", "/experiments")
    page.get_by_role("button", name="Create").first.click()
    page.get_by_placeholder("Input an experiment name").fill("alice's own")
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    expect(page.get_by_text("alice's own").first).to_be_visible()
    ui.settle()
    name = {"experiment_name": "alice's own"}
    server = ui.site.server
    experiment = server.call("GET", "2.0/mlflow/experiments/get-by-name?" + urlencode(name))["experiment"]
    mine = server.call("GET", "3.0/mlflow/users/current/permissions", who="alice")["permissions"]
    assert experiment["experiment_id"] in {grant["resource_pattern"] for grant in mine}


def test_a_link_leads_from_mlflows_pages_to_ours_and_follows_them(visitor):
    ui = visitor()
    page = ui.log_in(ADMIN, "/experiments")
    link = page.locator("#trackway-link")
    expect(link).to_have_text("Trackway")
    ui.visit("/account")
    expect(link).to_have_text("API tokens")
    ui.visit("/experiments")
    expect(link).to_have_text("Trackway")
    link.click()
    expect(page.get_by_role("heading", name="This server", exact=True)).to_be_visible()
    page.get_by_role("link", name="API tokens").first.click()
    page.get_by_label("Name: what it is for").fill("ci")
    page.get_by_role("button", name="Create").click()
    token = page.locator("#secret").inner_text()
    assert ui.site.server.ask(token, "GET", "/api/3.0/trackway/whoami")[0] == 200
    page.get_by_role("link", name="MLflow").click()
    expect(page.get_by_text("Welcome to MLflow").first).to_be_visible()
    ui.settle()


def menu_of(ui, name):
    """Open the menu of the user who is logged in."""
    ui.page.get_by_text(name, exact=True).first.click()
    expect(ui.page.get_by_role("menuitem", name="Account")).to_be_visible()


def choose(ui, component, option):
    part(ui, component).click()
    ui.page.get_by_role("option").filter(has_text=option).first.click()

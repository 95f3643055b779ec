"""Fixtures for tests of the UI: a browser and a server with data. A failed request of a page fails a test."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.closed import PASSWORD

CHROMIUM = os.environ.get("TRACKWAY_TEST_CHROMIUM") or shutil.which("chromium") or ""
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --lang=en-US"
).split()

# Time-out of the pages in ms. The first page loads a script of 4 MB, and the processors may be busy.
PATIENCE = 30_000

# Requests of the pages that may fail, with the reasons. Any other response of 400 or more fails the test.
MAY_FAIL = {
    r"/experiments/get-by-name\?": "the dialog checks that a new name is not used; 404 means so",
    r"/3\.0/mlflow/workspaces$": "the dialog for a new user asks for them, also where there are none",
}

# The name and password in the URL of the UI's log-out.
_LOGGED_OUT = re.compile(r"//mlflow-logged-out-[^@]*@")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A server on SQLite with an experiment, runs, artifacts, a model and a prompt; and ``traced``."""
    from tests.services import TrackwayServer

    from . import traced
    from .content import fill

    folder = tmp_path_factory.mktemp("ui")
    server = TrackwayServer(folder, f"sqlite:///{folder}/trackway.db")
    server.start()
    yield SimpleNamespace(url=server.url, **fill(server.url, folder), traced=traced.fill(server.url))
    server.kill()


@pytest.fixture(scope="session")
def closed_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A server that requires a log-in, with an experiment and a run of the administrator, alice and bob."""
    from tests.closed import ClosedTrackwayServer

    folder = tmp_path_factory.mktemp("closed")
    server = ClosedTrackwayServer(folder, f"sqlite:///{folder}/trackway.db")
    server.start()
    server.create_users("alice", "bob")
    experiment = server.call("POST", "2.0/mlflow/experiments/create", name="of the admin")["experiment_id"]
    run = server.call("POST", "2.0/mlflow/runs/create", experiment_id=experiment, run_name="first")["run"]
    yield SimpleNamespace(
        url=server.url, server=server, experiment_id=experiment, run_id=run["info"]["run_id"]
    )
    server.kill()


class Ui:
    """A page of the browser. ``faults`` records failed requests and script errors."""

    def __init__(self, page: Any, site: SimpleNamespace, name: str) -> None:
        self.page = page
        self.site = site
        self.faults: list[str] = []
        self._name = name
        self._pending = 0
        self._loaded = False
        page.on("response", self._note_response)
        page.on("request", self._note_request)
        page.on("request", lambda _: self._count(1))
        page.on("requestfinished", lambda _: self._count(-1))
        page.on("requestfailed", lambda _: self._count(-1))
        page.on("pageerror", lambda error: self.faults.append(f"script error: {error}"))

    def open(self, path: str) -> Any:
        """Open the page with the given path after ``#``. Return it."""
        self.page.goto("about:blank")
        self._pending = 0
        self.page.goto(f"{self.site.url}/#{path}")
        return self.page

    def visit(self, path: str) -> Any:
        """Go to a page without loading the scripts again, and wait until its requests are answered."""
        if not self._loaded:
            self.open("/")
            self._loaded = True
        self.page.evaluate("path => { location.hash = path }", path)
        self.settle()
        return self.page

    def log_in(self, name: str, path: str = "/", password: str = PASSWORD) -> Any:
        """Open a page of a server that requires a log-in, and fill in the form to which it leads."""
        page = self.open(path)
        page.get_by_label("Username").fill(name)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Log in").click()
        return page

    def settle(self) -> None:
        """Wait until no request is open, for the pages send further requests after an answer."""
        quiet = 0
        for _ in range(PATIENCE // 75):
            self.page.wait_for_timeout(75)
            quiet = 0 if self._pending > 0 else quiet + 1
            if quiet == 4:
                return
        raise AssertionError(f"The requests of {self.page.url} take longer than {PATIENCE} ms.")

    def picture(self, name: str = "") -> None:
        folder = os.environ.get("TRACKWAY_UI_SCREENSHOTS")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=Path(folder, f"{self._name}{'-' if name else ''}{name}.png"))

    def _count(self, change: int) -> None:
        self._pending = max(0, self._pending + change)

    def _note_response(self, response: Any) -> None:
        path = _LOGGED_OUT.sub("//", response.url).removeprefix(self.site.url)
        if response.status >= 400 and not any(re.search(known, path) for known in MAY_FAIL):
            self.faults.append(f"{response.status} {response.request.method} {path}")

    def _note_request(self, request: Any) -> None:
        url = _LOGGED_OUT.sub("//", request.url)
        if not url.startswith((self.site.url, "data:", "blob:", "about:")):
            self.faults.append(f"request to another host: {request.url}")


@pytest.fixture
def ui(browser: Any, site: SimpleNamespace, request: pytest.FixtureRequest) -> Iterator[Ui]:
    with _new_ui(browser, site, request.node.name) as ui:
        yield ui


@pytest.fixture
def visitor(
    browser: Any, closed_site: SimpleNamespace, request: pytest.FixtureRequest
) -> Iterator[Callable[[], Ui]]:
    """Return a function that opens a browser of its own, without a session."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(_new_ui(browser, closed_site, request.node.name))


@contextmanager
def _new_ui(browser: Any, site: SimpleNamespace, name: str) -> Iterator[Ui]:
    # A new context, because the pages store filters and columns in the browser.
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-US")
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    ui = Ui(page, site, name)
    yield ui
    ui.picture()
    context.close()
    assert ui.faults == []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    why = _why_not()
    for item in items:
        if Path(__file__).parent not in item.path.parents:
            continue
        item.add_marker(pytest.mark.xdist_group("ui"))
        if why:
            item.add_marker(pytest.mark.skip(reason=why))


def _why_not() -> str:
    if CHROMIUM:
        return ""
    if os.environ.get("TRACKWAY_REQUIRE_UI"):
        raise pytest.UsageError("TRACKWAY_REQUIRE_UI is set, but there is no Chromium on the PATH.")
    return "the UI was not tested: no Chromium on the PATH (apt-get install chromium)"

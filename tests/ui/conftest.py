"""A browser on a server that holds a little of everything, and what of its traffic counts as a fault."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

CHROMIUM = os.environ.get("TRACKWAY_TEST_CHROMIUM") or shutil.which("chromium") or ""
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --lang=en-US"
).split()

# What a page may take to show something, in ms: the first loads a script of 4 MB, and the cores may be busy.
PATIENCE = 30_000

# Requests of the pages that may fail, and why. Whatever else answers 400 or more fails the test.
MAY_FAIL = {
    r"/ajax-api/2\.0/mlflow/users/current$": "how the UI learns that there are no users; as in MLflow",
    r"/experiments/get-by-name\?": "the dialog asks whether a new name is taken; 404 is the answer it wants",
    r"/ajax-api/3\.0/mlflow/assistant/(config|providers)$": "the assistant is not built",
}


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
    """A server on SQLite with an experiment, runs, artifacts, a model and a prompt."""
    from tests.services import TrackwayServer

    from .content import fill

    folder = tmp_path_factory.mktemp("ui")
    server = TrackwayServer(folder, f"sqlite:///{folder}/trackway.db")
    server.start()
    yield SimpleNamespace(url=server.url, **fill(server.url, folder))
    server.kill()


@pytest.fixture(scope="session")
def settled(browser: Any, site: SimpleNamespace) -> Any:
    """What the UI remembers once its first visitor has closed the panel over each page."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(site.url)
    page.get_by_role("button", name="Close", exact=True).last.click()
    state = context.storage_state()
    context.close()
    return state


class Ui:
    """One page of the browser, and everything that its requests came to."""

    def __init__(self, page: Any, site: SimpleNamespace, name: str) -> None:
        self.page = page
        self.site = site
        self.faults: list[str] = []
        self._name = name
        page.on("response", self._note_response)
        page.on("request", self._note_request)
        page.on("pageerror", lambda error: self.faults.append(f"script error: {error}"))

    def open(self, path: str) -> Any:
        """A page by its deep link."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.site.url}/#{path}")
        return self.page

    def picture(self, name: str = "") -> None:
        folder = os.environ.get("TRACKWAY_UI_SCREENSHOTS")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=Path(folder, f"{self._name}{'-' if name else ''}{name}.png"))

    def _note_response(self, response: Any) -> None:
        path = response.url.removeprefix(self.site.url)
        if response.status >= 400 and not any(re.search(known, path) for known in MAY_FAIL):
            self.faults.append(f"{response.status} {response.request.method} {path}")

    def _note_request(self, request: Any) -> None:
        if not request.url.startswith((self.site.url, "data:", "blob:", "about:")):
            self.faults.append(f"leaves the machine: {request.url}")


@pytest.fixture
def ui(browser: Any, site: SimpleNamespace, settled: Any, request: pytest.FixtureRequest) -> Iterator[Ui]:
    # A context of its own: the pages remember filters and columns from visit to visit.
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, locale="en-US", storage_state=settled
    )
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    ui = Ui(page, site, request.node.name)
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

"""HTML files that load scripts from other hosts, such as figures of Plotly."""

from __future__ import annotations

import pytest
from mlflow import MlflowClient
from playwright.sync_api import expect

from tests.services import TrackwayServer

from .conftest import PATIENCE
from .content import FIGURE, LIBRARY

HOST = "https://cdn.plot.ly"
NOTICE = "#trackway-notice"


def open_figure(page, url, experiment_id, run_id):
    page.goto(f"{url}/#/experiments/{experiment_id}/runs/{run_id}/artifacts/figure.html")
    return page.frame_locator("iframe.mlflow-html-iframe")


def test_a_blocked_script_is_named_with_the_option_that_allows_it(ui):
    open_figure(ui.page, ui.site.url, ui.site.experiment_id, ui.site.run_ids[0])
    notice = ui.page.locator(NOTICE)
    expect(notice).to_contain_text(
        "This file loads from https://cdn.plot.ly, which this server does not allow"
    )
    expect(notice).to_contain_text("trackway serve --ui-allowed-sources https://cdn.plot.ly")
    expect(notice).to_contain_text("trackway ui fetch-plotly")
    ui.picture("blocked")
    ui.page.get_by_text("notes.txt").click()
    expect(ui.page.get_by_text("some words to be read")).to_be_visible()
    expect(notice).to_be_hidden()
    # The browser refuses the request, and then the figure's own script does not find the library.
    ui.faults = [fault for fault in ui.faults if HOST not in fault and "Plotly" not in fault]


@pytest.fixture
def start(tmp_path, browser):
    """A function that starts a server with a figure: it returns a page, and a function to open the figure."""
    opened = []

    def start_and_open(*options, environment=None):
        class Server(TrackwayServer):
            def command(self):
                return [*super().command(), *options]

        server = Server(tmp_path, f"sqlite:///{tmp_path}/trackway.db", environment=environment or {})
        server.start()
        client = MlflowClient(server.url)
        run_id = client.create_run("0").info.run_id
        client.log_text(run_id, FIGURE, "figure.html")
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.set_default_timeout(PATIENCE)
        opened.extend((context.close, server.kill))
        page = context.new_page()
        return page, lambda: open_figure(page, server.url, "0", run_id)

    yield start_and_open
    for close in opened:
        close()


def test_an_allowed_script_draws_the_figure(start):
    page, open_it = start("--ui-allowed-sources", HOST)
    answer = {"content_type": "text/javascript", "headers": {"Access-Control-Allow-Origin": "*"}}
    page.context.route(f"{HOST}/*", lambda route: route.fulfill(body=LIBRARY, **answer))
    frame = open_it()
    expect(frame.get_by_text("drawn")).to_be_visible()
    expect(page.locator(NOTICE)).to_be_hidden()


def test_a_fetched_library_draws_the_figure_without_the_other_host(start, tmp_path):
    """The figure names version 3.1.0. The library of the same major version is used, not that of another."""
    folder = tmp_path / "home" / "trackway" / "chart-libraries"
    folder.mkdir(parents=True)
    (folder / "plotly-3.0.5.min.js").write_text("/* another version */" + LIBRARY)
    (folder / "plotly-4.1.1.min.js").write_text("throw new Error('another major version')")
    page, open_it = start(environment={"XDG_DATA_HOME": str(tmp_path / "home")})
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    frame = open_it()
    expect(frame.get_by_text("drawn")).to_be_visible()
    expect(page.locator(NOTICE)).to_be_hidden()
    assert any(url.endswith("/chart-libraries/plotly-3.0.5.min.js") for url in asked)

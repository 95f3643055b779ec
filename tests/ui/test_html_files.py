"""HTML files that load scripts from other hosts, such as figures of Plotly."""

from __future__ import annotations

import pytest
from mlflow import MlflowClient
from playwright.sync_api import expect

from tests.services import TrackwayServer

from .content import FIGURE

HOST = "https://cdn.plot.ly"
LIBRARY = "window.Plotly = {newPlot: id => { document.getElementById(id).textContent = 'drawn' }}"
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
    ui.picture("blocked")
    ui.page.get_by_text("notes.txt").click()
    expect(ui.page.get_by_text("some words to be read")).to_be_visible()
    expect(notice).to_be_hidden()
    # The browser refuses the request, and then the figure's own script does not find the library.
    ui.faults = [fault for fault in ui.faults if HOST not in fault and "Plotly" not in fault]


@pytest.fixture
def allowing(tmp_path):
    class Server(TrackwayServer):
        def command(self):
            return [*super().command(), "--ui-allowed-sources", HOST]

    server = Server(tmp_path, f"sqlite:///{tmp_path}/trackway.db")
    server.start()
    yield server
    server.kill()


def test_an_allowed_script_draws_the_figure(browser, allowing):
    client = MlflowClient(allowing.url)
    run_id = client.create_run("0").info.run_id
    client.log_text(run_id, FIGURE, "figure.html")
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.route(
        f"{HOST}/*",
        lambda route: route.fulfill(
            body=LIBRARY, content_type="text/javascript", headers={"Access-Control-Allow-Origin": "*"}
        ),
    )
    page = context.new_page()
    frame = open_figure(page, allowing.url, "0", run_id)
    expect(frame.get_by_text("drawn")).to_be_visible()
    expect(page.locator(NOTICE)).to_be_hidden()
    context.close()

"""Share links in a real browser: somebody without a log-in opens the address, and sees MLflow's own pages."""

from __future__ import annotations

import os
from contextlib import contextmanager
from types import SimpleNamespace
from unittest import mock

import pytest
from playwright.sync_api import expect

from tests.closed import ADMIN, PASSWORD

from .conftest import _new_ui
from .content import FIGURE

LINKS = "3.0/trackway/share-links"


@pytest.fixture(scope="module")
def study(closed_site):
    """An experiment with two runs that have metrics, files and a logged model."""
    import mlflow
    from PIL import Image

    variables = {"MLFLOW_TRACKING_USERNAME": ADMIN, "MLFLOW_TRACKING_PASSWORD": PASSWORD}
    with mock.patch.dict(os.environ, variables):
        mlflow.set_tracking_uri(closed_site.url)
        experiment_id = mlflow.set_experiment("shared study").experiment_id
        run_ids = []
        for name in ("shared-0", "shared-1"):
            with mlflow.start_run(run_name=name) as run:
                run_ids.append(run.info.run_id)
                mlflow.log_params({"depth": 3})
                for step in range(10):
                    mlflow.log_metric("loss", 1 / (step + 1), step=step)
                mlflow.log_text("some words to be read", "notes.txt")
                mlflow.log_text(FIGURE, "figure.html")
                mlflow.log_image(Image.new("RGB", (80, 60), (200, 30, 30)), "red.png")
                log_model()
        mlflow.set_tracking_uri(None)
    return SimpleNamespace(experiment_id=experiment_id, run_ids=run_ids)


def log_model():
    import mlflow

    class Same(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return model_input

    mlflow.pyfunc.log_model(name="model", python_model=Same(), pip_requirements=[])


@pytest.fixture
def visit(browser, closed_site, request):
    """Return a function that opens the address of a new link in a fresh browser."""

    @contextmanager
    def opened(**body):
        url = closed_site.server.call("POST", LINKS, **body)["url"]
        site = SimpleNamespace(url=url.removesuffix("/"))
        with _new_ui(browser, site, request.node.name) as ui:
            ui.page.goto(url)
            yield ui

    return opened


def test_the_page_of_a_run_opens_without_a_log_in(visit, study):
    run_id = study.run_ids[0]
    with visit(run_ids=[run_id]) as ui:
        page = ui.page
        expect(page.get_by_text("shared-0").first).to_be_visible()
        expect(page.get_by_text("shared study").first).to_be_visible()
        expect(page.get_by_text("depth").first).to_be_visible()
        ui.settle()
        ui.picture("run")
        assert page.locator("#trackway-link").count() == 0
        root = f"/experiments/{study.experiment_id}/runs/{run_id}"
        ui.open(f"{root}/model-metrics")
        expect(page.get_by_text("loss").first).to_be_visible()
        ui.settle()
        ui.picture("metrics")
        ui.open(f"{root}/artifacts/notes.txt")
        expect(page.get_by_text("some words to be read").first).to_be_visible()
        ui.settle()
        ui.open(f"{root}/artifacts/red.png")
        ui.settle()
        ui.picture("artifacts")


def test_runs_are_compared(visit, study):
    with visit(run_ids=study.run_ids) as ui:
        for name in ("shared-0", "shared-1"):
            expect(ui.page.get_by_text(name).first).to_be_visible()
        ui.settle()
        ui.picture("compare")


def test_the_runs_of_an_experiment_are_listed(visit, study):
    with visit(experiment_id=study.experiment_id) as ui:
        page = ui.page
        expect(page.get_by_role("link", name="shared-0")).to_be_visible()
        expect(page.get_by_role("link", name="shared-1")).to_be_visible()
        ui.settle()
        ui.picture("runs")
        page.get_by_role("link", name="shared-0").click()
        expect(page.get_by_text("depth").first).to_be_visible()
        ui.settle()


def test_a_user_shares_the_run_of_the_page(visitor, browser, study):
    ui = visitor()
    page = ui.log_in("alice", f"/experiments/{study.experiment_id}/runs/{study.run_ids[1]}")
    expect(page.get_by_text("shared-1").first).to_be_visible()
    ui.settle()
    link = page.locator("#trackway-link")
    expect(link).to_have_text("Share")
    link.click()
    page.get_by_label("Label: what it is for").fill("review")
    page.get_by_role("button", name="Create").click()
    url = page.locator("#url").inner_text()
    with _new_ui(browser, SimpleNamespace(url=url.removesuffix("/")), "shared") as other:
        other.page.goto(url)
        expect(other.page.get_by_text("shared-1").first).to_be_visible()
        other.settle()

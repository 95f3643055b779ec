"""MLflow's own UI in a real browser, page by page: each shows what the server keeps."""

from __future__ import annotations

import json
import re

from mlflow import MlflowClient
from playwright.sync_api import expect


def row(page, text):
    return page.get_by_role("row").filter(has_text=text).first


def test_experiments_are_listed_made_and_renamed(ui):
    page = ui.open("/experiments")
    expect(page.get_by_role("link", name="churn study")).to_be_visible()
    page.get_by_role("button", name="Create", exact=True).click()
    page.get_by_placeholder("Input an experiment name").fill("made by hand")
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    page.wait_for_url(re.compile(r"/experiments/\d+"))
    ui.open("/experiments")
    expect(page.get_by_role("link", name="made by hand")).to_be_visible()
    page.get_by_role("link", name="made by hand").click()
    page.get_by_role("button", name=re.compile("more|actions|menu", re.I)).last.click()
    page.get_by_role("menuitem", name="Edit experiment").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").first.fill("named anew")
    dialog.get_by_role("button", name=re.compile("Save|Submit|Rename")).click()
    expect(page.get_by_text("named anew").first).to_be_visible()
    ui.picture("renamed")
    ui.open("/experiments")
    expect(page.get_by_role("link", name="named anew")).to_be_visible()


def test_an_experiment_is_deleted_and_shows_again_when_restored(ui):
    """The pages offer no restoring of experiments; clients do."""
    client = MlflowClient(ui.site.url)
    experiment_id = client.create_experiment("to be deleted")
    page = ui.open("/experiments")
    row(page, "to be deleted").get_by_role("checkbox").check(force=True)
    page.get_by_role("button", name="Delete").first.click()
    with page.expect_response(re.compile("experiments/delete")):
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("link", name="to be deleted")).to_have_count(0)
    client.restore_experiment(experiment_id)
    ui.open("/experiments")
    expect(page.get_by_role("link", name="to be deleted")).to_be_visible()


def test_runs_are_filtered_and_counted(ui):
    page = ui.open(f"/experiments/{ui.site.experiment_id}/runs")
    for name in ("trial-0", "trial-1", "trial-2"):
        expect(page.get_by_role("link", name=name)).to_be_visible()
    expect(page.get_by_text("customers").first).to_be_visible()
    ui.picture("all")
    search = page.get_by_placeholder(re.compile("metrics.rmse"))
    search.fill("params.depth = '3'")
    search.press("Enter")
    expect(page.get_by_role("link", name="trial-0")).to_have_count(0)
    expect(page.get_by_role("link", name="trial-1")).to_be_visible()


def test_runs_are_sorted(ui):
    page = ui.open(f"/experiments/{ui.site.experiment_id}/runs?orderByKey=metrics.`loss`&orderByAsc=true")
    expect(page.get_by_role("link", name="trial-2")).to_be_visible()
    names = [link.inner_text() for link in page.get_by_role("link", name=re.compile("trial-")).all()]
    assert names == ["trial-2", "trial-1", "trial-0"]


def test_runs_are_deleted_and_restored(ui):
    page = ui.open(f"/experiments/{ui.site.experiment_id}/runs")
    expect(page.get_by_role("link", name="to be deleted")).to_be_visible()
    row(page, "to be deleted").get_by_role("checkbox").first.check()
    page.get_by_role("button", name="Delete").click()
    with page.expect_response(re.compile("runs/delete$")):
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("link", name="to be deleted")).to_have_count(0)
    page = ui.open(f"/experiments/{ui.site.experiment_id}/runs?lifecycleFilter=Deleted")
    expect(page.get_by_role("link", name="to be deleted")).to_be_visible()
    ui.picture("deleted")
    row(page, "to be deleted").get_by_role("checkbox").first.check()
    page.get_by_role("button", name="Restore").click()
    with page.expect_response(re.compile("runs/restore$")):
        page.get_by_role("dialog").get_by_role("button", name="Restore").click()
    expect(page.get_by_role("link", name="to be deleted")).to_have_count(0)
    page = ui.open(f"/experiments/{ui.site.experiment_id}/runs?lifecycleFilter=Active")
    expect(page.get_by_role("link", name="to be deleted")).to_be_visible()


def test_columns_are_chosen(ui):
    page = ui.open(f"/experiments/{ui.site.experiment_id}/runs")
    expect(page.get_by_role("link", name="trial-1")).to_be_visible()
    page.get_by_role("button", name="Columns").click()
    page.get_by_text("optimizer", exact=True).last.click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("gridcell").filter(has_text="sgd").first).to_be_visible()


def test_a_model_is_registered_from_a_run(ui):
    page = ui.open(f"/experiments/{ui.site.experiment_id}/models/{ui.site.model_id}")
    page.get_by_role("button", name="Register model").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox").click()
    page.get_by_text("Create New Model").last.click()
    ui.picture("dialog")
    dialog.get_by_role("textbox").last.fill("fresh model")
    dialog.get_by_role("button", name="Register").click()
    expect(dialog).to_be_hidden()
    ui.open("/models/fresh%20model")
    expect(page.get_by_text("Version 1")).to_be_visible()


def test_model_versions_are_compared(ui):
    page = ui.open("/models/churn")
    for version in ("Version 1", "Version 2"):
        row(page, version).get_by_role("checkbox").check()
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_text("Comparing 2 Versions")).to_be_visible()


def test_charts_of_runs(ui):
    page = ui.open(f"/experiments/{ui.site.experiment_id}/runs?compareRunsMode=CHART")
    expect(page.get_by_text("loss", exact=True).first).to_be_visible()
    expect(page.locator(".js-plotly-plot").first).to_be_visible()


def test_a_run_with_its_metrics_params_dataset_and_tags(ui):
    page = ui.open(f"/experiments/{ui.site.experiment_id}/runs/{ui.site.run_ids[1]}")
    expect(page.get_by_role("heading", name="trial-1")).to_be_visible()
    for text in ("Finished", "customers", "growth", "loss", "optimizer", "sgd"):
        expect(page.get_by_text(text).first).to_be_visible()


def test_charts_of_a_run(ui):
    page = ui.open(f"/experiments/{ui.site.experiment_id}/runs/{ui.site.run_ids[1]}/model-metrics")
    expect(page.locator(".js-plotly-plot").first).to_be_visible()


def test_runs_are_compared(ui):
    runs, experiments = json.dumps(ui.site.run_ids), json.dumps([ui.site.experiment_id])
    page = ui.open(f"/compare-runs?runs={runs}&experiments={experiments}")
    expect(page.get_by_text("Comparing 3 Runs from 1 Experiment")).to_be_visible()
    expect(page.get_by_text("trial-2").first).to_be_visible()
    expect(page.get_by_text("optimizer").first).to_be_visible()


def test_artifacts_are_previewed(ui):
    page = ui.open(f"/experiments/{ui.site.experiment_id}/runs/{ui.site.run_ids[0]}/artifacts")
    page.get_by_text("notes.txt").click()
    expect(page.get_by_text("some words to be read")).to_be_visible()
    page.get_by_text("table.csv").click()
    expect(page.get_by_text("Oslo")).to_be_visible()
    ui.picture("table")
    page.get_by_text("red.png").click()
    expect(page.locator("img[src^='blob:'], img[src^='data:'], .image-container img").first).to_be_visible()


def test_a_logged_model_and_its_files(ui):
    page = ui.open(f"/experiments/{ui.site.experiment_id}/models/{ui.site.model_id}/artifacts")
    page.get_by_text("MLmodel", exact=True).first.click()
    expect(page.get_by_text("python_function").first).to_be_visible()


def test_a_registered_model_gets_and_loses_an_alias(ui):
    page = ui.open("/models/churn")
    versions = page.get_by_role("row").filter(has_text="Version 1")
    versions.get_by_role("button", name="Add").last.click()
    dialog = page.get_by_role("dialog")
    box = dialog.get_by_role("combobox")
    box.fill("champion")
    box.press("Enter")
    with page.expect_response(re.compile("registered-models/alias")):
        dialog.get_by_role("button", name="Save aliases").click()
    ui.open("/models/churn")
    expect(versions.get_by_text("champion")).to_be_visible()
    ui.picture("set")
    versions.get_by_role("button").last.click()
    dialog.get_by_role("combobox").press("Backspace")
    with page.expect_response(re.compile("registered-models/alias")):
        dialog.get_by_role("button", name="Save aliases").click()
    ui.open("/models/churn")
    expect(versions.get_by_role("button", name="Add")).to_have_count(2)


def test_a_model_version_with_its_schema(ui):
    page = ui.open("/models/churn/versions/1")
    expect(page.get_by_role("heading", name="Version 1")).to_be_visible()
    expect(page.get_by_text("Inputs (1)")).to_be_visible()


def test_a_prompt_and_its_versions(ui):
    page = ui.open("/prompts/greeting")
    expect(page.get_by_role("heading", name="greeting")).to_be_visible()
    expect(page.get_by_text("Dear {{name}}, hello")).to_be_visible()
    expect(page.get_by_text("second")).to_be_visible()


def test_an_experiments_other_tabs_stand(ui):
    """Pages of features that are not built are empty, not broken."""
    for tab in ("traces", "evaluation-runs", "datasets", "judges", "prompts", "models"):
        page = ui.open(f"/experiments/{ui.site.experiment_id}/{tab}")
        expect(page.get_by_role("link", name="churn study").first).to_be_visible()
        page.wait_for_timeout(500)
        assert page.locator(".du-bois-light-notification-notice").count() == 0, tab

"""MLflow's own UI in a real browser: traces that a test makes itself, in pages, compared and changed."""

from __future__ import annotations

import json
import re
import time

import mlflow
import pytest
import requests
from mlflow import MlflowClient
from playwright.sync_api import expect

from tests.spans import HEADERS, PATH, body_of, span_of

from .test_traces import row


def select(page, *texts):
    """Select a row, open the menu of actions, and return it."""
    row(page, *texts).hover()
    row(page, *texts).get_by_role("checkbox").check(force=True)
    page.get_by_role("button", name="Actions for selected traces").click()
    return page.get_by_role("menu")


@pytest.fixture
def own(ui):
    """A trace of this test, in an experiment of its own. Return the ids of both."""
    mlflow.set_tracking_uri(ui.site.url)
    experiment_id = MlflowClient().create_experiment(ui._name)
    for name in ("alpha", "beta"):
        with mlflow.start_span(name, trace_destination=destination(experiment_id)) as span:
            span.set_inputs({"question": name})
    mlflow.flush_trace_async_logging()
    yield experiment_id, span.trace_id
    mlflow.set_tracking_uri(None)


def destination(experiment_id):
    from mlflow.entities.trace_location import MlflowExperimentLocation

    return MlflowExperimentLocation(experiment_id)


def send(url, experiment_id, count, *, token=None):
    """Send traces as exporters of OpenTelemetry do, the newest first: question 0, question 1, ..."""
    now = time.time_ns()
    questions = [
        span_of("call", start_ns=now - number * 10**9, attributes={"mlflow.spanInputs": f"question {number}"})
        for number in range(count)
    ]
    headers = {**HEADERS, "X-Mlflow-Experiment-Id": experiment_id}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    requests.post(url + PATH, body_of(*questions), headers=headers, timeout=60).raise_for_status()


def no_message(page):
    """Check that no message popped up."""
    expect(page.locator(".du-bois-light-notification-notice")).to_have_count(0)


def test_more_traces_than_a_page_has_are_on_the_next_pages(ui):
    mlflow.set_tracking_uri(ui.site.url)
    experiment_id = MlflowClient().create_experiment(ui._name)
    mlflow.set_tracking_uri(None)
    send(ui.site.url, experiment_id, 60)
    page = ui.visit(f"/experiments/{experiment_id}/traces")
    expect(page.get_by_text("25 of 60")).to_be_visible()
    for button, number, first, last, count in (
        ("Next page", 2, 25, 49, 25),
        ("Next page", 3, 50, 59, 10),
        ("Previous page", 2, 25, 49, 25),
        ("Previous page", 1, 0, 24, 25),
    ):
        page.get_by_role("button", name=button).click()
        expect(page.get_by_text(f"Page {number}")).to_be_visible()
        expect(row(page, re.compile(rf"question {first}\b"))).to_be_visible()
        expect(row(page, re.compile(rf"question {last}\b"))).to_have_count(1)
        expect(row(page, "question")).to_have_count(count)
    expect(page.get_by_role("button", name="Previous page")).to_be_disabled()
    no_message(page)


def test_two_traces_are_compared(ui, own):
    experiment_id, _ = own
    page = ui.visit(f"/experiments/{experiment_id}/traces")
    for name in ("alpha", "beta"):
        row(page, name).hover()
        row(page, name).get_by_role("checkbox").check(force=True)
    page.get_by_role("button", name="Actions for selected traces").click()
    page.get_by_role("menuitem", name="Compare").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Comparing 2 traces").last).to_be_visible()
    for name in ("alpha", "beta"):
        expect(dialog.get_by_text(name, exact=True).first).to_be_visible()
    dialog.get_by_role("tab", name="Details & Timeline").click()
    ui.settle()
    for name in ("alpha", "beta"):
        expect(dialog.get_by_text(name, exact=True).first).to_be_visible()
    no_message(page)


def test_who_has_logged_in_sees_the_traces_of_a_closed_server(visitor):
    ui = visitor()
    server = ui.site.server
    made = server.call("POST", "2.0/mlflow/experiments/create", name=ui._name)
    send(ui.site.url, made["experiment_id"], 2, token=server.create_token("admin"))
    page = ui.log_in("alice", f"/experiments/{made['experiment_id']}/traces")
    expect(page.get_by_text("2 of 2")).to_be_visible()
    row(page, "question 1").get_by_text("question 1").click()
    expect(page.get_by_role("dialog").get_by_text("question 1").first).to_be_visible()
    ui.settle()
    for tab in ("overview/usage", "chat-sessions"):
        page.evaluate("path => { location.hash = path }", f"/experiments/{made['experiment_id']}/{tab}")
        ui.settle()
    no_message(page)


def test_a_tag_is_set_in_the_list(ui, own):
    experiment_id, trace_id = own
    page = ui.visit(f"/experiments/{experiment_id}/traces")
    select(page, "beta").get_by_role("menuitem", name="Edit tags").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox").fill("colour")
    page.get_by_text('Add tag "colour"').click()
    dialog.get_by_placeholder("Type a value").fill("blue")
    dialog.get_by_role("button", name="Add tag").click()
    dialog.get_by_role("button", name="Save tags").click()
    expect(row(page, "beta")).to_contain_text("colour: blue")
    assert mlflow.get_trace(trace_id).info.tags["colour"] == "blue"


def test_a_trace_is_deleted(ui, own):
    experiment_id, _ = own
    page = ui.visit(f"/experiments/{experiment_id}/traces")
    select(page, "beta").get_by_role("menuitem", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row(page, "beta")).to_have_count(0)
    expect(row(page, "alpha")).to_be_visible()
    assert len(mlflow.search_traces(locations=[experiment_id], return_type="list")) == 1


def test_a_trace_is_assessed_in_its_view(ui, own):
    experiment_id, trace_id = own
    page = ui.visit(f"/experiments/{experiment_id}/traces?selectedEvaluationId={trace_id}")
    page.get_by_role("button", name="Assess").click()
    page.get_by_role("button", name="Add feedback").click()
    page.get_by_text("Human feedback").click()
    page.get_by_placeholder("Enter a feedback name").fill("polite")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_text("Feedback (1)")).to_be_visible()
    ui.settle()
    (found,) = mlflow.get_trace(trace_id).info.assessments
    assert (found.name, found.value, found.source.source_type) == ("polite", True, "HUMAN")
    page.get_by_role("button", name="Add expectation").click()
    page.get_by_placeholder("Enter an expectation name").fill("answer")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_text("Expectations (1)")).to_be_visible()
    ui.picture("assessed")


def test_the_retention_of_an_experiments_traces_is_set(ui, own):
    experiment_id, _ = own
    page = ui.visit(f"/experiments/{experiment_id}/traces")
    page.get_by_role("button", name="Open header dropdown menu").click()
    page.get_by_role("menuitem", name="Edit experiment").click()
    page.get_by_placeholder("Enter the retention").fill("30")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    ui.settle()
    tags = MlflowClient().get_experiment(experiment_id).tags
    assert json.loads(tags["mlflow.trace.archivalRetention"]) == {"type": "duration", "value": "30d"}

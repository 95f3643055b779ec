"""MLflow's own UI in a real browser: the pages of traces show what clients have sent."""

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

from .traced import ANSWERS, QUESTIONS, TOOL_FAULT


@pytest.fixture
def traced(ui):
    return ui.site.traced


@pytest.fixture
def visit(ui, traced):
    return lambda path: ui.visit(f"/experiments/{traced.experiment_id}{path}")


def row(page, *texts):
    found = page.get_by_role("row")
    for text in texts:
        found = found.filter(has_text=text)
    return found


def select(page, *texts):
    """Select a row, open the menu of actions, and return it."""
    row(page, *texts).hover()
    row(page, *texts).get_by_role("checkbox").check(force=True)
    page.get_by_role("button", name="Actions for selected traces").click()
    return page.get_by_role("menu")


def open_trace(visit, trace_id):
    return visit(f"/traces?selectedEvaluationId={trace_id}").get_by_role("dialog")


def test_traces_are_listed_with_what_clients_said_about_them(ui, visit):
    page = visit("/traces")
    expect(page.get_by_text("9 of 9")).to_be_visible()
    for question, answer in zip(QUESTIONS, ANSWERS, strict=True):
        for session in ("talk-1", "talk-2"):
            expect(row(page, question, session)).to_contain_text(answer)
            expect(row(page, question, session)).to_contain_text("1200")
    expect(row(page, "Is anybody there?")).to_contain_text("Error")
    expect(row(page, "talk-3")).to_contain_text("service.name: web")
    expect(row(page, "talk-3")).to_contain_text(re.compile("Which river.*The Rhine", re.DOTALL))
    expect(row(page, QUESTIONS[0], "talk-1")).to_contain_text("team: north")
    expect(row(page, QUESTIONS[1], "talk-1")).to_contain_text(re.compile(r"False\s*0\.50"))


def test_traces_are_found_by_text(ui, visit):
    page = visit("/traces")
    search = page.get_by_placeholder(re.compile("Search traces"))
    search.fill("Faust")
    search.press("Enter")
    expect(page.get_by_text("2 of 9")).to_be_visible()
    expect(row(page, "Who wrote Faust?")).to_have_count(2)
    search.fill("no such words")
    search.press("Enter")
    expect(row(page, "Who wrote Faust?")).to_have_count(0)


@pytest.mark.parametrize(
    ("field", "key", "value", "found"),
    [
        ("State", None, "Error", "Is anybody there?"),
        ("Tag", "team", "south", QUESTIONS[1]),
        ("Span name", None, "chat gpt-4o", "talk-3"),
    ],
)
def test_traces_are_found_by_a_filter(ui, visit, field, key, value, found):
    page = visit("/traces")
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Filter field").click()
    page.get_by_role("option", name=field, exact=True).click()
    if key:
        page.get_by_label("Filter key").fill(key)
    if field == "State":
        page.get_by_label("Filter value").click()
        page.get_by_role("option", name=value).click()
    else:
        page.get_by_label("Filter value").fill(value)
    page.get_by_role("button", name="Apply filters").click()
    expect(page.get_by_text("1 of 9")).to_be_visible()
    expect(row(page, found)).to_be_visible()


def test_traces_are_grouped_by_session(ui, visit):
    page = visit("/traces")
    page.get_by_role("button", name="Group traces by session").click()
    expect(row(page, "talk-2")).to_contain_text("3600")
    expect(row(page, "talk-1")).to_have_count(1)
    expect(row(page, "Is anybody there?")).to_be_visible()


def test_a_column_is_hidden(ui, visit):
    page = visit("/traces")
    expect(page.get_by_role("columnheader", name="Duration")).to_be_visible()
    page.get_by_role("button", name="Display").click()
    page.get_by_role("menuitem", name="Columns").click()
    page.get_by_text("Duration", exact=True).last.click()
    expect(page.get_by_role("columnheader", name="Duration")).to_have_count(0)


def test_a_trace_shows_its_spans_messages_tokens_and_cost(ui, visit, traced):
    dialog = open_trace(visit, traced.conversations[0])
    for text in ("support_agent", "search_library", "ask_model", "1,200 tokens", "$1.00", "talk-1"):
        expect(dialog.get_by_text(text).first).to_be_visible()
    expect(dialog.get_by_text(QUESTIONS[0])).to_be_visible()
    expect(dialog.get_by_text(ANSWERS[0])).to_be_visible()
    dialog.get_by_text("ask_model").first.click()
    for text in ("System", "User", "Assistant", QUESTIONS[0], ANSWERS[0]):
        expect(dialog.get_by_text(text, exact=True).first).to_be_visible()
    expect(dialog.get_by_text("gpt-4o-mini").first).to_be_visible()


def test_a_failure_shows_its_exception(ui, visit, traced):
    dialog = open_trace(visit, traced.failed)
    dialog.get_by_text("search_library").first.click()
    dialog.get_by_role("tab", name="Events").click()
    expect(dialog.get_by_text(TOOL_FAULT).first).to_be_visible()
    expect(dialog.get_by_text("ConnectionError").first).to_be_visible()


def test_an_attached_picture_is_shown(ui, visit, traced):
    dialog = open_trace(visit, traced.pictured)
    picture = dialog.locator("img[src^='blob:'], img[src*='get-trace-artifact'], img[src^='data:image/png']")
    expect(picture).to_be_visible()
    expect(picture).to_have_js_property("naturalWidth", 80)


def test_a_trace_of_opentelemetry_shows_its_messages_and_tokens(ui, visit, traced):
    dialog = open_trace(visit, traced.exported)
    expect(dialog.get_by_text("2,100 tokens").first).to_be_visible()
    dialog.get_by_text("chat gpt-4o").first.click()
    for text in ("User", "Which river flows through Basel?", "Assistant", "The Rhine."):
        expect(dialog.get_by_text(text, exact=True).first).to_be_visible()
    expect(dialog.get_by_text("gpt-4o", exact=True).first).to_be_visible()
    dialog.get_by_role("tab", name="Attributes").click()
    expect(dialog.get_by_text("gen_ai.request.model")).to_be_visible()


def test_a_session_shows_its_turns(ui, visit):
    page = visit("/chat-sessions/talk-1")
    for turn, (question, answer) in enumerate(zip(QUESTIONS, ANSWERS, strict=True), start=1):
        expect(page.get_by_text(f"Turn {turn}").first).to_be_visible()
        expect(page.get_by_text(question)).to_be_visible()
        expect(page.get_by_text(answer)).to_be_visible()
    expect(page.get_by_text("expected_answer: Oslo")).to_be_visible()


def test_the_overview_draws_usage_errors_tokens_and_cost(ui, visit):
    page = visit("/overview/usage")
    shown = page.locator("#root")
    expect(shown).to_contain_text(re.compile(r"Traces\s*9"))
    expect(shown).to_contain_text("(Overall error rate: 11.1%)")
    expect(shown).to_contain_text("9.30K (8.00K input, 1.30K output)")
    # The cost of the trace of OpenTelemetry, less than a cent, is from the list of prices.
    expect(shown).to_contain_text(re.compile(r"\$6\.0\d+ Total Cost"))
    expect(shown).to_contain_text("gpt-4o-mini")
    assert page.locator(".recharts-bar-rectangle").count() > 0


def test_the_overview_draws_quality(ui, visit):
    page = visit("/overview/quality")
    expect(page.locator("#root")).to_contain_text("Average Valuehelpful6-score61.25")
    expect(page.get_by_text("1.25 avg score")).to_be_visible()


def test_the_overview_draws_calls_of_tools(ui, visit):
    page = visit("/overview/tool-calls")
    shown = page.locator("#root")
    for text in ("7Total Tool Calls", "85.71%Success Rate", "1Failed Calls", "search_library785.71%"):
        expect(shown).to_contain_text(text)
    expect(shown).to_contain_text("14.29% overall error rate")


def test_a_run_and_a_model_show_their_traces(ui, visit, traced):
    page = visit(f"/runs/{traced.run_id}/traces")
    expect(page.get_by_text("3 of 3")).to_be_visible()
    page = visit(f"/models/{traced.model_id}/traces")
    expect(page.get_by_text("3 of 3")).to_be_visible()


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

"""MLflow's own UI in a real browser: the pages of traces show what clients have sent."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

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

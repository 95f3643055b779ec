"""Every page of MLflow's UI: none has a failed request or shows an error, and the missing features say so."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

RAW = re.compile(
    r"not implemented|no endpoint|went wrong|server error|NOT_IMPLEMENTED|RESOURCE_DOES_NOT_EXIST|"
    r"INVALID_PARAMETER|Failed to|could not (load|fetch)|error code|undefined",
    re.IGNORECASE,
)
ERRORS = ".du-bois-light-alert-error, .du-bois-light-notification-notice"
# Tabs of an experiment, with the sentence about the feature that is missing.
TABS = {
    "": "",
    "/overview": "",
    "/overview/usage": "",
    "/overview/quality": "",
    "/overview/tool-calls": "",
    "/runs": "",
    "/runs?compareRunsMode=CHART": "",
    "/runs?compareRunsMode=ARTIFACT": "",
    "/traces": "",
    "/chat-sessions": "",
    "/evaluation-runs": "",
    "/datasets": "does not store evaluation datasets yet",
    "/judges": "does not store judges yet",
    "/review-queue": "does not have review queues yet",
    "/playground": "does not have an AI gateway yet",
    "/prompts": "",
    "/prompts/greeting": "",
    "/models": "",
    "/models/{model}": "",
    "/models/{model}/traces": "",
    "/models/{model}/artifacts": "",
    "/runs/{run}": "",
    "/runs/{run}/model-metrics": "",
    "/runs/{run}/system-metrics": "",
    "/runs/{run}/traces": "",
    "/runs/{run}/evaluations": "",
    "/runs/{run}/artifacts": "",
}
# Of an experiment with traces.
TABS_WITH_TRACES = {
    "/overview/usage": "",
    "/overview/quality": "",
    "/overview/tool-calls": "",
    "/traces": "",
    "/traces?selectedEvaluationId={trace}": "",
    "/chat-sessions": "",
    "/chat-sessions/talk-1": "",
    "/evaluation-runs": "",
    "/models/{traced_model}/traces": "",
    "/runs/{traced_run}/traces": "",
    "/runs/{traced_run}/evaluations": "",
}
PAGES = {
    "/": "",
    "/experiments": "",
    "/prompts": "",
    "/prompts/greeting": "",
    "/models": "",
    "/models/churn": "",
    "/models/churn/versions/1": "",
    "/settings": "sends no usage data",
    "/settings/general": "sends no usage data",
    "/settings/webhooks": "",
    "/settings/llm-connections": "does not have an AI gateway yet",
    "/mcp-registry": "does not register MCP servers yet",
    "/admin": "it has no user accounts",
    "/admin/ws": "it has no user accounts",
    "/admin/users/somebody": "it has no user accounts",
    "/account": "it has no user accounts",
    "/compare-runs?runs={runs}&experiments={experiments}": "",
    "/compare-experiments/s?experiments={experiments}": "",
    '/compare-model-versions?name="churn"&runs={versions}': "",
    '/metric?runs={runs}&metric="loss"&experiments={experiments}&plot_metric_keys=["loss"]': "",
    "/runs/{run}": "",
    **{"/experiments/{experiment}" + tab: notice for tab, notice in TABS.items()},
    **{"/experiments/{traced}" + tab: notice for tab, notice in TABS_WITH_TRACES.items()},
}
# Pages of single objects that do not exist, and what they say. Their requests answer 404.
NOT_THERE = {
    "/experiments/987654": "No Experiment with id=987654 exists",
    "/experiments/{experiment}/runs/nothing": "Run ID nothing does not exist",
    "/experiments/{experiment}/models/m-nothing": "Logged model with ID 'm-nothing' not found",
    "/models/nothing": "Model nothing does not exist",
    "/models/churn/versions/99": "Model churn v99 does not exist",
    "/prompts/nothing": "Prompt name 'nothing' does not exist",
    "/no-such-page": "Page Not Found",
    "/gateway": "Page Not Found",
    "/experiments/{experiment}/traces/tr-nothing": "Unable to fetch trace data for trace ID: tr-nothing",
    "/experiments/{experiment}/datasets/d-nothing": "The dataset may have been deleted",
    "/mcp-registry/nothing": "This server (Trackway) has no MCP servers yet",
    "/admin/roles/1": "has no users",
}


def path_of(template, site):
    values = {
        "experiment": site.experiment_id,
        "run": site.run_ids[0],
        "model": site.model_id,
        "traced": site.traced.experiment_id,
        "traced_run": site.traced.run_id,
        "traced_model": site.traced.model_id,
        "trace": site.traced.conversations[0],
        "runs": json.dumps(site.run_ids),
        "experiments": json.dumps([site.experiment_id, "0"]),
        "versions": json.dumps({"1": site.run_ids[0], "2": site.run_ids[0]}),
    }
    return re.sub(r"\{(\w+)\}", lambda name: values[name[1]], template)


@pytest.fixture
def notice(ui):
    return ui.page.locator("#trackway-notice")


def test_no_page_has_a_failed_request_or_shows_an_error(ui, notice):
    for template, sentence in PAGES.items():
        page = ui.visit(path_of(template, ui.site))
        assert ui.faults == [], template
        assert page.locator(ERRORS).all_inner_texts() == [], template
        shown = page.locator("#root").inner_text()
        assert RAW.search(shown) is None, (template, RAW.search(shown))
        assert page.locator("[data-assistant-ui]:visible").count() == 0, template
        assert "collects usage data" not in shown
        if sentence:
            expect(notice).to_contain_text(sentence)
        else:
            expect(notice).to_be_hidden()


def test_a_page_of_what_is_not_there_says_so(ui):
    for template, sentence in NOT_THERE.items():
        page = ui.visit(path_of(template, ui.site))
        expect(page.get_by_text(sentence).first).to_be_visible()
        assert page.locator(".du-bois-light-notification-notice").count() == 0, template
        ui.settle()
        assert all(fault.startswith("404 GET ") for fault in ui.faults), (template, ui.faults)
        ui.faults.clear()


def test_a_notice_is_hidden_until_the_page_is_loaded_again(ui, notice):
    ui.visit("/mcp-registry")
    notice.get_by_role("button", name="Hide").click()
    expect(notice).to_be_hidden()
    ui.visit("/admin")
    expect(notice).to_be_visible()
    ui.visit("/mcp-registry")
    expect(notice).to_be_hidden()
    ui.open("/mcp-registry")
    expect(notice).to_be_visible()


def test_the_switch_for_telemetry_is_off_and_the_home_page_says_nothing_of_it(ui):
    page = ui.visit("/settings/general")
    expect(page.get_by_role("switch").nth(1)).not_to_be_checked()
    ui.open("/")
    expect(page.get_by_text("Welcome to MLflow").first).to_be_visible()
    expect(page.get_by_text("usage data")).to_have_count(0)

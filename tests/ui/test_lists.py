"""Lists with several pages: another order on a later page shows the list, not an error."""

from __future__ import annotations

import re

from playwright.sync_api import expect


def test_experiments_are_sorted_from_their_second_page(ui):
    page = ui.open("/experiments")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("link", name="many 00")).to_be_visible()
    # Depending on the time of its rendering, the UI sends the old page token with the new order, or none.
    with page.expect_response(re.compile("experiments/search.*order_by=name")):
        page.get_by_role("columnheader", name="Name").get_by_role("button").or_(
            page.get_by_role("columnheader", name="Name").get_by_text("Name")
        ).first.click()
    expect(page.get_by_role("link", name=re.compile("^(Default|many|churn)")).first).to_be_visible()


def test_models_are_sorted_from_their_second_page(ui):
    page = ui.open("/models")
    page.get_by_role("button", name="Try it now").click()
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("link", name="many-25")).to_be_visible()
    page.get_by_role("columnheader", name="Name").click()
    ui.settle()
    expect(page.get_by_role("link", name=re.compile("^(churn|many-)")).first).to_be_visible()

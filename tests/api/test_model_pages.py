"""The pages of a registered model and of its versions."""

from __future__ import annotations

import pytest

from tests.access import closed_server
from tests.pages import Page, Visitor
from trackway.client_compat.trackway_api import RegisteredModelChange
from trackway.server.pages import lanes

from .test_policies import iris, put_policy, set_alias
from .test_registry import MODELS, VERSIONS

__all__ = ["iris"]


def open_page(api, path):
    return Page(api.get(path, headers={"Accept": "text/html"}))


def test_a_model_shows_its_aliases_versions_policies_and_history(iris):
    put_policy(iris)
    for version in (1, 3):
        assert set_alias(iris, version).status_code == 200
    page = open_page(iris, "/trackway/models/iris")
    assert page.status == 200
    for text in (
        "Version 3",
        "Guards alias:production of iris",
        "quality: metrics.accuracy >= alias.production.metrics.accuracy - 0.005",
        "alias production moved 1 3",
    ):
        assert text in page.text, (text, page.text)
    assert "production: version 1, from" in page.response.text
    assert "until now (UTC)" in page.response.text
    assert page.links["Version 3"] == "/trackway/models/iris/versions/3"


def test_a_version_says_what_it_may_become(iris):
    put_policy(iris)
    assert set_alias(iris, 1).status_code == 200
    assert set_alias(iris, 2).status_code == 403
    page = open_page(iris, "/trackway/models/iris/versions/2")
    for text in (
        "May it become @production?",
        "By the policy release: no .",
        "metrics.accuracy is 0.93",
        "alias.production.metrics.accuracy of version 1 is 0.96",
        "tags.owner is not known: neither it nor its run has this tag",
        "production fail",  # the verdict of the refused move
    ):
        assert text in page.text or text in page.text.replace("alias:", ""), (text, page.text)
    assert not page.forms  # nobody has logged in


def test_the_models_are_listed(iris):
    assert open_page(iris, "/trackway/models").links["iris"] == "/trackway/models/iris"


@pytest.mark.parametrize("path", ["nope", "iris/versions/9", "iris/versions/x", "a%27%22b"])
def test_what_does_not_exist_is_said(iris, path):
    page = open_page(iris, f"/trackway/models/{path}")
    assert page.status in (400, 404)
    assert "Refused" in page.text


def test_texts_of_users_are_no_markup(iris):
    tag = {"name": "iris", "version": "1", "key": "k", "value": "<script>alert(1)</script>"}
    assert iris.post(f"{VERSIONS}/set-tag", json=tag).status_code == 200
    assert b"<script" not in iris.get("/trackway/models/iris/versions/1").data


def test_a_user_approves_on_the_page(store_uri, tmp_path):
    with closed_server(store_uri, tmp_path) as server:
        server.ok("POST", f"{MODELS}/create", name="iris")
        server.ok("POST", f"{VERSIONS}/create", name="iris", source="s3://b/1")
        rules = [{"name": "approved", "expression": "approvals.count >= 1"}]
        body = {"target": "alias:production", "rules": rules}
        server.ok("PUT", "/api/3.0/trackway/policies/release", **body)
        visitor = Visitor(server.client, "admin")
        page = visitor.open("/trackway/models/iris/versions/1")
        assert "By the policy release: no ." in page.text
        page = visitor.send(page, decision="approve", comment="looks right")
        assert "By the policy release: yes ." in page.text
        assert "looks right counts" in page.text
        page = visitor.send(page, decision="perhaps")
        assert (page.status, "Invalid decision 'perhaps'" in page.text) == (400, True)
        assert visitor.send(page, decision="approve", csrf="forged").status == 403
        server.ok(
            "POST",
            "/api/3.0/mlflow/users/permissions/grant",
            username="alice",
            resource_type="registered_model",
            resource_id="iris",
            permission="DENY",
        )
        assert Visitor(server.client, "alice").open("/trackway/models/iris").status == 403


def test_the_bars_of_an_alias_follow_each_other():
    def change(action, time_ms, version, alias="a"):
        return RegisteredModelChange(action=action, time_ms=time_ms, version=version, key=alias)

    changes = [
        change("alias_set", 90, "4"),
        change("alias_removed", 60, "2"),
        change("version_created", 55, "4", None),
        change("alias_moved", 50, "2"),
        change("alias_set", 20, "3", "b"),
        change("alias_set", 0, "1"),
    ]
    found = lanes.bars(changes, 100)
    assert [(bar.alias, bar.version, bar.from_ms, bar.until_ms, bar.lane) for bar in found] == [
        ("a", "1", 0, 50, 0),
        ("a", "2", 50, 60, 0),
        ("a", "4", 90, None, 0),
        ("b", "3", 20, None, 1),
    ]
    assert found[0].x == lanes.LABEL_WIDTH
    assert found[3].x + found[3].width == pytest.approx(lanes.WIDTH)
    assert lanes.bars([], 100) == []

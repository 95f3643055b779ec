"""Page tokens of another filter or order: the UI gets the first page, clients an error."""

from __future__ import annotations

import pytest

IS_PROMPT = "tags.`mlflow.prompt.is_prompt` = 'true'"
# Path of a list, its parameters, and the changes that the UI's filters and columns make to them.
LISTS = {
    "experiments": (
        "experiments/search",
        {"order_by": ["name ASC"]},
        [{"order_by": ["name DESC"]}, {"order_by": ["name ASC"], "filter": "name LIKE 'item%'"}],
    ),
    "runs": (
        "runs/search",
        {"order_by": ["attributes.run_name ASC"]},
        [{"order_by": ["attributes.run_name DESC"]}, {"filter": "attributes.run_name LIKE 'item%'"}],
    ),
    "models": (
        "registered-models/search",
        {"order_by": ["name ASC"]},
        [{"order_by": ["name DESC"]}, {"filter": "name LIKE 'item%'"}],
    ),
    "prompts": (
        "registered-models/search",
        {"filter": IS_PROMPT},
        [
            {"filter": f"{IS_PROMPT} AND name ILIKE '%item%'"},
            {"filter": IS_PROMPT, "order_by": ["name DESC"]},
        ],
    ),
    "versions": (
        "model-versions/search",
        {"filter": "name = 'item 0'", "order_by": ["version_number ASC"]},
        [{"filter": "name = 'item 0'"}, {"filter": "name LIKE 'item%'"}],
    ),
    "logged models": (
        "logged-models/search",
        {"order_by": [{"field_name": "name", "ascending": True}]},
        [
            {"order_by": [{"field_name": "name", "ascending": False}]},
            {"filter": "name != 'x'", "order_by": [{"field_name": "name", "ascending": True}]},
            {"order_by": [{"field_name": "name"}], "datasets": [{"dataset_name": "train"}]},
        ],
    ),
}


@pytest.fixture
def filled(api):
    def post(path, **body):
        response = api.post(f"/api/2.0/mlflow/{path}", json=body)
        assert response.status_code == 200, response.text
        return response.get_json()

    for number in range(3):
        name = f"item {number}"
        experiment = post("experiments/create", name=name)["experiment_id"]
        post("runs/create", experiment_id="0", run_name=name)
        post("logged-models", experiment_id="0", name=f"item-{number}")
        post("registered-models/create", name=name)
        post("model-versions/create", name="item 0", source=f"s3://bucket/{experiment}")
        tags = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
        post("registered-models/create", name=f"prompt-item-{number}", tags=tags)
    return api


def send(api, prefix, kind, page_token=None, **search):
    path = f"{prefix}/2.0/mlflow/{LISTS[kind][0]}"
    body = {"max_results": 1, **search}
    if page_token:
        body["page_token"] = page_token
    if kind in ("runs", "logged models"):
        body["experiment_ids"] = ["0"]
    if kind in ("models", "prompts", "versions"):
        return api.get(path, query_string=body)
    return api.post(path, json=body)


@pytest.mark.parametrize("kind", LISTS)
def test_the_ui_gets_the_first_page_of_the_list_it_asks_for(filled, kind):
    _, search, changes = LISTS[kind]
    token = send(filled, "/ajax-api", kind, **search).get_json()["next_page_token"]
    for change in changes:
        first = send(filled, "/ajax-api", kind, **change)
        answer = send(filled, "/ajax-api", kind, token, **change)
        assert answer.status_code == 200
        assert answer.get_json() == first.get_json()
    second = send(filled, "/ajax-api", kind, token, **search).get_json()
    assert second != send(filled, "/ajax-api", kind, **search).get_json()


@pytest.mark.parametrize("kind", LISTS)
def test_clients_are_told_that_the_token_is_of_another_query(filled, kind):
    _, search, (change, *_) = LISTS[kind]
    token = send(filled, "/api", kind, **search).get_json()["next_page_token"]
    answer = send(filled, "/api", kind, token, **change)
    assert answer.status_code == 400
    assert "page token" in answer.get_json()["message"]


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("damage", ["garbage", "{}x", "x{}", "a.b.c.d"])
def test_the_ui_is_refused_a_token_that_no_server_issued(filled, kind, damage):
    _, search, (change, *_) = LISTS[kind]
    token = send(filled, "/ajax-api", kind, **search).get_json()["next_page_token"]
    for asked in (search, change):
        answer = send(filled, "/ajax-api", kind, damage.format(token), **asked)
        assert answer.status_code == 400
        assert "page token" in answer.get_json()["message"]

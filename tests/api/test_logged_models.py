"""Logged models over HTTP: the JSON in and out."""

from __future__ import annotations

import re

import pytest

LOGGED_MODELS = "/api/2.0/mlflow/logged-models"
READY = "LOGGED_MODEL_READY"


@pytest.fixture
def model(api):
    """A new model's answer, with a tag and a param."""
    body = {
        "experiment_id": "0",
        "name": "iris",
        "model_type": "sklearn",
        "source_run_id": "f" * 32,
        "params": [{"key": "lr", "value": "0.1"}],
        "tags": [{"key": "team", "value": "vision"}],
    }
    response = api.post(LOGGED_MODELS, json=body)
    assert response.status_code == 200, response.text
    return response.get_json()["model"]


@pytest.fixture
def model_id(model):
    return model["info"]["model_id"]


@pytest.fixture
def run_id(api):
    run = api.post("/api/2.0/mlflow/runs/create", json={"experiment_id": "0", "start_time": 1})
    return run.get_json()["run"]["info"]["run_id"]


def get(api, model_id):
    return api.get(f"{LOGGED_MODELS}/{model_id}").get_json()["model"]


def refusal(response, status, code):
    assert response.status_code == status, response.text
    assert response.get_json()["error_code"] == code
    return response.get_json()["message"]


def search(api, **body):
    response = api.post(f"{LOGGED_MODELS}/search", json={"experiment_ids": ["0"], **body})
    assert response.status_code == 200, response.text
    return response.get_json()


def test_a_new_model(api, model, model_id):
    created = model["info"]["creation_timestamp_ms"]
    assert model == {
        "info": {
            "model_id": model_id,
            "experiment_id": "0",
            "name": "iris",
            "creation_timestamp_ms": created,
            "last_updated_timestamp_ms": created,
            "artifact_uri": f"mlflow-artifacts:/0/models/{model_id}/artifacts",
            "status": "LOGGED_MODEL_PENDING",
            "model_type": "sklearn",
            "source_run_id": "f" * 32,
            "tags": [{"key": "team", "value": "vision"}],
        },
        "data": {"params": [{"key": "lr", "value": "0.1"}]},
    }
    assert get(api, model_id) == model


def test_a_model_of_which_nothing_is_said(api):
    made = api.post(LOGGED_MODELS, json={"experiment_id": "0"}).get_json()["model"]
    assert re.fullmatch(r"[a-z]+-[a-z]+-\d+", made["info"].pop("name"))
    assert made == {
        "info": {
            "model_id": made["info"]["model_id"],
            "experiment_id": "0",
            "creation_timestamp_ms": made["info"]["creation_timestamp_ms"],
            "last_updated_timestamp_ms": made["info"]["last_updated_timestamp_ms"],
            "artifact_uri": f"mlflow-artifacts:/0/models/{made['info']['model_id']}/artifacts",
            "status": "LOGGED_MODEL_PENDING",
            "model_type": "",
            "source_run_id": "",
        },
        "data": {},
    }


@pytest.mark.parametrize("name", ["a/b", "a:b", "a.b", "50%", 'say "a"', "it's"])
def test_a_name_that_could_be_taken_for_a_path_is_refused(api, name):
    response = api.post(LOGGED_MODELS, json={"experiment_id": "0", "name": name})
    assert refusal(response, 400, "INVALID_PARAMETER_VALUE") == (
        f"Invalid model name ({name!r}) provided. Model name must be a non-empty string "
        "and cannot contain the following characters: ('/', ':', '.', '%', '\"', \"'\")"
    )


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", "x" * 501, "'name' exceeds the maximum length of 500 characters"),
        ("params", [{"key": "k" * 256}], "'params[0].key' exceeds the maximum length of 255 characters"),
        (
            "tags",
            [{"key": "a"}, {"key": "k" * 256}],
            "'tags[1].key' exceeds the maximum length of 255 characters",
        ),
    ],
)
def test_what_is_too_long_for_an_index_is_refused(api, field, value, said):
    response = api.post(LOGGED_MODELS, json={"experiment_id": "0", field: value})
    assert refusal(response, 400, "INVALID_PARAMETER_VALUE") == said


@pytest.mark.parametrize("status", [READY, 2])
def test_finalizing_answers_the_model(api, model, model_id, status):
    response = api.patch(f"{LOGGED_MODELS}/{model_id}", json={"model_id": model_id, "status": status})
    finalized = response.get_json()["model"]
    assert finalized["info"].pop("last_updated_timestamp_ms") >= model["info"].pop(
        "last_updated_timestamp_ms"
    )
    assert finalized == {**model, "info": {**model["info"], "status": READY}}


def test_params_are_added_and_not_changed(api, model_id):
    path = f"{LOGGED_MODELS}/{model_id}/params"
    assert api.post(path, json={"params": [{"key": "depth", "value": "3"}]}).get_json() == {}
    changed = api.post(path, json={"params": [{"key": "lr", "value": "9"}, {"key": "new", "value": "1"}]})
    assert refusal(changed, 400, "INVALID_PARAMETER_VALUE") == (
        "Changing param values is not allowed. Param with key='lr' was already logged with value='0.1' "
        "for the logged model. Attempted logging new value '9'."
    )
    assert get(api, model_id)["data"] == {
        "params": [{"key": "depth", "value": "3"}, {"key": "lr", "value": "0.1"}]
    }


def test_tags_are_set_and_deleted(api, model_id):
    tags = [{"key": "a/b", "value": "1"}, {"key": "team", "value": "x"}, {"key": "team", "value": "audio"}]
    assert api.patch(f"{LOGGED_MODELS}/{model_id}/tags", json={"tags": tags}).get_json() == {}
    assert get(api, model_id)["info"]["tags"] == [
        {"key": "a/b", "value": "1"},
        {"key": "team", "value": "audio"},
    ]
    assert api.delete(f"{LOGGED_MODELS}/{model_id}/tags/team").get_json() == {}
    again = api.delete(f"{LOGGED_MODELS}/{model_id}/tags/team")
    assert refusal(again, 404, "RESOURCE_DOES_NOT_EXIST") == (
        f"No tag with key 'team' found for model with ID '{model_id}'."
    )


def test_a_deleted_model_is_not_found(api, model_id):
    assert api.delete(f"{LOGGED_MODELS}/{model_id}").get_json() == {}
    assert refusal(api.get(f"{LOGGED_MODELS}/{model_id}"), 404, "RESOURCE_DOES_NOT_EXIST") == (
        f"Logged model with ID '{model_id}' not found."
    )
    assert search(api) == {}
    shown = api.get(f"{LOGGED_MODELS}/{model_id}?allow_deleted=true").get_json()["model"]
    assert shown["info"]["model_id"] == model_id
    assert api.get(f"{LOGGED_MODELS}/{model_id}?allow_deleted=false").status_code == 404


def test_an_unknown_model_is_not_found(api):
    path = f"{LOGGED_MODELS}/m-nope"
    for response in (
        api.get(path),
        api.patch(path, json={"status": READY}),
        api.delete(path),
        api.post(f"{path}/params", json={"params": [{"key": "k", "value": "v"}]}),
        api.patch(f"{path}/tags", json={"tags": [{"key": "k", "value": "v"}]}),
        api.delete(f"{path}/tags/k"),
    ):
        told = refusal(response, 404, "RESOURCE_DOES_NOT_EXIST")
        assert told == "Logged model with ID 'm-nope' not found."


def test_metrics_name_their_model_run_and_dataset(api, model_id, run_id):
    metric = {"key": "acc", "value": 0.5, "timestamp": 10, "step": 1, "model_id": model_id}
    on_iris = {**metric, "timestamp": 11, "dataset_name": "iris", "dataset_digest": "d1"}
    assert api.post("/api/2.0/mlflow/runs/log-metric", json={"run_id": run_id, **metric}).get_json() == {}
    batch = {"run_id": run_id, "metrics": [on_iris, {"key": "loss", "value": 1, "timestamp": 5}]}
    assert api.post("/api/2.0/mlflow/runs/log-batch", json=batch).get_json() == {}
    assert get(api, model_id)["data"]["metrics"] == [
        {**metric, "run_id": run_id},
        {**on_iris, "run_id": run_id},
    ]
    run = api.get(f"/api/2.0/mlflow/runs/get?run_id={run_id}").get_json()["run"]
    assert run["data"]["metrics"] == [
        {"key": "acc", "value": 0.5, "timestamp": 11, "step": 1},
        {"key": "loss", "value": 1.0, "timestamp": 5, "step": 0},
    ]


def test_a_metric_of_an_unknown_model_stores_nothing_of_its_batch(api, run_id):
    metric = {"key": "acc", "value": 0.5, "timestamp": 10, "model_id": "m-nope"}
    batch = {"run_id": run_id, "metrics": [metric], "params": [{"key": "p", "value": "1"}]}
    told = refusal(api.post("/api/2.0/mlflow/runs/log-batch", json=batch), 404, "RESOURCE_DOES_NOT_EXIST")
    assert told == "Logged model with ID 'm-nope' not found."
    run = api.get(f"/api/2.0/mlflow/runs/get?run_id={run_id}").get_json()["run"]
    assert set(run["data"]) == {"tags"}


@pytest.mark.parametrize("half", ["dataset_name", "dataset_digest"])
@pytest.mark.parametrize("model_id", ["m-nope", None])
def test_half_a_dataset_is_refused(api, run_id, half, model_id):
    metric = {"key": "acc", "value": 0.5, "timestamp": 10, half: "x", "model_id": model_id}
    response = api.post("/api/2.0/mlflow/runs/log-metric", json={"run_id": run_id, **metric})
    assert refusal(response, 400, "INVALID_PARAMETER_VALUE") == (
        "Both dataset_name and dataset_digest must be provided if one is provided"
    )


def test_outputs_of_a_run_name_models_known_or_not_and_may_be_sent_again(api, model_id, run_id):
    outputs = [{"model_id": model_id, "step": 1}, {"model_id": "m-nope", "step": 2}]
    for _ in range(2):
        answer = api.post("/api/2.0/mlflow/runs/outputs", json={"run_id": run_id, "models": outputs})
        assert answer.get_json() == {}
    api.delete(f"{LOGGED_MODELS}/{model_id}")
    run = api.get(f"/api/2.0/mlflow/runs/get?run_id={run_id}").get_json()["run"]
    assert run["outputs"] == {"model_outputs": outputs}


def test_a_search_goes_page_by_page(api):
    for name in "abc":
        api.post(LOGGED_MODELS, json={"experiment_id": "0", "name": name})
    order = [{"field_name": "name", "ascending": False}]
    first = search(api, max_results=2, order_by=order)
    assert [model["info"]["name"] for model in first["models"]] == ["c", "b"]
    second = search(api, max_results=2, order_by=order, page_token=first["next_page_token"])
    assert [model["info"]["name"] for model in second["models"]] == ["a"]
    assert "next_page_token" not in second


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"experiment_ids": None}, "Missing value for required parameter 'experiment_ids'"),
        ({"experiment_ids": ["abc"]}, "Invalid experiment ID 'abc'. Experiment ID must be a valid integer."),
        ({"max_results": -1}, "Invalid value -1 for parameter 'max_results' supplied."),
        (
            {"datasets": [{"dataset_digest": "d"}]},
            "`dataset_name` in the `datasets` clause must be specified.",
        ),
        ({"page_token": "garbage"}, "Invalid page token"),
        ({"order_by": [{"field_name": "params.lr"}]}, "Invalid order by field name: params.lr. Only metrics"),
        ({"filter": "metrics.loss LIKE 'x'"}, "Invalid comparison operator for metrics.loss: 'LIKE'."),
    ],
)
def test_a_search_that_makes_no_sense_is_refused(api, body, said):
    response = api.post(f"{LOGGED_MODELS}/search", json={"experiment_ids": ["0"], **body})
    assert refusal(response, 400, "INVALID_PARAMETER_VALUE").startswith(said)

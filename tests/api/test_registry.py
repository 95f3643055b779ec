"""The model registry over HTTP: the JSON in and out."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from trackway.server.cli import history, main

MODELS = "/api/2.0/mlflow/registered-models"
VERSIONS = "/api/2.0/mlflow/model-versions"
OURS = "/api/3.0/trackway/registered-models"


def post(api, path, **body):
    return answer(api.post(path, json=body))


def get(api, path, **query):
    return answer(api.get(path, query_string=query))


def answer(response):
    assert response.status_code == 200, response.text
    return response.get_json()


def refusal(response, status, code):
    assert response.status_code == status, response.text
    assert response.get_json()["error_code"] == code
    return response.get_json()["message"]


def timeless(value):
    """The answer with its times as "<time>"."""
    if isinstance(value, dict):
        return {
            key: "<time>" if key.endswith(("_timestamp", "time_ms")) else timeless(item)
            for key, item in value.items()
        }
    return [timeless(item) for item in value] if isinstance(value, list) else value


@pytest.fixture
def iris(api):
    """A model with two versions, the first of which is the champion."""
    post(api, f"{MODELS}/create", name="iris", tags=[{"key": "team", "value": "vision"}])
    post(api, f"{VERSIONS}/create", name="iris", source="s3://b/1", tags=[{"key": "k", "value": ""}])
    post(api, f"{VERSIONS}/create", name="iris", source="s3://b/2", run_id="r2", description="second")
    post(api, f"{MODELS}/alias", name="iris", alias="champion", version="1")


FIRST = {
    "name": "iris",
    "version": "1",
    "creation_timestamp": "<time>",
    "last_updated_timestamp": "<time>",
    "current_stage": "None",
    "description": "",
    "source": "s3://b/1",
    "run_id": "",
    "status": "READY",
    "tags": [{"key": "k", "value": ""}],
    "run_link": "",
}
SECOND = {
    "name": "iris",
    "version": "2",
    "creation_timestamp": "<time>",
    "last_updated_timestamp": "<time>",
    "current_stage": "None",
    "description": "second",
    "source": "s3://b/2",
    "run_id": "r2",
    "status": "READY",
    "run_link": "",
}


def test_a_new_model(api):
    made = post(
        api, f"{MODELS}/create", name="iris", description="", tags=[{"key": "k"}, {"key": "k", "value": "2"}]
    )
    expected = {
        "name": "iris",
        "creation_timestamp": "<time>",
        "last_updated_timestamp": "<time>",
        "tags": [{"key": "k", "value": "2"}],
    }
    assert timeless(made) == {"registered_model": expected}
    assert timeless(get(api, f"{MODELS}/get", name="iris")) == {"registered_model": expected}


def test_a_model_with_all_that_hangs_on_it(api, iris):
    assert timeless(get(api, f"{MODELS}/get", name="iris")) == {
        "registered_model": {
            "name": "iris",
            "creation_timestamp": "<time>",
            "last_updated_timestamp": "<time>",
            "latest_versions": [SECOND],
            "tags": [{"key": "team", "value": "vision"}],
            "aliases": [{"alias": "champion", "version": "1"}],
        }
    }


def test_a_version_is_found_by_its_number_and_by_its_alias(api, iris):
    champion = {"model_version": {**FIRST, "aliases": ["champion"]}}
    assert timeless(get(api, f"{VERSIONS}/get", name="iris", version="1")) == champion
    assert timeless(get(api, f"{MODELS}/alias", name="iris", alias="champion")) == champion
    assert timeless(get(api, f"{MODELS}/alias", name="iris", alias="latest")) == {"model_version": SECOND}


def test_the_newest_versions_come_by_both_verbs(api, iris):
    expected = {"model_versions": [SECOND]}
    assert timeless(post(api, f"{MODELS}/get-latest-versions", name="iris")) == expected
    assert (
        timeless(get(api, f"{MODELS}/get-latest-versions", name="iris", stages=["None", "staging"]))
        == expected
    )
    assert get(api, f"{MODELS}/get-latest-versions", name="iris", stages=["staging"]) == {}


def test_versions_that_were_searched_for(api, iris):
    found = get(api, f"{VERSIONS}/search", filter="name = 'iris'", max_results=1)
    token = found.pop("next_page_token")
    assert timeless(found) == {"model_versions": [SECOND]}
    query = {"filter": "name = 'iris'", "max_results": 1, "page_token": token}
    assert timeless(get(api, f"{VERSIONS}/search", **query)) == {"model_versions": [FIRST]}


def test_models_that_were_searched_for_and_those_that_1_x_clients_list(api, iris):
    found = get(api, f"{MODELS}/search", filter="tags.team = 'vision'")
    assert [model["name"] for model in found["registered_models"]] == ["iris"]
    assert "next_page_token" not in found
    assert get(api, "/api/2.0/preview/mlflow/registered-models/list") == found


@pytest.mark.parametrize(
    ("path", "most"), [(f"{MODELS}/search", 1000), (f"{VERSIONS}/search", 200_000), (f"{OURS}/history", 1000)]
)
def test_the_size_of_a_page_has_limits(api, iris, path, most):
    get(api, path, name="iris", max_results=most)
    for count in (0, -1, most + 1):
        response = api.get(path, query_string={"name": "iris", "max_results": count})
        assert "max_results" in refusal(response, 400, "INVALID_PARAMETER_VALUE")


def test_changes_of_a_model_answer_with_the_model(api, iris):
    changed = answer(api.patch(f"{MODELS}/update", json={"name": "iris", "description": "flowers"}))
    assert changed["registered_model"]["description"] == "flowers"
    changed = answer(api.patch(f"{MODELS}/update", json={"name": "iris"}))
    assert "description" not in changed["registered_model"]
    changed = post(api, f"{MODELS}/rename", name="iris", new_name="a b%2F?ä")
    assert changed["registered_model"]["latest_versions"][0]["name"] == "a b%2F?ä"
    assert get(api, f"{MODELS}/get", name="a b%2F?ä") == changed


def test_changes_of_a_version_answer_with_the_version(api, iris):
    version = {"name": "iris", "version": "1"}
    changed = answer(api.patch(f"{VERSIONS}/update", json={**version, "description": "d"}))["model_version"]
    assert changed["description"] == "d"
    assert changed["aliases"] == ["champion"]
    changed = answer(api.patch(f"{VERSIONS}/update", json=version))["model_version"]
    assert "description" not in changed
    changed = post(api, f"{VERSIONS}/transition-stage", **version, stage="sTaGing")["model_version"]
    assert changed["current_stage"] == "Staging"


def test_what_answers_nothing(api, iris):
    version = {"name": "iris", "version": "1"}
    tag = {"key": "k", "value": "v"}
    assert post(api, f"{MODELS}/set-tag", name="iris", **tag) == {}
    assert post(api, f"{VERSIONS}/set-tag", **version, **tag) == {}
    for path, body in (
        (f"{MODELS}/delete-tag", {"name": "iris", "key": "k"}),
        (f"{VERSIONS}/delete-tag", {**version, "key": "k"}),
        (f"{MODELS}/alias", {"name": "iris", "alias": "champion"}),
    ):
        assert answer(api.delete(path, json=body)) == {}
        assert answer(api.delete(path, json=body)) == {}  # what is not there is fine
    assert answer(api.delete(f"{VERSIONS}/delete", json=version)) == {}
    assert answer(api.delete(f"{MODELS}/delete", json={"name": "iris"})) == {}


def test_a_deleted_version_frees_no_number(api, iris):
    answer(api.delete(f"{VERSIONS}/delete", json={"name": "iris", "version": "2"}))
    made = post(api, f"{VERSIONS}/create", name="iris", source="s3://b/3")
    assert made["model_version"]["version"] == "3"
    text = refusal(
        api.get(f"{VERSIONS}/get", query_string={"name": "iris", "version": "2"}),
        404,
        "RESOURCE_DOES_NOT_EXIST",
    )
    assert text == "Model Version (name=iris, version=2) not found"


def test_a_copy_lies_where_the_original_lies(api, iris):
    post(api, f"{MODELS}/create", name="copy")
    made = post(api, f"{VERSIONS}/create", name="copy", source="models:/iris@champion")["model_version"]
    assert (made["source"], made["current_stage"]) == ("models:/iris/1", "None")
    again = post(api, f"{VERSIONS}/create", name="copy", source="models:/copy/1")["model_version"]
    for version in ("1", "2"):
        assert get(api, f"{VERSIONS}/get-download-uri", name="copy", version=version) == {
            "artifact_uri": "s3://b/1"
        }
    assert again["source"] == "models:/copy/1"


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        ({"name": "iris"}, "Missing value for required parameter 'source'"),
        ({"source": "s3://b/x"}, "Missing value for required parameter 'name'"),
        ({"name": "nope", "source": "s3://b/x"}, "Registered Model with name=nope not found"),
        ({"name": "iris", "source": "/etc"}, "To use a local path as a model version source, the run_id"),
        (
            {"name": "iris", "source": "s3://b/../x"},
            "an absolute path must be provided without relative path",
        ),
        ({"name": "iris", "source": "http://h/x"}, "'source' cannot use the 'http' scheme"),
        (
            {"name": "iris", "source": "runs:/abc/m"},
            "The run_id request parameter must identify the resource",
        ),
        ({"name": "iris", "source": "s3://b/x", "model_id": "m-1"}, "Logged model with ID 'm-1' not found"),
        ({"name": "iris", "source": "s3://b/x", "run_id": "x" * 501}, "'run_id' exceeds the maximum length"),
        ({"name": "iris", "source": "s3://b/x", "tags": [{"key": "*"}]}, "Names may only contain"),
    ],
)
def test_a_version_that_cannot_be_leaves_nothing_behind(api, iris, request_, text):
    response = api.post(f"{VERSIONS}/create", json=request_)
    assert response.status_code in (400, 404)
    assert text in response.get_json()["message"]
    assert post(api, f"{VERSIONS}/create", name="iris", source="s3://b/3")["model_version"]["version"] == "3"


def test_a_version_of_a_logged_model(api, iris):
    request = {"experiment_id": "0", "name": "m", "source_run_id": "f" * 32}
    info = post(api, "/api/2.0/mlflow/logged-models", **request)["model"]["info"]
    model_id = info["model_id"]
    made = post(api, f"{VERSIONS}/create", name="iris", source=f"models:/{model_id}", model_id=model_id)
    assert made["model_version"]["model_id"] == model_id
    assert made["model_version"]["run_id"] == "f" * 32
    where = get(api, f"{VERSIONS}/get-download-uri", name="iris", version="3")
    assert where == {"artifact_uri": info["artifact_uri"]}
    tags = get(api, f"/api/2.0/mlflow/logged-models/{model_id}")["model"]["info"]["tags"]
    assert tags == [{"key": "mlflow.modelVersions", "value": '[{"name": "iris", "version": 3}]'}]


def test_stages_that_cannot_archive(api, iris):
    body = {"name": "iris", "version": "1", "stage": "Archived", "archive_existing_versions": True}
    response = api.post(f"{VERSIONS}/transition-stage", json=body)
    assert "cannot archive existing model versions" in refusal(response, 400, "INVALID_PARAMETER_VALUE")


def test_the_history_of_a_model(api, iris):
    found = get(api, f"{OURS}/history", name="iris", max_results=3)
    token = found.pop("next_page_token")
    requests = [change.pop("request_id") for change in found["changes"]]
    assert len(set(requests)) == 2
    assert timeless(found) == {
        "changes": [
            {
                "time_ms": "<time>",
                "action": "alias_set",
                "name": "iris",
                "version": "1",
                "key": "champion",
                "new_value": "1",
            },
            {
                "time_ms": "<time>",
                "action": "version_description_set",
                "name": "iris",
                "version": "2",
                "new_value": "second",
            },
            {
                "time_ms": "<time>",
                "action": "version_created",
                "name": "iris",
                "version": "2",
                "new_value": "s3://b/2",
            },
        ]
    }
    rest = get(api, f"{OURS}/history", name="iris", page_token=token)
    assert [change["action"] for change in rest["changes"]] == [
        "version_tag_set",
        "version_created",
        "model_tag_set",
        "model_created",
    ]


def test_an_alias_at_a_moment(api, iris):
    set_ = get(api, f"{OURS}/history", name="iris", max_results=1)["changes"][0]
    query = {"name": "iris", "alias": "champion"}
    assert get(api, f"{OURS}/alias-at", **query) == {"version": "1", "change": set_}
    assert get(api, f"{OURS}/alias-at", **query, time_ms=set_["time_ms"]) == {"version": "1", "change": set_}
    assert get(api, f"{OURS}/alias-at", **query, time_ms=set_["time_ms"] - 1) == {}
    answer(api.delete(f"{MODELS}/delete", json={"name": "iris"}))
    gone = get(api, f"{OURS}/alias-at", **query)
    assert "version" not in gone
    assert gone["change"]["action"] == "alias_removed"
    response = api.get(f"{OURS}/alias-at", query_string={"name": "nope", "alias": "champion"})
    assert refusal(response, 404, "RESOURCE_DOES_NOT_EXIST") == "Registered Model with name=nope not found"


def test_the_history_as_a_table(api, iris, monkeypatch):
    def ask(uri, path, query):
        assert uri == "http://server"
        return get(api, path, **query)

    monkeypatch.setattr(history, "get", ask)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server")
    run = CliRunner().invoke(main, ["history", "iris", "--limit", "4"])
    assert run.exit_code == 0, run.output
    head, *lines = run.output.splitlines()
    assert head.split() == ["TIME", "WHO", "WHAT", "FROM", "TO", "REQUEST"]
    assert [line[head.index("WHAT") : head.index("REQUEST")].split() for line in lines] == [
        ["alias", "champion", "set", "-", "1"],
        ["version", "2", "description", "-", "second"],
        ["version", "2", "created", "-", "s3://b/2"],
        ["version", "1", "tag", "k", "set", "-"],
    ]
    run = CliRunner().invoke(main, ["history", "iris", "--alias", "champion"])
    assert run.output.startswith("champion: version 1\n")
    run = CliRunner().invoke(main, ["history", "iris", "--alias", "champion", "--at", "2h ago"])
    assert run.output == "champion: not set\n"
    run = CliRunner().invoke(main, ["history", "iris", "--alias", "champion", "--at", "noon"])
    assert "'noon' is not a time" in run.output

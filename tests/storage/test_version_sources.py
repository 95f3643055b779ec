"""Where model versions come from: copies, logged models, runs, on every database."""

from __future__ import annotations

import pytest

from tests.factories import make_logged_model, make_registered_model, make_run, make_version
from trackway.client_compat import messages as m
from trackway.client_compat.errors import InvalidParameter, NotFound
from trackway.client_compat.model_sources import Source
from trackway.storage.database import Tx
from trackway.storage.registry import aliases, stages, version_sources
from trackway.storage.tracking import logged_models, runs

PROMPT = {"mlflow.prompt.is_prompt": "true"}


def source(tx: Tx, source: str, **request: object) -> Source:
    asked = m.CreateModelVersion(name="any", source=source, **request)  # type: ignore[arg-type]
    return version_sources.resolve(tx, asked, ("mlflow-artifacts:/", "s3://bucket"))


def test_a_copy_is_called_by_what_it_copies_and_lies_where_that_lies(tx: Tx) -> None:
    make_registered_model(tx, "iris")
    make_version(tx, "iris", source="runs:/r/m", location="s3://b/m", run_id="r", logged_model="m-1")
    aliases.put(tx, "iris", "champion", "1")
    stages.transition(tx, "iris", "1", "Production", False)
    expected = ("models:/iris/1", "s3://b/m", "r", "m-1")
    for uri in ("models:/iris/1", "models:/iris@champion", "models:/iris/production", "models:/iris/Latest"):
        assert source(tx, uri) == expected
    for model_id in ("m-1", "", None):
        assert source(tx, "models:/iris/1", run_id="r", model_id=model_id) == expected
    for wrong in ({"run_id": ""}, {"run_id": "x"}, {"model_id": "x"}):
        with pytest.raises(InvalidParameter, match="must match the referenced model version"):
            source(tx, "models:/iris/1", **wrong)


@pytest.mark.parametrize("uri", ["http://[", "models://[x/1", "s3://[bucket/x"])
def test_text_that_cannot_be_taken_apart_is_no_source(tx: Tx, uri: str) -> None:
    with pytest.raises(InvalidParameter, match="'source' is not a valid URI: "):
        source(tx, uri)


def test_what_is_not_there_or_is_a_prompt_cannot_be_copied(tx: Tx) -> None:
    make_registered_model(tx, "iris", versions=1)
    make_registered_model(tx, "prompt", tags=PROMPT, versions=1)
    with pytest.raises(NotFound, match="Registered Model with name=nope not found"):
        source(tx, "models:/nope/1")
    with pytest.raises(NotFound, match=r"Model Version \(name=iris, version=2\) not found"):
        source(tx, "models:/iris/2")
    with pytest.raises(NotFound, match="No versions of model with name 'iris' and stage 'Staging' found"):
        source(tx, "models:/iris/Staging")
    with pytest.raises(InvalidParameter, match="Prompt versions cannot be used"):
        source(tx, "models:/prompt/1")
    with pytest.raises(InvalidParameter, match="must use the active model registry"):
        source(tx, "models://elsewhere/iris/1")


def test_a_version_of_a_logged_model_knows_its_run_and_files_and_the_model_knows_the_version(tx: Tx) -> None:
    run = make_run(tx)
    model = make_logged_model(tx, source_run_id=run)
    location = logged_models.find(tx, model).artifact_location
    assert source(tx, f"models:/{model}", model_id=model) == (f"models:/{model}", location, run, model)
    assert source(tx, f"{location}/sub", model_id=model) == (f"{location}/sub", f"{location}/sub", run, model)
    assert source(tx, f"models:/{model}", model_id=model, run_id="other").run_id == "other"
    version_sources.note_on_logged_model(tx, model, "iris", 1)
    version_sources.note_on_logged_model(tx, model, "iris", 2)
    info = logged_models.get(tx, model).info
    assert info
    assert {tag.key: tag.value for tag in info.tags}["mlflow.modelVersions"] == (
        '[{"name": "iris", "version": 1}, {"name": "iris", "version": 2}]'
    )


@pytest.mark.parametrize("written", ["nonsense", '{"name": "iris"}', "3"])
def test_a_tag_of_versions_that_somebody_wrote_over_is_named(tx: Tx, written: str) -> None:
    model = make_logged_model(tx, tags={"mlflow.modelVersions": written})
    with pytest.raises(InvalidParameter, match=r"tag 'mlflow.modelVersions' must hold a JSON list, not "):
        version_sources.note_on_logged_model(tx, model, "iris", 1)


def test_a_source_of_a_logged_model_must_be_of_that_model(tx: Tx) -> None:
    run = make_run(tx)
    model, other = make_logged_model(tx), make_logged_model(tx)
    foreign = (f"models:/{other}", f"runs:/{run}/m", logged_models.find(tx, other).artifact_location)
    for uri in foreign:
        with pytest.raises(
            InvalidParameter, match="The model_id request parameter must identify the resource"
        ):
            source(tx, uri, model_id=model)
    with pytest.raises(InvalidParameter, match="The model_id request parameter must identify"):
        source(tx, f"models:/{model}")
    with pytest.raises(InvalidParameter, match="The model_id request parameter must identify"):
        source(tx, "models:/m-nope", model_id="m-nope")
    with pytest.raises(NotFound, match="Logged model with ID 'm-nope' not found"):
        source(tx, "s3://bucket/x", model_id="m-nope")


def test_a_source_of_a_run_must_be_of_that_run(tx: Tx) -> None:
    run, other = make_run(tx), make_run(tx)
    folder = str(runs.find(tx, run).artifact_uri)
    for uri in (f"runs:/{run}/m", f"{folder}/m", folder):
        assert source(tx, uri, run_id=run) == (uri, uri, run, "")
    for uri, run_id in (
        (f"runs:/{run}/m", other),
        (f"{folder}/m", other),
        (f"{folder}2/m", run),
        (folder, ""),
    ):
        with pytest.raises(InvalidParameter, match="The run_id request parameter must identify the resource"):
            source(tx, uri, run_id=run_id)
    with pytest.raises(InvalidParameter, match="The run_id request parameter must identify the resource"):
        source(tx, folder, run_id="nope")
    # What lies elsewhere may name any run.
    assert source(tx, "s3://b/x", run_id="nope").run_id == "nope"


def test_a_prompt_has_no_source(tx: Tx) -> None:
    tags = [m.ModelVersionTag(key="mlflow.prompt.is_prompt", value="True")]
    assert source(tx, "dummy-source", tags=tags).location == "dummy-source"
    with pytest.raises(InvalidParameter, match="Prompt sources must use an MLflow placeholder"):
        source(tx, "s3://b/x", tags=tags)

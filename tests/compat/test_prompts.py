"""Prompts, which are registered models of a kind: the same scripts against Trackway and MLflow's server."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities.model_registry import PromptVersion

from tests.services import MlflowServer, TrackwayServer

from .scripts import Script, play, refused

pytestmark = pytest.mark.usefixtures("leave_no_trace")


def unique(text: str) -> str:
    return f"{text}_{uuid.uuid4().hex}"


def told(prompt: PromptVersion) -> dict[str, Any]:
    return {
        "name": prompt.name,
        "version": prompt.version,
        "template": prompt.template,
        "message": prompt.commit_message,
        "tags": prompt.tags,
        "aliases": sorted(prompt.aliases),
        "created": prompt.creation_timestamp,
        "format": prompt.response_format,
    }


def life() -> Any:
    name = unique("greeting")
    mlflow.genai.register_prompt(name, "Hello {{who}}!", commit_message="first", tags={"lang": "en"})
    chat = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "{{question}}"}]
    mlflow.genai.register_prompt(name, chat, response_format={"type": "object"}, tags={"lang": "de"})
    mlflow.genai.set_prompt_alias(name, "production", 1)
    mlflow.genai.set_prompt_alias(name, "production", 2)
    mlflow.genai.set_prompt_alias(name, "gone", 1)
    mlflow.genai.delete_prompt_alias(name, "gone")
    mlflow.genai.set_prompt_version_tag(name, 1, "k", "v")
    mlflow.genai.set_prompt_version_tag(name, 1, "gone", "v")
    mlflow.genai.delete_prompt_version_tag(name, 1, "gone")
    loaded = [
        mlflow.genai.load_prompt(f"prompts:/{name}/1", cache_ttl_seconds=0),
        mlflow.genai.load_prompt(name, version=2, cache_ttl_seconds=0),
        mlflow.genai.load_prompt(f"prompts:/{name}@production", cache_ttl_seconds=0),
        mlflow.genai.load_prompt(name, cache_ttl_seconds=0),
    ]
    return (
        [told(prompt) for prompt in loaded],
        loaded[0].format(who="you"),
        mlflow.genai.load_prompt(f"prompts:/{name}@gone", allow_missing=True, cache_ttl_seconds=0),
        refused(lambda: mlflow.genai.load_prompt(f"prompts:/{name}/9", cache_ttl_seconds=0)),
    )


def prompts_and_models() -> Any:
    client = MlflowClient()
    prompt, model = unique("prompt"), unique("model")
    mlflow.genai.register_prompt(prompt, "x")
    client.create_registered_model(model)
    client.create_model_version(model, "s3://bucket/x")
    return [
        refused(lambda: client.create_registered_model(prompt)),
        refused(lambda: mlflow.genai.register_prompt(model, "x")),
        refused(lambda: client.get_registered_model(prompt)),
        refused(lambda: mlflow.genai.load_prompt(f"prompts:/{model}/1", cache_ttl_seconds=0)),
        [found.name for found in client.search_registered_models(f"name IN ('{prompt}', '{model}')")],
        [found.name for found in client.search_model_versions(f"name IN ('{prompt}', '{model}')")],
    ]


def finding() -> Any:
    client = MlflowClient()
    word = unique("p")
    for number in range(3):
        client.create_prompt(f"{word}_{number}", description=str(number), tags={"n": str(number)})
        for text in ("a", "b"):
            client.create_prompt_version(
                f"{word}_{number}", text, description=f"says {text}", tags={"t": text}
            )
    client.set_prompt_tag(f"{word}_1", "k", "v")
    client.set_prompt_tag(f"{word}_1", "gone", "v")
    client.delete_prompt_tag(f"{word}_1", "gone")
    client.delete_prompt_version(f"{word}_1", "1")
    found = client.search_prompts(f"name LIKE '{word}%'", max_results=2)
    rest = client.search_prompts(f"name LIKE '{word}%'", max_results=2, page_token=found.token)
    tagged = mlflow.genai.search_prompts(filter_string=f"name LIKE '{word}%' AND tags.n = '1'")
    versions = client.search_prompt_versions(f"{word}_1")
    shown = [
        (p.name, p.description, p.tags, p.creation_timestamp) for page in (found, rest, tagged) for p in page
    ]
    client.delete_prompt(f"{word}_0")
    return shown, rest.token, [told(version) for version in versions], client.get_prompt(f"{word}_0")


@pytest.mark.parametrize("script", [life, prompts_and_models, finding], ids=lambda f: f.__name__)
def test_scripts_end_as_with_mlflows_server(
    script: Script, shared_server: TrackwayServer, mlflow_server: MlflowServer
) -> None:
    assert play(script, shared_server.url) == play(script, mlflow_server.url)


def test_a_run_knows_the_prompts_that_it_loaded(shared_server: TrackwayServer) -> None:
    mlflow.set_tracking_uri(shared_server.url)
    mlflow.set_experiment("prompts")
    name = unique("greeting")
    mlflow.genai.register_prompt(name, "Hello {{who}}!")
    with mlflow.start_run() as run:
        mlflow.genai.load_prompt(f"prompts:/{name}/1", cache_ttl_seconds=0)
    client = MlflowClient()
    linked = json.loads(client.get_run(run.info.run_id).data.tags["mlflow.linkedPrompts"])
    assert linked == [{"name": name, "version": "1"}]


def test_a_prompt_knows_the_experiments_that_it_was_registered_in(shared_server: TrackwayServer) -> None:
    mlflow.set_tracking_uri(shared_server.url)
    experiment = mlflow.set_experiment(unique("prompts")).experiment_id
    name = unique("greeting")
    mlflow.genai.register_prompt(name, "Hello {{who}}!")

    def found() -> list[str]:
        filter_string = f'experiment_id = "{experiment}"'
        return [prompt.name for prompt in mlflow.genai.search_prompts(filter_string=filter_string)]

    deadline = time.monotonic() + 10  # the client notes it in a thread of its own
    while not found() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found() == [name]

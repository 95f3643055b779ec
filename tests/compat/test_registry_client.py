"""The unchanged MLflow client and the registry: the same scripts against Trackway and MLflow's server."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient

from tests.services import MlflowServer, TrackwayServer

from .conversation import unique
from .scripts import Script, play, refused

pytestmark = pytest.mark.usefixtures("leave_no_trace")


def told(entity: Any) -> dict[str, Any]:
    """All that an entity of the client tells, its versions included."""
    fields = dict(entity)
    if "latest_versions" in fields:
        versions = map(told, fields["latest_versions"] or [])
        fields["latest_versions"] = sorted(versions, key=lambda version: version["version"])
    return {
        key: dict(value) if key == "aliases" and isinstance(value, dict) else value
        for key, value in fields.items()
    }


def models() -> Any:
    client = MlflowClient()
    name = unique("50% iris?ä#")
    made = client.create_registered_model(name, tags={"team": "vision", "empty": ""}, description="flowers")
    client.update_registered_model(name, "plants")
    client.set_registered_model_tag(name, "k", "1")
    client.set_registered_model_tag(name, "k", "2")
    client.delete_registered_model_tag(name, "empty")
    client.rename_registered_model(name, f"{name} 2")
    refusals = [
        refused(lambda: client.get_registered_model(name)),
        refused(lambda: client.create_registered_model(f"{name} 2")),
        refused(lambda: client.create_registered_model("a/b")),
        refused(lambda: client.update_registered_model("nope", "d")),
        refused(lambda: client.set_registered_model_tag(f"{name} 2", "*", "v")),
    ]
    name = f"{name} 2"
    found = client.search_registered_models(f"name = '{name}' AND tags.team = 'vision'")
    result = told(made), told(client.get_registered_model(name)), [told(model) for model in found], refusals
    client.delete_registered_model(name)
    return result, refused(lambda: client.delete_registered_model(name))


def versions() -> Any:
    client = MlflowClient()
    name = unique("iris")
    client.create_registered_model(name)
    with mlflow.start_run() as run:
        pass
    made = client.create_model_version(
        name,
        f"runs:/{run.info.run_id}/model",
        run.info.run_id,
        tags={"k": "v"},
        run_link="http://x",
        description="first",
        await_creation_for=5,
    )
    by_location = client.create_model_version(name, f"{run.info.artifact_uri}/model", run.info.run_id)
    bucket = client.create_model_version(name, "s3://bucket/x")
    client.update_model_version(name, "1", "changed")
    client.set_model_version_tag(name, "1", "l", "")
    client.delete_model_version_tag(name, "1", "k")
    refusals = [
        refused(lambda: client.create_model_version(name, "/etc")),
        refused(lambda: client.create_model_version(name, "s3://bucket/../x")),
        refused(lambda: client.create_model_version(name, f"runs:/{run.info.run_id}/model", "other")),
        refused(lambda: client.get_model_version(name, "9")),
        refused(lambda: client.get_model_version(name, "x")),
        refused(lambda: client.set_model_version_tag(name, "9", "k", "v")),
    ]
    where = [client.get_model_version_download_uri(name, number) for number in "123"]
    client.delete_model_version(name, "3")
    again = client.create_model_version(name, "s3://bucket/y")
    all_versions = [told(v) for v in (made, by_location, bucket, client.get_model_version(name, "1"), again)]
    return all_versions, where, refusals, refused(lambda: client.delete_model_version(name, "3"))


def promotions() -> Any:
    client = MlflowClient()
    name, copy = unique("iris"), unique("copy")
    client.create_registered_model(name)
    for _ in range(3):
        client.create_model_version(name, "s3://bucket/x", description="d", tags={"k": "v"})
    client.transition_model_version_stage(name, "1", "production")
    client.transition_model_version_stage(name, "2", "Production", archive_existing_versions=True)
    latest = client.get_latest_versions(name, ["Production", "Archived"])
    client.set_registered_model_alias(name, "champion", "1")
    client.set_registered_model_alias(name, "champion", "2")
    client.set_registered_model_alias(name, "old", "1")
    client.delete_registered_model_alias(name, "old")
    copied = client.copy_model_version(f"models:/{name}@champion", copy)
    refusals = [
        refused(lambda: client.set_registered_model_alias(name, "v1", "1")),
        refused(lambda: client.set_registered_model_alias(name, "latest", "1")),
        refused(lambda: client.set_registered_model_alias(name, "champion", "9")),
        refused(lambda: client.get_model_version_by_alias(name, "old")),
        refused(lambda: client.transition_model_version_stage(name, "1", "live")),
    ]
    result = (
        [told(version) for version in latest],
        told(client.get_model_version_by_alias(name, "champion")),
        told(client.get_registered_model(name)),
        told(copied),
        client.get_model_version_download_uri(copy, "1"),
        refusals,
    )
    client.delete_model_version(name, "2")
    return result, refused(lambda: client.get_model_version_by_alias(name, "champion"))


def registering() -> Any:
    client = MlflowClient()
    name = unique("iris")
    with mlflow.start_run() as run:
        model = mlflow.initialize_logged_model(name="m", source_run_id=run.info.run_id)
        mlflow.finalize_logged_model(model.model_id, "READY")
    first = mlflow.register_model(f"models:/{model.model_id}", name, tags={"k": "v"})
    second = mlflow.register_model(f"models:/{name}/1", name)
    where = client.get_model_version_download_uri(name, "2") == model.artifact_location
    noted = mlflow.get_logged_model(model.model_id).tags["mlflow.modelVersions"]
    results = [{**told(v), "source": v.source.replace(model.model_id, "<m>")} for v in (first, second)]
    return results, where, noted.replace(name, "<name>"), first.run_id == run.info.run_id


def searches() -> Any:
    client = MlflowClient()
    word = uuid.uuid4().hex
    for number in range(5):
        name = client.create_registered_model(f"{word} {number}", tags={"even": str(number % 2 == 0)}).name
        for _ in range(2):
            client.create_model_version(name, "s3://bucket/x", run_id=f"r{number}", tags={"n": str(number)})
    mine = f"name LIKE '{word}%'"
    pages = []
    token = None
    while True:
        page = client.search_model_versions(mine, max_results=4, order_by=["name ASC"], page_token=token)
        pages.append([(version.name, version.version) for version in page])
        if not (token := page.token):
            break
    return (
        pages,
        [model.name for model in mlflow.search_registered_models(filter_string=mine, order_by=["name DESC"])],
        [
            model.name
            for model in mlflow.search_registered_models(filter_string=f"{mine} AND tags.even = 'True'")
        ],
        [
            (v.name, v.version)
            for v in mlflow.search_model_versions(filter_string=f"{mine} AND run_id IN ('r1','r2')")
        ],
        [told(model) for model in client.search_registered_models(mine, max_results=2)],
        refused(lambda: client.search_registered_models("nope = 'x'")),
        refused(lambda: client.search_model_versions("nope = 'x'")),
        refused(lambda: client.search_model_versions(order_by=["nope"])),
    )


def long_filters() -> Any:
    """The client searches with GET alone: a thousand ids of runs make an address of 41 KB."""
    client = MlflowClient()
    name = unique("iris")
    client.create_registered_model(name)
    with mlflow.start_run() as run:
        client.create_model_version(name, f"runs:/{run.info.run_id}/m", run.info.run_id)
    ids = [uuid.uuid4().hex for _ in range(999)] + [run.info.run_id]
    given = ",".join(f"'{run_id}'" for run_id in ids)
    return [version.name == name for version in client.search_model_versions(f"run_id IN ({given})")]


@pytest.mark.parametrize(
    "script", [models, versions, promotions, registering, searches, long_filters], ids=lambda f: f.__name__
)
def test_scripts_end_as_with_mlflows_server(
    script: Script, shared_server: TrackwayServer, mlflow_server: MlflowServer
) -> None:
    assert play(script, shared_server.url) == play(script, mlflow_server.url)


def test_thirty_two_clients_get_thirty_two_consecutive_numbers(shared_server: TrackwayServer) -> None:
    name = MlflowClient(shared_server.url).create_registered_model(unique("iris")).name

    def create(_: int) -> int:
        return int(MlflowClient(shared_server.url).create_model_version(name, "s3://bucket/x").version)

    with ThreadPoolExecutor(32) as pool:
        assert sorted(pool.map(create, range(32))) == list(range(1, 33))

"""Model versions, their tags and stages."""

import mlflow

from .board import call, client, close_in_time, equal, refused, world

AREA = "Model versions"


@call(AREA, "MlflowClient.create_model_version")
def _() -> None:
    name = world.model()
    run = client().get_run(world.run())
    source = f"{run.info.artifact_uri}/model"
    made = client().create_model_version(name, source, run.info.run_id, {"a": "b"}, description="words")
    found = client().get_model_version(name, made.version)
    equal((str(found.version), found.status, found.current_stage), ("1", "READY", "None"))
    equal((found.source, found.run_id), (source, run.info.run_id))
    equal((found.tags, found.description), ({"a": "b"}, "words"))
    close_in_time(found.creation_timestamp)
    client().delete_model_version(name, "1")
    equal(str(client().create_model_version(name, "s3://bucket/model").version), "2")
    refused("INVALID_PARAMETER_VALUE", lambda: client().create_model_version(name, "file:///etc"))
    missing = world.name("nothing")
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client().create_model_version(missing, "s3://bucket/model"))


@call(AREA, "MlflowClient.get_model_version")
def _() -> None:
    name = world.model(versions=1)
    equal(client().get_model_version(name, "1").name, name)
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client().get_model_version(name, "2"))


@call(AREA, "MlflowClient.update_model_version")
def _() -> None:
    name = world.model(versions=1)
    client().update_model_version(name, "1", "new words")
    equal(client().get_model_version(name, "1").description, "new words")


@call(AREA, "MlflowClient.delete_model_version")
def _() -> None:
    name = world.model(versions=2)
    client().delete_model_version(name, "2")
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client().get_model_version(name, "2"))
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client().delete_model_version(name, "2"))


@call(AREA, "MlflowClient.transition_model_version_stage")
def _() -> None:
    name = world.model(versions=2)
    equal(client().transition_model_version_stage(name, "1", "production").current_stage, "Production")
    client().transition_model_version_stage(name, "2", "Production", archive_existing_versions=True)
    stages = [client().get_model_version(name, version).current_stage for version in ("1", "2")]
    equal(stages, ["Archived", "Production"])
    refused("INVALID_PARAMETER_VALUE", lambda: client().transition_model_version_stage(name, "1", "Nonsense"))


@call(AREA, "MlflowClient.get_model_version_stages")
def _() -> None:
    name = world.model(versions=1)
    stages = client().get_model_version_stages(name, "1")
    equal(sorted(stages), ["Archived", "None", "Production", "Staging"])


@call(AREA, "MlflowClient.get_model_version_download_uri")
def _() -> None:
    name = world.model(versions=1)
    source = client().get_model_version(name, "1").source
    equal(client().get_model_version_download_uri(name, "1"), source)


@call(AREA, "MlflowClient.set_model_version_tag")
def _() -> None:
    name = world.model(versions=1)
    client().set_model_version_tag(name, "1", "a", "b")
    client().set_model_version_tag(name, "1", "a", 3)
    equal(client().get_model_version(name, "1").tags, {"a": "3"})


@call(AREA, "MlflowClient.set_model_version_tag", "by stage")
def _() -> None:
    name = world.model(versions=1)
    client().transition_model_version_stage(name, "1", "Staging")
    client().set_model_version_tag(name, key="a", value="b", stage="Staging")
    equal(client().get_model_version(name, "1").tags, {"a": "b"})


@call(AREA, "mlflow.set_model_version_tag")
def _() -> None:
    name = world.model(versions=1)
    mlflow.set_model_version_tag(name, "1", "a", "b")
    equal(client().get_model_version(name, "1").tags, {"a": "b"})


@call(AREA, "MlflowClient.delete_model_version_tag")
def _() -> None:
    name = world.model(versions=1)
    client().set_model_version_tag(name, "1", "a", "b")
    client().delete_model_version_tag(name, "1", "a")
    client().delete_model_version_tag(name, "1", "a")
    equal(client().get_model_version(name, "1").tags, {})


@call(AREA, "MlflowClient.search_model_versions")
def _() -> None:
    name, other = world.model(versions=3), world.model(versions=1)
    run_id = client().get_model_version(name, "1").run_id
    client().set_model_version_tag(name, "2", "kind", "good")

    def searched(filter_string: str) -> list[str]:
        found = client().search_model_versions(filter_string)
        return sorted(f"{version.name}/{version.version}" for version in found)

    equal(searched(f"name = '{name}'"), [f"{name}/{number}" for number in (1, 2, 3)])
    equal(searched(f"run_id = '{run_id}'"), [f"{name}/{number}" for number in (1, 2, 3)])
    equal(searched(f"name = '{other}'"), [f"{other}/1"])
    source = client().get_model_version(other, "1").source
    equal(searched(f"source_path = '{source}'"), [f"{other}/1"])


@call(
    AREA,
    "MlflowClient.search_model_versions",
    "with order, tags and pages",
    needs=lambda: hasattr(mlflow, "search_model_versions"),
)
def _() -> None:
    name = world.model(versions=3)
    for version in ("1", "3"):
        client().set_model_version_tag(name, version, "kind", "good")

    def searched(text: str, **options: object) -> tuple[list[str], str | None]:
        page = client().search_model_versions(f"name = '{name}'{text}", **options)
        return [str(version.version) for version in page], page.token or None

    order = {"order_by": ["version_number ASC"]}
    equal(searched("", **order), (["1", "2", "3"], None))
    equal(searched(" AND tags.kind = 'good'", **order), (["1", "3"], None))
    first, token = searched("", max_results=2, **order)
    rest, end = searched("", max_results=2, page_token=token, **order)
    equal((first, rest, end), (["1", "2"], ["3"], None))


@call(AREA, "mlflow.search_model_versions")
def _() -> None:
    name = world.model(versions=2)
    found = mlflow.search_model_versions(filter_string=f"name = '{name}'")
    equal(sorted(str(version.version) for version in found), ["1", "2"])


@call(AREA, "MlflowClient.copy_model_version")
def _() -> None:
    name, copied = world.model(versions=1), world.name("copy")
    client().transition_model_version_stage(name, "1", "Production")
    copy = client().copy_model_version(f"models:/{name}/1", copied)
    equal((copy.name, str(copy.version), copy.current_stage), (copied, "1", "None"))
    equal(copy.source, f"models:/{name}/1")
    source = client().get_model_version(name, "1").source
    equal(client().get_model_version_download_uri(copied, "1"), source)


@call(AREA, "mlflow.register_model")
def _() -> None:
    name = world.name("registered")
    run_id = world.run()
    client().log_text(run_id, "flavors: {}", "model/MLmodel")
    version = mlflow.register_model(f"runs:/{run_id}/model", name)
    equal((version.name, str(version.version), version.run_id), (name, "1", run_id))
    uri = client().get_model_version_download_uri(name, "1")
    equal(uri, f"{client().get_run(run_id).info.artifact_uri}/model")
    equal(str(mlflow.register_model(f"runs:/{run_id}/model", name).version), "2")

"""The model registry over plain HTTP: the same requests to Trackway and to MLflow's own server."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.services import MlflowServer, TrackwayServer

from .conversation import Ask, compare, unique

API = "/api/2.0/mlflow"
PROMPT = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]


def post(path: str, ours: str = "", save: dict[str, str] | None = None, **body: Any) -> Ask:
    return Ask("POST", f"{API}/{path}", body, save=save or {}, ours=ours)


def patch(path: str, **body: Any) -> Ask:
    return Ask("PATCH", f"{API}/{path}", body)


def delete(path: str, **body: Any) -> Ask:
    return Ask("DELETE", f"{API}/{path}", body)


def get(path: str, ours: str = "", save: dict[str, str] | None = None, **query: Any) -> Ask:
    return Ask("GET", f"{API}/{path}", query=query, save=save or {}, ours=ours)


def new_model(name: str, **more: Any) -> Ask:
    return post("registered-models/create", name=name, **more)


def new_version(name: str, source: str = "s3://b/x", **more: Any) -> Ask:
    return post("model-versions/create", name=name, source=source, **more)


def models() -> list[Ask]:
    name, other, prompt = unique("model"), unique("other"), unique("prompt")
    odd = unique("50% a?b#c&d+e@é模")
    twice = [{"key": "k"}, {"key": "k", "value": "2"}]
    return [
        new_model(name, description="", tags=twice),
        new_model(name),
        new_model(other, description="d"),
        new_model(prompt, tags=PROMPT),
        new_model(prompt),
        new_model(prompt, tags=PROMPT),
        new_model(name, tags=PROMPT),
        new_model(odd),
        get("registered-models/get", name=odd),
        new_model(unique("x" * 300)),
        *(new_model(bad) for bad in ("", " ", ".", "..", "a/b", "a:b", "..x", None, 3, "a/../b")),
        new_model(unique("m"), tags=[{"key": "k*", "value": ""}]),
        new_model(unique("m"), tags=[{"key": "k" * 251, "value": ""}]),
        new_model(unique("m"), tags=[{"key": "k", "value": "v" * 100_001}]),
        Ask("POST", f"{API}/registered-models/create", {}),
        get("registered-models/get", name=name),
        get("registered-models/get", name="nope"),
        get("registered-models/get"),
        patch("registered-models/update", name=name, description="hi"),
        patch("registered-models/update", name=name),
        patch("registered-models/update", name="nope"),
        post("registered-models/rename", name=name, new_name=other, ours="MLflow shows the SQL"),
        post("registered-models/rename", name=name, new_name=name),
        post("registered-models/rename", name="nope", new_name="nope2"),
        *(post("registered-models/rename", name=name, new_name=bad) for bad in ("", " ", "a/b", ".")),
        post("registered-models/rename", name=name, new_name=f"{name} 2"),
        get("registered-models/get", name=name),
        get("registered-models/get", name=f"{name} 2"),
        post("registered-models/set-tag", name=other, key="k", value=""),
        post("registered-models/set-tag", name=other, key="l"),
        post("registered-models/set-tag", name=other, key="*", value=""),
        post("registered-models/set-tag", name=other, value=""),
        post("registered-models/set-tag", name="nope", key="k", value=""),
        post("registered-models/set-tag", name="a/b", key="k", value=""),
        get("registered-models/get", name=other),
        *[delete("registered-models/delete-tag", name=other, key="k")] * 2,
        delete("registered-models/delete-tag", name="nope", key="k"),
        get("registered-models/get", name=other),
        *[delete("registered-models/delete", name=other)] * 2,
        delete("registered-models/delete"),
    ]


def versions() -> list[Ask]:
    name, other = unique("model"), unique("other")
    version = {"name": name, "version": "1"}
    tag = {**version, "key": "k"}
    return [
        new_model(name),
        new_model(other),
        new_version(name),
        new_version(
            name, run_id="abc", run_link="http://x", description="d", tags=[{"key": "t", "value": ""}]
        ),
        new_version("nope"),
        new_version("a/b"),
        post("model-versions/create", name=name),
        new_version(name, tags=[{"key": "*", "value": ""}]),
        get("model-versions/get", **version),
        *(get("model-versions/get", name=name, version=bad) for bad in ("x", "1.0", "", "7", "0", "-1")),
        get("model-versions/get", name="nope", version="1"),
        get("model-versions/get", name=name, version="9" * 20, ours="MLflow answers 500"),
        get("model-versions/get-download-uri", **version),
        get("model-versions/get-download-uri", name=name),
        get("model-versions/get-download-uri"),
        patch("model-versions/update", **version, description="changed"),
        patch("model-versions/update", **version, description=""),
        patch("model-versions/update", **version),
        patch("model-versions/update", name=name, version="7", description=""),
        post("model-versions/set-tag", **tag, value="v"),
        post("model-versions/set-tag", **tag),
        post("model-versions/set-tag", **tag, value="v" * 100_001),
        post("model-versions/set-tag", **{**tag, "key": "mlflow.prompt.text"}, value="v" * 100_001),
        post("model-versions/set-tag", **{**tag, "version": "x", "key": "*"}, value=""),
        get("model-versions/get", **version),
        *[delete("model-versions/delete-tag", **tag)] * 2,
        delete("model-versions/delete-tag", **{**tag, "version": "7"}),
        new_version(other, f"models:/{name}/2"),
        new_version(other, f"models:/{name}/latest"),
        new_version(other, f"models:/{name}/2", run_id="abc"),
        new_version(other, f"models:/{name}/2", run_id=""),
        new_version(other, f"models:/{name}/7"),
        new_version(other, f"models:/{name}/Staging", ours="MLflow answers 500"),
        new_version(other, f"models:/{other}/1"),
        get("model-versions/get-download-uri", name=other, version="4"),
        *[delete("model-versions/delete", name=name, version="2")] * 2,
        get("model-versions/get", name=name, version="2"),
        patch("model-versions/update", name=name, version="2", description=""),
        new_version(name),
        post("registered-models/rename", name=name, new_name=f"{name} 2"),
        get("model-versions/get", name=f"{name} 2", version="3"),
        delete("model-versions/delete", name=name, version="1"),
    ]


def sources() -> list[Ask]:
    name, prompt, copies = unique("model"), unique("prompt"), unique("copies")
    remembers = "the version tells its logged model, which MLflow forgets"
    return [
        new_model(name),
        new_model(prompt, tags=PROMPT),
        new_version(prompt, "dummy-source", tags=PROMPT),
        new_version(prompt, "s3://b/x", tags=PROMPT),
        new_version(name, f"models:/{prompt}/1"),
        post("runs/create", experiment_id="0", start_time=1, save={"r": "run.info.run_id"}),
        new_version(name, "runs:/$r/model", run_id="$r"),
        new_version(name, "mlflow-artifacts:/0/$r/artifacts/model", run_id="$r"),
        new_version(name, "mlflow-artifacts:/0/$r/artifacts/model"),
        new_version(name, "mlflow-artifacts:/0/$r/artifacts/model", run_id="nope"),
        new_version(name, "mlflow-artifacts:/0/$r", run_id="$r"),
        new_version(name, "runs:/$r/../x", run_id="$r"),
        new_version(name, "/tmp/x", run_id="$r"),
        new_version(name, "file://host/x", ours="MLflow answers 500"),
        *(
            new_version(name, source)
            for source in (
                *("/etc", "file:///etc", "x.y", "s3://b/../c", "s3://b/%2e%2e/c", "s3://b/x%00", "s3://b//x"),
                *("s3:b/./c", "s3://bucket", "s3://b/x/", "s3://b/a b", "S3://B/x", "s3:/b/x", "gs://b/x;p"),
                *("s3://b/x?y=..", "s3://b/x#../..", "dbfs:/x", "runs:/", "runs:/abc/m", "runs://h/abc/m"),
                *("http://h/x", "ftp://x/y", "hdfs:/x", "abfss://f@x/y", "mlflow-artifacts://h/x"),
                *("models:/", "models:/a/1/2", "models://h/a/1", "models:/m-1", "models:/nope/1"),
            )
        ),
        post(
            "logged-models",
            experiment_id="0",
            name="m",
            source_run_id="$r",
            save={"m": "model.info.model_id"},
        ),
        new_version(name, "models:/$m"),
        new_version(name, "models:/$m", model_id="m-1"),
        new_version(name, "runs:/$r/m", run_id="$r", model_id="$m"),
        new_version(name, "mlflow-artifacts:/0/$r/artifacts/m", model_id="$m"),
        new_version(name, "/etc", model_id="$m"),
        new_version(name, "models:/$m", model_id="$m", ours=remembers, save={"v": "model_version.version"}),
        new_version(name, "s3://b/x", save={"w": "model_version.version"}),
        new_model(copies),
        new_version(copies, f"models:/{name}/$v", model_id="", ours=remembers),
        new_version(copies, f"models:/{name}/$v", model_id="m-1"),
        new_version(copies, f"models:/{name}/$v", run_id=""),
        new_version(copies, f"models:/{name}/$w", model_id="", run_id=""),
        Ask("GET", f"{API}/logged-models/$m"),
    ]


def stages_and_aliases() -> list[Ask]:
    name, empty = unique("model"), unique("empty")

    def move(version: str, stage: str, **more: Any) -> Ask:
        return post("model-versions/transition-stage", name=name, version=version, stage=stage, **more)

    return [
        new_model(name),
        new_model(empty),
        *[new_version(name)] * 4,
        move("1", "pRODUCTION"),
        move("2", "Production"),
        move("3", "production", archive_existing_versions=True),
        move("3", "Archived", archive_existing_versions=True, ours="MLflow answers 500"),
        move("3", "live"),
        move("3", "live", archive_existing_versions=True),
        move("9", "Staging"),
        post("model-versions/transition-stage", name="nope", version="1", stage="None"),
        post("registered-models/get-latest-versions", name=name),
        get("registered-models/get-latest-versions", name=name, stages=["Production", "none"]),
        get("registered-models/get-latest-versions", name=name, stages=["live"]),
        get("registered-models/get-latest-versions", name="nope"),
        get("registered-models/get-latest-versions", name=empty),
        get("registered-models/get", name=name),
        post("registered-models/alias", name=name, alias="champion", version="1"),
        post("registered-models/alias", name=name, alias="champion", version="2"),
        post("registered-models/alias", name=name, alias="é", version="2"),
        *(
            post("registered-models/alias", name=name, alias=bad, version="1")
            for bad in ("", "a b", "x" * 256, "LATEST", "v3", "V10")
        ),
        post("registered-models/alias", name=name, alias="champion", version="9"),
        post("registered-models/alias", name=name, alias="champion", version="x"),
        post("registered-models/alias", name="nope", alias="champion", version="1"),
        *(
            get("registered-models/alias", name=name, alias=alias)
            for alias in ("champion", "é", "Champion", "v3", "Latest", "")
        ),
        get("registered-models/alias", name=empty, alias="latest"),
        get("registered-models/alias", name="nope", alias="champion"),
        get("registered-models/get", name=name),
        get("model-versions/get", name=name, version="2"),
        *[delete("registered-models/alias", name=name, alias="é")] * 2,
        delete("registered-models/alias", name="nope", alias="champion"),
        delete("model-versions/delete", name=name, version="2"),
        get("registered-models/alias", name=name, alias="champion"),
        get("registered-models/get", name=name),
    ]


def searches() -> list[Ask]:
    word = uuid.uuid4().hex
    one, two, prompt = f"{word} one", f"{word} Two", f"{word} prompt"
    mine = f"name LIKE '{word}%'"
    is_prompt = "tags.`mlflow.prompt.is_prompt`"

    def find(filter: str | None = mine, **more: Any) -> Ask:
        return get("registered-models/search", **({"filter": filter} if filter else {}), **more)

    def find_versions(filter: str | None = mine, **more: Any) -> Ask:
        return get("model-versions/search", **({"filter": filter} if filter else {}), **more)

    return [
        new_model(one, tags=[{"key": "team", "value": "vision"}]),
        new_model(two, tags=[{"key": "team", "value": "taste"}]),
        new_model(prompt, tags=PROMPT),
        *[
            new_version(one, run_id=f"r{number}", tags=[{"key": "n", "value": str(number)}])
            for number in range(3)
        ],
        new_version(two, "s3://c/y", run_id="r1"),
        new_version(prompt, "dummy-source", tags=PROMPT),
        find(),
        find(order_by=["name DESC"]),
        find(order_by=["timestamp DESC", "name"]),
        find(order_by=["last_updated_timestamp ASC"]),
        find(max_results=1, save={"t": "next_page_token"}),
        find(max_results=1, page_token="$t"),
        find(f"{mine} AND tags.team = 'vision'"),
        find(f"{mine} AND tag.team != 'vision'"),
        find(f"name ILIKE '{word} tw%'"),
        find(f"name IN ('{one}', '{two}', 'nope')"),
        find(f"{mine} AND {is_prompt} = 'true'"),
        find(f"{mine} AND {is_prompt} != 'true'"),
        find(f"{mine} AND {is_prompt} = 'false'"),
        find(f"name = '{prompt}'"),
        *(
            find(bad)
            for bad in (
                *("nope = 'x'", "name > 'x'", "tags.k > 'x'", "name = x", "name", "name IN ()"),
                *("name IN (", "name IN", "name IN 'x'", "name IN ['x']", "name IN (1)", "name NOT IN ()"),
                *("foo name = 'x'", "name foo name = 'x'", "foo = 'x' AND name", "foo bar"),
                *("name = 'x' AND foo name = 'y'", "foo = 'x'; drop", "foo.bar = 'x'", "tags.a IN ()"),
            )
        ),
        *(find(f"{key} IS NULL", ours="MLflow answers 500") for key in ("name", "tags.a", "foo")),
        find(order_by=["nope"]),
        find(order_by=["name", "name DESC"], ours="MLflow answers 500"),
        find(max_results=1001),
        find(max_results=0, ours="MLflow answers an empty page"),
        find(page_token="garbage"),
        find_versions(),
        find_versions(order_by=["version_number ASC", "name DESC"]),
        find_versions(order_by=["creation_timestamp"]),
        find_versions(max_results=2, save={"v": "next_page_token"}),
        find_versions(max_results=2, page_token="$v"),
        find_versions(f"name = '{one}' AND run_id = 'r1'"),
        find_versions(f"{mine} AND run_id IN ('r1', 'r2')"),
        find_versions(f"{mine} AND run_id != 'r1'"),
        find_versions(f"{mine} AND source_path LIKE 's3://c/%'"),
        find_versions(f"{mine} AND version_number > 1"),
        find_versions(f"{mine} AND version_number = '2'"),
        find_versions(f"{mine} AND tags.n = '1'"),
        find_versions(f"{mine} AND {is_prompt} = 'true'"),
        find_versions(f"name = '{prompt}'"),
        *(
            find_versions(bad)
            for bad in (
                "run_id IN ()",
                "run_id IN (1)",
                'run_id IN ("a")',
                "source_path IN ('x')",
                "name LIKE 1",
                "run_id IN (",
                "run_id IN ['a']",
                "run_id NOT IN ()",
                "foo run_id = 'a'",
                "stage = 'x' AND foo bar",
                "version_number IN ()",
            )
        ),
        find_versions(order_by=["nope"]),
        find_versions(max_results=0),
        find_versions(max_results=200_001),
    ]


@pytest.mark.parametrize(
    "conversation",
    [models, versions, sources, stages_and_aliases, searches],
    ids=lambda f: f.__name__,
)
def test_the_answers_are_mlflows(
    conversation: Any, shared_server: TrackwayServer, mlflow_server: MlflowServer
) -> None:
    assert not compare(shared_server.url, mlflow_server.url, conversation())

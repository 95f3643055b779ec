"""The queries of MLflow's UI, with the same data on Trackway and on MLflow's own server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow.server
import pytest
import requests
from mlflow.server.graphql.graphql_schema_extensions import schema as mlflow_schema

from tests.databases import Databases
from tests.services import MlflowServer, TrackwayServer

_SCRIPTS = Path(mlflow.server.__file__).parent / "js" / "build" / "static" / "js"
# The text of a template literal: a query with all its selections.
_QUERY = re.compile(r"`\s*((?:query|mutation) \w+\([^`]+)`")
_FAILS_IN_MLFLOW = "deploymentJobState"
_ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"


@pytest.fixture(scope="module")
def dialect() -> str:
    return "sqlite"


@pytest.fixture(scope="module")
def trackway(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrackwayServer]:
    with databases.fresh("sqlite") as uri:
        server = TrackwayServer(tmp_path_factory.mktemp("server"), uri)
        server.start()
        yield server
        server.kill()


def everything(kind: Any) -> str:
    """Return a selection of all fields of a type of MLflow's schema."""
    while hasattr(kind, "of_type"):
        kind = kind.of_type
    # MLflow's server fails to answer the enumerations in "deploymentJobState", which only Databricks sets.
    fields = {name: field for name, field in getattr(kind, "fields", {}).items() if name != _FAILS_IN_MLFLOW}
    selected = " ".join(f"{name} {everything(field.type)}" for name, field in fields.items())
    return f"{{ {selected} }}" if fields else ""


def fill(url: str, name: str) -> dict[str, str]:
    """Make an experiment with a full run and an empty one. Return their ids."""

    def post(path: str, **body: Any) -> Any:
        answer = requests.post(f"{url}/api/2.0/mlflow/{path}", json=body, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    experiment = post("experiments/create", name=name)["experiment_id"]
    runs = [
        post("runs/create", experiment_id=experiment, start_time=start, run_name=f"run {start}")
        for start in (1, 2)
    ]
    full, empty = (run["run"]["info"]["run_id"] for run in runs)
    for step, value in enumerate((0.5, 1.5, 1.0)):
        post("runs/log-metric", run_id=full, key="loss", value=value, timestamp=step + 5, step=step)
    post("runs/log-metric", run_id=full, key="nan", value="NaN", timestamp=1)
    post("runs/log-parameter", run_id=full, key="p", value="1")
    dataset = {"name": "d", "digest": "1", "source_type": "local", "source": "{}"}
    other = {**dataset, "name": "e", "schema": "s", "profile": "p"}
    context = [{"key": "mlflow.data.context", "value": "train"}]
    datasets = [{"dataset": dataset}, {"dataset": other, "tags": context}]
    post("runs/log-inputs", run_id=full, datasets=datasets)
    post("runs/update", run_id=full, status="FINISHED", end_time=9)
    for file in ("f.txt", "empty", "folder/g.txt"):
        data = b"" if file == "empty" else b"12"
        requests.put(f"{url}{_ARTIFACTS}/{experiment}/{full}/artifacts/{file}", data=data, timeout=30)
    post("registered-models/create", name=name)
    source = f"mlflow-artifacts:/{experiment}/{full}/artifacts/folder"
    post("model-versions/create", name=name, source=source, run_id=full)
    return {"experiment": experiment, "full": full, "empty": empty, "name": name}


def inputs(field: str, ids: dict[str, str]) -> list[dict[str, Any]]:
    return {
        "mlflowGetExperiment": [{"experimentId": ids["experiment"]}, {"experimentId": "0"}],
        "mlflowGetMetricHistoryBulkInterval": [
            {"runIds": [ids["full"], ids["empty"]], "metricKey": "loss", "maxResults": 100},
            {"runIds": [ids["full"]], "metricKey": "none"},
        ],
        "mlflowGetRun": [{"runId": ids["full"]}, {"runId": ids["empty"]}],
        "mlflowListArtifacts": [{"runId": ids["full"]}, {"runId": ids["full"], "path": "folder"}],
        "mlflowSearchModelVersions": [{"filter": f"name='{ids['name']}'"}, {"filter": "name='none'"}],
        "mlflowSearchRuns": [{"experimentIds": [ids["experiment"]]}, {"experimentIds": ["0"]}],
        "mlflowSearchDatasets": [{"experimentIds": [ids["experiment"]]}, {"experimentIds": ["0"]}],
    }[field]


def answers(url: str, ids: dict[str, str], queries: list[tuple[str, str, str]]) -> list[Any]:
    found = []
    for field, variable, query in queries:
        for given in inputs(field, ids):
            body = {"query": query, "variables": {variable: given}}
            answer = requests.post(f"{url}/graphql", json=body, timeout=30).json()
            found.append((field, comparable(answer, ids)))
    return found


def comparable(value: Any, ids: dict[str, str], place: str = "") -> dict[str, Any]:
    """Return all scalars by their places. Ids and times are replaced, lists of objects are sorted."""
    if isinstance(value, dict):
        members = value.items()
    elif isinstance(value, list):
        members = enumerate(sorted(value, key=lambda item: repr(sorted(comparable(item, ids).items()))))
    else:
        is_experiment = place.endswith("experimentId") and value == ids["experiment"]
        return {place: "<experiment>" if is_experiment else _without_ids(value, ids)}
    found: dict[str, Any] = {place: type(value).__name__}
    for name, inner in members:
        found |= comparable(inner, ids, f"{place}.{name}")
    return found


def _without_ids(value: Any, ids: dict[str, str]) -> Any:
    if not isinstance(value, str):
        return value
    for name in ("full", "empty", "name"):
        value = value.replace(ids[name], f"<{name}>")
    value = re.sub(r"mlflow-artifacts:/\d+", "mlflow-artifacts:/<experiment>", value)
    return re.sub(r"^\d{13}$", "<time>", value)


def test_every_query_of_the_ui_is_answered_as_by_mlflow(
    trackway: TrackwayServer, mlflow_server: MlflowServer
) -> None:
    texts = "".join(path.read_text() for path in sorted(_SCRIPTS.glob("*.js")))
    queries = []
    for query in _QUERY.findall(texts):
        field, variable = re.search(r"(mlflow\w+)\(input: \$(\w+)\)", query).groups()  # type: ignore[union-attr]
        queries.append((field, variable, query))
    assert len(queries) >= 4
    compare(trackway, mlflow_server, queries)


def test_every_field_of_the_schema_is_answered_as_by_mlflow(
    trackway: TrackwayServer, mlflow_server: MlflowServer
) -> None:
    queries = []
    schema = mlflow_schema.graphql_schema
    for word, root in (("query", schema.query_type), ("mutation", schema.mutation_type)):
        for field, declared in root.fields.items():
            if argument := declared.args.get("input"):
                selection = everything(declared.type)
                text = f"{word} Q($data: {argument.type}) {{ {field}(input: $data) {selection} }}"
                queries.append((field, "data", text))
    assert len(queries) == 8
    compare(trackway, mlflow_server, queries)


def compare(trackway: TrackwayServer, mlflow_server: MlflowServer, queries: Any) -> None:
    name = f"graphql {len(queries)}"
    ours, theirs = (
        answers(server.url, fill(server.url, name), queries) for server in (trackway, mlflow_server)
    )
    differences = [
        (field, place, mine.get(place), other.get(place))
        for (field, mine), (_, other) in zip(ours, theirs, strict=True)
        for place in sorted(mine.keys() | other.keys())
        if mine.get(place, "absent") != other.get(place, "absent")
    ]
    assert not differences, "\n".join(map(str, differences))

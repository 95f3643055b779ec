"""The commands of ``mlflow`` that talk to a server, as docs/mlflow-cli.md lists them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest
from click.testing import CliRunner, Result
from mlflow.cli import cli
from mlflow.entities.trace_location import MlflowExperimentLocation
from mlflow.exceptions import RestException

from tests.services import TrackwayServer

pytestmark = pytest.mark.usefixtures("leave_no_trace")

Command = Callable[..., Result]


@pytest.fixture(scope="module")
def dialect() -> str:
    """What the client does with the responses does not depend on the database."""
    return "sqlite"


@pytest.fixture
def command(shared_server: TrackwayServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    mlflow.set_tracking_uri(shared_server.url)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", shared_server.url)
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(cli, [str(word) for word in words])


@pytest.fixture
def experiment_id(shared_server: TrackwayServer) -> str:
    return str(shared_server.post("experiments/create", name=uuid.uuid4().hex)["experiment_id"])


@pytest.fixture
def run_id(shared_server: TrackwayServer, experiment_id: str) -> str:
    return str(shared_server.post("runs/create", experiment_id=experiment_id)["run"]["info"]["run_id"])


TRACE = "tr-0123456789abcdef0123456789abcdef"

SERVED = """
experiments create -n {name}
experiments search
experiments get -x {experiment}
experiments rename --experiment-id {experiment} --new-name {name}
experiments csv -x {experiment}
experiments update -x {experiment} --trace-archival-retention 30d
experiments delete -x {experiment}
experiments restore -x {deleted}
runs create --experiment-id {experiment}
runs list --experiment-id {experiment}
runs describe --run-id {run}
runs delete --run-id {run}
artifacts log-artifact --local-file {file} --run-id {run}
artifacts log-artifacts --local-dir {folder} --run-id {run} --artifact-path sub
artifacts list --run-id {run}
artifacts download --run-id {stored} --artifact-path file.txt --dst-path copies
artifacts download -u runs:/{stored}/file.txt --dst-path copies
run {folder} --env-manager local --experiment-id {experiment}
doctor
"""


@pytest.mark.parametrize("line", SERVED.strip().splitlines())
def test_what_is_served_ends_well(
    command: Command,
    shared_server: TrackwayServer,
    experiment_id: str,
    run_id: str,
    tmp_path: Path,
    line: str,
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "file.txt").write_text("text")
    (folder / "MLproject").write_text('name: p\nentry_points:\n  main:\n    command: "echo"\n')
    deleted = str(shared_server.post("experiments/create", name=uuid.uuid4().hex)["experiment_id"])
    shared_server.post("experiments/delete", experiment_id=deleted)
    stored = str(shared_server.post("runs/create", experiment_id="0")["run"]["info"]["run_id"])
    path = f"/api/2.0/mlflow-artifacts/artifacts/0/{stored}/artifacts/file.txt"
    assert shared_server.send("PUT", path, b"text")[0] == 200
    words = line.format(
        name=uuid.uuid4().hex,
        experiment=experiment_id,
        deleted=deleted,
        run=run_id,
        stored=stored,
        file=folder / "file.txt",
        folder=folder,
    )
    result = command(*words.split())
    assert (result.exit_code, result.exception) == (0, None), result.output
    if "download" in line:
        assert (tmp_path / "copies" / "file.txt").read_text() == "text"


@pytest.fixture
def trace_id(shared_server: TrackwayServer, experiment_id: str) -> str:
    mlflow.set_tracking_uri(shared_server.url)
    with mlflow.start_span("call", trace_destination=MlflowExperimentLocation(experiment_id)) as span:
        span.set_inputs({"question": "Who wrote Faust?"})
    mlflow.flush_trace_async_logging()
    return str(span.trace_id)


@pytest.fixture
def traces(command: Command) -> Callable[[str], str]:
    """Return a function that runs a command of ``mlflow traces`` and returns what it prints."""

    def run(line: str) -> str:
        result = command("traces", *line.split())
        assert (result.exit_code, result.exception) == (0, None), result.output
        return result.output

    return run


def test_traces_are_found_read_tagged_linked_and_deleted(
    command: Command, traces: Callable[[str], str], experiment_id: str, run_id: str, trace_id: str
) -> None:
    assert trace_id in traces(f"search --experiment-id {experiment_id}")
    assert trace_id in traces(f"search --experiment-id {experiment_id} --filter-string name='call'")
    assert trace_id not in traces(f"search --experiment-id {experiment_id} --filter-string name='other'")
    assert json.loads(traces(f"get --trace-id {trace_id}"))["data"]["spans"][0]["name"] == "call"
    traces(f"set-tag --trace-id {trace_id} --key team --value north")
    assert json.loads(traces(f"get --trace-id {trace_id}"))["info"]["tags"]["team"] == "north"
    traces(f"delete-tag --trace-id {trace_id} --key team")
    assert "team" not in json.loads(traces(f"get --trace-id {trace_id}"))["info"]["tags"]
    linked = command("runs", "link-traces", "--run-id", run_id, "-t", trace_id)
    assert "Successfully linked 1 trace(s)" in linked.output
    assert trace_id in traces(f"search --experiment-id {experiment_id} --run-id {run_id}")
    assert "Deleted 1 trace(s)" in traces(f"delete --experiment-id {experiment_id} --trace-ids {trace_id}")
    assert trace_id not in traces(f"search --experiment-id {experiment_id}")


def test_traces_are_assessed(traces: Callable[[str], str], trace_id: str) -> None:
    for kind, name in (("feedback", "polite"), ("expectation", "answer")):
        made = traces(f"log-{kind} --trace-id {trace_id} --name {name} --value first")
        of_one = f"--trace-id {trace_id} --assessment-id {made.split()[-1]}"
        assert json.loads(traces(f"get-assessment {of_one}"))[kind]["value"] == "first"
        # The command takes an expectation for feedback, which no server accepts.
        if kind == "feedback":
            traces(f"update-assessment {of_one} --value second")
            assert json.loads(traces(f"get-assessment {of_one}"))[kind]["value"] == "second"
        traces(f"delete-assessment {of_one}")
    assert not json.loads(traces(f"get --trace-id {trace_id}"))["info"].get("assessments")


# The command and the call that it needs.
UNSERVED = {
    "datasets list -x {experiment}": "SearchEvaluationDatasets",
    "scorers list -x {experiment}": "ListScorers",
    "scorers register-llm-judge -n j -i {{{{outputs}}}} -m openai:/gpt-4 -x {experiment}": "RegisterScorer",
}


@pytest.mark.parametrize(("line", "call"), UNSERVED.items())
def test_what_is_not_served_ends_at_once_with_the_servers_sentence(
    command: Command, shared_server: TrackwayServer, experiment_id: str, line: str, call: str
) -> None:
    before = shared_server.log.count('"status": 501')
    result = command(*line.format(experiment=experiment_id).split())
    assert result.exit_code == 1
    # The last line of the stack trace that the command prints. No server can prevent that.
    assert isinstance(result.exception, RestException)
    assert str(result.exception).startswith(f"NOT_IMPLEMENTED: {call} is not implemented by this server.")
    assert shared_server.log.count('"status": 501') == before + 1, "the client repeated the request"


def test_what_is_evaluated_must_exist(command: Command, experiment_id: str) -> None:
    """The judges are models of a provider, which the command calls by itself."""
    line = f"traces evaluate -x {experiment_id} --trace-ids {TRACE} --scorers Safety"
    result = command(*line.split())
    assert isinstance(result.exception, SystemExit), "a stack trace"
    assert result.output.splitlines()[-1].startswith("Error: ")
    assert f"Trace with ID '{TRACE}' not found." in result.output

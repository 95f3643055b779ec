"""The commands of ``mlflow`` that talk to a server, as docs/mlflow-cli.md lists them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest
from click.testing import CliRunner, Result
from mlflow.cli import cli
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


# The command and the call that it needs.
UNSERVED = {
    "traces search -x {experiment}": "SearchTracesV3",
    "traces get --trace-id {trace}": "GetTraceInfoV3",
    "traces delete -x {experiment} --trace-ids {trace}": "DeleteTraces",
    "traces set-tag --trace-id {trace} --key k --value v": "SetTraceTag",
    "traces delete-tag --trace-id {trace} --key k": "DeleteTraceTag",
    "traces log-feedback --trace-id {trace} --name q --value 1": "CreateAssessment",
    "traces log-expectation --trace-id {trace} --name e --value x": "CreateAssessment",
    "traces get-assessment --trace-id {trace} --assessment-id a-1": "GetAssessment",
    "traces update-assessment --trace-id {trace} --assessment-id a-1 --value 2": "GetAssessment",
    "traces delete-assessment --trace-id {trace} --assessment-id a-1": "DeleteAssessment",
    "datasets list -x {experiment}": "SearchEvaluationDatasets",
    "scorers list -x {experiment}": "ListScorers",
    "scorers register-llm-judge -n j -i {{{{outputs}}}} -m openai:/gpt-4 -x {experiment}": "RegisterScorer",
}


@pytest.mark.parametrize(("line", "call"), UNSERVED.items())
def test_what_is_not_served_ends_at_once_with_the_servers_sentence(
    command: Command, shared_server: TrackwayServer, experiment_id: str, line: str, call: str
) -> None:
    before = shared_server.log.count('"status": 501')
    result = command(*line.format(experiment=experiment_id, trace=TRACE).split())
    assert result.exit_code == 1
    # The last line of the stack trace that the command prints. No server can prevent that.
    assert isinstance(result.exception, RestException)
    assert str(result.exception).startswith(f"NOT_IMPLEMENTED: {call} is not implemented by this server.")
    assert shared_server.log.count('"status": 501') == before + 1, "the client repeated the request"


@pytest.mark.parametrize(
    ("line", "call"),
    [
        ("runs link-traces --run-id {run} -t {trace}", "LinkTracesToRun"),
        ("traces evaluate -x {experiment} --trace-ids {trace} --scorers Safety", "GetTraceInfoV3"),
    ],
)
def test_errors_that_the_command_handles_are_one_sentence(
    command: Command, experiment_id: str, run_id: str, line: str, call: str
) -> None:
    result = command(*line.format(experiment=experiment_id, run=run_id, trace=TRACE).split())
    assert isinstance(result.exception, SystemExit), "a stack trace"
    assert result.output.splitlines()[-1].startswith("Error: ")
    assert f"NOT_IMPLEMENTED: {call} is not implemented by this server." in result.output

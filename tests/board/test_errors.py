"""Each generation of clients shows the message of an error at once, unless a repetition may help."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.services import TrackwayServer
from trackway.client_compat import errors
from trackway.server.responses import error_answer

from .clients import CLIENTS, Client, install
from .play import client_environment

# The generations that read errors in different ways. The others are tried where they are installed.
PLAYED = [client for client in CLIENTS if client in (CLIENTS[0], CLIENTS[-1]) or client.python.exists()]

# Every class that clients must not repeat, and every code, also those that no class has yet.
KINDS = {
    **{code: errors.ApiError("The sentence.", error_code=code, status=400) for code in errors.STATUS_OF},
    **{
        kind.__name__: kind("The sentence.")
        for kind in (
            errors.InvalidState,
            errors.FeatureDisabled,
            errors.EndpointNotFound,
            errors.Conflict,
            errors.Unauthenticated,
            errors.PermissionDenied,
            errors.MethodNotAllowed,
            errors.NotImplementedYet,
            errors.TooLarge,
            errors.Unusable,
            errors.StorageFull,
        )
    },
}

ASK = """
import json, sys
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
client, shown = MlflowClient(sys.argv[1]), {}
for name in sys.argv[2:]:
    try:
        client.get_experiment(name)
    except MlflowException as error:
        shown[name] = str(error)
    except Exception as error:
        shown[name] = "crashed: " + repr(error)
print(json.dumps(shown))
"""

USE = """
import json, sys
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
client, shown = MlflowClient(sys.argv[1]), []
experiment = client.create_experiment("e " + sys.argv[2])
run = client.create_run(experiment)
client.delete_experiment(experiment)
for call in (
    lambda: client.rename_experiment(experiment, "other"),
    lambda: client.log_artifact(run.info.run_id, __file__ if "__file__" in globals() else sys.executable),
):
    try:
        call()
    except Exception as error:
        shown.append(str(error))
print(json.dumps(shown))
"""


@contextmanager
def refusing() -> Iterator[tuple[str, Counter[str]]]:
    """Yield the URL of a server that answers each request with the error that it names, and its requests."""
    asked: Counter[str] = Counter()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = parse_qs(urlsplit(self.path).query)["experiment_id"][0]
            asked[name] += 1
            answer = error_answer(KINDS[name], "", self.headers["User-Agent"])
            self.send_response(answer.status)
            for header, value in answer.headers:
                self.send_header(header, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def run(client: Client, script: str, *arguments: str) -> object:
    install(client, print)
    command = [str(client.python), "-c", script, *arguments]
    done = subprocess.run(command, env=client_environment(), text=True, capture_output=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("client", PLAYED, ids=lambda client: client.version)
def test_the_sentence_of_each_error_is_shown_at_once(client: Client) -> None:
    with refusing() as (url, asked):
        shown = run(client, ASK, url, *KINDS)
    assert isinstance(shown, dict)
    assert {name: text for name, text in shown.items() if "The sentence." not in text} == {}
    assert set(shown) == set(KINDS)
    assert asked == Counter(list(KINDS))


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("client", PLAYED, ids=lambda client: client.version)
def test_what_the_user_can_mend_is_told_at_once(client: Client, tmp_path: Path) -> None:
    """MLflow's server answers 500 and 503, so that its clients are silent for minutes."""
    options = ["--no-serve-artifacts", "--default-artifact-root", "{url}/api/2.0/mlflow-artifacts/artifacts"]
    server = TrackwayServer(tmp_path, f"sqlite:///{tmp_path}/trackway.db", options)
    options[2] = options[2].format(url=server.url)
    server._options = options
    server.start()
    try:
        renamed, stored = run(client, USE, server.url, client.version)  # type: ignore[misc]
    finally:
        server.kill()
    assert "Cannot rename a non-active experiment." in renamed
    assert "disabled due to the mlflow server running with `--no-serve-artifacts`" in stored
    requests = [json.loads(line) for line in server.log.splitlines() if '"trackway.access"' in line]
    refused = [request for request in requests if request["status"] >= 400]
    assert [request["status"] for request in refused] == [400, 404]

"""A CI job with an unmodified client: two variables, no secret; its runs say which job made them."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import requests
from click.testing import CliRunner

from tests.issuer import AUDIENCE, running_issuer
from tests.services import TrackwayServer
from trackway.server.cli import main

SCRIPT = """
import json, os, mlflow
from mlflow import MlflowClient
mlflow.set_tag("gitlab.CI_JOB_ID", "4711")
mlflow.log_metric("loss", 0.5)
run = mlflow.active_run()
try:
    mlflow.set_tag("gitlab.CI_JOB_ID", "1")
    refused = ""
except mlflow.MlflowException as error:
    refused = str(error)
mlflow.end_run()
print(json.dumps({"tags": MlflowClient().get_run(run.info.run_id).data.tags, "refused": refused}))
"""


@pytest.fixture
def server(tmp_path):
    server = TrackwayServer(tmp_path, f"sqlite:///{tmp_path}/trackway.db", options=["--auth"])
    server.start()
    yield server
    server.kill()


def test_a_gitlab_job_logs_with_its_own_token_and_with_one_that_outlives_it(server):
    with running_issuer() as issuer:
        for words in (
            ("user", "create", "ci", "--service"),
            ("issuer", "create", "gl", "--kind", "gitlab", "--url", issuer.url, "--audience", AUDIENCE),
            (
                "trust",
                "create",
                "r",
                "--issuer",
                "gl",
                "--service-account",
                "ci",
                "--claim",
                "project_path=*",
            ),
            ("user", "create", "root", "--admin"),
        ):
            command = [*words, "--backend-store-uri", server.store_uri]
            result = CliRunner().invoke(main, command, input="correct horse battery\n")
            assert result.exit_code == 0, result.output
        grant = {"username": "ci", "resource_type": "experiment", "resource_id": "0", "permission": "EDIT"}
        answer = requests.post(
            f"{server.url}/api/3.0/mlflow/users/permissions/grant",
            json=grant,
            auth=("root", "correct horse battery"),
        )
        assert answer.status_code == 200, answer.text
        token = issuer.token()
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": token,
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        }
        exchanged = requests.post(f"{server.url}/api/3.0/trackway/auth/exchange", data=form).json()
        issuer.is_down = True
        for bearer in (token, exchanged["access_token"]):
            found = run_job(server.url, bearer)
            assert found["tags"]["gitlab.CI_JOB_ID"] == "4711"
            assert found["tags"]["trackway.ci.project"] == "team/iris"
            assert "gitlab.CI_JOB_ID is set by the server" in found["refused"]


def run_job(url, token):
    environment = {"MLFLOW_TRACKING_URI": url, "MLFLOW_TRACKING_TOKEN": token, "PATH": os.environ["PATH"]}
    job = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True)
    assert job.returncode == 0, job.stderr[-2000:]
    return json.loads(job.stdout.splitlines()[-1])

"""The settings: MLflow's names, variables and defaults; bad ones end with one sentence."""

from __future__ import annotations

import os

import click
import pytest
from click.testing import CliRunner

from trackway.server.cli.options import click_options, from_click, options_as_markdown
from trackway.server.config import Config, ConfigError, JobSettings, options


def parse(*arguments, **environment):
    """The settings and warnings of a command line and an environment."""
    found = []

    @click.command()
    @click_options
    def command(**values):
        found.append(from_click(values))

    result = CliRunner().invoke(command, list(arguments), env=environment)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return found[0]


def test_the_defaults_are_those_of_the_command_line():
    assert parse() == (Config(), [])


def test_the_default_is_a_database_and_a_folder_side_by_side():
    config = Config()
    assert config.backend_store_uri == "sqlite:///./trackway-data/trackway.db"
    assert config.artifacts_destination == "./trackway-data/artifacts"
    assert (config.host, config.port) == ("127.0.0.1", 5000)


def test_options_and_variables_of_mlflow_server():
    by_option, _ = parse(
        *("--backend-store-uri", "postgresql://db/x", "--no-serve-artifacts", "-h", "0.0.0.0", "-p", "80"),
        *("-w", "3", "--static-prefix", "/t", "--allowed-hosts", "a,b", "--x-frame-options", "deny"),
        *(
            "--expose-prometheus",
            "/tmp/m",
            "--gunicorn-opts",
            "--timeout 9",
            "--default-artifact-root",
            "s3://b",
        ),
    )
    by_variable, _ = parse(
        MLFLOW_BACKEND_STORE_URI="postgresql://db/x",
        MLFLOW_SERVE_ARTIFACTS="false",
        MLFLOW_HOST="0.0.0.0",
        MLFLOW_PORT="80",
        MLFLOW_WORKERS="3",
        MLFLOW_STATIC_PREFIX="/t",
        MLFLOW_SERVER_ALLOWED_HOSTS="a,b",
        MLFLOW_SERVER_X_FRAME_OPTIONS="deny",
        MLFLOW_EXPOSE_PROMETHEUS="/tmp/m",
        MLFLOW_GUNICORN_OPTS="--timeout 9",
        MLFLOW_DEFAULT_ARTIFACT_ROOT="s3://b",
    )
    assert by_option == by_variable
    assert by_option.workers == 3
    assert by_option.x_frame_options == "DENY"


@pytest.mark.parametrize(
    ("uri", "workers"), [("", 1), ("sqlite:///x.db", 1), ("postgresql://h/x", 2), ("postgres://h/x", 2)]
)
def test_workers_by_the_store(uri, workers):
    config, _ = parse(*(["--backend-store-uri", uri] if uri else []))
    assert config.workers == workers


def test_an_option_goes_before_its_variable():
    assert parse("--port", "1", MLFLOW_PORT="2")[0].port == 1


@pytest.mark.parametrize(
    ("settings", "root"),
    [
        ({}, "mlflow-artifacts:/"),
        ({"default_artifact_root": "s3://bucket/x"}, "s3://bucket/x"),
        ({"serve_artifacts": False}, os.path.abspath("mlruns")),
        ({"serve_artifacts": False, "default_artifact_root": "gs://b"}, "gs://b"),
        (
            {"serve_artifacts": False, "default_artifact_root": "mlflow-artifacts://host:1/x"},
            "mlflow-artifacts://host:1/x",
        ),
    ],
)
def test_where_artifacts_of_new_experiments_go(settings, root):
    assert Config(**settings).artifact_root == root


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"registry_store_uri": "sqlite:///other.db"}, "in the same database as the runs"),
        (
            {"serve_artifacts": False, "default_artifact_root": "mlflow-artifacts:/x"},
            "needs --serve-artifacts",
        ),
        ({"static_prefix": "t"}, "--static-prefix must begin with a '/'."),
        ({"static_prefix": "/t/"}, "--static-prefix should not end with a '/'."),
        ({"static_prefix": "/{t}"}, "must not contain"),
        ({"x_frame_options": "SOME"}, "SAMEORIGIN, DENY or NONE, not 'SOME'"),
        ({"port": 70000}, "0 to 65535, not 70000"),
        ({"workers": 0}, "--workers must be at least 1, not 0"),
        ({"sqlite_synchronous": "OFF"}, "--sqlite-synchronous must be one of NORMAL, FULL, EXTRA, not 'OFF'"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(settings, words):
    with pytest.raises(ConfigError) as told:
        Config(**settings)
    assert words in str(told.value)
    assert "\n" not in str(told.value)


def test_the_registry_may_be_named_when_it_is_the_same_database():
    uri = "postgresql://db/x"
    assert Config(backend_store_uri=uri, registry_store_uri=uri).backend_store_uri == uri


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--uvicorn-opts", "--reload"], "--uvicorn-opts: Trackway runs on gunicorn"),
        (["--waitress-opts", ""], "--waitress-opts: Trackway runs on gunicorn"),
        (["--app-name", "kubernetes"], "--app-name kubernetes: Trackway has no plug-in apps"),
        (["--artifacts-only"], "--artifacts-only: "),
        (["--workspace-store-uri", "x"], "--workspace-store-uri: workspaces are stored in the database"),
        (["--dev", "--gunicorn-opts", "--timeout 1"], "cannot be specified together"),
    ],
)
def test_what_makes_no_sense_here_says_so(arguments, words):
    with pytest.raises(ConfigError, match=words):
        parse(*arguments)


def test_an_option_without_effect_is_passed_over_with_a_warning():
    _, [warning] = parse("--secrets-cache-ttl", "60")
    assert warning.startswith("--secrets-cache-ttl has no effect")


def test_a_replica_that_is_the_primary_is_passed_over_with_a_warning():
    uri = "postgresql://db/x"
    _, [warning] = parse("--backend-store-uri", uri, MLFLOW_READ_REPLICA_BACKEND_STORE_URI=uri)
    assert warning == "--read-replica-backend-store-uri has no effect: it equals --backend-store-uri."


def test_switching_off_what_is_not_there_is_fine():
    assert parse("--disable-workspaces") == (Config(), [])


def test_every_setting_is_documented():
    table = options_as_markdown()
    for setting in options():
        assert f"`--{setting.name.replace('_', '-')}" in table
        assert setting.metadata["help"]


def test_gunicorns_options_are_read_by_gunicorn():
    from trackway.server.gunicorn.application import Server

    server = Server(Config(gunicorn_opts="--timeout 77 --keep-alive 3"), lambda: None)
    assert (server.cfg.timeout, server.cfg.keepalive, server.cfg.workers) == (77, 3, Config().workers)
    for bad in ("--nonsense", "module:app", "--config x.py", "--timeout soon"):
        with pytest.raises(ConfigError, match="--gunicorn-opts"):
            Server(Config(gunicorn_opts=bad), lambda: None)


def test_passwords_are_not_shown():
    from trackway.server.backend import hide_password

    assert hide_password("postgresql://me:s3cr@t@host:5432/db") == "postgresql://me:***@host:5432/db"
    assert hide_password("postgresql://me@host/db") == "postgresql://me@host/db"
    assert hide_password("sqlite:///./x.db") == "sqlite:///./x.db"


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {
            "MLFLOW_BACKEND_STORE_URI": "postgresql://db/x",
            "MLFLOW_SERVE_ARTIFACTS": "false",
            "MLFLOW_DEFAULT_ARTIFACT_ROOT": "s3://b",
            "MLFLOW_PORT": "80",
            "MLFLOW_WORKERS": "3",
            "TRACKWAY_ACCESS_LOG": "no",
            "TRACKWAY_JOBS": "0",
            "MLFLOW_WEBHOOK_REQUEST_TIMEOUT": "7",
        },
        {"MLFLOW_HOST": "", "MLFLOW_ENABLE_WORKSPACES": "false"},
    ],
)
def test_another_servers_settings_come_from_the_same_variables(environment):
    by_command, _ = parse(**environment)
    assert Config.from_environment(os.environ | environment) == by_command


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"MLFLOW_PORT": "http"}, "MLFLOW_PORT must be a whole number, not 'http'"),
        ({"TRACKWAY_JOBS": "maybe"}, "TRACKWAY_JOBS must be true or false, not 'maybe'"),
        ({"MLFLOW_WORKSPACE_STORE_URI": "x"}, "--workspace-store-uri: workspaces are stored in the database"),
        ({"TRACKWAY_JOB_THREADS": "0"}, "TRACKWAY_JOB_THREADS must be a number of at least 1 .*, not '0'"),
    ],
)
def test_a_variable_that_cannot_be_is_told(environment, words):
    with pytest.raises(ConfigError, match=words):
        Config.from_environment(environment)


def test_jobs_have_settings_of_their_own_and_mlflows_variable_for_their_threads():
    def jobs(**environment):
        return Config.from_environment(environment).variables.jobs

    assert jobs() == JobSettings(threads=10, lease_s=30, poll_s=5)
    assert jobs(MLFLOW_WEBHOOK_DELIVERY_MAX_WORKERS="3").threads == 3
    assert jobs(MLFLOW_WEBHOOK_DELIVERY_MAX_WORKERS="3", TRACKWAY_JOB_THREADS="4").threads == 4
    assert jobs(TRACKWAY_JOB_LEASE_SECONDS="7", TRACKWAY_JOB_POLL_SECONDS="0.5") == JobSettings(10, 7, 0.5)

"""Which servers authenticate their callers, the warnings about open ones, and the settings of access."""

import pytest

from trackway.server.config import AccessSettings, Config, ConfigError, Variables, exposure_warnings


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1", "unix:/run/trackway.sock"])
def test_a_server_on_loopback_gives_no_warning(host):
    assert exposure_warnings(Config(host=host)) == []


@pytest.mark.parametrize(
    ("settings", "count"),
    [({}, 1), ({"allowed_hosts": "*"}, 2), ({"disable_security_middleware": True}, 2)],
)
def test_another_address_gives_one_and_a_second_without_the_host_check(settings, count):
    warnings = exposure_warnings(Config(host="0.0.0.0", port=5001, auth=False, **settings))
    assert len(warnings) == count
    assert "0.0.0.0:5001" in warnings[0]


def test_a_server_with_authentication_gives_no_warning():
    assert exposure_warnings(Config(host="0.0.0.0")) == []


@pytest.mark.parametrize(
    ("settings", "is_closed"),
    [
        ({}, False),
        ({"host": "::1"}, False),
        ({"host": "0.0.0.0"}, True),
        ({"host": "192.0.2.1"}, True),
        ({"host": "0.0.0.0", "auth": False}, False),
        ({"auth": True}, True),
        ({"app_name": "basic-auth"}, True),
    ],
)
def test_a_server_is_closed_unless_it_is_on_loopback_or_told_otherwise(settings, is_closed):
    assert Config(**settings).requires_login is is_closed


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"app_name": "other"}, "basic-auth"),
        ({"app_name": "basic-auth", "auth": False}, "contradict"),
    ],
)
def test_settings_that_contradict_are_refused(settings, words):
    with pytest.raises(ConfigError, match=words):
        Config(**settings)


@pytest.mark.parametrize(
    ("host", "password", "words"),
    [("0.0.0.0", "password1234", "documentation"), ("127.0.0.1", "short", "at least 12")],
)
def test_a_known_or_short_admin_password_is_refused(host, password, words):
    variables = Variables.read({"MLFLOW_AUTH_ADMIN_PASSWORD": password})
    with pytest.raises(ConfigError, match=words):
        Config(host=host, auth=True, variables=variables)


def test_a_known_password_is_accepted_on_loopback():
    variables = Variables.read({"MLFLOW_AUTH_ADMIN_PASSWORD": "password1234"})
    assert Config(auth=True, variables=variables).requires_login


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[mlflow]\ndefault_permission = WRITE\n", "must be one of READ, USE, EDIT"),
        ("[mlflow]\nauthorization_function = my.module:check\n", "function of another program"),
        ("[mlflow]\ndatabase_uri = postgresql://db/auth\n", "MLflow's database of users"),
        ("[mlflow]\ngrant_default_workspace_access = maybe\n", "true or false"),
        ("[other]\n", "no configuration file"),
        ("nothing", "no configuration file"),
    ],
)
def test_mlflows_configuration_file_is_refused_with_a_sentence(tmp_path, text, words):
    file = tmp_path / "auth.ini"
    file.write_text(text)
    with pytest.raises(ConfigError, match=words):
        Variables.read({"MLFLOW_AUTH_CONFIG_PATH": str(file)})
    with pytest.raises(ConfigError, match="no file"):
        Variables.read({"MLFLOW_AUTH_CONFIG_PATH": str(tmp_path / "none.ini")})


def test_mlflows_configuration_file_is_read_and_variables_win(tmp_path):
    file = tmp_path / "auth.ini"
    file.write_text(
        "[mlflow]\ndefault_permission = edit\ndatabase_uri = sqlite:///basic_auth.db\nadmin_username = root\n"
        "admin_password = from-the-file-1\ngrant_default_workspace_access = true\n"
        "auth_cache_ttl_seconds = 60\n"
    )
    access = Variables.read({"MLFLOW_AUTH_CONFIG_PATH": str(file)}).access
    assert access == AccessSettings("root", "from-the-file-1", "EDIT", True)
    environment = {"MLFLOW_AUTH_CONFIG_PATH": str(file), "MLFLOW_AUTH_ADMIN_PASSWORD": "from-environ-1"}
    assert Variables.read(environment).access.admin_password == "from-environ-1"

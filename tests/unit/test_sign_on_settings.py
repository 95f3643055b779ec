"""The file of ``--auth-config``: identity providers, and sentences about what is wrong in it."""

import pytest

from trackway.server.config import Config, ConfigError

GOOD = """
public_url = "https://trackway.example/"
[providers.company]
issuer = "https://login.example"
client_id = "trackway"
client_secret = "secret"
groups_claim = "roles"
admin_groups = ["admins"]
[providers.company.roles]
"data science" = ["members", "team-a/readers"]
"""


@pytest.fixture
def read(tmp_path):
    def read(text):
        file = tmp_path / "auth.toml"
        file.write_text(text)
        return Config(auth=True, auth_config=str(file)).sign_on

    return read


def test_providers_are_read(read):
    found = read(GOOD)
    provider = found.providers["company"]
    assert (found.public_url, found.passwords) == ("https://trackway.example", True)
    assert (provider.name, provider.title, provider.groups_claim) == ("company", "company", "roles")
    assert provider.roles == {"data science": (("default", "members"), ("team-a", "readers"))}
    assert provider.scopes == ("openid", "profile", "email")


def test_a_secret_can_be_in_a_file_of_its_own(read, tmp_path):
    (tmp_path / "secret").write_text("from the file\n")
    text = GOOD.replace('client_secret = "secret"', f'client_secret_file = "{tmp_path}/secret"')
    assert read(text).providers["company"].client_secret == "from the file"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", r"no table \[providers"),
        ("[", "cannot be read"),
        ("providers = 1", "providers must be a table"),
        ("[providers]\ncompany = 1", "must be a table"),
        ("[providers.company]\nclient_id = 'a'", "needs issuer"),
        ("[providers.company]\nissuer = 'https://a.example'", "needs client_id"),
        (GOOD.replace("client_id", "clientid"), "unknown key 'clientid'"),
        (GOOD.replace("https://login", "http://login"), "begins with https"),
        (GOOD.replace("[providers.company]", "[providers.Company]"), "lower-case"),
        (GOOD.replace("providers.company", "providers.login"), "lower-case"),
        (GOOD.replace('["admins"]', '"admins"'), "admin_groups must be a list"),
        (GOOD.replace('"secret"', "1"), "client_secret must be a text"),
        (GOOD.replace("client_secret", "client_secret_file"), "client_secret_file cannot be read"),
        (GOOD + "\n[providers.b]\nissuer = 'https://login.example'\nclient_id = 'x'", "an issuer twice"),
        ("passwords = 'no'\n" + GOOD, "passwords must be true or false"),
        (GOOD.replace("https://trackway.example/", "trackway.example"), "public_url must be a URL"),
        (GOOD.replace('groups_claim = "roles"', 'scopes = ["profile"]'), "must contain openid"),
    ],
)
def test_what_is_wrong_is_named(read, text, words):
    with pytest.raises(ConfigError, match=words):
        read(text)


def test_a_file_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nothing\.toml cannot be read"):
        Config(auth=True, auth_config=str(tmp_path / "nothing.toml"))


def test_an_open_server_with_providers_is_refused(read, tmp_path):
    (tmp_path / "a.toml").write_text(GOOD)
    with pytest.raises(ConfigError, match="add --auth"):
        Config(auth_config=str(tmp_path / "a.toml"))

"""What the registry takes, and the sentences for what it does not."""

import pytest

from trackway.client_compat import registry_rules as rules
from trackway.client_compat import searchable
from trackway.client_compat.errors import InvalidParameter

WORDS_ONLY = "Names may only contain alphanumerics, underscores (_), and dashes (-)."


@pytest.mark.parametrize("name", ["iris", "a b", "ä", "模型", "a.b", "a%2Fb", "a@b", "x" * 2500])
def test_a_name_may_be_nearly_anything(name):
    rules.check_new_model_name(name)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (None, "Missing value for required parameter 'name'."),
        ("", "Missing value for required parameter 'name'."),
        (" \t", "Missing value for required parameter 'name'."),
        ("a/b", "Invalid model name 'a/b'. Names cannot contain '/' or ':'."),
        ("a:b", "Invalid model name 'a:b'. Names cannot contain '/' or ':'."),
        (
            ".",
            "Invalid value \".\" for parameter 'name' supplied: Names may be treated as files in certain "
            "cases, and must not resolve to other names when treated as such. This name would resolve to '.'",
        ),
    ],
)
def test_a_name_that_is_none_is_refused(name, words):
    with pytest.raises(InvalidParameter) as refusal:
        rules.check_model_name(name)
    assert refusal.value.message == words


def test_a_name_that_no_index_could_hold_is_refused():
    with pytest.raises(InvalidParameter, match="'name' exceeds the maximum length of 2500 bytes"):
        rules.check_new_model_name("ä" * 1251)


@pytest.mark.parametrize("alias", ["champion", "a-b_c", "é", "v", "v1a", "version1", "x" * 255])
def test_an_alias_is_a_word(alias):
    rules.check_new_alias(alias)


@pytest.mark.parametrize(
    ("alias", "words"),
    [
        ("", "Registered model alias name cannot be empty."),
        (
            "a b",
            f"Invalid alias name: 'a b'. {WORDS_ONLY}",
        ),
        (
            "a\n",
            f"Invalid alias name: 'a\n'. {WORDS_ONLY}",
        ),
        ("x" * 256, "'Registered model alias name' exceeds the maximum length of 255 characters"),
        ("Latest", "'latest' alias name (case insensitive) is reserved."),
        ("v3", "Version alias name 'v3' is reserved."),
        ("V10", "Version alias name 'V10' is reserved."),
    ],
)
def test_an_alias_that_reads_as_something_else_is_refused(alias, words):
    with pytest.raises(InvalidParameter) as refusal:
        rules.check_new_alias(alias)
    assert refusal.value.message == words


def test_only_active_stages_archive_the_others():
    rules.check_archiving("staging")
    with pytest.raises(InvalidParameter) as refusal:
        rules.check_archiving("none")
    assert refusal.value.message == (
        "Model version transition cannot archive existing model versions because 'none' is not an Active "
        "stage. Valid stages are ['Staging', 'Production']"
    )


def test_tags_have_limits():
    rules.check_tag("a/b", "x" * 100_000)
    with pytest.raises(InvalidParameter, match="'value' exceeds the maximum length of 100000 characters"):
        rules.check_version_tag("k", "x" * 100_001)
    with pytest.raises(InvalidParameter, match="'key' exceeds the maximum length of 250 characters"):
        rules.check_tag("k" * 251, "")
    with pytest.raises(InvalidParameter, match=r"^Prompt text exceeds max length of 100000 characters\.$"):
        rules.check_version_tag("mlflow.prompt.text", "x" * 100_001)


@pytest.mark.parametrize(
    ("filter", "asks"),
    [
        (None, False),
        ("name = 'x'", False),
        ("tags.`mlflow.prompt.is_prompt` = 'True'", True),
        ("tags.`mlflow.prompt.is_prompt` != 'false' AND name = 'x'", True),
        ("tags.`mlflow.prompt.is_prompt` != 'true'", False),
        ("tags.`mlflow.prompt.is_prompt` LIKE 'true'", False),
    ],
)
def test_a_search_asks_for_prompts_by_their_tag(filter, asks):
    assert rules.asks_for_prompts(filter, searchable.REGISTERED_MODELS) is asks

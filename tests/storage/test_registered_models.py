"""Registered models as the store keeps them, on every database."""

import pytest
import sqlalchemy as sa

from tests.databases import statements_of
from tests.factories import among_many, make_many_models, make_registered_model, make_version
from trackway.client_compat import messages as m
from trackway.client_compat.errors import AlreadyExists, InvalidParameter, NotFound
from trackway.storage.database import Database, Tx
from trackway.storage.registry import aliases, model_versions, registered_models
from trackway.storage.schema import registry

PROMPT = {"mlflow.prompt.is_prompt": "true"}


def find(tx: Tx, filter: str | None = None, **more: object) -> list[str]:
    found, _ = registered_models.find_page(tx, m.SearchRegisteredModels(filter=filter, **more))  # type: ignore[arg-type]
    return [model.name or "" for model in found]


def tags(tx: Tx, name: str) -> dict[str, str]:
    return {tag.key: tag.value for tag in registered_models.get(tx, name).tags}


def test_a_new_model_tells_what_was_said_of_it(tx: Tx) -> None:
    make_registered_model(tx, "iris", description="flowers", tags={"team": "vision", "empty": ""})
    model = registered_models.get(tx, "iris")
    assert (model.name, model.description) == ("iris", "flowers")
    assert model.creation_timestamp == model.last_updated_timestamp == tx.now_ms
    assert (model.latest_versions, model.aliases) == ([], [])
    assert tags(tx, "iris") == {"team": "vision", "empty": ""}


@pytest.mark.parametrize("name", ["a b", "a%2Fb", "模型 🤖", "x" * 2500, "a'b\"c", "50%", "a@b", "a?b#c&d+e"])
def test_a_name_may_be_nearly_anything(tx: Tx, name: str) -> None:
    make_registered_model(tx, name, versions=1)
    assert registered_models.get(tx, name).name == name
    assert model_versions.get(tx, name, "1").name == name


def test_a_name_is_taken_once_in_each_workspace(tx: Tx) -> None:
    make_registered_model(tx, "a")  # the noise has one, too
    with pytest.raises(AlreadyExists, match=r"^Registered Model \(name=a\) already exists\.$"):
        make_registered_model(tx, "a")


def test_a_name_is_that_of_a_model_or_of_a_prompt(tx: Tx) -> None:
    make_registered_model(tx, "model")
    make_registered_model(tx, "prompt", tags=PROMPT)
    with pytest.raises(AlreadyExists, match=r"^Prompt \(name=prompt\) already exists\.$"):
        make_registered_model(tx, "prompt", tags=PROMPT)
    with pytest.raises(AlreadyExists, match=r"a prompt with name 'model', but .* by a registered model"):
        make_registered_model(tx, "model", tags=PROMPT)
    with pytest.raises(AlreadyExists, match=r"a registered model with name 'prompt', but .* by a prompt"):
        make_registered_model(tx, "prompt")


def test_an_unknown_model_is_not_found(tx: Tx) -> None:
    for use in (registered_models.get, registered_models.delete):
        with pytest.raises(NotFound, match=r"^Registered Model with name=nope not found$"):
            use(tx, "nope")
    with pytest.raises(NotFound, match="name=nope"):
        registered_models.rename(tx, "nope", "other")
    with pytest.raises(InvalidParameter, match="Names cannot contain"):
        registered_models.get(tx, "a/b")


def test_a_description_is_set_and_taken_away(tx: Tx) -> None:
    make_registered_model(tx, "iris")
    assert registered_models.describe(tx, "iris", "flowers").description == "flowers"
    assert registered_models.describe(tx, "iris", "").description is None


def test_all_that_hangs_on_a_model_follows_its_new_name(tx: Tx) -> None:
    make_registered_model(tx, "iris", tags={"k": "v"})
    make_version(tx, "iris", alias="champion", tags={"t": "1"})
    renamed = registered_models.rename(tx, "iris", "flowers")
    assert renamed.name == "flowers"
    assert [version.name for version in renamed.latest_versions] == ["flowers"]
    assert tags(tx, "flowers") == {"k": "v"}
    assert aliases.resolve(tx, "flowers", "champion").name == "flowers"
    with pytest.raises(NotFound):
        registered_models.get(tx, "iris")
    make_registered_model(tx, "iris")  # the name is free again


def test_a_name_that_is_taken_is_refused_to_others_but_not_to_its_holder(database: Database) -> None:
    def make(tx: Tx) -> None:
        make_registered_model(tx, "one")
        make_registered_model(tx, "two")

    database.run(make, write=True)
    with pytest.raises(AlreadyExists, match=r"Registered Model \(name=two\) already exists"):
        database.run(lambda tx: registered_models.rename(tx, "one", "two"), write=True)
    model = database.run(lambda tx: registered_models.rename(tx, "one", "one"), write=True)
    assert model.name == "one"


def test_deleting_a_model_leaves_nothing_of_it(tx: Tx) -> None:
    def count() -> list[int]:
        tables = (
            registry.registered_models,
            registry.registered_model_tags,
            registry.registered_model_aliases,
            registry.model_versions,
            registry.model_version_tags,
        )
        return [tx.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() for table in tables]

    before = count()
    make_registered_model(tx, "iris", tags={"k": "v"})
    make_version(tx, "iris", alias="champion", tags={"k": "v"})
    assert count() == [number + 1 for number in before]
    registered_models.delete(tx, "iris")
    assert count() == before
    make_registered_model(tx, "iris")
    assert make_version(tx, "iris") == "1"


def test_a_tag_is_set_over_and_deleted_and_again_is_fine(tx: Tx) -> None:
    make_registered_model(tx, "iris")
    updated = registered_models.get(tx, "iris").last_updated_timestamp
    registered_models.set_tag(tx, "iris", "k", "1")
    registered_models.set_tag(tx, "iris", "k", "")
    assert tags(tx, "iris") == {"k": ""}
    registered_models.delete_tag(tx, "iris", "k")
    registered_models.delete_tag(tx, "iris", "k")
    assert tags(tx, "iris") == {}
    assert registered_models.get(tx, "iris").last_updated_timestamp == updated


def test_models_come_by_name_by_code_point(tx: Tx) -> None:
    for name in ("b", "B", "a", "ä", "_"):
        make_registered_model(tx, name)
    assert find(tx) == ["B", "_", "a", "b", "ä"]
    assert find(tx, order_by=["name DESC"]) == ["ä", "b", "a", "_", "B"]


@pytest.mark.parametrize(
    ("filter", "names"),
    [
        ("name = 'iris'", "iris"),
        ("name != 'iris'", "Iris wine"),
        ("name LIKE 'ir%'", "iris"),
        ("name ILIKE 'IR%'", "Iris iris"),
        ("name IN ('wine', 'iris', 'nope')", "iris wine"),
        ("name NOT IN ('wine')", "Iris iris"),
        ("tags.team = 'vision'", "iris"),
        ("tags.team != 'vision'", "wine"),
        ("tag.team LIKE 'v%' AND name ILIKE 'i%'", "iris"),
        ("tags.team = 'vision' OR name = 'wine'", "iris wine"),
        ("NOT tags.team = 'vision'", "Iris wine"),
        ("tags.team = 'vision' AND tags.size = 'large'", ""),
    ],
)
def test_models_are_found_by_name_and_tag(tx: Tx, filter: str, names: str) -> None:
    make_registered_model(tx, "iris", tags={"team": "vision", "size": "small"})
    make_registered_model(tx, "Iris")
    make_registered_model(tx, "wine", tags={"team": "taste"})
    assert find(tx, filter) == names.split()
    assert find(tx, among_many(filter)) == names.split()


@pytest.mark.parametrize(
    ("filter", "names"),
    [
        (None, "model odd"),
        ("name LIKE '%'", "model odd"),
        ("tags.`mlflow.prompt.is_prompt` = 'true'", "prompt"),
        ("tags.`mlflow.prompt.is_prompt` = 'TRUE'", ""),
        ("tags.`mlflow.prompt.is_prompt` != 'false'", "prompt"),
        ("tags.`mlflow.prompt.is_prompt` != 'true'", "model odd"),
        ("tags.`mlflow.prompt.is_prompt` = 'false'", "model odd"),
        ("tags.`mlflow.prompt.is_prompt` = 'true' AND name LIKE 'm%'", ""),
        ("tags.`mlflow.prompt.is_prompt` = 'true' OR name = 'model'", "model prompt"),
    ],
)
def test_prompts_are_left_out_unless_asked_for(tx: Tx, filter: str | None, names: str) -> None:
    make_registered_model(tx, "prompt", tags=PROMPT)
    make_registered_model(tx, "model")
    make_registered_model(tx, "odd", tags={"mlflow.prompt.is_prompt": "false"})
    assert find(tx, filter) == names.split()
    assert find(tx, among_many(filter)) == names.split()


def test_pages_follow_each_other_without_gap_or_repetition(tx: Tx) -> None:
    names = [make_registered_model(tx, f"m{number}") for number in range(7)]
    for order, expected in (([], names), (["last_updated_timestamp DESC", "name DESC"], names[::-1])):
        seen: list[str] = []
        token = None
        while True:
            request = m.SearchRegisteredModels(max_results=3, order_by=order, page_token=token)
            page, token = registered_models.find_page(tx, request)
            seen += [model.name or "" for model in page]
            if token is None:
                break
            assert len(page) == 3
        assert seen == expected


def test_a_token_of_another_search_is_refused(tx: Tx) -> None:
    for number in range(3):
        make_registered_model(tx, f"m{number}")
    _, token = registered_models.find_page(tx, m.SearchRegisteredModels(max_results=1))
    other = m.SearchRegisteredModels(max_results=1, filter="name LIKE 'm%'", page_token=token)
    with pytest.raises(InvalidParameter, match="Invalid page token"):
        registered_models.find_page(tx, other)


@pytest.mark.parametrize("count", [10, 1000])
def test_a_page_takes_the_same_statements_whatever_its_size(database: Database, tx: Tx, count: int) -> None:
    make_many_models(tx, count)
    statements = statements_of(database)
    for filter, size in (("name LIKE 'model %'", count), ("tags.team = 'vision'", count // 10)):
        statements.clear()
        found, _ = registered_models.find_page(tx, m.SearchRegisteredModels(filter=filter, max_results=1000))
        assert len(found) == size
        assert {(len(model.latest_versions), len(model.tags), len(model.aliases)) for model in found} == {
            (2, 1, 1)
        }
        assert len(statements) == 5  # models, tags, aliases, newest versions and their tags

"""Versions of registered models, their stages and aliases, on every database."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.databases import statements_of
from tests.factories import (
    among_many,
    at,
    make_many_models,
    make_registered_model,
    make_version,
)
from trackway.client_compat import messages as m
from trackway.client_compat.errors import InvalidParameter, NotFound
from trackway.storage.database import Database, Tx
from trackway.storage.registry import aliases, model_versions, registered_models, stages

PROMPT = {"mlflow.prompt.is_prompt": "true"}


def find(tx: Tx, filter: str | None = None, **more: object) -> list[str]:
    """What a search finds, as "name/version"."""
    found, _ = model_versions.find_page(tx, m.SearchModelVersions(filter=filter, **more))  # type: ignore[arg-type]
    return [f"{version.name}/{version.version}" for version in found]


def test_a_new_version_tells_what_was_said_of_it(tx: Tx) -> None:
    make_registered_model(tx, "iris")
    make_version(tx, "iris", source="s3://b/x", run_id="abc", description="d", tags={"k": "v", "e": ""})
    version = model_versions.get(tx, "iris", "1")
    assert (version.name, version.version, version.current_stage, version.status) == (
        "iris",
        "1",
        "None",
        "READY",
    )
    assert (version.source, version.run_id, version.run_link, version.description) == (
        "s3://b/x",
        "abc",
        "",
        "d",
    )
    assert version.creation_timestamp == version.last_updated_timestamp == tx.now_ms
    assert {tag.key: tag.value for tag in version.tags} == {"k": "v", "e": ""}
    assert registered_models.get(tx, "iris").last_updated_timestamp == tx.now_ms


def test_a_number_is_not_used_again(tx: Tx) -> None:
    make_registered_model(tx, "iris", versions=3)
    model_versions.delete(tx, "iris", "3")
    model_versions.delete(tx, "iris", "1")
    assert make_version(tx, "iris") == "4"
    assert find(tx, "name = 'iris'", order_by=["version_number ASC"]) == ["iris/2", "iris/4"]


def test_thirty_two_writers_get_thirty_two_consecutive_numbers(database: Database) -> None:
    database.run(lambda tx: make_registered_model(tx, "iris"), write=True)
    start = threading.Barrier(8)

    def work(_: int) -> list[str]:
        start.wait()
        return [database.run(lambda tx: make_version(tx, "iris"), write=True) for _ in range(4)]

    with ThreadPoolExecutor(8) as pool:
        numbers = [number for numbers in pool.map(work, range(8)) for number in numbers]
    assert sorted(map(int, numbers)) == list(range(1, 33))


def test_a_deleted_version_is_gone_for_everything(tx: Tx) -> None:
    make_registered_model(tx, "iris")
    make_version(tx, "iris", alias="champion", tags={"k": "v"})
    model_versions.delete(tx, "iris", "1")
    for use in (model_versions.get, model_versions.delete, model_versions.download_uri):
        with pytest.raises(NotFound, match=r"^Model Version \(name=iris, version=1\) not found$"):
            use(tx, "iris", "1")
    with pytest.raises(NotFound):
        model_versions.describe(tx, "iris", "1", "d")
    with pytest.raises(NotFound):
        model_versions.set_tag(tx, "iris", "1", "k", "v")
    with pytest.raises(NotFound):
        stages.transition(tx, "iris", "1", "Staging", False)
    with pytest.raises(InvalidParameter, match=r"^Registered model alias champion not found\.$"):
        aliases.resolve(tx, "iris", "champion")
    assert find(tx, "name = 'iris'") == []
    assert registered_models.get(tx, "iris").aliases == []


@pytest.mark.parametrize("version", ["", "x", "1.0", "v1"])
def test_a_version_is_a_whole_number(tx: Tx, version: str) -> None:
    with pytest.raises(InvalidParameter, match=f"^Parameter 'version' must be an integer, got '{version}'.$"):
        model_versions.get(tx, "iris", version)


@pytest.mark.parametrize("version", ["0", "-1", "99999999999999999999"])
def test_a_number_that_no_version_has_is_not_found(tx: Tx, version: str) -> None:
    make_registered_model(tx, "iris", versions=1)
    with pytest.raises(NotFound, match=rf"version={version}\) not found"):
        model_versions.get(tx, "iris", version)


def test_an_update_without_a_description_takes_it_away(tx: Tx) -> None:
    make_registered_model(tx, "iris", versions=1)
    assert model_versions.describe(tx, "iris", "1", "d").description == "d"
    assert model_versions.describe(tx, "iris", "1", "").description == ""
    assert model_versions.describe(tx, "iris", "1", None).description is None


def test_a_tag_is_set_over_and_deleted_and_again_is_fine(tx: Tx) -> None:
    make_registered_model(tx, "iris", versions=2)
    model_versions.set_tag(tx, "iris", "1", "k", "1")
    model_versions.set_tag(tx, "iris", "1", "k", "2")
    assert [tag.value for tag in model_versions.get(tx, "iris", "1").tags] == ["2"]
    assert model_versions.get(tx, "iris", "2").tags == []
    model_versions.delete_tag(tx, "iris", "1", "k")
    model_versions.delete_tag(tx, "iris", "1", "k")
    assert model_versions.get(tx, "iris", "1").tags == []


def test_versions_come_by_last_change_then_name_then_number(tx: Tx) -> None:
    at(tx, 100)
    make_registered_model(tx, "wine", versions=2)
    make_registered_model(tx, "iris", versions=2)
    model_versions.describe(at(tx, 200), "wine", "1", "d")
    assert find(tx) == ["wine/1", "iris/2", "iris/1", "wine/2"]
    assert find(tx, order_by=["version_number ASC"]) == ["iris/1", "wine/1", "iris/2", "wine/2"]
    assert find(tx, order_by=["name DESC", "creation_timestamp"]) == ["wine/2", "wine/1", "iris/2", "iris/1"]


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ("name = 'iris'", "iris/1 iris/2"),
        ("name LIKE 'w%'", "wine/1"),
        ("run_id = 'r1'", "iris/1 wine/1"),
        ("run_id IN ('r1', 'r2')", "iris/1 iris/2 wine/1"),
        ("run_id NOT IN ('r1')", "iris/2"),
        ("run_id IN ('r1') AND name = 'iris'", "iris/1"),
        ("source_path LIKE 's3://a/%'", "iris/1"),
        ("version_number > 1", "iris/2"),
        ("version_number = '1'", "iris/1 wine/1"),
        ("tags.stage = 'raw'", "iris/1"),
        ("tags.stage != 'raw'", "wine/1"),
        ("tags.stage ILIKE 'R%' OR version_number = 2", "iris/1 iris/2"),
        ("run_id != 'r1'", "iris/2"),
    ],
)
def test_versions_are_found_by_what_they_are(tx: Tx, filter: str, found: str) -> None:
    make_registered_model(tx, "iris")
    make_registered_model(tx, "wine")
    make_version(tx, "iris", run_id="r1", source="s3://a/x", tags={"stage": "raw"})
    make_version(tx, "iris", run_id="r2")
    make_version(tx, "wine", run_id="r1", tags={"stage": "fine"})
    for same in (filter, among_many(filter)):
        assert find(tx, same, order_by=["name", "version_number"]) == found.split()


def test_versions_of_prompts_are_left_out_unless_asked_for(tx: Tx) -> None:
    make_registered_model(tx, "model", versions=1)
    make_registered_model(tx, "prompt", tags=PROMPT)
    make_version(tx, "prompt", tags=PROMPT)
    make_version(tx, "prompt")
    assert find(tx) == find(tx, "tags.`mlflow.prompt.is_prompt` != 'true'") == ["model/1"]
    assert find(tx, "name = 'prompt'") == []
    assert find(tx, "name = 'prompt' AND tags.`mlflow.prompt.is_prompt` = 'true'") == ["prompt/1"]


def test_pages_of_versions_follow_each_other(tx: Tx) -> None:
    make_registered_model(tx, "iris", versions=7)
    seen: list[str | None] = []
    token = None
    while True:
        page, token = model_versions.find_page(tx, m.SearchModelVersions(max_results=3, page_token=token))
        seen += [version.version for version in page]
        if token is None:
            break
    assert seen == list("7654321")


@pytest.mark.parametrize("count", [10, 1000])
def test_a_page_takes_the_same_statements_whatever_its_size(database: Database, tx: Tx, count: int) -> None:
    make_many_models(tx, count)
    statements = statements_of(database)
    for filter, size in (
        ("name LIKE 'model %'", 3 * count),
        ("tags.n = '2'", count),
        ("run_id IN ('run 1', 'run 2')", 6 * count // 10),
    ):
        statements.clear()
        assert len(find(tx, filter)) == size
        # The versions, and the tags of each 1,000 of them.
        assert len(statements) == 1 + -(-size // 1000)

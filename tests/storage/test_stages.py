"""The stages and aliases of model versions, on every database."""

from __future__ import annotations

import pytest

from tests.factories import at, make_registered_model
from trackway.client_compat import messages as m
from trackway.client_compat.errors import InvalidParameter, NotFound
from trackway.storage.database import Tx
from trackway.storage.registry import aliases, model_versions, registered_models, stages


def in_stages(tx: Tx, name: str) -> dict[str, str]:
    return {
        version.version or "": version.current_stage or ""
        for version in model_versions.find_page(tx, m.SearchModelVersions(filter=f"name = '{name}'"))[0]
    }


def test_stages_mind_no_case_and_archive_the_others_at_the_same_time(tx: Tx) -> None:
    make_registered_model(tx, "iris", versions=4)
    for number in "123":
        stages.transition(at(tx, 100), "iris", number, "pRODUCTION", False)
    stages.transition(at(tx, 200), "iris", "4", "production", True)
    assert in_stages(tx, "iris") == {"1": "Archived", "2": "Archived", "3": "Archived", "4": "Production"}
    times = {model_versions.get(tx, "iris", number).last_updated_timestamp for number in "1234"}
    assert times == {200}
    assert registered_models.get(tx, "iris").last_updated_timestamp == 200
    with pytest.raises(
        InvalidParameter, match=r"^Invalid Model Version stage: live\. Value must be one of None, "
    ):
        stages.transition(tx, "iris", "1", "live", False)


def test_the_newest_of_each_stage_is_found(tx: Tx) -> None:
    make_registered_model(tx, "iris", versions=5)
    for number, stage in (("1", "Production"), ("2", "Staging"), ("3", "Production")):
        stages.transition(tx, "iris", number, stage, False)
    aliases.put(tx, "iris", "champion", "3")

    def newest(*wanted: str) -> list[tuple[str | None, list[str]]]:
        return [(version.version, version.aliases) for version in stages.latest_in(tx, "iris", wanted)]

    assert newest() == [("3", ["champion"]), ("2", []), ("5", [])]
    assert newest("production", "None") == [("3", ["champion"]), ("5", [])]
    assert newest("Archived") == []
    told = registered_models.get(tx, "iris").latest_versions
    assert [version.version for version in told] == ["3", "2", "5"]
    with pytest.raises(InvalidParameter, match="Invalid Model Version stage"):
        stages.latest_in(tx, "iris", ["live"])
    with pytest.raises(NotFound, match="Registered Model with name=nope not found"):
        stages.latest_in(tx, "nope", [])


def test_an_alias_names_one_version_of_one_model(tx: Tx) -> None:
    make_registered_model(tx, "iris", versions=2)
    make_registered_model(tx, "wine", versions=1)
    aliases.put(tx, "wine", "champion", "1")
    aliases.put(tx, "iris", "champion", "1")
    aliases.put(tx, "iris", "champion", "2")
    aliases.put(tx, "iris", "Champion", "2")
    assert aliases.resolve(tx, "iris", "champion").version == "2"
    assert model_versions.get(tx, "iris", "1").aliases == []
    assert model_versions.get(tx, "iris", "2").aliases == ["Champion", "champion"]
    aliases.delete(tx, "iris", "champion")
    aliases.delete(tx, "iris", "champion")
    assert [alias.alias for alias in registered_models.get(tx, "iris").aliases] == ["Champion"]
    assert aliases.resolve(tx, "wine", "champion").version == "1"
    with pytest.raises(NotFound, match=r"Model Version \(name=iris, version=9\) not found"):
        aliases.put(tx, "iris", "champion", "9")


def test_latest_names_the_newest_version_whatever_its_stage(tx: Tx) -> None:
    make_registered_model(tx, "iris", versions=3)
    stages.transition(tx, "iris", "1", "Production", False)
    assert aliases.resolve(tx, "iris", "LaTest").version == "3"
    make_registered_model(tx, "empty")
    with pytest.raises(NotFound, match=r"^Latest version not found for model empty\.$"):
        aliases.resolve(tx, "empty", "latest")

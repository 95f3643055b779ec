"""What was changed of registered models, on every database."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.factories import at, make_registered_model, make_version
from trackway.client_compat.errors import InvalidParameter, NotFound
from trackway.client_compat.trackway_api import RegisteredModelChange
from trackway.storage.database import Database, Tx
from trackway.storage.registry import aliases, history, model_versions, registered_models, stages
from trackway.storage.schema.registry import registry_history

_numbers = itertools.count(1)


def changes(tx: Tx, name: str) -> list[RegisteredModelChange]:
    """All changes of a model, oldest first."""
    found, token = history.find_page(tx, name, 1000, None)
    assert token is None
    return found[::-1]


def told(tx: Tx, name: str) -> list[str]:
    """Each change in a line: action, version, key, from, to."""
    return [
        " ".join(
            "-" if value is None else value
            for value in (row.action, row.version, row.key, row.old_value, row.new_value)
        )
        for row in changes(tx, name)
    ]


def alias_at(tx: Tx, name: str, alias: str, time_ms: int) -> int | None:
    return history.alias_at(tx, name, alias, time_ms)[0]


def test_every_kind_of_change_is_told(tx: Tx) -> None:
    make_registered_model(tx, "iris", description="flowers", tags={"team": "vision"})
    registered_models.describe(tx, "iris", "plants")
    registered_models.set_tag(tx, "iris", "team", "language")
    registered_models.delete_tag(tx, "iris", "team")
    make_version(tx, "iris", source="s3://b/1", description="first", tags={"k": "v"})
    make_version(tx, "iris", source="s3://b/2")
    model_versions.describe(tx, "iris", "2", "second")
    model_versions.set_tag(tx, "iris", "2", "k", "")
    model_versions.delete_tag(tx, "iris", "2", "k")
    stages.transition(tx, "iris", "1", "Production", False)
    stages.transition(tx, "iris", "2", "Production", True)
    aliases.put(tx, "iris", "champion", "1")
    aliases.put(tx, "iris", "champion", "2")
    registered_models.rename(tx, "iris", "flower")
    aliases.delete(tx, "flower", "champion")
    model_versions.delete(tx, "flower", "2")
    registered_models.delete(tx, "flower")
    assert told(tx, "flower") == [
        "model_created - - - flowers",
        "model_tag_set - team - vision",
        "model_description_set - - flowers plants",
        "model_tag_set - team vision language",
        "model_tag_deleted - team language -",
        "version_created 1 - - s3://b/1",
        "version_description_set 1 - - first",
        "version_tag_set 1 k - v",
        "version_created 2 - - s3://b/2",
        "version_description_set 2 - - second",
        "version_tag_set 2 k - ",
        "version_tag_deleted 2 k  -",
        "stage_changed 1 - None Production",
        "stage_changed 1 - Production Archived",
        "stage_changed 2 - None Production",
        "alias_set 1 champion - 1",
        "alias_moved 2 champion 1 2",
        "model_renamed - - iris flower",
        "alias_removed 2 champion 2 -",
        "version_deleted 2 - s3://b/2 -",
        "model_deleted - - - -",
    ]


def test_what_changes_nothing_is_not_told(tx: Tx) -> None:
    make_registered_model(tx, "iris", description="d", tags={"k": "v"})
    make_version(tx, "iris", description="d", tags={"k": "v"}, alias="champion")
    before = told(tx, "iris")
    registered_models.describe(tx, "iris", "d")
    registered_models.set_tag(tx, "iris", "k", "v")
    registered_models.delete_tag(tx, "iris", "none")
    registered_models.rename(tx, "iris", "iris")
    model_versions.describe(tx, "iris", "1", "d")
    model_versions.set_tag(tx, "iris", "1", "k", "v")
    model_versions.delete_tag(tx, "iris", "1", "none")
    stages.transition(tx, "iris", "1", "none", False)
    aliases.put(tx, "iris", "champion", "1")
    aliases.delete(tx, "iris", "none")
    assert told(tx, "iris") == before


def test_a_change_tells_who_when_and_in_which_request(database: Database) -> None:
    def work(tx: Tx) -> int:
        make_registered_model(tx, "iris", versions=1)
        aliases.put(tx, "iris", "champion", "1")
        return tx.now_ms

    time_ms = database.run(work, write=True, user="ann", request_id="r-1")
    with database.begin(write=False) as tx:
        for change in changes(tx, "iris"):
            assert (change.user, change.time_ms, change.request_id) == ("ann", time_ms, "r-1")
        assert history.alias_at(tx, "iris", "champion", time_ms) == (1, changes(tx, "iris")[-1])


def test_a_change_that_fails_is_not_told(database: Database) -> None:
    database.run(lambda tx: make_registered_model(tx, "iris", versions=1), write=True)

    def work(tx: Tx) -> None:
        aliases.put(tx, "iris", "champion", "1")
        raise InvalidParameter("no")

    with pytest.raises(InvalidParameter):
        database.run(work, write=True)
    with database.begin(write=False) as tx:
        assert alias_at(tx, "iris", "champion", tx.now_ms) is None
        assert len(changes(tx, "iris")) == 2


def test_deleting_a_version_or_a_model_removes_its_aliases_in_the_history_too(tx: Tx) -> None:
    make_registered_model(tx, "iris")
    make_version(tx, "iris", alias="a")
    make_version(tx, "iris", alias="b")
    model_versions.delete(tx, "iris", "1")
    registered_models.delete(tx, "iris")
    assert told(tx, "iris")[-4:] == [
        "alias_removed 1 a 1 -",
        "version_deleted 1 - s3://bucket/model -",
        "alias_removed 2 b 2 -",
        "model_deleted - - - -",
    ]


def test_a_name_tells_of_all_models_that_ended_with_it_and_of_the_one_that_has_it(tx: Tx) -> None:
    make_registered_model(tx, "iris", description="first")
    registered_models.delete(tx, "iris")
    make_registered_model(tx, "iris", description="moves away")
    registered_models.rename(tx, "iris", "flower")
    make_registered_model(tx, "plant", description="comes")
    registered_models.rename(tx, "plant", "iris")
    assert told(tx, "iris") == [
        "model_created - - - first",
        "model_deleted - - - -",
        "model_created - - - comes",
        "model_renamed - - plant iris",
    ]
    assert told(tx, "flower") == ["model_created - - - moves away", "model_renamed - - iris flower"]
    assert told(tx, "plant") == told(tx, "iris")[2:]  # nobody has the name: where it went


def test_an_unknown_name_has_no_history(tx: Tx) -> None:
    with pytest.raises(NotFound, match=r"^Registered Model with name=nope not found$"):
        history.find_page(tx, "nope", 10, None)
    with pytest.raises(NotFound, match=r"^Registered Model with name=nope not found$"):
        alias_at(tx, "nope", "champion", 5)


def test_pages_go_from_the_newest_change_to_the_oldest(tx: Tx) -> None:
    make_registered_model(tx, "iris", versions=6)
    seen = []
    token = None
    while True:
        page, token = history.find_page(tx, "iris", 3, token)
        seen += [change.version for change in page]
        if token is None:
            break
    assert seen == ["6", "5", "4", "3", "2", "1", None]
    _, token = history.find_page(tx, "iris", 3, None)
    make_registered_model(tx, "wine")
    with pytest.raises(InvalidParameter, match="Invalid page token"):
        history.find_page(tx, "wine", 3, token)


def test_an_alias_is_told_as_it_was(tx: Tx) -> None:
    make_registered_model(at(tx, 100), "iris", versions=2)
    aliases.put(at(tx, 200), "iris", "champion", "1")
    aliases.put(at(tx, 300), "iris", "champion", "2")
    aliases.put(at(tx, 300), "iris", "other", "1")
    registered_models.rename(at(tx, 400), "iris", "flower")
    aliases.delete(at(tx, 500), "flower", "champion")
    moments = (99, 100, 199, 200, 299, 300, 350, 499, 500, 10**15)
    expected = [None, None, None, 1, 1, 2, 2, 2, None, None]
    assert [alias_at(tx, "flower", "champion", moment) for moment in moments] == expected
    # Under its old name, as long as nobody else bears it.
    assert [alias_at(tx, "iris", "champion", moment) for moment in moments] == expected
    make_registered_model(at(tx, 600), "iris", versions=1)
    aliases.put(tx, "iris", "champion", "1")
    assert alias_at(tx, "iris", "champion", 350) == 2  # the model that was called so then
    assert alias_at(tx, "iris", "champion", 450) is None  # nobody was; the one that is has none yet
    assert alias_at(tx, "iris", "champion", 600) == 1


def test_clocks_that_disagree_do_not_change_what_holds_in_the_end(tx: Tx) -> None:
    make_registered_model(at(tx, 100), "iris", versions=2)
    aliases.put(at(tx, 300), "iris", "champion", "1")
    aliases.put(at(tx, 200), "iris", "champion", "2")  # another server, whose clock is behind
    assert alias_at(tx, "iris", "champion", 400) == 2


def test_an_alias_moved_by_two_at_once_ends_at_one_and_the_history_agrees(database: Database) -> None:
    database.run(lambda tx: make_registered_model(tx, "iris", versions=2), write=True)

    def move(version: str) -> None:
        for _ in range(10):
            database.run(lambda tx: aliases.put(tx, "iris", "champion", version), write=True)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(move, ("1", "2")))
    with database.begin(write=False) as tx:
        now = aliases.resolve(tx, "iris", "champion").version
        moves = [change for change in changes(tx, "iris") if change.key == "champion"]
        assert str(alias_at(tx, "iris", "champion", tx.now_ms)) == now == moves[-1].new_value
    # Each went from where the one before had left it.
    assert [change.old_value for change in moves[1:]] == [change.new_value for change in moves[:-1]]
    assert moves[0].old_value is None
    assert [change.time_ms for change in moves] == sorted(change.time_ms or 0 for change in moves)


def test_the_history_is_only_added_to(tx: Tx) -> None:
    """No code of the store changes or deletes a row."""
    seen: list[str] = []
    listen: Callable[..., None] = lambda *call: seen.append(call[2])  # noqa: E731
    engine = tx.connection.engine
    sa.event.listen(engine, "before_cursor_execute", listen)
    make_registered_model(tx, "iris", versions=2)
    model_versions.delete(tx, "iris", "1")
    registered_models.rename(tx, "iris", "flower")
    registered_models.delete(tx, "flower")
    sa.event.remove(engine, "before_cursor_execute", listen)
    touching = {text.split()[0] for text in seen if registry_history.name in text}
    assert touching == {"INSERT"}


_STEP = st.tuples(
    st.integers(0, 2),  # milliseconds since the step before
    st.sampled_from(("put", "put", "put", "remove", "add", "drop", "rename", "end")),
    st.integers(0, 2),  # which name
    st.sampled_from(("champion", "challenger")),
    st.integers(1, 4),  # which version, or which other name
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(_STEP, max_size=25))
def test_the_answer_for_a_past_moment_is_the_one_of_that_moment(
    tx: Tx, steps: list[tuple[int, str, int, str, int]]
) -> None:
    names = [f"name {next(_numbers)}" for _ in range(3)]
    now = 1000
    # What each model said of its aliases at the end of each millisecond.
    answers: dict[int, dict[str, dict[str, str]]] = {}
    for pause, what, which, alias, number in steps:
        for passing in range(now, now + pause):
            answers[passing + 1] = answers.get(passing, {})
        now += pause
        _do(at(tx, now), what, names[which], alias, number, names)
        answers[now] = _aliases(tx, names)
    for moment, models in answers.items():
        for name, set_then in models.items():
            for alias in ("champion", "challenger"):
                found = alias_at(tx, name, alias, moment)
                assert (None if found is None else str(found)) == set_then.get(alias), (moment, name, alias)


def _do(tx: Tx, what: str, name: str, alias: str, number: int, names: list[str]) -> None:
    """One change where it can be made; a model that is not there is made first."""
    there = _aliases(tx, names)
    if name not in there:
        make_registered_model(tx, name, versions=3)
        return
    versions = {version.version for version in stages.latest_in(tx, name, [])}
    if what == "put":
        with suppress(NotFound):  # no such version
            aliases.put(tx, name, alias, str(number))
    elif what == "remove":
        aliases.delete(tx, name, alias)
    elif what == "add":
        make_version(tx, name, alias=alias)
    elif what == "drop" and versions:
        model_versions.delete(tx, name, max(version or "" for version in versions))
    elif what == "rename" and names[number % 3] not in there:
        registered_models.rename(tx, name, names[number % 3])
    elif what == "end":
        registered_models.delete(tx, name)


def _aliases(tx: Tx, names: list[str]) -> dict[str, dict[str, str]]:
    """The aliases of each model that is there."""
    found = {}
    for name in names:
        try:
            model = registered_models.get(tx, name)
        except NotFound:
            continue
        found[name] = {alias.alias or "": alias.version or "" for alias in model.aliases}
    return found

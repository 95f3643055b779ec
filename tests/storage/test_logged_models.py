"""Logged models as the store keeps them, on every database."""

from __future__ import annotations

import re

import pytest

from tests.databases import statements_of
from tests.factories import (
    among_many,
    log_metrics,
    make_experiment,
    make_logged_model,
    make_run,
    point,
)
from trackway.client_compat import messages as m
from trackway.client_compat.errors import InvalidParameter, NotFound
from trackway.storage.database import Database, Tx
from trackway.storage.tracking import experiments, logged_models, runs

OrderBy = m.SearchLoggedModels.OrderBy
Dataset = m.SearchLoggedModels.Dataset
READY = m.LoggedModelStatus.LOGGED_MODEL_READY
FAILED = m.LoggedModelStatus.LOGGED_MODEL_UPLOAD_FAILED


def info(tx: Tx, model_id: str) -> m.LoggedModelInfo:
    found = logged_models.get(tx, model_id).info
    assert found
    return found


def params(tx: Tx, model_id: str) -> dict[str, str]:
    data = logged_models.get(tx, model_id).data
    assert data
    return {param.key: param.value for param in data.params}


def log_params(tx: Tx, model_id: str, **new: str) -> None:
    logged_models.log_params(tx, model_id, [m.LoggedModelParameter(key=k, value=v) for k, v in new.items()])


def request(experiment: str, **more: object) -> m.SearchLoggedModels:
    return m.SearchLoggedModels(**{"experiment_ids": [experiment], **more})  # type: ignore[arg-type]


def names(tx: Tx, search: m.SearchLoggedModels) -> str:
    """The names of the models found, in order, as one word."""
    return "".join(model.info.name or "" for model in logged_models.find_page(tx, search)[0] if model.info)


def by(field: str, ascending: bool = True, name: str = "", digest: str = "") -> OrderBy:
    return OrderBy(field_name=field, ascending=ascending, dataset_name=name, dataset_digest=digest)


def test_a_new_model_is_pending_and_has_a_place_for_its_files(tx: Tx) -> None:
    experiment = make_experiment(tx)
    model_id = make_logged_model(tx, experiment, name="iris", params={"lr": "0.1", "e": ""}, tags={"k": "v"})
    assert re.fullmatch("m-[0-9a-f]{32}", model_id)
    assert logged_models.get(tx, model_id) == m.LoggedModel(
        info=m.LoggedModelInfo(
            model_id=model_id,
            experiment_id=experiment,
            name="iris",
            creation_timestamp_ms=tx.now_ms,
            last_updated_timestamp_ms=tx.now_ms,
            artifact_uri=f"mlflow-artifacts:/{experiment}/models/{model_id}/artifacts",
            status=m.LoggedModelStatus.LOGGED_MODEL_PENDING,
            model_type="",
            source_run_id="",
            tags=[m.LoggedModelTag(key="k", value="v")],
        ),
        data=m.LoggedModelData(
            params=[
                m.LoggedModelParameter(key="e", value=""),
                m.LoggedModelParameter(key="lr", value="0.1"),
            ]
        ),
    )


@pytest.mark.parametrize("name", [None, ""])
def test_a_model_without_a_name_gets_one(tx: Tx, name: str | None) -> None:
    assert re.fullmatch(r"[a-z]+-[a-z]+-\d+", info(tx, make_logged_model(tx, name=name)).name or "")


def test_a_name_may_be_taken_many_times(tx: Tx) -> None:
    experiment = make_experiment(tx)
    assert make_logged_model(tx, experiment, name="n") != make_logged_model(tx, experiment, name="n")


def test_a_deleted_experiment_takes_no_models(tx: Tx) -> None:
    experiment = make_experiment(tx)
    experiments.delete(tx, experiment)
    with pytest.raises(InvalidParameter, match="must be in the 'active' state"):
        make_logged_model(tx, experiment)


def test_a_model_of_another_workspace_is_out_of_sight(tx: Tx) -> None:
    model_id = make_logged_model(tx)
    tx.workspace += 1
    for touch in (logged_models.get, logged_models.delete, logged_models.find):
        with pytest.raises(NotFound, match=f"Logged model with ID '{model_id}' not found"):
            touch(tx, model_id)


def test_the_same_param_again_is_fine_and_another_value_is_refused(tx: Tx) -> None:
    model_id = make_logged_model(tx, params={"lr": "0.1"})
    log_params(tx, model_id, lr="0.1", depth="3")
    with pytest.raises(InvalidParameter, match=r"Changing param values is not allowed.*key='lr'"):
        log_params(tx, model_id, new="1", lr="0.2")
    assert params(tx, model_id) == {"depth": "3", "lr": "0.1"}


def test_a_tag_is_set_changed_and_deleted(tx: Tx) -> None:
    model_id = make_logged_model(tx, tags={"k": "old"})
    logged_models.set_tags(tx, model_id, {"k": "new", "empty": ""})
    assert info(tx, model_id).tags == [
        m.LoggedModelTag(key="empty", value=""),
        m.LoggedModelTag(key="k", value="new"),
    ]
    logged_models.delete_tag(tx, model_id, "k")
    with pytest.raises(NotFound, match=f"No tag with key 'k' found for model with ID '{model_id}'"):
        logged_models.delete_tag(tx, model_id, "k")


def test_finalizing_sets_the_state_and_the_time_of_the_update(tx: Tx) -> None:
    model_id = make_logged_model(tx)
    made = tx.now_ms
    tx._now_ms = made + 5
    for status in (FAILED, READY, READY):
        assert logged_models.finalize(tx, model_id, status) == logged_models.get(tx, model_id)
        assert info(tx, model_id).status == status
    assert info(tx, model_id).creation_timestamp_ms == made
    assert info(tx, model_id).last_updated_timestamp_ms == made + 5


def test_a_deleted_model_is_gone_for_readers_but_may_still_be_written(tx: Tx) -> None:
    experiment = make_experiment(tx)
    model_id = make_logged_model(tx, experiment)
    logged_models.delete(tx, model_id)
    logged_models.delete(tx, model_id)
    with pytest.raises(NotFound, match=f"Logged model with ID '{model_id}' not found"):
        logged_models.get(tx, model_id)
    assert logged_models.find_page(tx, request(experiment)) == ([], None)
    finalized = logged_models.finalize(tx, model_id, READY)
    assert finalized.info
    assert finalized.info.status == READY
    logged_models.set_tags(tx, model_id, {"k": "v"})
    log_params(tx, model_id, p="1")
    log_metrics(tx, make_run(tx, experiment), point("loss", 1, model=model_id))


def test_models_stay_when_their_run_or_experiment_goes_into_the_trash(tx: Tx) -> None:
    experiment = make_experiment(tx)
    run = make_run(tx, experiment)
    make_logged_model(tx, experiment, name="a", source_run_id=run)
    runs.delete(tx, run)
    assert names(tx, request(experiment)) == "a"
    experiments.delete(tx, experiment)
    assert names(tx, request(experiment)) == "a"


@pytest.fixture
def experiment(tx: Tx) -> str:
    """Models a to e; their losses on two datasets, by two runs, and b's by time."""
    made = make_experiment(tx)
    ids: dict[str, str] = {}
    for at, (name, model_type, lr, team) in enumerate(
        (
            ("a", "sklearn", "0.1", "red"),
            ("b", "sklearn", "0.01", "Red"),
            ("c", "", "0.1", None),
            ("d", "agent", None, "blue"),
            ("e", "", "1e-3", "red_x"),
        )
    ):
        tx._now_ms = 1000 + at
        ids[name] = make_logged_model(
            tx,
            made,
            name=name,
            model_type=model_type,
            params={"lr": lr} if lr else {},
            tags={"team": team} if team else {},
        )
    logged_models.finalize(tx, ids["a"], READY)
    logged_models.finalize(tx, ids["b"], FAILED)
    first, second = make_run(tx, made), make_run(tx, made)
    log_metrics(
        tx,
        first,
        point("loss", 0.1, model=ids["a"], timestamp=1, dataset="train/1"),
        point("loss", 0.2, model=ids["b"], timestamp=1, step=9, dataset="train/1"),
        point("loss", 0.9, model=ids["b"], timestamp=2, step=1, dataset="train/2"),
        point("loss", float("nan"), model=ids["c"], timestamp=1, dataset="test/1"),
        point("loss", 7, timestamp=1),  # the run's alone
    )
    log_metrics(
        tx,
        second,
        point("loss", 0.5, model=ids["a"], timestamp=9, dataset="test/1"),
        point("loss", float("-inf"), model=ids["e"], timestamp=1),
    )
    return made


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ("name = 'a'", "a"),
        ("name LIKE '_' AND name != 'a'", "bcde"),
        ("name IN ('a', 'e', 'x')", "ae"),
        ("attributes.name NOT IN ('a', 'e', 'x')", "bcd"),
        ("model_type = 'sklearn'", "ab"),
        ("model_type = ''", "ce"),
        ("status = 'READY'", "a"),
        ("status = 'PENDING'", "cde"),
        ("status != 'READY'", "bcde"),
        ("creation_time > 1001", "cde"),
        ("creation_timestamp_ms <= 1001", "ab"),
        ("last_updated_timestamp = 1004", "abe"),
        ("lifecycle_stage = 'active'", "abcde"),
        ("artifact_location LIKE 'mlflow-artifacts:/%'", "abcde"),
        ("metrics.loss < 0.3", "abe"),  # any point counts, not the newest alone
        ("metrics.loss = 0.5", "a"),
        ("metrics.loss != 0.2", "abce"),
        ("metrics.loss = 0", ""),  # NaN is kept as 0 and is no number
        ("metrics.loss > 0.1 AND params.lr = '0.1'", "a"),
        ("params.lr != '0.1'", "be"),  # only models that have the key
        ("tags.team LIKE 'red%'", "ae"),
        ("tags.team ILIKE 'RED'", "ab"),
        # Beyond MLflow's language.
        ("tags.team = 'red' OR model_type = 'agent'", "ad"),
        ("NOT metrics.loss < 0.3", "cd"),
        ("metrics.loss BETWEEN 0.2 AND 0.5", "ab"),
    ],
)
def test_a_filter_finds(tx: Tx, experiment: str, filter: str, found: str) -> None:
    assert names(tx, request(experiment, filter=filter, order_by=[by("name")])) == found
    assert names(tx, request(experiment, filter=among_many(filter), order_by=[by("name")])) == found


def test_the_experiments_id_compares_as_text(tx: Tx, experiment: str) -> None:
    assert names(tx, request(experiment, filter=f"experiment_id = '{experiment}'")) == "edcba"
    assert names(tx, request(experiment, filter=f"experiment_id != '{experiment}'")) == ""


@pytest.mark.parametrize(
    ("datasets", "filter", "found"),
    [
        ([("train", None)], "", "ab"),
        ([("train", "2")], "", "b"),
        ([("train", "2"), ("test", "1")], "", "abc"),
        ([("test", "2")], "", ""),
        ([("train", None)], "metrics.loss > 0.3", "b"),
        ([("test", None)], "metrics.loss < 0.3", ""),
        ([("train", None), ("test", "1")], "metrics.loss < 1 AND name = 'a'", "a"),
        ([("train", None)], "name != 'a'", "b"),
    ],
)
def test_datasets_restrict_the_metrics_that_count(
    tx: Tx, experiment: str, datasets: list[tuple[str, str | None]], filter: str, found: str
) -> None:
    asked = [Dataset(dataset_name=name, dataset_digest=digest) for name, digest in datasets]
    for same in (filter, among_many(filter)) if filter else (filter,):
        assert names(tx, request(experiment, datasets=asked, filter=same, order_by=[by("name")])) == found


@pytest.mark.parametrize(
    ("order_by", "found"),
    [
        ([], "edcba"),
        ([by("metrics.loss")], "eabcd"),  # the newest value; NaN after numbers, without it last
        ([by("metrics.loss", False)], "baecd"),
        ([by("metrics.loss", True, "train")], "abedc"),
        ([by("metrics.loss", False, "train")], "baedc"),
        ([by("metrics.loss", True, "train", "1")], "abedc"),
        ([by("metrics.loss", False, "train", "1")], "baedc"),
        ([by("metrics.loss", True, "test")], "acedb"),
        ([by("metrics.loss", True, "test"), by("metrics.loss", False, "train")], "acbed"),
        ([by("metrics.other")], "edcba"),
        ([by("name", False)], "edcba"),
        ([by("creation_time")], "abcde"),
        ([by("model_type"), by("name")], "cedab"),
        ([by("status", False)], "baedc"),  # pending, ready, failed: by how far they got
        ([by("status_message"), by("experiment_id"), by("name")], "abcde"),
    ],
)
def test_an_order_is_total_across_pages(tx: Tx, experiment: str, order_by: list[OrderBy], found: str) -> None:
    assert names(tx, request(experiment, order_by=order_by)) == found
    search, one_by_one = request(experiment, order_by=order_by, max_results=1), ""
    while True:
        page, search.page_token = logged_models.find_page(tx, search)
        one_by_one += "".join(model.info.name or "" for model in page if model.info)
        if not search.page_token:
            break
    assert one_by_one == found


def test_a_page_has_a_greatest_length_and_the_token_leads_on(
    tx: Tx, experiment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logged_models, "_MAX_PAGE_SIZE", 2)
    search, pages = request(experiment, order_by=[by("name")], max_results=100_000), []
    while not pages or search.page_token:
        pages.append(names(tx, search))
        search.page_token = logged_models.find_page(tx, search)[1]
    assert pages == ["ab", "cd", "e"]


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"experiment_ids": ["0"]}, "Experiment IDs in the page token do not match the requested"),
        ({"filter": "name != 'z'"}, "Filter string in the page token does not match the requested"),
        ({"order_by": [by("name", False)]}, "Order by in the page token does not match the requested"),
        ({"datasets": [Dataset(dataset_name="train")]}, "Invalid page token"),
        ({"page_token": "garbage"}, "Invalid page token"),
        ({"page_token": "a.b.c.d"}, "Experiment IDs in the page token"),
    ],
)
def test_a_token_of_another_search_is_refused(
    tx: Tx, experiment: str, change: dict[str, object], refusal: str
) -> None:
    search = {"max_results": 1, "order_by": [by("name")]}
    token = logged_models.find_page(tx, request(experiment, **search))[1]
    with pytest.raises(InvalidParameter, match=refusal):
        logged_models.find_page(tx, request(experiment, **{**search, "page_token": token, **change}))


def test_several_experiments_are_searched_together(tx: Tx, experiment: str) -> None:
    other = make_experiment(tx)
    make_logged_model(tx, other, name="z")
    search = request(experiment, experiment_ids=[experiment, other, "987654"], order_by=[by("name")])
    assert names(tx, search) == "abcdez"
    assert names(tx, request(experiment, experiment_ids=[])) == ""


@pytest.mark.parametrize("size", [1, 5, 50])
def test_a_page_takes_the_same_statements_whatever_its_size(database: Database, tx: Tx, size: int) -> None:
    experiment = make_experiment(tx)
    run = make_run(tx, experiment)
    for number in range(size):
        model = make_logged_model(tx, experiment, params={"p": "1"}, tags={"t": "1"})
        log_metrics(tx, run, point("m", number, model=model))
    statements = statements_of(database)
    search = request(experiment, filter="metrics.m >= 0 AND tags.t = '1'")
    assert len(logged_models.find_page(tx, search)[0]) == size
    assert len(statements) == 5  # experiments, models, and one for each kind of child
    # By a metric up to two more, for those with NaN and those without it, as long as there is room.
    for most, count in ((100, 7), (size, 7), (size - 1 or 1, 5 if size > 1 else 7)):
        statements.clear()
        search = request(experiment, order_by=[by("metrics.m")], max_results=most)
        assert len(logged_models.find_page(tx, search)[0]) == min(size, most)
        assert len(statements) == count

"""Experiments as the store keeps them, on every database."""

import threading

import pytest

from tests.factories import make_experiment, make_run
from trackway.client_compat import messages as m
from trackway.client_compat.errors import AlreadyExists, InvalidParameter, InvalidState, NotFound
from trackway.storage.database import Database, Tx
from trackway.storage.tracking import experiments, runs


def find(tx: Tx, **request: object) -> list[str]:
    search = m.SearchExperiments(**{"view_type": "ACTIVE_ONLY", "max_results": 100, **request})  # type: ignore[arg-type]
    return [found.name or "" for found in experiments.find_page(tx, search)[0]]


def test_the_default_experiment_is_there_from_the_start(tx: Tx) -> None:
    default = experiments.get(tx, "0")
    assert (default.name, default.artifact_location) == ("Default", "mlflow-artifacts:/0")


def test_a_new_experiment_gets_a_place_for_artifacts_under_the_root(tx: Tx) -> None:
    made = experiments.get(tx, make_experiment(tx, tags={"team": "a"}))
    assert made.artifact_location == f"mlflow-artifacts:/{made.experiment_id}"
    assert made.tags == [m.ExperimentTag(key="team", value="a")]
    assert made.creation_time == made.last_update_time == tx.now_ms


def test_a_relative_artifact_location_is_made_absolute(
    tx: Tx, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.chdir(str(tmp_path))
    made = experiments.get(tx, make_experiment(tx, artifact_location="here/and there"))
    assert made.artifact_location == f"{tmp_path}/here/and there"


def test_a_name_is_taken_once(tx: Tx) -> None:
    make_experiment(tx, "taken")
    with pytest.raises(AlreadyExists, match=r"Experiment\(name=taken\) already exists"):
        make_experiment(tx, "taken")


def test_a_deleted_experiment_keeps_its_name_and_the_error_says_what_to_do(tx: Tx) -> None:
    experiments.delete(tx, make_experiment(tx, "gone"))
    with pytest.raises(AlreadyExists, match="It is deleted: restore it"):
        make_experiment(tx, "gone")
    assert experiments.get_by_name(tx, "gone").lifecycle_stage == "deleted"


def test_another_workspaces_names_are_free_and_its_experiments_out_of_sight(tx: Tx) -> None:
    foreign = tx.workspace + 1
    mine = make_experiment(tx, "team")
    tx.workspace = foreign
    with pytest.raises(NotFound, match=f"No Experiment with id={mine} exists"):
        experiments.get(tx, mine)
    assert make_experiment(tx, "team") != mine


@pytest.mark.parametrize("unknown", ["987654321", "-1", "9" * 40])
def test_an_unknown_id_is_not_found(tx: Tx, unknown: str) -> None:
    with pytest.raises(NotFound, match=f"No Experiment with id={unknown} exists"):
        experiments.get(tx, unknown)


def test_an_id_that_is_no_number_is_refused(tx: Tx) -> None:
    with pytest.raises(InvalidParameter, match="Invalid experiment ID 'abc'"):
        experiments.get(tx, "abc")


def test_deleting_takes_the_runs_along_and_restoring_brings_all_back(tx: Tx) -> None:
    experiment = make_experiment(tx)
    kept, deleted_before = make_run(tx, experiment), make_run(tx, experiment)
    runs.delete(tx, deleted_before)
    experiments.delete(tx, experiment)
    assert runs.find(tx, kept).lifecycle_stage == "deleted"
    experiments.restore(tx, experiment)
    assert runs.find(tx, kept).lifecycle_stage == "active"
    assert runs.find(tx, deleted_before).lifecycle_stage == "active"


def test_deleting_twice_is_refused_and_so_is_restoring_what_is_active(tx: Tx) -> None:
    experiment = make_experiment(tx)
    with pytest.raises(NotFound):
        experiments.restore(tx, experiment)
    experiments.delete(tx, experiment)
    with pytest.raises(NotFound):
        experiments.delete(tx, experiment)


def test_of_two_who_rename_to_one_name_at_once_the_second_is_told_that_it_is_taken(
    database: Database,
) -> None:
    with database.begin(write=True) as tx:
        one, other = make_experiment(tx), make_experiment(tx)
    refused: list[str] = []

    def rename_other() -> None:
        with pytest.raises(AlreadyExists) as refusal:
            database.run(lambda tx: experiments.rename(tx, other, "x"), write=True)
        refused.append(refusal.value.message)

    second = threading.Thread(target=rename_other)
    with database.begin(write=True) as tx:
        experiments.rename(tx, one, "x")
        second.start()
        second.join(0.3)  # by now it waits for the first
    second.join(20)
    assert refused == [
        "Experiment(name=x) already exists. Use another name, or get the existing one by its name."
    ]


def test_only_an_active_experiment_is_renamed_and_only_to_a_free_name(tx: Tx) -> None:
    one, other = make_experiment(tx, "one"), make_experiment(tx, "other")
    experiments.rename(tx, one, "uno")
    assert experiments.get(tx, one).name == "uno"
    with pytest.raises(AlreadyExists):
        experiments.rename(tx, one, "other")
    experiments.delete(tx, other)
    with pytest.raises(InvalidState, match="Cannot rename a non-active experiment"):
        experiments.rename(tx, other, "x")


def test_a_tag_is_set_changed_and_deleted(tx: Tx) -> None:
    experiment = make_experiment(tx)
    experiments.set_tag(tx, experiment, "k", "1")
    experiments.set_tag(tx, experiment, "k", "")
    assert experiments.get(tx, experiment).tags == [m.ExperimentTag(key="k", value="")]
    experiments.delete_tag(tx, experiment, "k")
    with pytest.raises(NotFound, match=f"No tag with name: k in experiment with id {experiment}"):
        experiments.delete_tag(tx, experiment, "k")


def test_a_deleted_experiment_takes_no_tags(tx: Tx) -> None:
    experiment = make_experiment(tx)
    experiments.delete(tx, experiment)
    with pytest.raises(InvalidParameter, match="must be in the 'active' state"):
        experiments.set_tag(tx, experiment, "k", "v")


def test_an_experiment_keeps_fifty_saved_views(tx: Tx) -> None:
    experiment = make_experiment(tx)
    for number in range(50):
        experiments.set_tag(tx, experiment, f"mlflow.customView.view{number}", "v")
    experiments.set_tag(tx, experiment, "mlflow.customView.view0", "changed")
    with pytest.raises(InvalidParameter, match="the maximum number of custom views per experiment is 50"):
        experiments.set_tag(tx, experiment, "mlflow.customView.view50", "v")


def test_a_search_finds_by_name_tag_and_stage(tx: Tx) -> None:
    make_experiment(tx, "Alpha", tags={"k": "v"})
    make_experiment(tx, "alphabet")
    experiments.delete(tx, make_experiment(tx, "beta"))
    assert find(tx, filter="name LIKE 'alpha%'") == ["alphabet"]
    assert sorted(find(tx, filter="name ILIKE 'alpha%'")) == ["Alpha", "alphabet"]
    assert find(tx, filter="tags.k = 'v' AND name != 'x'") == ["Alpha"]
    assert find(tx, view_type="DELETED_ONLY") == ["beta"]
    assert sorted(find(tx, view_type="ALL")) == ["Alpha", "Default", "alphabet", "beta"]


def test_names_sort_by_bytes_upper_case_first(tx: Tx) -> None:
    for name in ("b", "B", "a", "ä"):
        make_experiment(tx, name)
    assert find(tx, order_by=["name ASC"]) == ["B", "Default", "a", "b", "ä"]


def test_pages_cover_everything_once_while_experiments_are_added(tx: Tx) -> None:
    names = {make_experiment(tx, f"e{number}") and f"e{number}" for number in range(7)}
    search = m.SearchExperiments(
        view_type="ACTIVE_ONLY", max_results=3, filter="name LIKE 'e%'", order_by=["name"]
    )
    seen = []
    while True:
        found, search.page_token = experiments.find_page(tx, search)
        seen += [experiment.name for experiment in found]
        make_experiment(tx, f"d{len(seen)}")  # sorts before every page: must shift nothing
        if not search.page_token:
            break
    assert seen == sorted(names)


def test_a_token_of_another_search_is_refused(tx: Tx) -> None:
    for _ in range(3):
        make_experiment(tx)
    search = m.SearchExperiments(view_type="ACTIVE_ONLY", max_results=1)
    _, token = experiments.find_page(tx, search)
    search.page_token, search.filter = token, "name = 'x'"
    with pytest.raises(InvalidParameter, match="Invalid page token"):
        experiments.find_page(tx, search)


def test_the_location_goes_before_a_roots_query(tx: Tx) -> None:
    made = experiments.create(tx, "q", None, [], "s3://bucket/root?x=1")
    assert experiments.get(tx, made).artifact_location == f"s3://bucket/root/{made}?x=1"

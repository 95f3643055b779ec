"""Runs as the store keeps them, on every database."""

import re

import pytest

from tests.factories import find_runs, get_run, log_params, make_experiment, make_run, set_tags
from trackway.client_compat import messages as m
from trackway.client_compat.errors import InvalidParameter, NotFound
from trackway.storage.database import Database, Tx
from trackway.storage.tracking import experiments, run_creation, run_locks, runs


def create(tx: Tx, **request: object) -> m.RunInfo:
    info = run_creation.create(tx, m.CreateRun(**{"experiment_id": "0", **request})).info  # type: ignore[arg-type]
    assert info
    return info


def tags(tx: Tx, run: str) -> dict[str, str]:
    data = get_run(tx, run).data
    assert data
    return {tag.key: tag.value for tag in data.tags}


def info(tx: Tx, run: str) -> m.RunInfo:
    found = get_run(tx, run).info
    assert found
    return found


def test_a_new_run_is_running_in_its_experiments_folder(tx: Tx) -> None:
    experiment = make_experiment(tx, artifact_location="s3://bucket/x?k=v")
    made = create(tx, experiment_id=experiment, user_id="ann", start_time=7)
    assert made.run_id == made.run_uuid
    assert re.fullmatch("[0-9a-f]{32}", made.run_id or "")
    assert made.artifact_uri == f"s3://bucket/x/{made.run_id}/artifacts?k=v"
    assert (made.status, made.lifecycle_stage, made.start_time, made.user_id) == (
        "RUNNING",
        "active",
        7,
        "ann",
    )
    assert made.end_time is None


def test_a_name_and_its_tag_are_one_thing(tx: Tx) -> None:
    tag = [m.RunTag(key="mlflow.runName", value="by tag")]
    named, tagged, neither = create(tx, run_name="by name"), create(tx, tags=tag), create(tx, run_name="")
    assert tags(tx, named.run_id or "")["mlflow.runName"] == "by name"
    assert tagged.run_name == "by tag"
    assert re.fullmatch(r"[a-z]+-[a-z]+-\d{1,3}", neither.run_name or "")
    with pytest.raises(InvalidParameter, match="with different values"):
        create(tx, run_name="x", tags=tag)


def test_a_deleted_experiment_takes_no_runs(tx: Tx) -> None:
    experiment = make_experiment(tx)
    experiments.delete(tx, experiment)
    with pytest.raises(InvalidParameter, match=f"The experiment {experiment} must be in the 'active' state"):
        create(tx, experiment_id=experiment)


def test_an_update_changes_what_it_names_and_nothing_else(tx: Tx) -> None:
    run = make_run(tx, name="old", status="FINISHED", end_time=99)
    assert runs.update(tx, m.UpdateRun(run_id=run, run_name="new")).end_time == 99
    found = info(tx, run)
    assert (found.run_name, found.status, found.end_time) == ("new", "FINISHED", 99)
    assert tags(tx, run)["mlflow.runName"] == "new"
    runs.update(tx, m.UpdateRun(run_id=run, run_name="", status="FAILED"))
    assert (info(tx, run).run_name, info(tx, run).status) == ("new", "FAILED")


def test_the_name_tag_renames_the_run_and_an_empty_one_does_not(tx: Tx) -> None:
    run = make_run(tx, name="old")
    set_tags(tx, run, {"mlflow.runName": "new", "k": "v"})
    assert info(tx, run).run_name == "new"
    set_tags(tx, run, {"mlflow.runName": ""})
    assert (info(tx, run).run_name, tags(tx, run)["mlflow.runName"]) == ("new", "new")


def test_deleting_the_name_tag_leaves_the_name(tx: Tx) -> None:
    run = make_run(tx, name="kept")
    runs.delete_tag(tx, run, "mlflow.runName")
    assert info(tx, run).run_name == "kept"


def test_of_a_tag_given_twice_the_last_value_holds(tx: Tx) -> None:
    run = make_run(tx)
    given = [m.RunTag(key="k", value="1"), m.RunTag(key="k", value="2")]
    runs.set_tags(tx, run_locks.lock_active(tx, run), given)
    assert tags(tx, run)["k"] == "2"


def test_deleting_a_tag_that_is_not_there_is_an_error(tx: Tx) -> None:
    run = make_run(tx, tags={"k": "v"})
    runs.delete_tag(tx, run, "k")
    with pytest.raises(NotFound, match=f"No tag with name: k in run with id {run}"):
        runs.delete_tag(tx, run, "k")


def test_deleting_and_restoring_may_be_repeated(tx: Tx) -> None:
    run = make_run(tx)
    for act, stage in ((runs.delete, "deleted"), (runs.restore, "active")):
        act(tx, run)
        act(tx, run)
        assert info(tx, run).lifecycle_stage == stage


def test_a_deleted_run_is_readable_but_takes_no_writes(tx: Tx) -> None:
    run = make_run(tx, metrics={"m": 1.0})
    runs.delete(tx, run)
    assert info(tx, run).run_id == run
    with pytest.raises(InvalidParameter, match=f"The run {run} must be in the 'active' state"):
        run_locks.lock_active(tx, run)


def test_a_param_may_be_logged_again_only_with_its_value(database: Database) -> None:
    with database.begin(write=True) as tx:
        run = make_run(tx, params={"lr": "0.1", "empty": ""})

    def log(**values: str) -> None:
        database.run(lambda tx: log_params(tx, run, values), write=True)

    log(lr="0.1")
    with pytest.raises(InvalidParameter, match=r"key='lr' was already logged with value='0\.1'.*'0\.2'"):
        log(new="1", lr="0.2")
    with database.begin(write=False) as tx:
        data = get_run(tx, run).data
    assert data
    assert {p.key: p.value for p in data.params} == {"lr": "0.1", "empty": ""}


def test_another_workspaces_runs_are_out_of_sight(tx: Tx) -> None:
    run = make_run(tx)
    tx.workspace += 1
    with pytest.raises(NotFound, match=f"Run with id={run} not found"):
        get_run(tx, run)
    assert find_runs(tx, m.SearchRuns(experiment_ids=["0"], max_results=10)) == ([], None)

"""What is deleted for good is gone with all its rows, and nothing else is."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from tests.factories import (
    at,
    get_run,
    log_metrics,
    log_params,
    make_experiment,
    make_logged_model,
    make_run,
    point,
)
from trackway.client_compat import messages as m
from trackway.client_compat.errors import InvalidParameter, NotFound
from trackway.storage.artifacts.locations import Locations
from trackway.storage.database import Database, Tx
from trackway.storage.maintenance import purge, trash
from trackway.storage.maintenance.trash import Selection
from trackway.storage.schema import metadata
from trackway.storage.schema.audit import audit
from trackway.storage.traces import rows as traces
from trackway.storage.tracking import experiments, inputs, logged_models, metrics, run_locks, runs

Counts = dict[str, int]


def counts(tx: Tx) -> Counts:
    """The number of rows in each table, whoever's they are."""
    return {
        name: tx.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        for name, table in metadata.tables.items()
    }


def purge_all(tx: Tx, before_ms: int | None = None, selection: Selection | None = None) -> list[str]:
    """What went, in this order."""
    items = trash.find(tx, before_ms, selection).items
    assert all(purge.delete(tx, item, before_ms) for item in items)
    return [str(item) for item in items]


def make_full_run(tx: Tx, experiment_id: str = "0", model_id: str | None = None) -> str:
    """A run with a row in every table that runs have rows in."""
    run_id = make_run(tx, experiment_id, tags={"k": "v"}, params={"p": "1"})
    log_metrics(tx, run_id, *(point("loss", 1 / (n + 1), step=n, model=model_id) for n in range(20)))
    run = run_locks.lock_active(tx, run_id)
    dataset = m.Dataset(name="iris", digest="d1", source_type="local", source="{}")
    tag = m.InputTag(key="mlflow.data.context", value="train")
    inputs.log_datasets(tx, run, [m.DatasetInput(dataset=dataset, tags=[tag])])
    inputs.log_models(tx, run, "out", [(model_id or "m-1", 0)])
    return run_id


def points_of(tx: Tx, run_id: str) -> list[m.Metric]:
    return metrics.history(tx, run_id, "loss", 1000, None)[0]


def gone_rows(before: Counts, after: Counts) -> Counts:
    """Return how many rows of each table are gone, except the counts of what is used."""
    return {
        name: before[name] - after[name] for name in before if before[name] != after[name] and name != "usage"
    }


def test_a_run_goes_with_all_its_rows_and_nothing_else_does(tx: Tx) -> None:
    others = make_full_run(tx)
    model_id = make_logged_model(tx)
    run_id = make_full_run(tx, model_id=model_id)
    runs.delete(tx, run_id)
    before = counts(tx)
    assert purge_all(tx) == [f"run {run_id}"]
    assert gone_rows(before, counts(tx)) == {
        "runs": 1,
        "params": 1,
        "run_tags": 2,
        "series": 1,
        "points": 20,
        "dataset_inputs": 1,
        "dataset_input_tags": 1,
        "run_models": 1,
        # What the run logged to a model that stays.
        "logged_model_series": 1,
        "logged_model_points": 20,
        "audit": -1,
    }
    with pytest.raises(NotFound):
        runs.get(tx, run_id)
    assert len(points_of(tx, others)) == 20
    logged_models.get(tx, model_id)


def test_a_model_goes_with_all_its_rows_and_nothing_else_does(tx: Tx) -> None:
    model_id = make_logged_model(tx, tags={"k": "v"}, params={"p": "1"})
    run_id = make_full_run(tx, model_id=model_id)
    logged_models.delete(tx, model_id)
    before = counts(tx)
    assert purge_all(tx) == [f"logged model {model_id}"]
    assert gone_rows(before, counts(tx)) == {
        "logged_models": 1,
        "logged_model_params": 1,
        "logged_model_tags": 1,
        "logged_model_series": 1,
        "logged_model_points": 20,
        "audit": -1,
    }
    with pytest.raises(NotFound):
        logged_models.get(tx, model_id, deleted=True)
    assert len(points_of(tx, run_id)) == 20


def test_an_experiment_goes_with_all_in_it_and_its_name_is_free_again(tx: Tx) -> None:
    before = counts(tx)
    experiment_id = make_experiment(tx, "mine", tags={"k": "v"})
    models = [make_logged_model(tx, experiment_id) for _ in range(2)]
    run_id = make_full_run(tx, experiment_id, models[0])
    logged_models.delete(tx, models[1])
    experiments.delete(tx, experiment_id)
    assert purge_all(tx) == [
        f"run {run_id}",
        *(f"logged model {model}" for model in reversed(models)),
        f"experiment {experiment_id}",
    ]
    assert gone_rows(before, counts(tx)) == {"audit": -4}
    with pytest.raises(NotFound):
        experiments.get(tx, experiment_id)
    assert make_experiment(tx, "mine") != experiment_id


def test_the_traces_of_an_experiment_go_in_steps(tx: Tx) -> None:
    mine, other = make_experiment(tx), make_experiment(tx)
    before = counts(tx)
    for experiment_id in (mine, other):
        for number in range(5):
            traces.insert(tx, f"tr-{experiment_id}-{number}", int(experiment_id), {})
    experiments.delete(tx, mine)
    [item] = trash.find(tx).items
    assert [purge.delete_traces(tx, item, None, 2) for _ in range(4)] == [2, 2, 1, 0]
    assert counts(tx)["traces"] == before["traces"] + 5
    assert purge.delete(tx, item, None)
    experiments.delete(tx, other)
    [restored] = trash.find(tx).items
    experiments.restore(tx, other)
    assert purge.delete_traces(tx, restored, None, 2) == 0


def test_the_audit_says_what_was_purged(tx: Tx) -> None:
    experiment_id = make_experiment(tx)
    run_id, model_id = make_run(tx, experiment_id), make_logged_model(tx, experiment_id)
    experiments.delete(tx, experiment_id)
    purge_all(tx)
    rows = tx.execute(sa.select(audit.c.action, audit.c.target).where(audit.c.action.startswith("Purge")))
    assert [tuple(row) for row in rows] == [
        ("PurgeRun", f"run:{run_id}"),
        ("PurgeLoggedModel", f"logged_model:{model_id}"),
        ("PurgeExperiment", f"experiment:{experiment_id}"),
    ]


def test_what_is_not_old_enough_stays(tx: Tx) -> None:
    old, new = [(make_experiment(tx), make_run(tx), make_logged_model(tx)) for _ in range(2)]
    for time_ms, (experiment_id, run_id, model_id) in ((1000, old), (1001, new)):
        at(tx, time_ms)
        experiments.delete(tx, experiment_id)
        runs.delete(tx, run_id)
        logged_models.delete(tx, model_id)
    assert purge_all(tx, 999) == []
    assert purge_all(tx, 1000) == [f"run {old[1]}", f"logged model {old[2]}", f"experiment {old[0]}"]


def test_only_what_is_named_goes(tx: Tx) -> None:
    named, other = [(make_experiment(tx), make_run(tx), make_logged_model(tx)) for _ in range(2)]
    for experiment_id, run_id, model_id in (named, other):
        experiments.delete(tx, experiment_id)
        runs.delete(tx, run_id)
        logged_models.delete(tx, model_id)
    assert purge_all(tx, selection=Selection(run_ids=[named[1], named[1]])) == [f"run {named[1]}"]
    assert purge_all(tx, selection=Selection(model_ids=[named[2]])) == [f"logged model {named[2]}"]
    assert purge_all(tx, selection=Selection(experiment_ids=[named[0]])) == [f"experiment {named[0]}"]
    assert len(purge_all(tx)) == 3


def test_each_that_is_named_and_cannot_go_is_told(database: Database, tx: Tx) -> None:
    runs.delete(tx, late := make_run(at(tx, 5000)))
    active, experiment_id = make_run(tx), make_experiment(tx)
    named = Selection([late, active, "Nobody"], ["m-0"], [experiment_id, "99999", "one", "9" * 30])
    with pytest.raises(InvalidParameter) as refusal:
        trash.find(tx, 3000, named)
    assert refusal.value.message.splitlines() == [
        f"Run {late} was deleted at 1970-01-01 00:00:05 UTC, but must have been deleted before "
        "1970-01-01 00:00:03 UTC.",
        f"Run {active} is not in the trash: delete it before you purge it.",
        "Run Nobody does not exist.",
        "Logged model m-0 does not exist.",
        f"Experiment {experiment_id} is not in the trash: delete it before you purge it.",
        "Experiment 99999 does not exist.",
        "Experiment one does not exist.",
        f"Experiment {'9' * 30} does not exist.",
    ]


def test_what_another_workspace_has_cannot_be_named(database: Database, tx: Tx) -> None:
    with database.begin(write=False, workspace=2) as noise:
        [theirs] = [item for item in trash.find(noise).items if item.kind is trash.EXPERIMENT]
    with pytest.raises(InvalidParameter, match=f"Experiment {theirs.key} does not exist"):
        trash.find(tx, selection=Selection(experiment_ids=[theirs.key]))


def test_an_experiment_stays_with_a_run_that_was_restored(tx: Tx) -> None:
    experiment_id = make_experiment(tx)
    restored, deleted = make_run(tx, experiment_id), make_run(tx, experiment_id)
    experiments.delete(tx, experiment_id)
    runs.restore(tx, restored)
    sentence = (
        f"Experiment {experiment_id} is not purged: its run {restored} is active. Delete the run, or "
        "restore the experiment."
    )
    assert trash.find(tx).kept == [sentence]
    with pytest.raises(InvalidParameter) as refusal:
        trash.find(tx, selection=Selection(experiment_ids=[experiment_id]))
    assert refusal.value.message == sentence
    assert purge_all(tx) == [f"run {deleted}"]
    assert get_run(tx, restored)


def test_the_default_experiment_stays_but_what_is_deleted_in_it_goes(tx: Tx) -> None:
    run_id = make_run(tx)
    experiments.delete(tx, "0")
    sentence = "Experiment 0 is never purged: clients that name no experiment log to it."
    assert trash.find(tx).kept == [sentence]
    with pytest.raises(InvalidParameter, match=sentence):
        trash.find(tx, selection=Selection(experiment_ids=["0"]))
    assert purge_all(tx) == [f"run {run_id}"]
    experiments.restore(tx, "0")
    assert make_run(tx)


def test_what_was_restored_meanwhile_stays(tx: Tx) -> None:
    experiment_id, alone = make_experiment(tx), make_run(tx)
    inner, model_id = make_run(tx, experiment_id), make_logged_model(tx, experiment_id)
    log_params(tx, inner, {"p": "1"})
    runs.delete(tx, alone)
    experiments.delete(tx, experiment_id)
    items = trash.find(tx).items
    runs.restore(tx, alone)
    experiments.restore(tx, experiment_id)
    before = counts(tx)
    assert not any(purge.is_in_trash(tx, item, None) for item in items)
    assert not any(purge.delete(tx, item, None) for item in items)
    assert counts(tx) == before
    logged_models.get(tx, model_id)


def test_what_was_restored_and_deleted_again_meanwhile_is_young_again(tx: Tx) -> None:
    runs.delete(at(tx, 1000), run_id := make_run(tx))
    [item] = trash.find(tx, 1000).items
    runs.restore(tx, run_id)
    runs.delete(at(tx, 2000), run_id)
    assert not purge.delete(tx, item, 1000)
    assert get_run(tx, run_id)


def test_an_experiment_does_not_take_a_run_along_that_was_restored_meanwhile(tx: Tx) -> None:
    experiment_id = make_experiment(tx)
    restored, deleted = make_run(tx, experiment_id), make_run(tx, experiment_id)
    experiments.delete(tx, experiment_id)
    items = trash.find(tx).items
    runs.restore(tx, restored)
    went = [str(item) for item in items if purge.delete(tx, item, None)]
    assert went == [f"run {deleted}"]
    assert get_run(tx, restored)


def test_a_purge_that_was_stopped_goes_on(tx: Tx) -> None:
    experiment_id = make_experiment(tx)
    first, second = make_run(tx, experiment_id), make_run(tx, experiment_id)
    experiments.delete(tx, experiment_id)
    assert purge.delete(tx, trash.find(tx).items[0], None)
    assert first not in str(trash.find(tx))
    assert purge_all(tx) == [f"run {second}", f"experiment {experiment_id}"]


def test_artifacts_lie_in_the_folder_with_the_id_for_a_name(tx: Tx) -> None:
    locations = Locations("/srv/artifacts", "")
    runs.delete(tx, run_id := make_run(tx))
    logged_models.delete(tx, model_id := make_logged_model(tx))
    run, model = trash.find(tx).items
    assert purge.folder(locations, run).path == f"0/{run_id}"
    assert purge.folder(locations, model).path == f"0/models/{model_id}"
    elsewhere = run._replace(location="mlflow-artifacts:/0/another/artifacts")
    assert purge.folder(locations, elsewhere).path == "0/another/artifacts"


@pytest.mark.parametrize("dialect", ["postgresql"])
@pytest.mark.parametrize("has_series", [False, True])
def test_who_logs_to_a_model_that_is_being_purged_is_told_and_leaves_no_points(
    database: Database, has_series: bool
) -> None:
    with database.begin(write=True) as tx:
        run_id, model_id = make_run(tx), make_logged_model(tx)
        if has_series:
            log_metrics(tx, run_id, point("loss", 1, model=model_id))
        logged_models.delete(tx, model_id)
        before = counts(tx)
    told: list[BaseException] = []

    def log() -> None:
        try:
            late = point("loss", 2, step=2, model=model_id)
            database.run(lambda tx: log_metrics(tx, run_id, late), write=True)
        except NotFound as error:
            told.append(error)

    with database.begin(write=True) as tx:
        [item] = trash.find(tx).items
        assert purge.delete(tx, item, None)
        writer = threading.Thread(target=log)
        writer.start()
        _until_somebody_waits(database)
    writer.join(timeout=60)
    assert len(told) == 1
    with database.begin(write=False) as tx:
        gone = gone_rows(before, counts(tx))
    assert gone.get("logged_model_points", 0) == has_series


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_points_that_are_just_being_logged_to_a_model_go_with_it(database: Database) -> None:
    with database.begin(write=True) as tx:
        run_id, model_id = make_run(tx), make_logged_model(tx)
        before = counts(tx)
        log_metrics(tx, run_id, point("loss", 1, model=model_id))
        logged_models.delete(tx, model_id)
        [item] = trash.find(tx).items
    done: list[bool] = []

    def work() -> None:
        done.append(database.run(lambda tx: purge.delete(tx, item, None), write=True))

    with database.begin(write=True) as tx:
        log_metrics(tx, run_id, point("loss", 2, step=2, model=model_id))
        worker = threading.Thread(target=work)
        worker.start()
        _until_somebody_waits(database)
    worker.join(timeout=60)
    assert done == [True]
    with database.begin(write=False) as tx:
        assert counts(tx)["logged_model_points"] == before["logged_model_points"]


def _until_somebody_waits(database: Database) -> None:
    waiting = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    for _ in range(3000):
        with database.begin(write=False) as tx:
            if tx.execute(waiting).scalar_one():
                return
    raise AssertionError("nobody waits for the purge")

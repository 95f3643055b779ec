"""The JSON of runs is kept in memory, and yet always what the database has."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.factories import log_metrics, log_params, make_experiment, make_run, point
from trackway.client_compat import messages as m
from trackway.storage.database import DEFAULT_WORKSPACE, Database, Tx, new_version
from trackway.storage.database.text_cache import TextCache
from trackway.storage.tracking import experiments, inputs, run_locks, runs


def note_dataset(tx: Tx, run: str) -> None:
    dataset = m.Dataset(name="d", digest="1", source_type="local", source="{}")
    inputs.log_datasets(tx, run_locks.lock_active(tx, run), [m.DatasetInput(dataset=dataset)])


def trash_experiment(tx: Tx, run: str) -> None:
    experiment = str(runs.find(tx, run).experiment_id)
    experiments.delete(tx, experiment)


WRITES: dict[str, Callable[[Tx, str], Any]] = {
    "metric": lambda tx, run: log_metrics(tx, run, point("m", 2.5, step=1)),
    "param": lambda tx, run: log_params(tx, run, {"p": "1"}),
    "tag": lambda tx, run: runs.set_tags(tx, run_locks.lock_active(tx, run), [m.RunTag(key="t", value="2")]),
    "no tag": lambda tx, run: runs.delete_tag(tx, run, "gone"),
    "status": lambda tx, run: runs.update(tx, m.UpdateRun(run_id=run, status="FINISHED", end_time=5)),
    "name": lambda tx, run: runs.update(tx, m.UpdateRun(run_id=run, run_name="another")),
    "dataset": note_dataset,
    "model in": lambda tx, run: inputs.log_models(tx, run_locks.lock_active(tx, run), "in", [("m-1", 0)]),
    "model out": lambda tx, run: inputs.log_models(tx, run_locks.lock_active(tx, run), "out", [("m-2", 3)]),
    "trash": lambda tx, run: runs.delete(tx, run),
    "experiment": trash_experiment,
}


@pytest.mark.parametrize("write", WRITES)
def test_every_write_is_seen_by_processes_that_kept_an_older_text(
    database: Database, store_uri: str, write: str
) -> None:
    other = Database(store_uri)

    def read(where: Database) -> Any:
        with where.begin(write=False) as tx:
            return json.loads(runs.get(tx, run))

    with database.begin(write=True) as tx:
        run = make_run(tx, make_experiment(tx, "e"), tags={"gone": "soon"})
    before = read(other)
    assert read(database) == before
    with database.begin(write=True) as tx:
        WRITES[write](tx, run)
    after = read(Database(store_uri))
    assert after != before
    assert read(other) == read(database) == after
    other.dispose()


def test_a_write_that_failed_leaves_nothing_of_itself(database: Database) -> None:
    with database.begin(write=True) as tx:
        run = make_run(tx)

    def fail(tx: Tx) -> None:
        log_params(tx, run, {"p": "1"})
        assert b'"p"' in runs.get(tx, run)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database.run(fail, write=True)
    with database.begin(write=False) as tx:
        assert b'"p"' not in runs.get(tx, run)


def test_an_experiment_that_is_known_is_known_in_its_workspace_only(database: Database) -> None:
    with database.begin(write=True) as tx:
        experiment = make_experiment(tx, "of the first")
        make_run(tx, experiment)
    search = m.SearchRuns(experiment_ids=[experiment], max_results=10)
    for _ in range(2):
        with database.begin(write=False) as tx:
            assert len(runs.find_page(tx, search)[0]) == 1
        with database.begin(write=False, workspace=DEFAULT_WORKSPACE + 1) as tx:
            assert runs.find_page(tx, search)[0] == []


def test_what_a_transaction_has_not_committed_is_not_known(database: Database) -> None:
    def fail(tx: Tx) -> None:
        experiment.append(make_experiment(tx, "never there"))
        assert runs.find_page(tx, m.SearchRuns(experiment_ids=experiment, max_results=10))[0] == []
        raise ZeroDivisionError

    experiment: list[str] = []
    with pytest.raises(ZeroDivisionError):
        database.run(fail, write=True)
    with database.begin(write=False) as tx:
        assert experiments.existing_ids(tx, experiment) == []


def test_what_was_not_asked_for_longest_is_forgotten_first() -> None:
    kept = TextCache(limit_bytes=2 * 1300)
    kept.put(1, 7, b"x" * 1000)
    kept.put(2, 8, b"y" * 1000)
    assert kept.get([(1, 7)]) == [b"x" * 1000]
    kept.put(3, 9, b"z" * 1000)
    assert kept.get([(1, 7), (2, 8), (3, 9)]) == [b"x" * 1000, None, b"z" * 1000]
    kept.put(3, 10, b"new")
    assert kept.get([(3, 9)]) == [None]
    kept.put(4, 11, b"larger than all" * 1000)
    assert kept.get([(4, 11)]) == [None]


def test_versions_are_numbers_that_both_databases_can_hold_and_never_the_same() -> None:
    versions = {new_version() for _ in range(10_000)}
    assert len(versions) == 10_000
    assert max(versions) < 2**63

"""What runs read and made, on every database."""

from tests.factories import among_many, find_runs, get_run, make_experiment, make_run
from trackway.client_compat import messages as m
from trackway.storage.database import Tx
from trackway.storage.tracking import inputs, run_locks


def dataset(name: str, digest: str = "d", **tags: str) -> m.DatasetInput:
    return m.DatasetInput(
        dataset=m.Dataset(name=name, digest=digest, source_type="local", source="{}"),
        tags=[m.InputTag(key=key.replace("_", "."), value=value) for key, value in tags.items()],
    )


def used(tx: Tx, run: str) -> list[m.DatasetInput]:
    found = get_run(tx, run).inputs
    assert found
    return found.dataset_inputs


def test_a_run_shows_its_datasets_with_their_tags(tx: Tx) -> None:
    run = make_run(tx)
    given = [dataset("train", mlflow_data_context="training"), dataset("eval")]
    inputs.log_datasets(tx, run_locks.lock_active(tx, run), given)
    assert used(tx, run) == given


def test_the_first_of_two_equal_datasets_counts_and_again_changes_nothing(tx: Tx) -> None:
    run = make_run(tx)
    row = run_locks.lock_active(tx, run)
    inputs.log_datasets(tx, row, [dataset("d", k="1"), dataset("d", k="2")])
    inputs.log_datasets(tx, row, [dataset("d", k="3")])
    assert used(tx, run) == [dataset("d", k="1")]


def test_a_dataset_has_all_its_contexts_and_each_once(tx: Tx) -> None:
    run = make_run(tx)
    row = run_locks.lock_active(tx, run)
    train, eval_ = (dataset("d", mlflow_data_context=context) for context in ("train", "eval"))
    inputs.log_datasets(tx, row, [train])
    inputs.log_datasets(tx, row, [eval_, train, dataset("d", k="without a context, it adds nothing")])
    inputs.log_datasets(tx, row, [dataset("d", k="again", mlflow_data_context="eval")])
    assert used(tx, run) == [train, eval_]


def test_a_dataset_gets_a_context_later(tx: Tx) -> None:
    run = make_run(tx)
    row = run_locks.lock_active(tx, run)
    given = [dataset("d"), dataset("d", mlflow_data_context="train")]
    inputs.log_datasets(tx, row, given[:1])
    inputs.log_datasets(tx, row, given)
    assert used(tx, run) == given


def test_a_name_with_two_digests_is_two_datasets(tx: Tx) -> None:
    run = make_run(tx)
    inputs.log_datasets(tx, run_locks.lock_active(tx, run), [dataset("d", "1"), dataset("d", "2")])
    assert len(used(tx, run)) == 2


def test_models_that_a_run_read_and_made(tx: Tx) -> None:
    run = make_run(tx)
    row = run_locks.lock_active(tx, run)
    inputs.log_models(tx, row, "in", [("m-1", 0)])
    inputs.log_models(tx, row, "out", [("m-2", 3), ("m-3", 1)])
    found = get_run(tx, run)
    assert found.inputs
    assert found.outputs
    assert [model.model_id for model in found.inputs.model_inputs] == ["m-1"]
    assert [(model.model_id, model.step) for model in found.outputs.model_outputs] == [("m-3", 1), ("m-2", 3)]


def test_summaries_are_distinct_and_only_of_the_experiments_asked_for(tx: Tx) -> None:
    experiment, other = make_experiment(tx), make_experiment(tx)
    for run in (make_run(tx, experiment), make_run(tx, experiment), make_run(tx, other)):
        row = run_locks.lock_active(tx, run)
        inputs.log_datasets(tx, row, [dataset("a", mlflow_data_context="train"), dataset("b")])
    assert inputs.summaries(tx, [experiment]) == [
        m.DatasetSummary(experiment_id=experiment, name="a", digest="d", context="train"),
        m.DatasetSummary(experiment_id=experiment, name="b", digest="d"),
    ]


def test_runs_are_found_by_their_datasets(tx: Tx) -> None:
    experiment = make_experiment(tx)
    run = make_run(tx, experiment)
    make_run(tx, experiment)
    inputs.log_datasets(tx, run_locks.lock_active(tx, run), [dataset("iris", mlflow_data_context="train")])

    def find(filter: str) -> list[str]:
        request = m.SearchRuns(experiment_ids=[experiment], filter=filter, max_results=10)
        same = m.SearchRuns(experiment_ids=[experiment], filter=among_many(filter), max_results=10)
        assert find_runs(tx, same) == find_runs(tx, request)
        return [found.info.run_id or "" for found in find_runs(tx, request)[0] if found.info]

    assert find("dataset.name = 'iris'") == [run]
    assert find("datasets.digest LIKE 'd%' AND dataset.context = 'train'") == [run]
    assert find("dataset.context = 'eval'") == []
    inputs.log_datasets(tx, run_locks.lock_active(tx, run), [dataset("iris", mlflow_data_context="eval")])
    assert find("dataset.context = 'train'") == find("dataset.context = 'eval'") == [run]
    assert [found.context for found in inputs.summaries(tx, [experiment])] == ["eval", "train"]

"""Experiments: create, find, rename, tag, delete and restore."""

from mlflow.entities import ViewType

from .board import call, client, equal, refused, takes, world


@call("Experiments", "MlflowClient.create_experiment")
def _() -> None:
    name = world.name("experiment")
    made = client().get_experiment(client().create_experiment(name))
    equal((made.name, made.lifecycle_stage), (name, "active"))
    equal(made.artifact_location, f"mlflow-artifacts:/{made.experiment_id}")
    refused("RESOURCE_ALREADY_EXISTS", lambda: client().create_experiment(name))


@call(
    "Experiments",
    "MlflowClient.create_experiment",
    "with tags and a location",
    needs=takes("MlflowClient.create_experiment", "tags"),
)
def _() -> None:
    location = "s3://bucket/folder"
    made = client().get_experiment(
        client().create_experiment(world.name("experiment"), artifact_location=location, tags={"a b": "ü"})
    )
    equal((made.artifact_location, made.tags), (location, {"a b": "ü"}))


@call("Experiments", "MlflowClient.get_experiment")
def _() -> None:
    equal(client().get_experiment("0").name, "Default")
    equal(client().get_experiment("0").artifact_location, "mlflow-artifacts:/0")
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client().get_experiment("123456789"))


@call("Experiments", "MlflowClient.get_experiment_by_name")
def _() -> None:
    name = world.name("experiment / & ü?")
    experiment_id = client().create_experiment(name)
    equal(client().get_experiment_by_name(name).experiment_id, experiment_id)
    equal(client().get_experiment_by_name(world.name("nothing")), None)


@call("Experiments", "MlflowClient.list_experiments")
def _() -> None:
    experiment_id, deleted_id = world.experiment(), world.experiment()
    client().delete_experiment(deleted_id)

    def listed(**options: object) -> set[str]:
        found, token = set(), None
        while True:
            page = client().list_experiments(page_token=token, **options)
            found |= {experiment.experiment_id for experiment in page} & {experiment_id, deleted_id}
            token = page.token
            if not token:
                return found

    equal(listed(max_results=5), {experiment_id})
    equal(listed(view_type=ViewType.DELETED_ONLY), {deleted_id})
    equal(listed(view_type=ViewType.ALL), {experiment_id, deleted_id})


@call("Experiments", "MlflowClient.search_experiments")
def _() -> None:
    prefix = world.name("searched")
    names = [f"{prefix} {number}" for number in range(5)]
    ids = [client().create_experiment(name) for name in names]
    for number, experiment_id in enumerate(ids):
        client().set_experiment_tag(experiment_id, "parity", "odd" if number % 2 else "even")
    client().delete_experiment(ids[4])

    def searched(filter_string: str, **options: object) -> list[str]:
        page = client().search_experiments(
            filter_string=f"name LIKE '{prefix}%' AND {filter_string}", **options
        )
        return [experiment.name for experiment in page]

    order = {"order_by": ["name DESC"]}
    equal(searched("tags.parity = 'even'", **order), [names[2], names[0]])
    equal(searched("tags.parity = 'even'", view_type=ViewType.ALL, **order), [names[4], names[2], names[0]])
    equal(searched("tags.parity = 'even'", view_type=ViewType.DELETED_ONLY), [names[4]])


@call("Experiments", "MlflowClient.search_experiments", "in pages")
def _() -> None:
    prefix = world.name("searched")
    names = [f"{prefix} {number}" for number in range(5)]
    for name in names:
        client().create_experiment(name)
    found, token = [], None
    for _ in range(3):
        page = client().search_experiments(
            filter_string=f"name LIKE '{prefix}%'", max_results=2, order_by=["name ASC"], page_token=token
        )
        found += [experiment.name for experiment in page]
        token = page.token
    equal((found, token), (names, None))


@call("Experiments", "MlflowClient.rename_experiment")
def _() -> None:
    experiment_id, name = world.experiment(), world.name("renamed")
    client().rename_experiment(experiment_id, name)
    equal(client().get_experiment(experiment_id).name, name)


@call("Experiments", "MlflowClient.set_experiment_tag")
def _() -> None:
    experiment_id = world.experiment()
    client().set_experiment_tag(experiment_id, "note", "first")
    client().set_experiment_tag(experiment_id, "note", "second")
    client().set_experiment_tag(experiment_id, "number", 3)
    equal(client().get_experiment(experiment_id).tags, {"note": "second", "number": "3"})


@call("Experiments", "MlflowClient.delete_experiment_tag")
def _() -> None:
    experiment_id = world.experiment()
    client().set_experiment_tag(experiment_id, "note", "x")
    client().delete_experiment_tag(experiment_id, "note")
    equal(client().get_experiment(experiment_id).tags, {})


@call("Experiments", "MlflowClient.delete_experiment")
def _() -> None:
    experiment_id = world.experiment()
    run_id = world.run(experiment_id)
    client().delete_experiment(experiment_id)
    equal(client().get_experiment(experiment_id).lifecycle_stage, "deleted")
    equal(client().get_run(run_id).info.lifecycle_stage, "deleted")
    refused("INVALID_PARAMETER_VALUE", lambda: client().set_experiment_tag(experiment_id, "a", "b"))


@call("Experiments", "MlflowClient.restore_experiment")
def _() -> None:
    experiment_id = world.experiment()
    run_id = world.run(experiment_id)
    client().delete_experiment(experiment_id)
    client().restore_experiment(experiment_id)
    equal(client().get_experiment(experiment_id).lifecycle_stage, "active")
    equal(client().get_run(run_id).info.lifecycle_stage, "active")

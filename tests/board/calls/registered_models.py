"""Registered models, their tags and aliases."""

from .board import call, client, close_in_time, equal, refused, world

AREA = "Registered models"


@call(AREA, "MlflowClient.create_registered_model")
def _() -> None:
    name = world.name("model ü%?")
    made = client().create_registered_model(name, {"a": "b"}, "what it is")
    equal((made.name, made.tags, made.description), (name, {"a": "b"}, "what it is"))
    close_in_time(made.creation_timestamp)
    message = refused("RESOURCE_ALREADY_EXISTS", lambda: client().create_registered_model(name))
    equal("already exists" in message, True)
    refused("INVALID_PARAMETER_VALUE", lambda: client().create_registered_model(""))


@call(AREA, "MlflowClient.get_registered_model")
def _() -> None:
    name = world.model(versions=2)
    found = client().get_registered_model(name)
    equal((found.name, [version.version for version in found.latest_versions]), (name, ["2"]))
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client().get_registered_model(world.name("nothing")))


@call(AREA, "MlflowClient.rename_registered_model")
def _() -> None:
    name, new_name = world.model(versions=1), world.name("renamed")
    client().rename_registered_model(name, new_name)
    equal(client().get_registered_model(new_name).name, new_name)
    equal(client().get_model_version(new_name, "1").name, new_name)
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client().get_registered_model(name))


@call(AREA, "MlflowClient.update_registered_model")
def _() -> None:
    name = world.model()
    equal(client().update_registered_model(name, "new words").description, "new words")
    equal(client().get_registered_model(name).description, "new words")


@call(AREA, "MlflowClient.delete_registered_model")
def _() -> None:
    name = world.model(versions=1)
    client().delete_registered_model(name)
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client().get_registered_model(name))
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client().get_model_version(name, "1"))


@call(AREA, "MlflowClient.search_registered_models")
def _() -> None:
    prefix = world.name("searched")
    names = [f"{prefix} {number}" for number in range(5)]
    for number, name in enumerate(names):
        client().create_registered_model(name, {"parity": "odd" if number % 2 else "even"})

    def searched(filter_string: str, **options: object) -> list[str]:
        return [model.name for model in client().search_registered_models(filter_string, **options)]

    equal(searched(f"name = '{names[3]}'"), [names[3]])
    equal(searched(f"name LIKE '{prefix}%'"), names)
    equal(searched(f"name ILIKE '{prefix.upper()}%' AND tags.parity = 'odd'"), [names[1], names[3]])
    equal(searched(f"name LIKE '{prefix}%'", order_by=["name DESC"]), names[::-1])
    found, token = [], None
    for _ in range(3):
        page = client().search_registered_models(
            filter_string=f"name LIKE '{prefix}%'", max_results=2, page_token=token
        )
        found += [model.name for model in page]
        token = page.token
    equal((found, bool(token)), (names, False))


@call(AREA, "MlflowClient.list_registered_models")
def _() -> None:
    name = world.model()
    found, token = [], None
    while True:
        page = client().list_registered_models(max_results=10, page_token=token)
        equal(len(page) <= 10, True)
        found += [model.name for model in page]
        token = page.token
        if not token:
            break
    equal(found.count(name), 1)


@call(AREA, "mlflow.search_registered_models")
def _() -> None:
    import mlflow

    name = world.model()
    found = mlflow.search_registered_models(filter_string=f"name = '{name}'")
    equal([model.name for model in found], [name])


@call(AREA, "MlflowClient.set_registered_model_tag")
def _() -> None:
    name = world.model()
    client().set_registered_model_tag(name, "a", "b")
    client().set_registered_model_tag(name, "a", 3)
    equal(client().get_registered_model(name).tags, {"a": "3"})


@call(AREA, "MlflowClient.delete_registered_model_tag")
def _() -> None:
    name = world.model()
    client().set_registered_model_tag(name, "a", "b")
    client().delete_registered_model_tag(name, "a")
    client().delete_registered_model_tag(name, "a")
    equal(client().get_registered_model(name).tags, {})


@call(AREA, "MlflowClient.set_registered_model_alias")
def _() -> None:
    name = world.model(versions=2)
    client().set_registered_model_alias(name, "champion", "1")
    client().set_registered_model_alias(name, "champion", "2")
    aliases = client().get_registered_model(name).aliases
    equal({alias: str(version) for alias, version in aliases.items()}, {"champion": "2"})
    equal(client().get_model_version(name, "2").aliases, ["champion"])
    refused("INVALID_PARAMETER_VALUE", lambda: client().set_registered_model_alias(name, "latest", "1"))


@call(AREA, "MlflowClient.delete_registered_model_alias")
def _() -> None:
    name = world.model(versions=1)
    client().set_registered_model_alias(name, "champion", "1")
    client().delete_registered_model_alias(name, "champion")
    equal(client().get_registered_model(name).aliases, {})


@call(AREA, "MlflowClient.get_model_version_by_alias")
def _() -> None:
    name = world.model(versions=2)
    client().set_registered_model_alias(name, "champion", "1")
    equal(str(client().get_model_version_by_alias(name, "champion").version), "1")
    refused("INVALID_PARAMETER_VALUE", lambda: client().get_model_version_by_alias(name, "nobody"))


@call(AREA, "MlflowClient.get_latest_versions")
def _() -> None:
    name = world.model(versions=3)
    client().transition_model_version_stage(name, "1", "Production")

    def latest(stages: list[str] | None = None) -> dict[str, str]:
        found = client().get_latest_versions(name, stages)
        return {version.current_stage: str(version.version) for version in found}

    equal(latest(), {"Production": "1", "None": "3"})
    equal(latest(["Production"]), {"Production": "1"})
    equal(latest(["Staging"]), {})

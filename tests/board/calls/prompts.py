"""Prompts: with calls of the model registry in 2.22, with methods of their own in later clients."""

import json
from typing import Any

import mlflow

from .board import call, client, equal, find, refused, since, takes, world

AREA = "Prompts"


def _name() -> str:
    return world.name("prompt").replace(" ", "-")


def _prompt(versions: int = 1) -> str:
    name = _name()
    for number in range(1, versions + 1):
        client().register_prompt(name, f"Hello {{{{ name }}}}, take {number}")
    return name


def _aliases(name: str, version: int) -> list[str]:
    return list(client().load_prompt(name, version).aliases)


@call(AREA, "MlflowClient.register_prompt")
def _() -> None:
    name = _name()
    first = client().register_prompt(name, "Hello {{ who }}", commit_message="first", tags={"a": "b"})
    equal((first.name, int(first.version)), (name, 1))
    equal(int(client().register_prompt(name, "Bye {{ who }}").version), 2)
    loaded = client().load_prompt(name, 1)
    equal((loaded.template, loaded.commit_message), ("Hello {{ who }}", "first"))
    equal(loaded.format(who="you"), "Hello you")
    model = client().create_registered_model(world.name("model")).name
    refused("INVALID_PARAMETER_VALUE", lambda: client().register_prompt(model.replace(" ", "/"), "x"))


@call(AREA, "MlflowClient.load_prompt")
def _() -> None:
    name = _prompt(versions=2)
    equal(client().load_prompt(name, 1).template, "Hello {{ name }}, take 1")
    equal(int(client().load_prompt(f"prompts:/{name}/2").version), 2)
    client().set_prompt_alias(name, "best", 1)
    equal(int(client().load_prompt(f"prompts:/{name}@best").version), 1)


@call(
    AREA,
    "MlflowClient.load_prompt",
    "that may be missing",
    needs=takes("MlflowClient.load_prompt", "allow_missing"),
)
def _() -> None:
    equal(client().load_prompt(_name(), 1, allow_missing=True), None)


@call(AREA, "MlflowClient.search_prompts")
def _() -> None:
    name = _prompt(versions=2)
    found = client().search_prompts(filter_string=f"name = '{name}'")
    equal([prompt.name for prompt in found], [name])
    if since("3.3")():
        found = client().search_prompts(filter_string=f"name LIKE '{name[:-2]}%'")
        equal([prompt.name for prompt in found], [name])


@call(AREA, "MlflowClient.parse_prompt_uri")
def _() -> None:
    name = _prompt()
    client().set_prompt_alias(name, "best", 1)
    found_name, version = client().parse_prompt_uri(f"prompts:/{name}@best")
    equal((found_name, str(version)), (name, "1"))


@call(AREA, "MlflowClient.set_prompt_alias")
def _() -> None:
    name = _prompt(versions=2)
    client().set_prompt_alias(name, "best", 2)
    equal(_aliases(name, 2), ["best"])


@call(AREA, "MlflowClient.delete_prompt_alias")
def _() -> None:
    name = _prompt()
    client().set_prompt_alias(name, "best", 1)
    client().delete_prompt_alias(name, "best")
    equal(_aliases(name, 1), [])


@call(AREA, "MlflowClient.delete_prompt")
def _() -> None:
    name = _prompt(versions=2)
    if takes("MlflowClient.delete_prompt", "version")():
        client().delete_prompt(name, 1)
        # These clients raise another error code. The server's code is only in the message.
        message = refused("INTERNAL_ERROR", lambda: client().load_prompt(name, 1))
        equal(message.startswith("RESOURCE_DOES_NOT_EXIST"), True)
        equal(int(client().load_prompt(name, 2).version), 2)
    else:
        client().delete_prompt(name)
        equal(client().get_prompt(name), None)


@call(AREA, "MlflowClient.log_prompt")
def _() -> None:
    name, run_id = _prompt(versions=2), world.run()
    client().log_prompt(run_id, f"prompts:/{name}/1")
    client().log_prompt(run_id, f"prompts:/{name}/2")
    equal(sorted(int(prompt.version) for prompt in client().list_logged_prompts(run_id)), [1, 2])


@call(AREA, "MlflowClient.link_prompt_version_to_run")
def _() -> None:
    name, run_id = _prompt(), world.run()
    client().link_prompt_version_to_run(run_id, f"prompts:/{name}/1")
    linked = json.loads(client().get_run(run_id).data.tags["mlflow.linkedPrompts"])
    equal(linked, [{"name": name, "version": "1"}])


def _log_prompt(run_id: str, name: str) -> None:
    if find("MlflowClient.log_prompt"):
        client().log_prompt(run_id, f"prompts:/{name}/1")
    else:  # Later clients link runs in another way, but still list and detach what was logged so.
        client().set_prompt_version_tag(name, "1", "mlflow.prompt.associatedRunIds", run_id)


@call(AREA, "MlflowClient.list_logged_prompts")
def _() -> None:
    name, run_id = _prompt(), world.run()
    equal(list(client().list_logged_prompts(run_id)), [])
    _log_prompt(run_id, name)
    equal([prompt.name for prompt in client().list_logged_prompts(run_id)], [name])


@call(AREA, "MlflowClient.detach_prompt_from_run")
def _() -> None:
    name, run_id = _prompt(), world.run()
    _log_prompt(run_id, name)
    client().detach_prompt_from_run(run_id, f"prompts:/{name}/1")
    equal(list(client().list_logged_prompts(run_id)), [])


@call(AREA, "MlflowClient.link_prompt_version_to_model")
def _() -> None:
    name = _prompt()
    model_id = client().create_logged_model(world.experiment()).model_id
    client().link_prompt_version_to_model(name, "1", model_id)
    equal(name in str(client().get_logged_model(model_id).tags), True)


@call(AREA, "MlflowClient.create_prompt")
def _() -> None:
    name = _name()
    client().create_prompt(name, description="words", tags={"a": "b"})
    found = client().get_prompt(name)
    equal((found.name, found.description, found.tags["a"]), (name, "words", "b"))
    refused("RESOURCE_ALREADY_EXISTS", lambda: client().create_prompt(name))


@call(AREA, "MlflowClient.get_prompt")
def _() -> None:
    name = _prompt()
    equal(client().get_prompt(name).name, name)
    equal(client().get_prompt(_name()), None)


@call(AREA, "MlflowClient.create_prompt_version")
def _() -> None:
    name = _prompt()
    made = client().create_prompt_version(name, "Hi {{ who }}", description="second", tags={"a": "b"})
    equal((made.version, made.template), (2, "Hi {{ who }}"))
    found = client().get_prompt_version(name, "2")
    equal((found.template, found.tags["a"]), ("Hi {{ who }}", "b"))


@call(AREA, "MlflowClient.create_prompt_version", "of chat messages", needs=since("3.2"))
def _() -> None:
    name = _prompt()
    messages = [{"role": "user", "content": "Hi {{ who }}"}]
    client().create_prompt_version(name, messages)
    found: Any = client().get_prompt_version(name, "2")
    equal((found.is_text_prompt, found.template), (False, messages))


@call(AREA, "MlflowClient.get_prompt_version")
def _() -> None:
    name = _prompt(versions=2)
    equal(client().get_prompt_version(name, "2").version, 2)


@call(AREA, "MlflowClient.get_prompt_version_by_alias")
def _() -> None:
    name = _prompt(versions=2)
    client().set_prompt_alias(name, "best", 1)
    equal(client().get_prompt_version_by_alias(name, "best").version, 1)


@call(
    AREA,
    "MlflowClient.search_prompt_versions",
    needs=since("3.6"),
    remark="3.5 refuses it by itself for any registry but Databricks' Unity Catalog",
)
def _() -> None:
    name = _prompt(versions=3)
    found = client().search_prompt_versions(name)
    versions = [int(prompt.version) for prompt in getattr(found, "prompt_versions", found)]
    equal(sorted(versions), [1, 2, 3])


@call(AREA, "MlflowClient.delete_prompt_version")
def _() -> None:
    name = _prompt(versions=2)
    client().delete_prompt_version(name, "1")
    equal(client().load_prompt(name, 1, allow_missing=True), None)
    equal(client().load_prompt(name, 2).version, 2)


@call(AREA, "MlflowClient.set_prompt_tag")
def _() -> None:
    name = _prompt()
    client().set_prompt_tag(name, "a", "b")
    equal(client().get_prompt(name).tags["a"], "b")


@call(AREA, "MlflowClient.delete_prompt_tag")
def _() -> None:
    name = _prompt()
    client().set_prompt_tag(name, "a", "b")
    client().delete_prompt_tag(name, "a")
    equal("a" in client().get_prompt(name).tags, False)


@call(AREA, "MlflowClient.set_prompt_version_tag")
def _() -> None:
    name = _prompt()
    client().set_prompt_version_tag(name, "1", "a", "b")
    equal(client().get_prompt_version(name, "1").tags["a"], "b")


@call(AREA, "MlflowClient.delete_prompt_version_tag")
def _() -> None:
    name = _prompt()
    client().set_prompt_version_tag(name, "1", "a", "b")
    client().delete_prompt_version_tag(name, "1", "a")
    equal("a" in client().get_prompt_version(name, "1").tags, False)


@call(AREA, "mlflow.register_prompt")
def _() -> None:
    name = _name()
    mlflow.register_prompt(name, "Hello {{ who }}")
    equal(mlflow.load_prompt(name, 1).format(who="you"), "Hello you")


@call(AREA, "mlflow.set_prompt_alias")
def _() -> None:
    name = _prompt()
    mlflow.set_prompt_alias(name, "best", 1)
    equal(mlflow.load_prompt(f"prompts:/{name}@best").template, "Hello {{ name }}, take 1")


@call(AREA, "mlflow.delete_prompt_alias")
def _() -> None:
    name = _prompt()
    mlflow.set_prompt_alias(name, "best", 1)
    mlflow.delete_prompt_alias(name, "best")
    equal(_aliases(name, 1), [])


@call(AREA, "mlflow.search_prompts")
def _() -> None:
    name = _prompt()
    equal([prompt.name for prompt in mlflow.search_prompts(filter_string=f"name = '{name}'")], [name])


@call(AREA, "mlflow.genai.register_prompt")
def _() -> None:
    name = _name()
    mlflow.genai.register_prompt(name, "Hello {{ who }}")
    mlflow.genai.set_prompt_alias(name, "best", 1)
    equal(mlflow.genai.load_prompt(f"prompts:/{name}@best").format(who="you"), "Hello you")
    equal([prompt.name for prompt in mlflow.genai.search_prompts(filter_string=f"name = '{name}'")], [name])

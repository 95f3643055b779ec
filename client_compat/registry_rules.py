"""Limits and checks of the model registry: names, versions, aliases, stages, tags and prompts.

The rules and error messages are those of MLflow 3.17 (``mlflow/utils/validation.py``, ``mlflow/prompt/``);
clients match parts of the messages. Functions named ``check_*`` raise InvalidParameter.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence

from . import rules
from .access_rules import ALL
from .errors import AlreadyExists, InvalidParameter
from .filters import Comparison, comparisons, parse_filter
from .searchable import Searchable

MAX_TAG_KEY_LENGTH = 250
MAX_TAG_VALUE_LENGTH = 100_000
MAX_ALIAS_LENGTH = 255
# Trackway's own limits: names and run ids are in indexes, and PostgreSQL limits index entries to 2,704 bytes.
MAX_NAME_BYTES = 2500
MAX_RUN_ID_LENGTH = 500
MAX_DESCRIPTION_LENGTH = 100_000

STAGES = ("None", "Staging", "Production", "Archived")
ACTIVE_STAGES = ["Staging", "Production"]
NO_STAGE, _, _, ARCHIVED = STAGES

PROMPT_TAG = "mlflow.prompt.is_prompt"
PROMPT_TEXT_TAG = "mlflow.prompt.text"
PROMPT_TYPE_TAG = "_mlflow_prompt_type"
# A prompt has no source; MLflow's clients and its UI send one of these placeholders.
PROMPT_SOURCES = frozenset({"dummy-source", "prompt-template"})

_ALIAS = re.compile(r"[\w\-]*")
_VERSION_ALIAS = re.compile(r"[vV]\d+")
_CANONICAL = {stage.lower(): stage for stage in STAGES}


def check_model_name(name: str | None, field: str = "name") -> None:
    """Check the name of a registered model. `field` is the name of the field in the request."""
    if not name or not name.strip():
        raise InvalidParameter(f"Missing value for required parameter '{field}'.")
    if "/" in name or ":" in name:
        raise InvalidParameter(f"Invalid model name '{name}'. Names cannot contain '/' or ':'.")
    clean = posixpath.normpath(name)
    if clean != name or clean == "." or clean.startswith(".."):
        raise rules.invalid_value(
            "name",
            name,
            "Names may be treated as files in certain cases, and must not resolve to other names"
            f" when treated as such. This name would resolve to {clean!r}",
        )


def check_new_model_name(name: str | None, field: str = "name") -> None:
    """Check the name of a registered model that is to be created or renamed."""
    check_model_name(name, field)
    if name == ALL:
        raise InvalidParameter(f"Invalid model name '{name}'. Permissions use it for all models.")
    if len((name or "").encode()) > MAX_NAME_BYTES:
        raise InvalidParameter(f"'{field}' exceeds the maximum length of {MAX_NAME_BYTES} bytes")


def check_model_names(names: Sequence[str]) -> Sequence[str]:
    """Check the names of registered models, and return them."""
    for name in names:
        check_new_model_name(name)
    return names


def parse_version(version: str | None) -> int:
    """Return a model version's number as an integer."""
    try:
        return int(version or "")
    except ValueError:
        raise InvalidParameter(f"Parameter 'version' must be an integer, got '{version or ''}'.") from None


def check_alias(alias: str) -> None:
    """Check the characters and the length of an alias."""
    if not alias:
        raise InvalidParameter("Registered model alias name cannot be empty.")
    if not _ALIAS.fullmatch(alias):
        raise InvalidParameter(
            f"Invalid alias name: '{alias}'. "
            "Names may only contain alphanumerics, underscores (_), and dashes (-)."
        )
    rules.check_length("Registered model alias name", MAX_ALIAS_LENGTH, alias)


def is_latest(alias: str) -> bool:
    """Return whether the alias is "latest", which means the newest version wherever an alias is allowed."""
    return alias.lower() == "latest"


def check_new_alias(alias: str) -> None:
    """Check an alias that is to be set. "latest" and aliases that look like a version ("v1") are reserved."""
    check_alias(alias)
    if is_latest(alias):
        raise InvalidParameter("'latest' alias name (case insensitive) is reserved.")
    if _VERSION_ALIAS.fullmatch(alias):
        raise InvalidParameter(f"Version alias name '{alias}' is reserved.")


def canonical_stage(stage: str) -> str:
    """Return the stage as in `STAGES`. The request may write it in upper or lower case."""
    if stage.lower() not in _CANONICAL:
        raise InvalidParameter(
            f"Invalid Model Version stage: {stage}. Value must be one of {', '.join(STAGES)}."
        )
    return _CANONICAL[stage.lower()]


def check_archiving(stage: str) -> None:
    """Refuse to archive the other versions of a stage that is not active.

    The status is 400, because the request is wrong. MLflow answers 500, and its clients then retry for four
    minutes.
    """
    if canonical_stage(stage) not in ACTIVE_STAGES:
        raise InvalidParameter(
            "Model version transition cannot archive existing model versions "
            f"because '{stage}' is not an Active stage. Valid stages are {ACTIVE_STAGES}"
        )


def check_tag(key: str, value: str) -> None:
    """Check a tag of a registered model."""
    rules.check_key(key)
    rules.check_length("key", MAX_TAG_KEY_LENGTH, key)
    rules.check_length("value", MAX_TAG_VALUE_LENGTH, value)


def check_version_tag(key: str, value: str) -> None:
    """Check a tag of a model version. The text of a prompt has its own error message."""
    if key == PROMPT_TEXT_TAG and len(value) > MAX_TAG_VALUE_LENGTH:
        raise InvalidParameter(f"Prompt text exceeds max length of {MAX_TAG_VALUE_LENGTH} characters.")
    check_tag(key, value)


def check_description(description: str | None) -> None:
    """Check the length of a description. MLflow has 5,000 characters on PostgreSQL and no limit on SQLite."""
    rules.check_length("description", MAX_DESCRIPTION_LENGTH, description or "")


def check_run_id(run_id: str) -> None:
    """Check only the length of a version's run id: the run may be on another server."""
    rules.check_length("run_id", MAX_RUN_ID_LENGTH, run_id)


def is_prompt(tags: Mapping[str, str]) -> bool:
    """Return whether a registered model or a model version with these tags is a prompt."""
    return tags.get(PROMPT_TAG, "false").lower() == "true"


def visible_tags(tags: Mapping[str, str], *hidden: str) -> dict[str, str]:
    """Return the tags without those that mark a prompt, and without the `hidden` keys."""
    return {key: tags[key] for key in tags if key not in {PROMPT_TAG, PROMPT_TYPE_TAG, *hidden}}


def name_taken(name: str, *, old: Iterable[str], new: Iterable[str]) -> AlreadyExists:
    """Return the error for a name that is in use.

    `old` has the keys of the tags of the existing model or prompt, `new` those of the new one.
    """
    old_kind, new_kind = ("Prompt" if PROMPT_TAG in keys else "Registered Model" for keys in (old, new))
    if old_kind == new_kind:
        return AlreadyExists(f"{new_kind} (name={name}) already exists.")
    return AlreadyExists(
        f"Tried to create a {new_kind.lower()} with name {name!r}, but the name is "
        f"already taken by a {old_kind.lower()}. MLflow does not allow creating a "
        "model and a prompt with the same name."
    )


def check_prompt_source(source: str) -> None:
    """Check that the source of a prompt version is one of `PROMPT_SOURCES`."""
    if source not in PROMPT_SOURCES:
        raise InvalidParameter(
            f"Invalid prompt source: '{source}'. Prompt sources must use an MLflow placeholder."
        )


def names_prompts(comparison: Comparison) -> bool | None:
    """Return True if a comparison selects prompts, False if it excludes them, None if it does neither."""
    if comparison.kind != "tag" or comparison.key != PROMPT_TAG:
        return None
    value = str(comparison.value).lower()
    return (comparison.op, value) in {("=", "true"), ("!=", "false")}


def asks_for_prompts(filter: str | None, entity: Searchable) -> bool:
    """Return whether a filter selects prompts. A search with another filter must leave out prompts."""
    return any(names_prompts(part) for part in comparisons(parse_filter(filter, entity)))

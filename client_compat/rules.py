"""Limits and checks of experiments, runs, metrics, params, tags and datasets.

The rules and error messages are those of MLflow 3.17 (``mlflow/utils/validation.py``); clients match parts of
the messages. Functions named ``check_*`` and ``clean_*`` raise InvalidParameter.
"""

from __future__ import annotations

import functools
import json
import posixpath
import re
from collections.abc import Sequence
from typing import Any

from . import messages as m
from . import switches
from .errors import InvalidParameter, shown
from .traces import ingest_rules

MAX_METRICS_PER_BATCH = 1000
MAX_PARAMS_TAGS_PER_BATCH = 100
MAX_ENTITIES_PER_BATCH = 1000
MAX_KEY_LENGTH = 250
MAX_PARAM_VALUE_LENGTH = 6000
MAX_TAG_VALUE_LENGTH = 8000
# Trackway's own limit. MLflow cuts JSON at 8,000 characters as well, and its client then cannot read the tag:
# ``log_table`` of a run fails after about 75 tables (tag mlflow.loggedArtifacts).
MAX_JSON_TAG_VALUE_LENGTH = 500_000
MAX_EXPERIMENT_NAME_LENGTH = 500
MAX_EXPERIMENT_TAG_VALUE_LENGTH = 20_000
MAX_INPUT_TAG_KEY_LENGTH = 255
MAX_INPUT_TAG_VALUE_LENGTH = 500
MAX_CUSTOM_VIEWS = 50
# Trackway's own limits. MLflow has columns of 250 and 256 characters on PostgreSQL and no limit on SQLite.
MAX_RUN_NAME_LENGTH = 1000
MAX_USER_LENGTH = 256
MAX_TAGS_OF_NEW_RUN = 1000
CUSTOM_VIEW_PREFIX = "mlflow.customView.view"
RUN_NAME_TAG = "mlflow.runName"

_DATASET_LIMITS = {
    "name": 500,
    "digest": 36,
    "source_type": 500,
    "source": 65_535,
    "schema": 1_048_575,
    "profile": 16_777_215,
}
# Tags of experiments: the age at which traces are archived, and a request to archive traces now.
_RETENTION_TAG = "mlflow.trace.archivalRetention"
_ARCHIVE_NOW_TAG = "mlflow.trace.archiveNow"
_RETENTION = re.compile(r"[1-9][0-9]*[mhd]")
_MAX_RETENTION_LENGTH = 32
_KEY = re.compile(r"[/\w.\- :]*")
_RUN_ID = re.compile(r"[a-zA-Z0-9][\w\-]{0,255}")
_KEY_CHARACTERS = (
    "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.),"
    " spaces ( ), colon(:) and slashes (/)."
)


def invalid_value(path: str, value: object, reason: str = "") -> InvalidParameter:
    """Return the error ``Invalid value "x" for parameter 'p' supplied``, with the value as compact JSON."""
    end = f": {reason}" if reason else "."
    return InvalidParameter(f"Invalid value {shown(value)} for parameter '{path}' supplied{end}")


def check_key(key: str, path: str = "key") -> None:
    """Check the key of a param, metric or tag: its characters, and that it is a normalized relative path."""
    if not _KEY.fullmatch(key):
        raise invalid_value(path, key, _KEY_CHARACTERS)
    clean = posixpath.normpath(key)
    if clean != key or clean == "." or clean.startswith(("..", "/")):
        raise invalid_value(
            path,
            key,
            "Names may be treated as files in certain cases, and must not resolve to other names"
            f" when treated as such. This name would resolve to {clean!r}",
        )


@functools.lru_cache(maxsize=4096)
def _is_valid_key(key: str) -> bool:
    """Return whether `check_key` accepts the key. The result is cached: batches repeat the same keys."""
    try:
        check_key(key)
    except InvalidParameter:
        return False
    return True


def check_length(name: str, limit: int, value: str) -> None:
    """Check that a value has at most `limit` characters. The error shows `name`, not the value."""
    if len(value) > limit:
        raise InvalidParameter(f"'{name}' exceeds the maximum length of {limit} characters")


def check_run_id(run_id: str) -> None:
    """Check the characters and the length of a run id."""
    if not _RUN_ID.fullmatch(run_id):
        raise invalid_value("run_id", run_id)


def check_metric(metric: m.Metric, path: str = "") -> None:
    """Check a metric's key, timestamp and dataset. Key and timestamp must be set."""
    prefix = f"{path}." if path else ""
    assert metric.key is not None
    assert metric.timestamp is not None
    check_key(metric.key, f"{prefix}name")
    if metric.timestamp < 0:
        raise invalid_value(
            f"{prefix}timestamp",
            metric.timestamp,
            f"metric '{metric.key}' (value={metric.value}). "
            "Timestamp must be a nonnegative long (64-bit integer) ",
        )
    check_length("Metric name", MAX_KEY_LENGTH, metric.key)
    if bool(metric.dataset_name) != bool(metric.dataset_digest):
        raise InvalidParameter("Both dataset_name and dataset_digest must be provided if one is provided")


def clean_param(key: str, value: str, path: str = "") -> str:
    """Check a param. Return the value to store, which may be truncated."""
    prefix = f"{path}." if path else ""
    check_key(key, f"{prefix}key")
    check_length("Param key", MAX_KEY_LENGTH, key)
    return _truncated("Param value", MAX_PARAM_VALUE_LENGTH, value)


def clean_tag(key: str, value: str, path: str = "") -> str:
    """Check a tag of a run. Return the value to store, which may be truncated."""
    prefix = f"{path}." if path else ""
    check_key(key, f"{prefix}key")
    check_length(f"{prefix}key", MAX_KEY_LENGTH, key)
    if key == RUN_NAME_TAG:
        check_run_name(value)
    return _clean_tag_value(f"{prefix}value", value)


def check_new_run(run: m.CreateRun) -> None:
    """Check name, user and tags of a new run. Truncate long values of tags in place."""
    check_run_name(run.run_name)
    check_length("user_id", MAX_USER_LENGTH, run.user_id or "")
    if len(run.tags) > MAX_TAGS_OF_NEW_RUN:
        raise InvalidParameter(
            f"A new run can have at most {MAX_TAGS_OF_NEW_RUN} tags. Got {len(run.tags)} tags. "
            "Please set the others with further requests."
        )
    for index, tag in enumerate(run.tags):
        check_length(f"tags[{index}].key", MAX_KEY_LENGTH, tag.key or "")
        tag.value = _clean_tag_value(f"tags[{index}].value", tag.value or "")
        if tag.key == RUN_NAME_TAG:
            check_run_name(tag.value)


def check_run_name(name: str | None) -> None:
    """Check the length of a run's name."""
    check_length("run_name", MAX_RUN_NAME_LENGTH, name or "")


def check_experiment_tag(key: str, value: str) -> None:
    """Check a tag of an experiment, including the values of tags that configure archiving of traces."""
    check_key(key)
    check_length("key", MAX_KEY_LENGTH, key)
    check_length("value", MAX_EXPERIMENT_TAG_VALUE_LENGTH, value)
    if key in {_RETENTION_TAG, _ARCHIVE_NOW_TAG}:
        _check_archiving(key, value)
    if key == ingest_rules.TAG:
        ingest_rules.parse(value)


def _check_archiving(key: str, value: str) -> None:
    """Check a tag that configures the archiving of traces: a JSON object with a duration.

    The tag that requests archiving now may omit the duration, and then means all traces.
    """
    try:
        config = json.loads(value)
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, dict):
        raise InvalidParameter("Trace archival config must be encoded as a JSON object.")
    if key == _ARCHIVE_NOW_TAG:
        duration = config.get("older_than")
        if duration is None:
            return
    else:
        if config.get("type") != "duration":
            raise InvalidParameter("Trace archival config must use type 'duration'.")
        duration = config.get("value")
    text = duration.strip() if isinstance(duration, str) else ""
    if len(text) > _MAX_RETENTION_LENGTH:
        raise InvalidParameter(f"Trace archival duration must be at most {_MAX_RETENTION_LENGTH} characters.")
    if not _RETENTION.fullmatch(text):
        raise InvalidParameter(
            "Trace archival retention must be in the form `<int><unit>`, "
            "where unit is one of 'm', 'h', or 'd'."
        )


def check_experiment_name(name: str) -> None:
    """Check that an experiment's name is not empty and not too long."""
    if not name:
        raise InvalidParameter(f"Invalid experiment name: '{name}'")
    check_length("name", MAX_EXPERIMENT_NAME_LENGTH, name)


def check_custom_views(keys: Sequence[str], experiment_id: str = "") -> None:
    """Check that the keys of an experiment's tags contain at most 50 saved views of the UI."""
    if sum(key.startswith(CUSTOM_VIEW_PREFIX) for key in keys) > MAX_CUSTOM_VIEWS:
        suffix = f" for experiment {experiment_id}" if experiment_id else ""
        raise InvalidParameter(
            f"Unable to create another custom view{suffix}; the maximum number of custom views per "
            f"experiment is {MAX_CUSTOM_VIEWS}. Delete an existing custom view before creating a new one."
        )


def check_batch(batch: m.LogBatch) -> None:
    """Check the keys, values and sizes of a batch. Truncate long values of params and tags in place.

    As in MLflow, keys and values are checked before sizes, and so their errors come first.
    """
    for index, metric in enumerate(batch.metrics):
        key = metric.key
        # A fast test that check_metric would accept the metric.
        if (
            len(key) > MAX_KEY_LENGTH
            or not _is_valid_key(key)
            or metric.timestamp < 0
            or metric.dataset_name is not None
            or metric.dataset_digest is not None
        ):
            check_metric(metric, f"metrics[{index}]")
    for index, param in enumerate(batch.params):
        param.value = clean_param(param.key or "", param.value or "", f"params[{index}]")
    for index, tag in enumerate(batch.tags):
        tag.value = clean_tag(tag.key or "", tag.value or "", f"tags[{index}]")
    _check_count("metrics", MAX_METRICS_PER_BATCH, len(batch.metrics))
    _check_count("params", MAX_PARAMS_TAGS_PER_BATCH, len(batch.params))
    _check_count("tags", MAX_PARAMS_TAGS_PER_BATCH, len(batch.tags))
    total = len(batch.metrics) + len(batch.params) + len(batch.tags)
    _check_count("metrics, params, and tags", MAX_ENTITIES_PER_BATCH, total)
    _check_param_keys_differ(batch.params)


def check_dataset_inputs(items: Sequence[m.DatasetInput]) -> None:
    """Check the lengths of a run's datasets and their tags. Replace a missing dataset by an empty one."""
    for item in items:
        dataset = item.dataset = item.dataset or m.Dataset()
        for name, limit in _DATASET_LIMITS.items():
            check_length(name, limit, getattr(dataset, name) or "")
        for tag in item.tags:
            check_length("key", MAX_INPUT_TAG_KEY_LENGTH, tag.key)
            check_length("value", MAX_INPUT_TAG_VALUE_LENGTH, tag.value)


def parse_list_tag(key: str, value: str | None) -> list[Any]:
    """Return the list that a tag contains as JSON, or an empty list if the tag is missing.

    Raise InvalidParameter if it is not a list: users may have overwritten the tag.
    """
    try:
        found = json.loads(value or "[]")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list):
        raise InvalidParameter(
            f"The tag {key!r} must hold a JSON list, not {shown(value)}. Delete the tag and try again."
        )
    return found


def parse_experiment_id(text: str) -> int:
    """Return the experiment id as an integer."""
    try:
        return int(text)
    except ValueError:
        raise InvalidParameter(
            f"Invalid experiment ID '{text}'. Experiment ID must be a valid integer."
        ) from None


def _check_count(name: str, limit: int, count: int) -> None:
    if count > limit:
        raise InvalidParameter(
            f"A batch logging request can contain at most {limit} {name}. Got {count} {name}. "
            f"Please split up {name} across multiple requests and try again."
        )


def _check_param_keys_differ(params: Sequence[m.Param]) -> None:
    seen: set[str | None] = set()
    duplicates = [p.key for p in params if p.key in seen or seen.add(p.key)]  # type: ignore[func-returns-value]
    if duplicates:
        raise InvalidParameter(
            f"Duplicate parameter keys have been submitted: {duplicates}. Please ensure "
            "the request contains only one param value per param key."
        )


def _clean_tag_value(name: str, value: str) -> str:
    """Return the value of a run's tag to store. A JSON list or object is never truncated."""
    if len(value) <= MAX_TAG_VALUE_LENGTH:
        return value
    if _is_json(value):
        check_length(name, MAX_JSON_TAG_VALUE_LENGTH, value)
        return value
    return _truncated(name, MAX_TAG_VALUE_LENGTH, value)


def _is_json(value: str) -> bool:
    """Return whether the text is a JSON list or object."""
    try:
        return value.lstrip()[:1] in ("[", "{") and isinstance(json.loads(value), list | dict)
    except (ValueError, RecursionError):
        return False


def _truncated(name: str, limit: int, value: str) -> str:
    if len(value) > limit and not switches.current().cuts_long_values:
        check_length(name, limit, value)
    return value[:limit]

"""Limits and checks of traces. The rules and error messages are those of MLflow 3.17 and 3.18."""

from __future__ import annotations

import re
from collections.abc import Mapping

from . import rules
from .errors import InvalidParameter

MAX_KEY_LENGTH = 250
MAX_TAG_VALUE_LENGTH = 8000
# Of tags and metadata that come with a trace. MLflow's columns are longer than its own tests of them.
MAX_NEW_TAG_VALUE_LENGTH = 8000
MAX_METADATA_VALUE_LENGTH = 8000
MAX_LINKS = 100
MAX_PREVIEW_LENGTH = 100_000
# Milliseconds of the years 1 to 9999: the times that an answer can write as a date.
_FIRST_MS, _LAST_MS = -62_135_596_800_000, 253_402_300_799_999
MAX_CLIENT_REQUEST_ID_LENGTH = 1000

_ID = re.compile(r"tr-[\w.\-]{1,60}", re.ASCII)
# Tags that only the server writes. A trace comes without them if the client sends them.
SERVER_TAGS = frozenset(
    {
        "mlflow.artifactLocation",
        "mlflow.trace.spansLocation",
        "mlflow.trace.archiveLocation",
        "mlflow.trace.archivalFailure",
    }
)
# Whoever looks after the server removes it, to have the trace archived again.
_DELETABLE_TAG = "mlflow.trace.archivalFailure"


def check_id(trace_id: str) -> None:
    """Raise ``InvalidParameter`` for an id that clients cannot have made."""
    if not _ID.fullmatch(trace_id):
        raise rules.invalid_value(
            "trace_id", trace_id, "A trace id is 'tr-' and up to 60 letters, digits, '_', '-' and '.'."
        )


def tag(key: str, value: str, done: str) -> tuple[str, str]:
    """Return a tag as it is stored; ``done`` is "set" or "deleted". Raise ``InvalidParameter``."""
    rules.check_key(key)
    if key in SERVER_TAGS and not (done == "deleted" and key == _DELETABLE_TAG):
        end = "set on a trace" if done == "set" else "deleted on a trace"
        raise InvalidParameter(f"Tag '{key}' is immutable and cannot be {end}.")
    rules.check_length("key", MAX_KEY_LENGTH, key)
    return key, value[:MAX_TAG_VALUE_LENGTH]


def new_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of a trace that a client sends as they are stored: without those of the server."""
    return {
        key[:MAX_KEY_LENGTH]: value[:MAX_NEW_TAG_VALUE_LENGTH]
        for key, value in tags.items()
        if key not in SERVER_TAGS
    }


def new_metadata(values: Mapping[str, str]) -> dict[str, str]:
    """Return the metadata of a trace that a client sends as they are stored."""
    return {key[:MAX_KEY_LENGTH]: value[:MAX_METADATA_VALUE_LENGTH] for key, value in values.items()}


def check_deletion(trace_ids: object, max_timestamp_ms: int | None, max_traces: int | None) -> None:
    """Check which traces a request deletes. Raise ``InvalidParameter``."""
    if not trace_ids and max_timestamp_ms is None:
        raise InvalidParameter("Either `max_timestamp_millis` or `trace_ids` must be specified.")
    if trace_ids and max_timestamp_ms is not None:
        raise InvalidParameter("Only one of `max_timestamp_millis` and `trace_ids` can be specified.")
    if trace_ids and max_traces is not None:
        raise InvalidParameter("`max_traces` can't be specified if `trace_ids` is specified.")
    if max_traces is not None and max_traces <= 0:
        raise InvalidParameter(f"`max_traces` must be a positive integer, received {max_traces}.")


def check_time(time_ms: int | None) -> None:
    """Raise ``InvalidParameter`` for a time that no answer could write as a date."""
    if time_ms is not None and not _FIRST_MS <= time_ms <= _LAST_MS:
        raise rules.invalid_value(
            "timestamp_ms", time_ms, "it must be milliseconds since 1970, in the years 1 to 9999."
        )


def check_links(trace_ids: list[str]) -> None:
    if len(trace_ids) > MAX_LINKS:
        raise InvalidParameter(
            f"Cannot link more than {MAX_LINKS} traces to a run in a single request. "
            f"Provided {len(trace_ids)} traces."
        )

"""What clients say about a trace themselves: its beginning, its end, and its values.

These calls come before, between or after the trace's spans. What a client says wins over what its spans say,
whichever comes first.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from trackway.client_compat import genai_messages as g
from trackway.client_compat import trace_rules
from trackway.client_compat.errors import InvalidParameter
from trackway.client_compat.traces import spans
from trackway.client_compat.traces.attributes import INPUTS, OUTPUTS
from trackway.client_compat.traces.ingest_rules import IngestRules

from ..database import Tx
from ..tracking import experiments
from . import assessments, infos, ingest_rules, links, moves, rows, tags
from . import spans as spans_
from .rows import Given

_NS_PER_MS = 1_000_000
_UNKNOWN = "STATE_UNSPECIFIED"
_PREVIEWS = {"request_preview": INPUTS, "response_preview": OUTPUTS}


def start(tx: Tx, info: g.TraceInfoV3, *, sends_spans: bool, may_log: spans_.MayLog = spans_.anywhere) -> Any:
    """Create a trace, or merge what the client says into the one with this id; return its row.

    Return None if the sampling rule of the experiment leaves it out. A trace of which only spans have come,
    to another experiment, moves to the one that the client says.

    ``sends_spans`` says that the client sends the spans to the server, and not as a file. Raise
    ``InvalidParameter`` if the trace's id or location cannot be used, ``NotFound`` if the experiment does not
    exist.
    """
    trace_id = info.trace_id or ""
    trace_rules.check_id(trace_id)
    if not experiment_of(info):
        raise InvalidParameter(
            f"The trace '{trace_id}' has no trace_location.mlflow_experiment.experiment_id: a trace belongs "
            "to an experiment."
        )
    experiment = experiments.find_active(tx, experiment_of(info))
    rules = ingest_rules.of_experiment(tx, experiment.id)
    if not rules.keeps(trace_id):
        return None
    metadata = trace_rules.new_metadata(ingest_rules.mask_metadata(info.trace_metadata, rules))
    values, given = _values(info, metadata)
    values |= {name: rules.mask_text(values[name], key) for name, key in _PREVIEWS.items() if name in values}
    if "client_request_id" in values:
        values["client_request_id"] = rules.mask_name(values["client_request_id"])
    metadata = {key: text for key, text in metadata.items() if key not in (infos.TOKEN_USAGE, infos.COST)}
    metadata[infos.IS_FINAL] = "true"
    new = {"given": int(given), "state": _UNKNOWN, **values}
    new["spans_location"] = rows.IN_DATABASE if sends_spans else ""
    row_id, row = rows.lock_or_insert(tx, trace_id, experiment.id, lambda: new)
    if row is not None:
        if row.experiment_id != experiment.id:
            row = moves.move(tx, row, experiment.id, rules, may_log)
        _merge(tx, row, values, given, sends_spans)
    new_tags = trace_rules.new_tags(ingest_rules.mask_tags(info.tags, rules))
    _write(tx, row_id, new_tags, metadata)
    row = rows.find(tx, trace_id)
    assessments.add(tx, row, info.assessments)
    return row


def begin(tx: Tx, req: g.StartTrace) -> g.TraceInfo:
    """Create a trace for a client of MLflow 2, which sends its spans as a file; the server makes the id."""
    trace_rules.check_time(req.timestamp_ms)
    experiment = experiments.find_active(tx, req.experiment_id or "")
    trace_id = uuid.uuid4().hex
    new = {"request_time": req.timestamp_ms or 0, "given": int(Given.TIMES), "spans_location": ""}
    row_id = rows.insert(tx, trace_id, experiment.id, new)
    assert row_id is not None
    rules = ingest_rules.of_experiment(tx, experiment.id)
    _write(tx, row_id, *_of_version_2(req.tags, req.request_metadata, rules))
    return version_2(infos.get(tx, trace_id))


def end(tx: Tx, req: g.EndTrace) -> g.TraceInfo:
    """Set the end and the state of such a trace. Raise ``NotFound`` if it does not exist."""
    trace_rules.check_time(req.timestamp_ms)
    trace_id = req.request_id or ""
    row = rows.require(rows.lock(tx, trace_id), trace_id)
    changes: dict[str, Any] = {"update_time": tx.now_ms, "given": int(row.given | Given.TIMES)}
    if req.timestamp_ms is not None:
        changes["duration"] = req.timestamp_ms - row.request_time
    if req.status is not None:
        changes["state"] = _state(req.status)
    rules = ingest_rules.of_experiment(tx, row.experiment_id)
    new_tags, metadata = _of_version_2(req.tags, req.request_metadata, rules)
    usage, bits = _usage(metadata)
    changes |= usage
    changes["given"] |= int(bits)
    rows.update(tx, row.id, changes)
    _write(tx, row.id, new_tags, metadata)
    return version_2(infos.get(tx, trace_id))


def experiment_of(info: g.TraceInfoV3) -> str:
    """Return the id of the trace's experiment, or an empty string."""
    location = info.trace_location and info.trace_location.mlflow_experiment
    return (location and location.experiment_id) or ""


def version_2(info: g.TraceInfoV3) -> g.TraceInfo:
    """Return a trace as clients of MLflow 2 read it."""
    return g.TraceInfo(
        request_id=info.trace_id,
        experiment_id=experiment_of(info),
        timestamp_ms=(info.request_time or 0) // _NS_PER_MS,
        execution_time_ms=(info.execution_duration or 0) // _NS_PER_MS,
        status=_status_of_version_2(info.state or _UNKNOWN),
        request_metadata=[
            g.TraceRequestMetadata(key=key, value=value) for key, value in info.trace_metadata.items()
        ],
        tags=[g.TraceTag(key=key, value=value) for key, value in info.tags.items()],
    )


def _merge(tx: Tx, row: Any, values: dict[str, Any], given: Given, sends_spans: bool) -> None:
    changes = {**values, "given": int(row.given | given), "update_time": tx.now_ms}
    if sends_spans and not row.spans_location:
        changes["spans_location"] = rows.IN_DATABASE
    rows.update(tx, row.id, changes)


def _values(info: g.TraceInfoV3, metadata: Mapping[str, str]) -> tuple[dict[str, Any], Given]:
    """Return the columns that the client has given, and which these are."""
    values: dict[str, Any] = {}
    given = Given(0)
    if info.request_time is not None:
        values["request_time"] = info.request_time // _NS_PER_MS
        given |= Given.TIMES
    if info.execution_duration is not None:
        values["duration"] = info.execution_duration // _NS_PER_MS
    if info.state is not None and info.state != _UNKNOWN:
        values["state"] = info.state
    if info.client_request_id:
        values["client_request_id"] = info.client_request_id[: trace_rules.MAX_CLIENT_REQUEST_ID_LENGTH]
    for name, bit in (
        ("request_preview", Given.REQUEST_PREVIEW),
        ("response_preview", Given.RESPONSE_PREVIEW),
    ):
        if text := getattr(info, name):
            values[name] = text[: trace_rules.MAX_PREVIEW_LENGTH]
            given |= bit
    usage, bits = _usage(metadata)
    return values | usage, given | bits


def _usage(metadata: Mapping[str, str]) -> tuple[dict[str, Any], Given]:
    """Return the columns of the token usage and the cost that the metadata names."""
    values: dict[str, Any] = {}
    given = Given(0)
    for key, names, checked, bit in (
        (infos.TOKEN_USAGE, rows.TOKENS, spans.checked_usage, Given.TOKENS),
        (infos.COST, rows.COSTS, spans.checked_cost, Given.COST),
    ):
        try:
            found = json.loads(metadata.get(key) or "null")
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict):
            known = checked(found) or {}
            values |= {name: known.get(name) for name in names if name in found}
            given |= bit
    return values, given


def _write(tx: Tx, row_id: int, new_tags: Mapping[str, str], metadata: Mapping[str, str]) -> None:
    """Write tags and metadata, and the links to the run and the prompts that they name."""
    tags.write(tx, row_id, new_tags)
    tags.write_metadata(tx, row_id, metadata)
    if prompts := links.named_in(new_tags.get(links.PROMPTS, "")):
        links.add_prompts(tx, row_id, prompts)


def _of_version_2(
    new_tags: list[g.TraceTag], metadata: list[g.TraceRequestMetadata], rules: IngestRules
) -> tuple[dict[str, str], dict[str, str]]:
    given = {tag.key or "": tag.value or "" for tag in new_tags}
    values = {item.key or "": item.value or "" for item in metadata}
    return (
        trace_rules.new_tags(ingest_rules.mask_tags(given, rules)),
        trace_rules.new_metadata(ingest_rules.mask_metadata(values, rules)),
    )


def _state(status: str) -> str:
    return _UNKNOWN if status == "TRACE_STATUS_UNSPECIFIED" else status


def _status_of_version_2(state: str) -> str:
    return "TRACE_STATUS_UNSPECIFIED" if state == _UNKNOWN else state

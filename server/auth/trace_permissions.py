"""The permissions on traces, as ``policy`` has those on all else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from trackway.client_compat.access_rules import ALL
from trackway.client_compat.searchable_traces import TRACES
from trackway.storage.access import containers

from . import needs
from .policy import Permission, Within
from .redaction import WithinFilter

if TYPE_CHECKING:
    from trackway.client_compat.wire import Message

_FIELDS = ("trace_id", "request_id")
# What logging traces to an experiment needs.
LOGS = "E:update, !trace"


def _trace_keys(request: Message) -> Sequence[str]:
    found = getattr(request, "trace_id", None) or getattr(request, "request_id", None)
    return [found] if found else []


def _trace(text: str) -> tuple[Within, ...]:
    return (Within(needs.parse(text), _trace_keys, containers.of_traces),)


def _experiment(text: str, keys: Callable[[Message], Sequence[str]]) -> Within:
    return Within(needs.parse(text), keys)


def _experiment_id(request: Message) -> Sequence[str]:
    found = getattr(request, "experiment_id", None)
    return [found] if found else []


def _experiment_of_new(request: Message) -> Sequence[str]:
    info = request.trace.trace_info  # type: ignore[attr-defined]
    location = info and info.trace_location and info.trace_location.mlflow_experiment
    return [location.experiment_id] if location and location.experiment_id else []


def _run(request: Message) -> Sequence[str]:
    found = getattr(request, "run_id", None)
    return [found] if found else []


def _traces(request: Message) -> Sequence[str]:
    return list(dict.fromkeys(getattr(request, "trace_ids", ())))


def _if_assessed(request: Message) -> Sequence[str]:
    info = request.trace.trace_info  # type: ignore[attr-defined]
    return [ALL] if info and info.assessments else []


def _assessed_trace(request: Message) -> Sequence[str]:
    assessment = getattr(request, "assessment", None)
    found = assessment.trace_id if assessment else getattr(request, "trace_id", None)
    return [found] if found else []


def _assessments_of(text: str) -> tuple[Within, ...]:
    needed = needs.parse(f"E:read, trace>E:read, {text}")
    return (Within(needed, _assessed_trace, containers.of_traces),)


def _experiments(request: Message) -> Sequence[str]:
    return list(dict.fromkeys(request.experiment_ids))  # type: ignore[attr-defined]


def _experiments_if_assessed(request: Message) -> Sequence[str]:
    return _experiments(request) if getattr(request, "view_type", None) == "ASSESSMENTS" else []


_ASSESSMENT_FIELDS = ("assessment_id", "assessment.assessment_id")

read_trace = Permission("read", "trace", _FIELDS, within=_trace("E:read, trace>E:read"))
# The handler leaves out the traces that the caller may not read.
read_traces = Permission("read", "trace", ("trace_ids",))
# The handler leaves out the experiments whose traces the caller may not read.
_FILTERED = (
    WithinFilter("mlflow.sourceRun", TRACES, written="run_id"),
    WithinFilter("", TRACES, tier="assessment", kinds=("feedback", "expectation", "issue")),
)
search_traces = Permission("read", "trace", within=_FILTERED)
start_trace = Permission(
    "create",
    "trace",
    ("trace.trace_info.trace_id",),
    within=(
        _experiment(LOGS, _experiment_of_new),
        _experiment("!assessment", _if_assessed),
    ),
)
begin_trace = Permission(
    "create",
    "trace",
    ("experiment_id",),
    response_field="trace_info.request_id",
    within=(_experiment(LOGS, _experiment_id),),
)
log_spans = Permission("create", "span", ("experiment_id",), within=(_experiment(LOGS, _experiment_id),))
edit_trace = Permission("edit", "trace", _FIELDS, within=_trace("E:read, trace>E:update"))
delete_traces = Permission(
    "delete",
    "trace",
    ("experiment_id",),
    within=(_experiment("E:read, trace>E:delete, assessment>(E:update):delete", _experiment_id),),
)
link_traces = Permission(
    "edit",
    "run",
    ("run_id",),
    within=(
        Within(needs.parse("E:read, run>E:update"), _run, containers.of_runs),
        Within(needs.parse("E:read, trace>E:read"), _traces, containers.of_traces),
    ),
)
try_ingest_rules = Permission(
    "read", "trace", ("experiment_id",), within=(_experiment("E:read, trace>E:read", _experiment_id),)
)
create_assessment = Permission(
    "create",
    "assessment",
    ("assessment.trace_id",),
    response_field="assessment.assessment_id",
    within=_assessments_of("!assessment, E:update or trace:update"),
)
read_assessment = Permission(
    "read", "assessment", _ASSESSMENT_FIELDS, within=_assessments_of("assessment>E:read")
)
edit_assessment = Permission(
    "edit", "assessment", _ASSESSMENT_FIELDS, within=_assessments_of("assessment>E:update")
)
delete_assessment = Permission(
    "delete", "assessment", _ASSESSMENT_FIELDS, within=_assessments_of("assessment>(E:update):delete")
)
query_metrics = Permission(
    "read",
    "trace",
    ("experiment_ids",),
    within=(
        _experiment("E:read, trace>E:read", _experiments),
        _experiment("assessment>E:read", _experiments_if_assessed),
    ),
)
correlate = Permission(
    "read",
    "trace",
    ("experiment_ids",),
    within=(_experiment("E:read, trace>E:read", _experiments), *_FILTERED),
)

"""Statistics of traces: which metrics there are, and the checks of a query.

The rules and error messages are those of MLflow 3.17 (``sql_trace_metrics_utils.py``,
``SearchTraceMetricsUtils``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from . import genai_messages as g
from .errors import InvalidParameter
from .fields import number
from .filter_tokens import canonical_operator, is_value, is_word, tokens_of
from .rules import invalid_value

TRACES, SPANS, ASSESSMENTS = "TRACES", "SPANS", "ASSESSMENTS"
COUNT, PERCENTILE = "COUNT", "PERCENTILE"
TIME_BUCKET = "time_bucket"
PAGE_SIZE = 1000
# Limits of our own.
MAX_PARTS = 50  # aggregations, dimensions or filters of a query
MAX_INTERVAL_S = 3_155_760_000  # a century

_COUNTED = (COUNT,)
_MEASURED = ("AVG", "MAX", "MIN", PERCENTILE)
_SUMMED = ("AVG", "MAX", "MIN", PERCENTILE, "SUM")
_TOKENS = ("input", "output", "total", "cache_read_input", "cache_creation_input")
_MODEL = ("span_model_name", "span_model_provider")


class _Metric(NamedTuple):
    """The aggregations and the dimensions of a metric, both sorted."""

    aggregations: tuple[str, ...]
    dimensions: tuple[str, ...] = ()


_METRICS: Mapping[str, Mapping[str, _Metric]] = {
    TRACES: {
        "trace_count": _Metric(_COUNTED, ("trace_name", "trace_status")),
        "session_count": _Metric(_COUNTED),
        "latency": _Metric(_MEASURED, ("trace_name",)),
        **{f"{name}_tokens": _Metric(_SUMMED, ("trace_name",)) for name in _TOKENS},
    },
    SPANS: {
        "span_count": _Metric(_COUNTED, (*_MODEL, "span_name", "span_status", "span_type")),
        "latency": _Metric(_MEASURED, ("span_name", "span_status")),
        **{f"{name}_cost": _Metric(_SUMMED, _MODEL) for name in ("input", "output", "total")},
    },
    ASSESSMENTS: {
        "assessment_count": _Metric(_COUNTED, ("assessment_name", "assessment_value")),
        "assessment_value": _Metric(_MEASURED, ("assessment_name",)),
    },
}
# What filters compare, by the first and the second word of the key; whether a third one must follow.
_KEYS: Mapping[str, Mapping[str, bool]] = {
    "trace": {"status": False, "tag": True, "metadata": True},
    "span": {"name": False, "status": False, "type": False},
    "assessment": {"name": False, "type": False},
}
_VIEW_OF = {"span": SPANS, "assessment": ASSESSMENTS}


class Aggregation(NamedTuple):
    """``percentile`` is between 0 and 100, and None unless the type is PERCENTILE."""

    type: str
    percentile: float | None = None

    @property
    def label(self) -> str:
        """The key of the value in the response: ``AVG``, ``P99.5``."""
        return self.type if self.percentile is None else f"P{self.percentile}"


class Filter(NamedTuple):
    """A condition that a value is equal to a text; ``key`` is empty except for tags and metadata."""

    noun: str
    field: str
    key: str
    value: str


class Query(NamedTuple):
    """A query for a metric. Times are in milliseconds; both bounds are included, None is no bound."""

    view: str
    metric: str
    aggregations: tuple[Aggregation, ...]
    dimensions: tuple[str, ...]
    filters: tuple[Filter, ...]
    interval_s: int | None
    start_ms: int | None
    end_ms: int | None
    size: int


def read(req: g.QueryTraceMetrics) -> Query:
    """Return the query of a request. Raise ``InvalidParameter``."""
    for name in ("aggregations", "dimensions", "filters"):
        if len(getattr(req, name)) > MAX_PARTS:
            raise InvalidParameter(f"A query can have at most {MAX_PARTS} {name}.")
    aggregations = [_aggregation(found) for found in req.aggregations]
    metrics = _METRICS.get(req.view_type)
    if metrics is None:
        raise InvalidParameter(f"view_type must be one of {list(_METRICS)}, got '{req.view_type}'")
    metric = metrics.get(req.metric_name)
    if metric is None:
        raise InvalidParameter(f"metric_name must be one of {list(metrics)}, got '{req.metric_name}'")
    if not aggregations:
        raise InvalidParameter(
            f"A query needs at least one of the aggregations {list(metric.aggregations)}; there are none."
        )
    if unknown := {found.type for found in aggregations}.difference(metric.aggregations):
        raise InvalidParameter(
            f"Found invalid aggregation_type(s): {sorted(unknown)}. "
            f"Supported aggregation types: {list(metric.aggregations)}"
        )
    if unknown := set(req.dimensions).difference(metric.dimensions):
        raise InvalidParameter(
            f"Found invalid dimension(s): {sorted(unknown)}. Supported dimensions: {list(metric.dimensions)}"
        )
    return Query(
        req.view_type,
        req.metric_name,
        tuple(dict.fromkeys(aggregations)),
        tuple(dict.fromkeys(req.dimensions)),
        tuple(_filter(text, req.view_type) for text in req.filters),
        _interval(req),
        req.start_time_ms,
        req.end_time_ms,
        PAGE_SIZE if req.max_results is None else req.max_results,
    )


def percentile(values: Sequence[float], percent: float) -> float:
    """Return a percentile of sorted values, interpolated as PostgreSQL's ``percentile_cont`` does."""
    place = percent / 100 * (len(values) - 1)
    below = int(place)
    low = values[below]
    if below == place:
        return low
    return low + (values[below + 1] - low) * (place - below)


def _aggregation(found: g.MetricAggregation) -> Aggregation:
    kind, percent = found.aggregation_type or COUNT, found.percentile_value
    if kind == PERCENTILE:
        if percent is None:
            raise InvalidParameter("Percentile value is required for PERCENTILE aggregation")
        if not 0 <= percent <= 100:
            raise InvalidParameter(f"Percentile value must be between 0 and 100, got {percent}")
    elif percent is not None:
        raise InvalidParameter(
            f"Percentile value is only allowed for PERCENTILE aggregation type, got {kind}"
        )
    return Aggregation(kind, percent)


def _interval(req: g.QueryTraceMetrics) -> int | None:
    seconds = req.time_interval_seconds
    if not seconds:
        return None
    if req.start_time_ms is None or req.end_time_ms is None:
        raise InvalidParameter("start_time_ms and end_time_ms are required if time_interval_seconds is set")
    if not 0 < seconds <= MAX_INTERVAL_S:
        raise invalid_value(
            "time_interval_seconds", seconds, f"It must be between 1 and {MAX_INTERVAL_S} seconds."
        )
    return seconds


def _filter(text: str, view: str) -> Filter:
    tokens = tokens_of(text)
    if not tokens:
        raise InvalidParameter(f"Invalid filter: '{text}'. Expected one filter clause.")
    if len(tokens) != 3 or not is_word(tokens[0]) or is_value(tokens[1]):
        at = 3 if len(tokens) > 3 and tokens[1] == "=" else 0
        raise InvalidParameter(f"Invalid clause(s) in filter string: {' '.join(tokens[at:])}")
    noun, field, key = _key(tokens[0])
    operator = canonical_operator(tokens[1])
    if operator != "=":
        raise InvalidParameter(f"Invalid comparator: '{operator}', only '=' operator is supported")
    found = Filter(noun, field, key, _text(tokens[2], field))
    needed = _VIEW_OF.get(noun, view)
    if needed != view:
        raise InvalidParameter(f"Filtering by {noun} is only supported for {needed} view type, got {view}")
    return found


def _key(written: str) -> tuple[str, str, str]:
    noun, _, rest = written.partition(".")
    field, _, key = rest.partition(".")
    if not field:
        raise InvalidParameter(
            f"Invalid identifier '{written}'. Columns should be specified as "
            "'trace.<key>', 'span.<key>', 'assessment.<key>'."
        )
    fields = _KEYS.get(_unquoted(noun))
    if fields is None:
        raise InvalidParameter(f"Invalid view type '{noun}'. Valid values are {list(_KEYS)}")
    noun = _unquoted(noun)
    if field not in fields:
        raise InvalidParameter(
            f"Invalid entity '{field}' specified for view type '{noun}'. Valid entities are {list(fields)}"
        )
    if fields[field] and not key:
        raise InvalidParameter(f"Filtering by {field} requires a key, e.g. '{noun}.{field}.<key> = <value>'")
    if key and not fields[field]:
        raise InvalidParameter(f"Filtering by {field} does not require a key, use '{noun}.{field}' instead")
    return noun, field, _unquoted(key)


def _text(token: str, field: str) -> str:
    if token[0] in "'\"":
        return token[1:-1]
    if number(token) is not None:
        raise InvalidParameter(
            f"Expected a quoted string value for {field} value (e.g. 'my-value'). Got value {token}"
        )
    raise InvalidParameter(
        "Parameter value is either not quoted or unidentified quote types used for string value "
        f"{token}. Use either single or double quotes."
    )


def _unquoted(name: str) -> str:
    is_quoted = len(name) > 1 and name[0] == name[-1] and name[0] in "`\"'"
    return name[1:-1] if is_quoted else name

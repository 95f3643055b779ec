"""What can be searched: one declaration per entity, in MLflow 3.17's words.

A declaration names the prefixes (``tags.``), the attributes with their aliases, the operators and
the kind of value each takes, what may be ordered by, and the order that holds when nobody asks.
The texts of refusals are MLflow's, which clients match on; where MLflow prints a Python set, whose
order changes from one start to the next, ours is sorted. `filters.py` reads the language itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from .errors import InvalidParameter
from .fields import IN, NUMERIC, PRESENCE, TEXTUAL, Field, Keys, OrderBy, Scalar, Searchable, is_text, number

__all__ = [
    "EXPERIMENTS", "LOGGED_MODELS", "MODEL_VERSIONS", "REGISTERED_MODELS", "RUNS", "TRACES", "OrderBy",
    "Searchable",
]  # fmt: skip

LISTED = (*TEXTUAL, *IN)


# Readers: from the text of a value to the value, or MLflow's refusal.


def _number(expected: Field, key: str, token: str) -> Scalar:
    value = number(token)
    if value is None:
        raise InvalidParameter(expected.wrong_value.format(key=key, value=token))
    return value


def _text(expected: Field, key: str, token: str) -> Scalar:
    # MLflow keeps doubled quotes and backslashes as they stand.
    if is_text(token):
        return token[1:-1]
    if number(token) is not None:
        raise InvalidParameter((expected.wrong_number or expected.wrong_value).format(key=key, value=token))
    raise InvalidParameter(
        "Parameter value is either not quoted or unidentified quote types used for string value "
        f"{token}. Use either single or double quotes."
    )


def _text_or_number(expected: Field, key: str, token: str) -> Scalar:
    value = number(token)
    return _text(expected, key, token) if value is None else value


def _bare_text(expected: Field, key: str, token: str) -> Scalar:
    return token[1:-1] if is_text(token) else token


# Refinements: what a value means once its operator is known to be allowed.


def _float(operator: str, key: str, value: Scalar) -> Scalar:
    return float(value)


def _bare_number(operator: str, key: str, value: Scalar) -> Scalar:
    word = str(value).lower()
    meant = math.inf if word in ("inf", "infinity") else number(word)
    if meant is None:
        raise InvalidParameter(f"Expected numeric value type for '{key}'. Found {value}")
    return meant


def _bare_float(operator: str, key: str, value: Scalar) -> Scalar:
    return float(_bare_number(operator, key, value))


def _whole(operator: str, key: str, value: Scalar) -> Scalar:
    if isinstance(value, float):
        raise InvalidParameter(f"Invalid value for numeric attribute '{key}': {str(value)!r}")
    return value


def _version(operator: str, key: str, value: Scalar) -> Scalar:
    version = number(str(value).strip())
    if not isinstance(version, int):
        raise InvalidParameter(f"Invalid value for numeric attribute '{key}': {value!r}")
    return version


def _experiment_id(operator: str, key: str, value: Scalar) -> Scalar:
    experiment_id = number(str(value).strip())
    if not isinstance(experiment_id, int):
        raise InvalidParameter(f"Invalid experiment ID '{value}'. Experiment ID must be a valid integer.")
    return experiment_id


def _prompt(operator: str, key: str, value: Scalar) -> Scalar:
    if str(value).count("/") != 1:
        raise InvalidParameter(
            f"Invalid prompts filter value '{value}'. Expected format: prompt = \"name/version\""
        )
    return value


def _assessment(kind: str) -> Callable[[str, str, Scalar], Scalar]:
    def refine(operator: str, key: str, value: Scalar) -> Scalar:
        if operator in (">", ">=", "<", "<=", "BETWEEN"):
            if isinstance(value, str):
                raise InvalidParameter(
                    f"Expected a numeric value for {kind} when using comparator '{operator}'. "
                    f"Got value '{value}'"
                )
        elif not isinstance(value, str):
            raise InvalidParameter(_quoted_value(kind).format(value=value))
        return value

    return refine


# MLflow's words.


def _set(names: Iterable[str]) -> str:
    """As Python prints a set, but sorted, and with the braces doubled: they are going into a template."""
    return "{{" + ", ".join(map(repr, sorted(names))) + "}}"


def _not_one_of(operators: Iterable[str], end: str = "'") -> str:
    return f"Invalid comparator '{{op}}' not one of '{_set(operators)}{end}"


def _quoted_value(kind: str) -> str:
    return f"Expected a quoted string value for {kind} (e.g. 'my-value'). Got value {{value}}"


def _only_lists(*keys: str) -> str:
    return f"Only {sorted(keys)} attributes support comparison with a list of quoted string values."


def _unknown_attribute(keys: Iterable[str]) -> str:
    return f"Invalid attribute key '{{key}}' specified. Valid keys are '{_set(keys)}'"


_TEXT_VALUE = "Expected a quoted string value for attributes. Got value {value}"
_TEXT_OR_LIST_VALUE = (
    "Expected a quoted string value or a list of quoted string values for attributes. Got value {value}"
)
_NUMBER_VALUE = "Expected numeric value type for numeric attribute: {key}. Found {value}"
_UNKNOWN_PREFIX = "Invalid entity type '{prefix}'. Valid entity types are ('attribute', 'tag', 'tags')"


def _attributes(named: Mapping[str, Field]) -> Keys:
    return Keys("attribute", named, unknown=_unknown_attribute(named))


def _as(key: str, expected: Field, *names: str) -> dict[str, Field]:
    """An attribute under its own name and its aliases."""
    return dict.fromkeys((key, *names), replace(expected, key=key))


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


# Runs. Where an operator is wrong for a number, MLflow lists the operators of text.

_PRESENCE_ONLY = "IS NULL / IS NOT NULL is only supported for tags and params, not for '{}' '{{key}}'"
_text_of_run = Field(
    "attribute", LISTED, _text, wrong_operator=_not_one_of(LISTED), wrong_value=_TEXT_VALUE,
    wrong_list=_only_lists("run_id"), wrong_null=_PRESENCE_ONLY.format("attribute"),
)  # fmt: skip
_number_of_run = Field(
    "attribute", NUMERIC, _number, wrong_operator=_not_one_of(LISTED, ""), wrong_value=_NUMBER_VALUE,
    wrong_null=_PRESENCE_ONLY.format("attribute"),
)  # fmt: skip
_dataset_of_run = Field(
    "dataset", LISTED, _text, wrong_operator=_not_one_of(LISTED, ""), takes_lists=True,
    wrong_value="Expected a quoted string value for dataset attributes. Got value {value}",
    wrong_null=_PRESENCE_ONLY.format("dataset"),
)  # fmt: skip
_metric_of_run = Field(
    "metric", NUMERIC, _number, wrong_operator=_not_one_of(NUMERIC, ""), refine=_float,
    wrong_value="Expected numeric value type for metric. Found {value}",
    wrong_null=_PRESENCE_ONLY.format("metric"),
)  # fmt: skip
_param_of_run = Field(
    "param", TEXTUAL + PRESENCE, _text, wrong_operator=_not_one_of(TEXTUAL + PRESENCE),
    wrong_value=_quoted_value("parameter"),
)  # fmt: skip
_tag_of_run = Field(
    "tag", TEXTUAL + PRESENCE, _text, wrong_operator=_not_one_of(TEXTUAL + PRESENCE, ""),
    wrong_value=_quoted_value("tag"),
)  # fmt: skip
_run_attributes = _attributes(
    _as("run_id", replace(_text_of_run, takes_lists=True))
    | _as("run_name", _text_of_run, "run name", "Run name", "Run Name")
    | _as("status", _text_of_run)
    | _as("user_id", _text_of_run)
    | _as("artifact_uri", _text_of_run)
    | _as("start_time", _number_of_run, "created", "Created")
    | _as("end_time", _number_of_run)
)
_run_datasets = {name: replace(_dataset_of_run, key=name) for name in ("name", "digest", "context")}
_run_order = _same("artifact_uri", "end_time", "run_id", "run_name", "start_time", "status", "user_id")
_run_order |= {"created": "start_time", "Created": "start_time"}

RUNS = Searchable(
    attributes=_run_attributes,
    prefixes={
        **dict.fromkeys(("attribute", "attributes", "attr", "run"), _run_attributes),
        **dict.fromkeys(("metric", "metrics"), Keys("metric", free=_metric_of_run)),
        **dict.fromkeys(("parameter", "parameters", "param", "params"), Keys("param", free=_param_of_run)),
        **dict.fromkeys(("tag", "tags"), Keys("tag", free=_tag_of_run)),
        **dict.fromkeys(
            ("dataset", "datasets"),
            Keys(
                "dataset",
                _run_datasets,
                unknown=f"Invalid dataset key '{{key}}' specified. Valid keys are '{_set(_run_datasets)}'",
            ),
        ),
    },
    unknown_prefix=(
        "Invalid entity type '{prefix}'. Valid values are "
        "['metric', 'parameter', 'tag', 'attribute', 'dataset']"
    ),
    orderable=_run_order,
    unknown_order=_unknown_attribute(_run_order),
    orderable_kinds=("metric", "param", "tag"),
    wrong_order_kind="Invalid identifier type '{kind}'",
    tie_break=(OrderBy("attribute", "start_time", False), OrderBy("attribute", "run_id")),
)


# Experiments.

_only_tags_null = "IS NULL / IS NOT NULL is only supported for tags, not for attribute '{key}'"
_text_of_experiment = Field(
    "attribute", TEXTUAL, _text, wrong_operator=_not_one_of(LISTED), wrong_value=_TEXT_VALUE,
    wrong_list=_only_lists("experiment_id"), wrong_null=_only_tags_null,
)  # fmt: skip
_number_of_experiment = Field(
    "attribute", NUMERIC, _number, wrong_operator=_not_one_of(LISTED, ""), wrong_value=_NUMBER_VALUE,
    wrong_null=_only_tags_null, refine=_whole,
)  # fmt: skip
_id_of_experiment = replace(
    _text_of_experiment, operators=("=", "!=", "IN", "NOT IN"), takes_lists=True, refine=_experiment_id,
    wrong_operator="Invalid comparator for experiment_id: {op}",
)  # fmt: skip
_tag_of_experiment = Field(
    "tag", TEXTUAL + PRESENCE, _text, wrong_operator="Invalid comparator for tag: {op}",
    wrong_value=_quoted_value("tag"),
)  # fmt: skip
_experiment_attributes = _attributes(
    _as("name", _text_of_experiment)
    | _as("experiment_id", _id_of_experiment)
    | _as("creation_time", _number_of_experiment)
    | _as("last_update_time", _number_of_experiment)
)
_experiment_order = _same("name", "experiment_id", "creation_time", "last_update_time")

EXPERIMENTS = Searchable(
    attributes=_experiment_attributes,
    prefixes={
        "attribute": _experiment_attributes,
        **dict.fromkeys(("tag", "tags"), Keys("tag", free=_tag_of_experiment)),
    },
    unknown_prefix=_UNKNOWN_PREFIX,
    malformed="Invalid clause(s) in filter string: {bare_clauses}",
    orderable=_experiment_order,
    unknown_order=_unknown_attribute(_experiment_order),
    orderable_kinds=(),
    wrong_order_kind="Invalid order_by entity: {kind}",
    repeated_order="",
    default_order=(OrderBy("attribute", "creation_time", False), OrderBy("attribute", "experiment_id")),
    tie_break=(OrderBy("attribute", "experiment_id", False),),
)


# The registry.

_name_of_model = Field(
    "attribute", LISTED, _text, wrong_operator="Invalid comparator for attribute: {op}", takes_lists=True,
    wrong_value=_TEXT_OR_LIST_VALUE,
)  # fmt: skip
_tag_of_model = Field(
    "tag", TEXTUAL, _text, wrong_operator="Invalid comparator for tag: {op}", wrong_value=_quoted_value("tag")
)
_model_attributes = _attributes(_as("name", _name_of_model))

REGISTERED_MODELS = Searchable(
    attributes=_model_attributes,
    prefixes={
        "attribute": _model_attributes,
        **dict.fromkeys(("tag", "tags"), Keys("tag", free=_tag_of_model)),
    },
    unknown_prefix=_UNKNOWN_PREFIX,
    malformed="Invalid clause(s) in filter string: {bare_clauses}",
    orderable=_same("name", "last_updated_timestamp") | {"timestamp": "last_updated_timestamp"},
    unknown_order=(
        f"Invalid order by key '{{written}}' specified. Valid keys are '{_set(('name', 'timestamp'))}'"
    ),
    orderable_kinds=(),
    wrong_order_kind=(
        f"Invalid order by key '{{written}}' specified. Valid keys are '{_set(('name', 'timestamp'))}'"
    ),
    tie_break=(OrderBy("attribute", "name"),),
)

_NUMBERS_OF_VERSION = ("version_number", "creation_timestamp", "last_updated_timestamp")
_text_of_version = replace(
    _name_of_model, takes_lists=False, wrong_list=_only_lists("name", "run_id"),
    wrong_number=f"Only the '{_set(_NUMBERS_OF_VERSION)}' attributes support comparison with numeric values.",
)  # fmt: skip
_number_of_version = replace(
    _text_of_version, operators=NUMERIC, read=_text_or_number, refine=_version,
    wrong_operator="Invalid comparator for attribute {key}: {op}",
)  # fmt: skip
_version_attributes = _attributes(
    _as("name", replace(_text_of_version, takes_lists=True))
    | _as("run_id", replace(_text_of_version, takes_lists=True))
    | _as("source_path", _text_of_version)
    | _as("version_number", _number_of_version)
)
_version_order = _same("name", *_NUMBERS_OF_VERSION)

MODEL_VERSIONS = Searchable(
    attributes=_version_attributes,
    prefixes={
        "attribute": _version_attributes,
        **dict.fromkeys(("tag", "tags"), Keys("tag", free=_tag_of_model)),
    },
    unknown_prefix=_UNKNOWN_PREFIX,
    malformed="Invalid clause(s) in filter string: {bare_clauses}",
    orderable=_version_order,
    unknown_order=_unknown_attribute(_version_order),
    orderable_kinds=(),
    wrong_order_kind=f"Invalid order by key '{{key}}' specified. Valid keys are {_set(_version_order)}",
    default_order=(OrderBy("attribute", "last_updated_timestamp", False),),
    tie_break=(OrderBy("attribute", "name"), OrderBy("attribute", "version_number", False)),
)


# Logged models: a younger part of MLflow with words of its own. It takes plural prefixes only,
# lists everywhere, values without quotes, and looks at the operator before the value.


def _of_logged_model(kind: str, shown: str, *, numeric: bool = False) -> Field:
    operators = NUMERIC if numeric else LISTED
    wrong = f"Invalid comparison operator for {shown}: {{op!r}}. Expected one of {operators}."
    refine = None if not numeric else _bare_float if kind == "metric" else _bare_number
    return Field(
        kind, operators, _bare_text, wrong, wrong_list=wrong, takes_lists=not numeric, refine=refine
    )  # fmt: skip


_TIMES = ("creation_timestamp_ms", "last_updated_timestamp_ms")
_logged_model_aliases = {
    "creation_time": "creation_timestamp_ms",
    "creation_timestamp": "creation_timestamp_ms",
    "last_updated_time": "last_updated_timestamp_ms",
    "last_updated_timestamp": "last_updated_timestamp_ms",
}
_logged_model_order = _logged_model_aliases | _same(
    "name", "model_id", "model_type", "status", "source_run_id", "experiment_id", "artifact_location",
    "lifecycle_stage", "status_message", *_TIMES,
)  # fmt: skip
_logged_model_attributes = _attributes(
    {
        name: replace(_of_logged_model("attribute", f"attributes.{key}", numeric=key in _TIMES), key=key)
        for name, key in _logged_model_order.items()
    }
)

LOGGED_MODELS = Searchable(
    attributes=_logged_model_attributes,
    prefixes={
        "attributes": _logged_model_attributes,
        "metrics": Keys("metric", free=_of_logged_model("metric", "metrics.{key}", numeric=True)),
        "params": Keys("param", free=_of_logged_model("param", "params.{key}")),
        "tags": Keys("tag", free=_of_logged_model("tag", "tags.{key}")),
    },
    unknown_prefix=(
        "Invalid entity type: {prefix!r}. Expected one of ['attributes', 'metrics', 'params', 'tags']."
    ),
    malformed=(
        "Invalid filter string: {text!r}. Expected a list of comparisons separated by 'AND' "
        "(e.g. 'metrics.loss > 0.1 AND params.lr = 0.01')."
    ),
    many_statements="Invalid filter string: {text!r}. Expected a single SQL expression.",
    blank="Invalid filter string: {text!r}. Expected a single SQL expression.",
    orderable=_logged_model_order,
    unknown_order="Invalid order by field name: {key}",
    orderable_kinds=("metric",),
    wrong_order_kind="Invalid order by field name: {written}. Only metrics are supported.",
    repeated_order="",
    tie_break=(OrderBy("attribute", "creation_timestamp_ms", False), OrderBy("attribute", "model_id")),
)


# Traces. MLflow renames "name", "run_id", "prompt" and "text" behind any prefix, so that the tag
# `tags.name` cannot be searched; here only the attributes of these names stand for something else.

_MATCHED = (*TEXTUAL, "RLIKE")
_tag_of_trace = replace(
    _tag_of_run, operators=_MATCHED + PRESENCE, wrong_operator=_not_one_of(_MATCHED + PRESENCE, ""),
    takes_lists=True,
)  # fmt: skip
_metadata_of_trace = replace(
    _tag_of_trace, kind="metadata", wrong_operator=_not_one_of(_MATCHED + PRESENCE), takes_lists=False,
    wrong_value=_quoted_value("request_metadata"),
)  # fmt: skip
_NUMBERS_OF_TRACE = {
    "timestamp": "timestamp_ms",
    "execution_time": "execution_time_ms",
    "end_time": "end_time_ms",
} | _same("timestamp_ms", "execution_time_ms", "end_time_ms")
_LISTS_OF_TRACE = ("name", "status", "request_id", "run_id", "client_request_id")
_text_of_trace = Field(
    "attribute", (*_MATCHED, "IN", "NOT IN"), _text, takes_lists=True, wrong_value=_TEXT_OR_LIST_VALUE,
    wrong_operator=_not_one_of((*_MATCHED, "IN", "NOT IN")),
    wrong_number=f"Only the '{_set(_NUMBERS_OF_TRACE)}' attributes support comparison with numeric values.",
)  # fmt: skip
_number_of_trace = Field(
    "attribute", NUMERIC, _text_or_number, wrong_operator=_not_one_of((*_MATCHED, "IN", "NOT IN"), ""),
    wrong_value=_TEXT_OR_LIST_VALUE, refine=_bare_number,
    wrong_list=(
        f"Only attributes in {_set(_LISTS_OF_TRACE)} supports comparison with a list of quoted string values."
    ),
)  # fmt: skip
_span_of_trace = replace(
    _text_of_trace, kind="span", wrong_value=_quoted_value("span"), wrong_number="",
    wrong_operator=f"span.{{key}} comparator '{{op}}' not one of '{_set((*_MATCHED, 'IN', 'NOT IN'))}'",
)  # fmt: skip
_content_of_span = replace(
    _span_of_trace, key="content", operators=("LIKE", "ILIKE"),
    wrong_operator=f"span.content comparator '{{op}}' not one of '{_set(('LIKE', 'ILIKE'))}'",
)  # fmt: skip
_issue_of_trace = Field(
    "issue", ("=",), _text, wrong_operator=f"issue.{{key}} comparator '{{op}}' not one of '{_set(('=',))}'",
    wrong_value=_quoted_value("issue"),
)  # fmt: skip
_prompt_of_trace = replace(
    _tag_of_trace, key="mlflow.linkedPrompts", operators=("=",), refine=_prompt,
    wrong_operator=(
        "Invalid comparator '{op}' for prompts filter. "
        "Only '=' is supported with format: prompt = \"name/version\""
    ),
)  # fmt: skip


def _assessment_of_trace(kind: str) -> Field:
    operators = (*NUMERIC, "LIKE", "ILIKE", "RLIKE", *PRESENCE)
    return Field(
        kind, operators, _text_or_number, refine=_assessment(kind), wrong_value=_quoted_value(kind),
        wrong_operator=f"assessment.{{key}} comparator '{{op}}' not one of '{_set(operators)}'",
    )  # fmt: skip


_trace_attributes = _attributes(
    {name: replace(_number_of_trace, key=key) for name, key in _NUMBERS_OF_TRACE.items()}
    | {name: replace(_text_of_trace, key=name) for name in ("request_id", "status", "client_request_id")}
    | {
        "name": replace(_tag_of_trace, key="mlflow.traceName"),
        "run_id": replace(_metadata_of_trace, key="mlflow.sourceRun", takes_lists=True),
        "prompt": _prompt_of_trace,
        "text": _content_of_span,
    }
)
_trace_spans = Keys(
    "span",
    {name: replace(_span_of_trace, key=name) for name in ("name", "type", "status")}
    | {"content": _content_of_span},
    free=_span_of_trace,
    free_under="attributes.",
    unknown=(
        "Invalid span attribute '{key}'. "
        "Supported attributes: name, status, type, attributes.<attribute_name>."
    ),
)
_trace_prefixes = {
    **dict.fromkeys(("attribute", "attributes", "trace"), _trace_attributes),
    **dict.fromkeys(("tag", "tags"), Keys("tag", {"mlflow.linkedPrompts": _prompt_of_trace}, _tag_of_trace)),
    **dict.fromkeys(("metadata", "request_metadata"), Keys("metadata", free=_metadata_of_trace)),
    "span": _trace_spans,
    "feedback": Keys("feedback", free=_assessment_of_trace("feedback")),
    "expectation": Keys("expectation", free=_assessment_of_trace("expectation")),
    "issue": Keys(
        "issue",
        {"id": replace(_issue_of_trace, key="id")},
        unknown="Invalid issue attribute '{key}'. Supported attributes: id",
    ),
}
_trace_order = _NUMBERS_OF_TRACE | _same("experiment_id", "status", "request_id")
_trace_order |= {"name": "mlflow.traceName", "run_id": "mlflow.sourceRun"}

TRACES = Searchable(
    attributes=_trace_attributes,
    prefixes=_trace_prefixes,
    unknown_prefix=f"Invalid entity type '{{prefix}}'. Valid values are {_set(_trace_prefixes)}",
    orderable=_trace_order,
    unknown_order=_unknown_attribute(_trace_order),
    orderable_kinds=("tag", "metadata"),
    wrong_order_kind="Invalid identifier type '{kind}'",
    tie_break=(OrderBy("attribute", "timestamp_ms", False), OrderBy("attribute", "request_id")),
)

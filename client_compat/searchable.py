"""The searchable keys of each entity except traces, as in MLflow 3.17: one declaration for each entity.

A declaration lists the prefixes (``tags.``), the attributes with their aliases, the operators and types of
values of each, the keys for order_by, and the default order. Traces are in `searchable_traces.py`; functions
that the declarations share are in `search_words.py`. `filters.py` parses the language.

The error messages are MLflow's, because clients match them. Where MLflow prints a Python set, the order of
its items differs from process to process; here they are sorted.
"""

from __future__ import annotations

from dataclasses import replace

from .fields import IN, NUMERIC, PRESENCE, TEXTUAL, Field, Keys, OrderBy, Searchable
from .search_words import (
    NUMBER_VALUE,
    TEXT_OR_LIST_VALUE,
    TEXT_VALUE,
    UNKNOWN_PREFIX,
    as_bare_float,
    as_experiment_id,
    as_float,
    as_number,
    as_set,
    as_version,
    as_whole,
    as_written,
    attribute_keys,
    not_one_of,
    only_lists,
    quoted_value,
    read_bare_text,
    read_number,
    read_text,
    read_text_or_number,
    under_names,
    unknown_attribute,
)

__all__ = [
    "EXPERIMENTS", "LOGGED_MODELS", "MODEL_VERSIONS", "REGISTERED_MODELS", "RUNS", "OrderBy", "Searchable",
]  # fmt: skip

LISTED = (*TEXTUAL, *IN)


# Runs. If an operator is not allowed for a number, MLflow's message lists the operators for strings.

_PRESENCE_ONLY = "IS NULL / IS NOT NULL is only supported for tags and params, not for '{}' '{{key}}'"
_text_of_run = Field(
    "attribute", LISTED, read_text, wrong_operator=not_one_of(LISTED), wrong_value=TEXT_VALUE,
    wrong_list=only_lists("run_id"), wrong_null=_PRESENCE_ONLY.format("attribute"),
)  # fmt: skip
_number_of_run = Field(
    "attribute", NUMERIC, read_number, wrong_operator=not_one_of(LISTED, ""), wrong_value=NUMBER_VALUE,
    wrong_null=_PRESENCE_ONLY.format("attribute"),
)  # fmt: skip
_dataset_of_run = Field(
    "dataset", LISTED, read_text, wrong_operator=not_one_of(LISTED, ""), takes_lists=True,
    wrong_value="Expected a quoted string value for dataset attributes. Got value {value}",
    wrong_null=_PRESENCE_ONLY.format("dataset"),
)  # fmt: skip
_metric_of_run = Field(
    "metric", NUMERIC, read_number, wrong_operator=not_one_of(NUMERIC, ""), refine=as_float,
    wrong_value="Expected numeric value type for metric. Found {value}",
    wrong_null=_PRESENCE_ONLY.format("metric"),
)  # fmt: skip
_param_of_run = Field(
    "param", TEXTUAL + PRESENCE, read_text, wrong_operator=not_one_of(TEXTUAL + PRESENCE),
    wrong_value=quoted_value("parameter"),
)  # fmt: skip
_tag_of_run = Field(
    "tag", TEXTUAL + PRESENCE, read_text, wrong_operator=not_one_of(TEXTUAL + PRESENCE, ""),
    wrong_value=quoted_value("tag"),
)  # fmt: skip
_run_attributes = attribute_keys(
    under_names("run_id", replace(_text_of_run, takes_lists=True))
    | under_names("run_name", _text_of_run, "run name", "Run name", "Run Name")
    | under_names("status", _text_of_run)
    | under_names("user_id", _text_of_run)
    | under_names("artifact_uri", _text_of_run)
    | under_names("start_time", _number_of_run, "created", "Created")
    | under_names("end_time", _number_of_run)
)
_run_datasets = {name: replace(_dataset_of_run, key=name) for name in ("name", "digest", "context")}
_run_order = as_written("artifact_uri", "end_time", "run_id", "run_name", "start_time", "status", "user_id")
_run_order |= {"created": "start_time", "Created": "start_time"}

RUNS = Searchable(
    attributes=_run_attributes,
    prefixes={
        **dict.fromkeys(("attribute", "attributes", "attr", "run"), _run_attributes),
        **dict.fromkeys(("metric", "metrics"), Keys("metric", other=_metric_of_run)),
        **dict.fromkeys(("parameter", "parameters", "param", "params"), Keys("param", other=_param_of_run)),
        **dict.fromkeys(("tag", "tags"), Keys("tag", other=_tag_of_run)),
        **dict.fromkeys(
            ("dataset", "datasets"),
            Keys(
                "dataset",
                _run_datasets,
                unknown=f"Invalid dataset key '{{key}}' specified. Valid keys are '{as_set(_run_datasets)}'",
            ),
        ),
    },
    unknown_prefix=(
        "Invalid entity type '{prefix}'. Valid values are "
        "['metric', 'parameter', 'tag', 'attribute', 'dataset']"
    ),
    orderable=_run_order,
    unknown_order=unknown_attribute(_run_order),
    orderable_kinds=("metric", "param", "tag"),
    wrong_order_kind="Invalid identifier type '{kind}'",
    tie_break=(OrderBy("attribute", "start_time", False), OrderBy("attribute", "run_id")),
)


# Experiments.

_only_tags_null = "IS NULL / IS NOT NULL is only supported for tags, not for attribute '{key}'"
_text_of_experiment = Field(
    "attribute", TEXTUAL, read_text, wrong_operator=not_one_of(LISTED), wrong_value=TEXT_VALUE,
    wrong_list=only_lists("experiment_id"), wrong_null=_only_tags_null,
)  # fmt: skip
_number_of_experiment = Field(
    "attribute", NUMERIC, read_number, wrong_operator=not_one_of(LISTED, ""), wrong_value=NUMBER_VALUE,
    wrong_null=_only_tags_null, refine=as_whole,
)  # fmt: skip
_id_of_experiment = replace(
    _text_of_experiment, operators=("=", "!=", "IN", "NOT IN"), takes_lists=True, refine=as_experiment_id,
    wrong_operator="Invalid comparator for experiment_id: {op}",
)  # fmt: skip
_tag_of_experiment = Field(
    "tag", TEXTUAL + PRESENCE, read_text, wrong_operator="Invalid comparator for tag: {op}",
    wrong_value=quoted_value("tag"),
)  # fmt: skip
_experiment_attributes = attribute_keys(
    under_names("name", _text_of_experiment)
    | under_names("experiment_id", _id_of_experiment)
    | under_names("creation_time", _number_of_experiment)
    | under_names("last_update_time", _number_of_experiment)
)
_experiment_order = as_written("name", "experiment_id", "creation_time", "last_update_time")

EXPERIMENTS = Searchable(
    attributes=_experiment_attributes,
    prefixes={
        "attribute": _experiment_attributes,
        **dict.fromkeys(("tag", "tags"), Keys("tag", other=_tag_of_experiment)),
    },
    unknown_prefix=UNKNOWN_PREFIX,
    malformed="Invalid clause(s) in filter string: {bare_clauses}",
    orderable=_experiment_order,
    unknown_order=unknown_attribute(_experiment_order),
    orderable_kinds=(),
    wrong_order_kind="Invalid order_by entity: {kind}",
    repeated_order="",
    default_order=(OrderBy("attribute", "creation_time", False), OrderBy("attribute", "experiment_id")),
    tie_break=(OrderBy("attribute", "experiment_id", False),),
)


# Registered models and model versions.

_name_of_model = Field(
    "attribute", LISTED, read_text, wrong_operator="Invalid comparator for attribute: {op}", takes_lists=True,
    wrong_value=TEXT_OR_LIST_VALUE,
)  # fmt: skip
_tag_of_model = Field(
    "tag",
    TEXTUAL,
    read_text,
    wrong_operator="Invalid comparator for tag: {op}",
    wrong_value=quoted_value("tag"),
)
_model_attributes = attribute_keys(under_names("name", _name_of_model))

REGISTERED_MODELS = Searchable(
    attributes=_model_attributes,
    prefixes={
        "attribute": _model_attributes,
        **dict.fromkeys(("tag", "tags"), Keys("tag", other=_tag_of_model)),
    },
    unknown_prefix=UNKNOWN_PREFIX,
    malformed="Invalid clause(s) in filter string: {bare_clauses}",
    orderable=as_written("name", "last_updated_timestamp") | {"timestamp": "last_updated_timestamp"},
    unknown_order=(
        f"Invalid order by key '{{written}}' specified. Valid keys are '{as_set(('name', 'timestamp'))}'"
    ),
    orderable_kinds=(),
    wrong_order_kind=(
        f"Invalid order by key '{{written}}' specified. Valid keys are '{as_set(('name', 'timestamp'))}'"
    ),
    tie_break=(OrderBy("attribute", "name"),),
)

_NUMBERS_OF_VERSION = ("version_number", "creation_timestamp", "last_updated_timestamp")
_text_of_version = replace(
    _name_of_model, takes_lists=False, wrong_list=only_lists("name", "run_id"),
    wrong_number=(
        f"Only the '{as_set(_NUMBERS_OF_VERSION)}' attributes support comparison with numeric values."
    ),
)  # fmt: skip
_number_of_version = replace(
    _text_of_version, operators=NUMERIC, read=read_text_or_number, refine=as_version,
    wrong_operator="Invalid comparator for attribute {key}: {op}",
)  # fmt: skip
_version_attributes = attribute_keys(
    under_names("name", replace(_text_of_version, takes_lists=True))
    | under_names("run_id", replace(_text_of_version, takes_lists=True))
    | under_names("source_path", _text_of_version)
    | under_names("version_number", _number_of_version)
)
_version_order = as_written("name", *_NUMBERS_OF_VERSION)

MODEL_VERSIONS = Searchable(
    attributes=_version_attributes,
    prefixes={
        "attribute": _version_attributes,
        **dict.fromkeys(("tag", "tags"), Keys("tag", other=_tag_of_model)),
    },
    unknown_prefix=UNKNOWN_PREFIX,
    malformed="Invalid clause(s) in filter string: {bare_clauses}",
    orderable=_version_order,
    unknown_order=unknown_attribute(_version_order),
    orderable_kinds=(),
    wrong_order_kind=f"Invalid order by key '{{key}}' specified. Valid keys are {as_set(_version_order)}",
    default_order=(OrderBy("attribute", "last_updated_timestamp", False),),
    tie_break=(OrderBy("attribute", "name"), OrderBy("attribute", "version_number", False)),
)


# Logged models: a newer part of MLflow with its own error messages. It accepts only plural prefixes, lists
# for every string, and values without quotes; it checks the operator before the value.


def _of_logged_model(kind: str, shown: str, *, numeric: bool = False) -> Field:
    operators = NUMERIC if numeric else LISTED
    wrong = f"Invalid comparison operator for {shown}: {{op!r}}. Expected one of {operators}."
    refine = None if not numeric else as_bare_float if kind == "metric" else as_number
    return Field(
        kind, operators, read_bare_text, wrong, wrong_list=wrong, takes_lists=not numeric, refine=refine
    )  # fmt: skip


_TIMES = ("creation_timestamp_ms", "last_updated_timestamp_ms")
_logged_model_aliases = {
    "creation_time": "creation_timestamp_ms",
    "creation_timestamp": "creation_timestamp_ms",
    "last_updated_time": "last_updated_timestamp_ms",
    "last_updated_timestamp": "last_updated_timestamp_ms",
}
_logged_model_order = _logged_model_aliases | as_written(
    "name", "model_id", "model_type", "status", "source_run_id", "experiment_id", "artifact_location",
    "lifecycle_stage", "status_message", *_TIMES,
)  # fmt: skip
_logged_model_attributes = attribute_keys(
    {
        name: replace(_of_logged_model("attribute", f"attributes.{key}", numeric=key in _TIMES), key=key)
        for name, key in _logged_model_order.items()
    }
)

LOGGED_MODELS = Searchable(
    attributes=_logged_model_attributes,
    prefixes={
        "attributes": _logged_model_attributes,
        "metrics": Keys("metric", other=_of_logged_model("metric", "metrics.{key}", numeric=True)),
        "params": Keys("param", other=_of_logged_model("param", "params.{key}")),
        "tags": Keys("tag", other=_of_logged_model("tag", "tags.{key}")),
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

"""The searchable keys of traces. `searchable.py` has those of the other entities.

One difference from MLflow is intended. MLflow replaces the keys "name", "run_id", "prompt" and "text" after
any prefix, so that the tag `tags.name` cannot be searched. Here only attributes of these names are replaced.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .errors import InvalidParameter
from .fields import IN, NUMERIC, PRESENCE, TEXTUAL, Field, Keys, OrderBy, Scalar, Searchable
from .search_words import (
    TEXT_OR_LIST_VALUE,
    as_number,
    as_set,
    as_written,
    attribute_keys,
    not_one_of,
    quoted_value,
    read_text,
    read_text_or_number,
    unknown_attribute,
)

_MATCHED = (*TEXTUAL, "RLIKE")
_LISTED = (*_MATCHED, *IN)
_tag_of_trace = Field(
    "tag", _MATCHED + PRESENCE, read_text, wrong_operator=not_one_of(_MATCHED + PRESENCE, ""),
    takes_lists=True, wrong_value=quoted_value("tag"),
)  # fmt: skip
_metadata_of_trace = replace(
    _tag_of_trace, kind="metadata", wrong_operator=not_one_of(_MATCHED + PRESENCE), takes_lists=False,
    wrong_value=quoted_value("request_metadata"),
)  # fmt: skip
_NUMBERS_OF_TRACE = {
    "timestamp": "timestamp_ms",
    "execution_time": "execution_time_ms",
    "end_time": "end_time_ms",
} | as_written("timestamp_ms", "execution_time_ms", "end_time_ms")
_LISTS_OF_TRACE = ("name", "status", "request_id", "run_id", "client_request_id")
_text_of_trace = Field(
    "attribute", _LISTED, read_text, takes_lists=True, wrong_value=TEXT_OR_LIST_VALUE,
    wrong_operator=not_one_of(_LISTED),
    wrong_number=f"Only the '{as_set(_NUMBERS_OF_TRACE)}' attributes support comparison with numeric values.",
)  # fmt: skip
_number_of_trace = Field(
    "attribute", NUMERIC, read_text_or_number, wrong_operator=not_one_of(_LISTED, ""),
    wrong_value=TEXT_OR_LIST_VALUE, refine=as_number,
    wrong_list=(
        f"Only attributes in {as_set(_LISTS_OF_TRACE)} supports comparison "
        "with a list of quoted string values."
    ),
)  # fmt: skip
_span_of_trace = replace(
    _text_of_trace, kind="span", wrong_value=quoted_value("span"), wrong_number="",
    wrong_operator=f"span.{{key}} comparator '{{op}}' not one of '{as_set(_LISTED)}'",
)  # fmt: skip
_COMPARED = (*NUMERIC, "LIKE", "ILIKE", "RLIKE", *IN)


def _attribute(operator: str, key: str, value: Scalar) -> Scalar:
    is_text = isinstance(value, str)
    if operator in ("<", "<=", ">", ">=", "BETWEEN") and is_text:
        raise InvalidParameter(
            f"Expected a numeric value for span.{key} when using comparator '{operator}'. Got value '{value}'"
        )
    if operator in ("LIKE", "ILIKE", "RLIKE") and not is_text:
        raise InvalidParameter(quoted_value("span").format(value=value))
    return value


# An attribute is compared with texts and with numbers.
_attribute_of_span = replace(
    _span_of_trace, operators=_COMPARED, read=read_text_or_number, refine=_attribute,
    wrong_operator=f"span.{{key}} comparator '{{op}}' not one of '{as_set(_COMPARED)}'",
)  # fmt: skip
_content_of_span = replace(
    _span_of_trace, key="content", operators=("LIKE", "ILIKE"),
    wrong_operator=f"span.content comparator '{{op}}' not one of '{as_set(('LIKE', 'ILIKE'))}'",
)  # fmt: skip
_issue_of_trace = Field(
    "issue", ("=",), read_text, wrong_value=quoted_value("issue"),
    wrong_operator=f"issue.{{key}} comparator '{{op}}' not one of '{as_set(('=',))}'",
)  # fmt: skip


def _reserved(operator: str, key: str, value: Scalar) -> Scalar:
    if operator not in ("=", "!="):
        raise InvalidParameter(
            f"Comparator '{operator}' is not supported for reserved metadata '{key}'. "
            "Only '=', '!=', 'IS NULL', and 'IS NOT NULL' are supported."
        )
    return value


RESERVED_METADATA = ("mlflow.trace.tokenUsage", "mlflow.trace.cost")
_reserved_metadata = replace(_metadata_of_trace, refine=_reserved)


def _prompt(operator: str, key: str, value: Scalar) -> Scalar:
    if str(value).count("/") != 1:
        raise InvalidParameter(
            f"Invalid prompts filter value '{value}'. Expected format: prompt = \"name/version\""
        )
    return value


_prompt_of_trace = replace(
    _tag_of_trace, key="mlflow.linkedPrompts", operators=("=",), refine=_prompt,
    wrong_operator=(
        "Invalid comparator '{op}' for prompts filter. "
        "Only '=' is supported with format: prompt = \"name/version\""
    ),
)  # fmt: skip


def _assessment(kind: str) -> Callable[[str, str, Scalar], Scalar]:
    def refine(operator: str, key: str, value: Scalar) -> Scalar:
        if operator in (">", ">=", "<", "<=", "BETWEEN"):
            if isinstance(value, str):
                raise InvalidParameter(
                    f"Expected a numeric value for {kind} when using comparator '{operator}'. "
                    f"Got value '{value}'"
                )
        elif not isinstance(value, str):
            raise InvalidParameter(quoted_value(kind).format(value=value))
        return value

    return refine


def _assessment_of_trace(kind: str) -> Field:
    operators = (*NUMERIC, "LIKE", "ILIKE", "RLIKE", *PRESENCE)
    return Field(
        kind, operators, read_text_or_number, refine=_assessment(kind), wrong_value=quoted_value(kind),
        wrong_operator=f"assessment.{{key}} comparator '{{op}}' not one of '{as_set(operators)}'",
    )  # fmt: skip


_trace_attributes = attribute_keys(
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
    other=_attribute_of_span,
    other_prefix="attributes.",
    unknown=(
        "Invalid span attribute '{key}'. "
        "Supported attributes: name, status, type, attributes.<attribute_name>."
    ),
)
_trace_prefixes = {
    **dict.fromkeys(("attribute", "attributes", "trace"), _trace_attributes),
    **dict.fromkeys(("tag", "tags"), Keys("tag", {"mlflow.linkedPrompts": _prompt_of_trace}, _tag_of_trace)),
    **dict.fromkeys(
        ("metadata", "request_metadata"),
        Keys("metadata", dict.fromkeys(RESERVED_METADATA, _reserved_metadata), _metadata_of_trace),
    ),
    "span": _trace_spans,
    "feedback": Keys("feedback", other=_assessment_of_trace("feedback")),
    "expectation": Keys("expectation", other=_assessment_of_trace("expectation")),
    "issue": Keys(
        "issue",
        {"id": replace(_issue_of_trace, key="id")},
        unknown="Invalid issue attribute '{key}'. Supported attributes: id",
    ),
}
_trace_order = _NUMBERS_OF_TRACE | as_written("experiment_id", "status", "request_id")
_trace_order |= {"name": "mlflow.traceName", "run_id": "mlflow.sourceRun"}

TRACES = Searchable(
    attributes=_trace_attributes,
    prefixes=_trace_prefixes,
    unknown_prefix=f"Invalid entity type '{{prefix}}'. Valid values are {as_set(_trace_prefixes)}",
    orderable=_trace_order,
    unknown_order=unknown_attribute(_trace_order),
    orderable_kinds=("tag", "metadata"),
    wrong_order_kind="Invalid identifier type '{kind}'",
    tie_break=(OrderBy("attribute", "timestamp_ms", False), OrderBy("attribute", "request_id")),
)

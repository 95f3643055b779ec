"""Assessments of traces: the checks of new ones; their values as stored and as clients read them.

The rules and error messages are those of MLflow 3.17 (``mlflow/entities/assessment.py``).
"""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from . import genai_messages as g
from .errors import InvalidParameter, shown
from .rules import check_length, invalid_value
from .traces.ingest_rules import NONE, IngestRules
from .wire import NULL

FEEDBACK, EXPECTATION, ISSUE = "feedback", "expectation", "issue"
# Keys of an assessment's metadata: the session that it is about, and the run that made it.
SESSION, SOURCE_RUN = "mlflow.trace.session", "mlflow.assessment.sourceRunId"
MAX_NAME_LENGTH = 250
MAX_METADATA = 1000
# What an update can change; all else of an assessment stays.
CHANGEABLE = ("assessment_name", FEEDBACK, EXPECTATION, "rationale", "metadata")
_ID = re.compile(r"[\w.\-]{1,250}", re.ASCII)
_FORMAT = "JSON_FORMAT"


class Content(NamedTuple):
    """What an assessment says, as columns of its row.

    ``kind``       FEEDBACK, EXPECTATION or ISSUE
    ``value``      JSON text
    ``text``       the value as filters compare it: texts without quotes, other values as JSON; None for null
    ``number``     the value as statistics use it: numbers, 1 for true and "yes", 0 for false and "no"
    ``is_number``  whether the value is a number itself
    ``error``      JSON text of an object, or None
    """

    kind: str
    value: str
    text: str | None
    number: float | None
    is_number: bool
    error: str | None


def new_id() -> str:
    return f"a-{uuid.uuid4().hex}"


def id_of(trace_id: str, new: g.Assessment, said: Content) -> str:
    """Return the id of an assessment that comes with its trace: the client's, or one made of its content.

    So a client that sends a trace again does not add its assessments again.
    """
    if new.assessment_id:
        return new.assessment_id
    source = new.source or g.AssessmentSource()
    parts = [
        *(trace_id, new.assessment_name, new.span_id, source.source_type, source.source_id, *said),
        *(new.create_time, new.rationale, new.overrides, *sorted(new.metadata.items())),
    ]
    return f"a-{blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()}"


def check(new: g.Assessment) -> None:
    """Check the names and sizes of a new assessment. Raise ``InvalidParameter``."""
    check_name(new.assessment_name or "")
    if new.assessment_id and not _ID.fullmatch(new.assessment_id):
        raise invalid_value(
            "assessment.assessment_id",
            new.assessment_id,
            "An assessment's id is up to 250 letters, digits, '_', '-' and '.'.",
        )
    for field in ("span_id", "overrides"):
        check_length(f"assessment.{field}", MAX_NAME_LENGTH, getattr(new, field) or "")
    check_length("assessment.source.source_id", MAX_NAME_LENGTH, (new.source and new.source.source_id) or "")
    check_metadata(new.metadata)


def check_name(name: str) -> None:
    check_length("assessment.assessment_name", MAX_NAME_LENGTH, name)


def check_metadata(metadata: dict[str, str]) -> None:
    if len(metadata) > MAX_METADATA:
        raise InvalidParameter(
            f"An assessment can have at most {MAX_METADATA} entries of metadata. Got {len(metadata)}."
        )


def check_mask(paths: Sequence[str]) -> None:
    """Check the names of the fields that an update changes. Raise ``InvalidParameter``."""
    for path in paths:
        if path not in CHANGEABLE:
            raise invalid_value(
                "update_mask", path, f"An update can change these fields: {', '.join(CHANGEABLE)}."
            )


def content(new: g.Assessment, ingest: IngestRules = NONE) -> Content:
    """Return what an assessment says, masked by the rules of its experiment.

    Raise ``InvalidParameter`` if it says nothing.
    """
    if new.expectation is not None:
        return _content(EXPECTATION, _expected(new.expectation), ingest)
    if new.feedback is not None:
        value = None if new.feedback.value is NULL else new.feedback.value
        # In the first releases with assessments the error was beside the feedback.
        return _content(FEEDBACK, value, ingest, new.feedback.error or new.error)
    if new.issue is not None:
        name = ingest.mask_name(new.issue.issue_name) or ""
        return Content(ISSUE, json.dumps({"issue_name": name}), name, None, False, None)
    raise InvalidParameter("Unknown assessment type: None")


def message(kind: str, value: str, error: str | None) -> dict[str, Any]:
    """Return the fields of the assessment message that hold a stored value."""
    plain = json.loads(value)
    if kind == ISSUE:
        return {ISSUE: g.IssueReference(issue_name=plain["issue_name"])}
    if kind == EXPECTATION:
        if isinstance(plain, list | dict):
            serialized = g.Expectation.SerializedValue(serialization_format=_FORMAT, value=value)
            return {EXPECTATION: g.Expectation(serialized_value=serialized)}
        return {EXPECTATION: g.Expectation(value=_number_as_float(plain))}
    found = g.AssessmentError(**json.loads(error)) if error else None
    return {FEEDBACK: g.Feedback(value=NULL if plain is None else plain, error=found)}


def _expected(expectation: g.Expectation) -> Any:
    value = expectation.value
    if (serialized := expectation.serialized_value) is not None:
        if serialized.serialization_format != _FORMAT:
            raise InvalidParameter(
                f"Unknown serialization format: {serialized.serialization_format or ''}. "
                f"Only {_FORMAT} is supported."
            )
        try:
            value = json.loads(serialized.value or "")
        except (ValueError, RecursionError):
            raise invalid_value(
                "assessment.expectation.serialized_value.value", serialized.value, "It must be JSON."
            ) from None
    if value is None or value is NULL:
        raise InvalidParameter("The `value` field must be specified.")
    return value


def _content(kind: str, value: Any, ingest: IngestRules, error: g.AssessmentError | None = None) -> Content:
    try:
        value = ingest.mask_assessed(value)
        written = json.dumps(value)
    except (ValueError, RecursionError):
        raise InvalidParameter(f"The value {shown(value)} of the {kind} is nested too deeply.") from None
    text = value if isinstance(value, str) else None if value is None else written
    number = _number(value)
    is_number = number is not None and not isinstance(value, bool | str)
    told = None
    if error is not None:
        fields = ((name, getattr(error, name)) for name in error._fields)
        told = json.dumps(ingest.mask_assessed({name: found for name, found in fields if found is not None}))
    return Content(kind, written, text, number, is_number, told)


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        word = value.strip().lower()
        return 1.0 if word == "yes" else 0.0 if word == "no" else None
    if not isinstance(value, bool | int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _number_as_float(value: Any) -> Any:
    """Return the value; a whole number that came as serialized JSON as a float, as the others are."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if is_whole and _number(value) is not None else value

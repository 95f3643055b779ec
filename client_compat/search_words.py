"""What the declarations of what can be searched share: how values are read, and MLflow's words.

A reader takes the text of a value and a refinement what was read, once its operator is known to be
allowed; both raise MLflow's refusal. The sentences are templates of a `Field`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from .errors import InvalidParameter
from .fields import Field, Keys, Scalar, is_text, number


def read_number(expected: Field, key: str, token: str) -> Scalar:
    value = number(token)
    if value is None:
        raise InvalidParameter(expected.wrong_value.format(key=key, value=token))
    return value


def read_text(expected: Field, key: str, token: str) -> Scalar:
    # MLflow keeps doubled quotes and backslashes as they stand.
    if is_text(token):
        return token[1:-1]
    if number(token) is not None:
        raise InvalidParameter((expected.wrong_number or expected.wrong_value).format(key=key, value=token))
    raise InvalidParameter(
        "Parameter value is either not quoted or unidentified quote types used for string value "
        f"{token}. Use either single or double quotes."
    )


def read_text_or_number(expected: Field, key: str, token: str) -> Scalar:
    value = number(token)
    return read_text(expected, key, token) if value is None else value


def read_bare_text(expected: Field, key: str, token: str) -> Scalar:
    return token[1:-1] if is_text(token) else token


def as_float(operator: str, key: str, value: Scalar) -> Scalar:
    return float(value)


def as_number(operator: str, key: str, value: Scalar) -> Scalar:
    word = str(value).lower()
    meant = math.inf if word in ("inf", "infinity") else number(word)
    if meant is None:
        raise InvalidParameter(f"Expected numeric value type for '{key}'. Found {value}")
    return meant


def as_bare_float(operator: str, key: str, value: Scalar) -> Scalar:
    return float(as_number(operator, key, value))


def as_whole(operator: str, key: str, value: Scalar) -> Scalar:
    if isinstance(value, float):
        raise InvalidParameter(f"Invalid value for numeric attribute '{key}': {str(value)!r}")
    return value


def as_version(operator: str, key: str, value: Scalar) -> Scalar:
    version = number(str(value).strip())
    if not isinstance(version, int):
        raise InvalidParameter(f"Invalid value for numeric attribute '{key}': {value!r}")
    return version


def as_experiment_id(operator: str, key: str, value: Scalar) -> Scalar:
    experiment_id = number(str(value).strip())
    if not isinstance(experiment_id, int):
        raise InvalidParameter(f"Invalid experiment ID '{value}'. Experiment ID must be a valid integer.")
    return experiment_id


def as_set(names: Iterable[str]) -> str:
    """As Python prints a set, but sorted, and with the braces doubled: they are going into a template."""
    return "{{" + ", ".join(map(repr, sorted(names))) + "}}"


def not_one_of(operators: Iterable[str], end: str = "'") -> str:
    return f"Invalid comparator '{{op}}' not one of '{as_set(operators)}{end}"


def quoted_value(kind: str) -> str:
    return f"Expected a quoted string value for {kind} (e.g. 'my-value'). Got value {{value}}"


def only_lists(*keys: str) -> str:
    return f"Only {sorted(keys)} attributes support comparison with a list of quoted string values."


def unknown_attribute(keys: Iterable[str]) -> str:
    return f"Invalid attribute key '{{key}}' specified. Valid keys are '{as_set(keys)}'"


TEXT_VALUE = "Expected a quoted string value for attributes. Got value {value}"
TEXT_OR_LIST_VALUE = (
    "Expected a quoted string value or a list of quoted string values for attributes. Got value {value}"
)
NUMBER_VALUE = "Expected numeric value type for numeric attribute: {key}. Found {value}"
UNKNOWN_PREFIX = "Invalid entity type '{prefix}'. Valid entity types are ('attribute', 'tag', 'tags')"


def attribute_keys(named: Mapping[str, Field]) -> Keys:
    return Keys("attribute", named, unknown=unknown_attribute(named))


def under_names(key: str, expected: Field, *names: str) -> dict[str, Field]:
    """An attribute under its own name and its aliases."""
    return dict.fromkeys((key, *names), replace(expected, key=key))


def as_written(*names: str) -> dict[str, str]:
    return {name: name for name in names}

"""Functions and error messages that the declarations in `searchable.py` and `searchable_traces.py` share.

- `read_*` turn the token of a value into a value (`Field.read`).
- `as_*` with an operator convert a value after the operator has been checked (`Field.refine`).
Both raise InvalidParameter with MLflow's message.
- The other functions and constants make templates of error messages, and mappings of keys.
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
    # As in MLflow, doubled quotes and backslashes are not unescaped.
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
    """Return the text of a token that may be without quotes."""
    return token[1:-1] if is_text(token) else token


def as_float(operator: str, key: str, value: Scalar) -> Scalar:
    return float(value)


def as_number(operator: str, key: str, value: Scalar) -> Scalar:
    """Convert a number or a string with a number; "inf" and "infinity" are accepted."""
    word = str(value).lower()
    converted = math.inf if word in ("inf", "infinity") else number(word)
    if converted is None:
        raise InvalidParameter(f"Expected numeric value type for '{key}'. Found {value}")
    return converted


def as_bare_float(operator: str, key: str, value: Scalar) -> Scalar:
    """Convert like `as_number`, and then to a float."""
    return float(as_number(operator, key, value))


def as_whole(operator: str, key: str, value: Scalar) -> Scalar:
    """Refuse floats."""
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
    """Return the names as Python prints a set, but sorted, and with doubled braces for use in a template."""
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
    """Return the keys of an entity's attributes, with MLflow's error message for other keys."""
    return Keys("attribute", named, unknown=unknown_attribute(named))


def under_names(key: str, expected: Field, *names: str) -> dict[str, Field]:
    """Return the field of an attribute under the attribute's key and its aliases."""
    return dict.fromkeys((key, *names), replace(expected, key=key))


def as_written(*names: str) -> dict[str, str]:
    """Return a mapping of each name to itself, for attributes without aliases."""
    return {name: name for name in names}

"""Limits and checks of logged models, in MLflow 3.17's words, and the page tokens of their search."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from . import messages as m
from . import rules
from .errors import InvalidParameter, NotFound

MAX_NAME_LENGTH = 500
MAX_KEY_LENGTH = 255  # MLflow's column; its server checks nothing

_FORBIDDEN = ("/", ":", ".", "%", '"', "'")
# MLflow's names of the states in its client and in filters, and those on the wire.
STATUS_ON_THE_WIRE = {
    "UNSPECIFIED": m.LoggedModelStatus.LOGGED_MODEL_STATUS_UNSPECIFIED,
    "PENDING": m.LoggedModelStatus.LOGGED_MODEL_PENDING,
    "READY": m.LoggedModelStatus.LOGGED_MODEL_READY,
    "FAILED": m.LoggedModelStatus.LOGGED_MODEL_UPLOAD_FAILED,
}
STATUS_OF_WIRE = {wire: status for status, wire in STATUS_ON_THE_WIRE.items()}


def not_found(model_id: str) -> NotFound:
    return NotFound(f"Logged model with ID '{model_id}' not found.")


def check_name(name: str) -> None:
    """A model's name as a client may choose it; an empty one gets a random name instead."""
    if any(character in name for character in _FORBIDDEN):
        raise InvalidParameter(
            f"Invalid model name ({name!r}) provided. Model name must be a non-empty string "
            f"and cannot contain the following characters: {_FORBIDDEN}"
        )
    rules.check_length("name", MAX_NAME_LENGTH, name)


def check_entries(what: str, entries: Sequence[m.LoggedModelParameter | m.LoggedModelTag]) -> None:
    """Params ("params") or tags ("tags"): keys of any characters, but not of any length."""
    for index, entry in enumerate(entries):
        rules.check_length(f"{what}[{index}].key", MAX_KEY_LENGTH, entry.key)


def check_datasets(datasets: Sequence[m.SearchLoggedModels.Dataset]) -> None:
    if not all(dataset.dataset_name for dataset in datasets):
        raise InvalidParameter("`dataset_name` in the `datasets` clause must be specified.")


def seal_token(token: str | None, req: m.SearchLoggedModels) -> str | None:
    """A page's token behind marks of what was asked for, so that ``open_token`` can tell what differs."""
    return None if token is None else ".".join([*map(_mark, _asked(req)), token])


def open_token(req: m.SearchLoggedModels) -> str | None:
    """The page's own token. Raises InvalidParameter, as MLflow words it, for that of another search."""
    if not req.page_token:
        return None
    *marks, token = req.page_token.split(".")
    asked = _asked(req)
    if len(marks) != len(asked):
        raise InvalidParameter("Invalid page token, it was not issued by this server for logged models")
    for mark, value, mismatch in zip(marks, asked, _MISMATCHES, strict=True):
        if mark != _mark(value):
            raise InvalidParameter(f"{mismatch}. Expected: {value}")
    return token


_MISMATCHES = (
    "Experiment IDs in the page token do not match the requested experiment IDs",
    "Filter string in the page token does not match the requested filter string",
    "Order by in the page token does not match the requested order by",
)


def _asked(req: m.SearchLoggedModels) -> tuple[object, ...]:
    order_by = [
        {
            "field_name": by.field_name or "",
            "ascending": by.ascending,
            "dataset_name": by.dataset_name or None,
            "dataset_digest": by.dataset_digest or None,
        }
        for by in req.order_by
    ]
    return (req.experiment_ids, req.filter or None, order_by or None)


def _mark(value: object) -> str:
    return hashlib.blake2b(json.dumps(value).encode(), digest_size=4).hexdigest()

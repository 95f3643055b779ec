"""Limits and checks of logged models, and the page tokens of their search.

The rules and the error messages are those of MLflow 3.17.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence

from . import messages as m
from . import rules
from .errors import InvalidParameter, NotFound
from .paging import TokenOfAnotherQuery, is_intact

MAX_NAME_LENGTH = 500
MAX_KEY_LENGTH = 255  # the length of MLflow's column; its server does not check it

_FORBIDDEN = ("/", ":", ".", "%", '"', "'")
# The statuses: names in MLflow's client and in filters, and names in messages.
STATUS_ON_THE_WIRE = {
    "UNSPECIFIED": m.LoggedModelStatus.LOGGED_MODEL_STATUS_UNSPECIFIED,
    "PENDING": m.LoggedModelStatus.LOGGED_MODEL_PENDING,
    "READY": m.LoggedModelStatus.LOGGED_MODEL_READY,
    "FAILED": m.LoggedModelStatus.LOGGED_MODEL_UPLOAD_FAILED,
}
STATUS_OF_WIRE = {wire: status for status, wire in STATUS_ON_THE_WIRE.items()}


def not_found(model_id: str) -> NotFound:
    """Return MLflow's error for a logged model that does not exist."""
    return NotFound(f"Logged model with ID '{model_id}' not found.")


def check_name(name: str) -> None:
    """Check a model's name. An empty name is allowed: such a model gets a random name."""
    if any(character in name for character in _FORBIDDEN):
        raise InvalidParameter(
            f"Invalid model name ({name!r}) provided. Model name must be a non-empty string "
            f"and cannot contain the following characters: {_FORBIDDEN}"
        )
    rules.check_length("name", MAX_NAME_LENGTH, name)


def check_entries(field: str, entries: Sequence[m.LoggedModelParameter | m.LoggedModelTag]) -> None:
    """Check the length of the keys of params (`field` is "params") or tags ("tags")."""
    for index, entry in enumerate(entries):
        rules.check_length(f"{field}[{index}].key", MAX_KEY_LENGTH, entry.key)


def check_datasets(datasets: Sequence[m.SearchLoggedModels.Dataset]) -> None:
    """Check that each dataset of a search has a name."""
    if not all(dataset.dataset_name for dataset in datasets):
        raise InvalidParameter("`dataset_name` in the `datasets` clause must be specified.")


def seal_token(token: str | None, req: m.SearchLoggedModels) -> str | None:
    """Return the page token with a hash of each search criterion in front.

    With the hashes ``open_token`` can name the criterion that differs.
    """
    return None if token is None else ".".join([*map(_hash, _criteria(req)), token])


def open_token(req: m.SearchLoggedModels) -> str | None:
    """Return the page token without the hashes, or None if the request has no token.

    Raise TokenOfAnotherQuery, with MLflow's message, for the token of another search, and InvalidParameter
    for one that this server did not make.
    """
    if not req.page_token:
        return None
    *hashes, token = req.page_token.split(".")
    criteria = _criteria(req)
    if len(hashes) != len(criteria):
        raise InvalidParameter("Invalid page token, it was not issued by this server for logged models")
    for hash, value, mismatch in zip(hashes, criteria, _MISMATCHES, strict=True):
        if hash != _hash(value):
            was_issued = is_intact(token) and all(map(_HASH.fullmatch, hashes))
            refusal = TokenOfAnotherQuery if was_issued else InvalidParameter
            raise refusal(f"{mismatch}. Expected: {value}")
    return token


_HASH = re.compile("[0-9a-f]{8}")
_MISMATCHES = (
    "Experiment IDs in the page token do not match the requested experiment IDs",
    "Filter string in the page token does not match the requested filter string",
    "Order by in the page token does not match the requested order by",
)


def _criteria(req: m.SearchLoggedModels) -> tuple[object, ...]:
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


def _hash(value: object) -> str:
    return hashlib.blake2b(json.dumps(value).encode(), digest_size=4).hexdigest()

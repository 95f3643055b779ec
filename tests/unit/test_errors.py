"""Error codes and statuses: what MLflow's clients understand, repeat and show."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.commands import ROOT
from trackway.client_compat import errors
from trackway.client_compat.errors import ApiError

# Clients of every release repeat these, and then hide the message.
REPEATED = {408, 429, 500, 502, 503, 504}
MAY_BE_REPEATED = {ApiError, errors.Internal, errors.Unavailable, errors.TooManyRequests}
TABLE = (ROOT / "docs" / "errors.md").read_text()


def classes(base: type[ApiError] = ApiError) -> Iterator[type[ApiError]]:
    yield base
    for child in base.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from classes(child)


def make(kind: type[ApiError]) -> ApiError:
    return errors.NotServed("GetTrace", "traces") if kind is errors.NotServed else kind("sentence")


@pytest.mark.parametrize("kind", [kind for kind in classes() if not kind.__name__.startswith("_")])
def test_clients_show_what_a_repetition_cannot_mend(kind):
    assert (make(kind).status in REPEATED) == (kind in MAY_BE_REPEATED)


@pytest.mark.parametrize("kind", [kind for kind in classes() if not kind.__name__.startswith("_")])
def test_the_documentation_lists_each_error(kind):
    error = make(kind)
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", TABLE, re.MULTILINE)
    assert (error.error_code, str(error.status)) in rows


@pytest.mark.parametrize(
    ("agent", "code"),
    [
        ("mlflow-python-client/1.30.1", "ENDPOINT_NOT_FOUND"),
        ("mlflow-python-client/2.0.1", "ENDPOINT_NOT_FOUND"),
        ("mlflow-python-client/2.8.0", "ENDPOINT_NOT_FOUND"),
        ("mlflow-python-client/2.9.2", "NOT_IMPLEMENTED"),
        ("mlflow-python-client/2.10.0", "NOT_IMPLEMENTED"),
        ("mlflow-python-client/3.17.2", "NOT_IMPLEMENTED"),
        ("curl/8.0", "NOT_IMPLEMENTED"),
        ("", "NOT_IMPLEMENTED"),
    ],
)
def test_old_clients_get_a_code_that_they_know(agent, code):
    body = errors.NotImplementedYet("sentence").to_json("", agent)
    assert (body["error_code"], body["message"]) == (code, "sentence")

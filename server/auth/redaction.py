"""What a denied type of resources hides in responses about others, as in MLflow 3.17.

Who is denied all runs must not read in a model version which run it is from, nor find it out by a search.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from trackway.client_compat import codec, registry_rules
from trackway.client_compat import genai_messages as g
from trackway.client_compat import messages as m
from trackway.client_compat.errors import ApiError
from trackway.client_compat.filters import comparisons, parse_filter
from trackway.client_compat.searchable import Searchable
from trackway.client_compat.wire import Message

if TYPE_CHECKING:
    from .needs import Asked

# The fields that are hidden, by type of resources and message.
_FIELDS: Mapping[str, Mapping[type[Message], tuple[str, ...]]] = {
    "run": {
        m.ModelVersion: ("run_id", "run_link"),
        m.LoggedModelInfo: ("source_run_id",),
        m.Metric: ("run_id",),
    },
    "logged_model": {
        m.ModelVersion: ("model_id", "model_params", "model_metrics"),
        m.Metric: ("model_id",),
        m.RunInputs: ("model_inputs",),
        m.RunOutputs: ("model_outputs",),
    },
    "assessment": {g.TraceInfoV3: ("assessments",)},
}

# Fields of requests that hold filters.
_FILTERS = ("filter", "base_filter", "filter_string1", "filter_string2")


class WithinFilter(NamedTuple):
    """Need of a search: if a type of resources is denied, it may not filter and sort by what names them.

    ``key``       the key of filters and orders that names one, such as a run
    ``kinds``     the kinds of comparisons that are about them
    ``written``   another name of the key in orders
    """

    key: str
    searchable: Searchable
    tier: str = "run"
    kinds: tuple[str, ...] = ()
    written: str = ""

    def is_allowed(self, asked: Asked) -> bool:
        request = asked.request
        if not asked.rights.denies(self.tier):
            return True
        for field in _FILTERS:
            try:
                tree = parse_filter(getattr(request, field, None) or "", self.searchable)
            except ApiError:
                return True  # the handler refuses it
            if any(found.key == self.key or found.kind in self.kinds for found in comparisons(tree)):
                return False
        orders = [str(getattr(item, "field_name", item)) for item in getattr(request, "order_by", ())]
        names = [name for name in (self.key, self.written) if name]
        return not any(name in order for name in names for order in orders)


def withhold(response: Message, hidden: Collection[str]) -> Message:
    """Return the response without the fields of hidden types of resources."""
    response = codec.unrendered(response)
    for message in _messages(response):
        for resource_type in hidden:
            for name in _fields_of(resource_type, message):
                _clear(message, name)
        if isinstance(message, m.RegisteredModel) and _version_type(message) in hidden:
            _clear(message, "latest_versions")
    return response


def _fields_of(resource_type: str, message: Message) -> tuple[str, ...]:
    return _FIELDS[resource_type].get(type(message), ()) if resource_type in _FIELDS else ()


def _messages(message: Message) -> Iterator[Message]:
    """Yield a message and all messages in it."""
    yield message
    names: Iterable[str] = message.__slots__
    for field in names:
        value = getattr(message, field)
        for item in value if isinstance(value, list) else (value,):
            if isinstance(item, Message):
                yield from _messages(item)


def _clear(message: Message, field: str) -> None:
    setattr(message, field, [] if isinstance(getattr(message, field), list) else None)


def _version_type(model: m.RegisteredModel) -> str:
    tags = {tag.key or "": tag.value for tag in model.tags}
    return "prompt_version" if registry_rules.is_prompt(tags) else "registered_model_version"

"""Rules for the spans that an experiment takes in: which traces are kept, and what is masked in them.

They are a tag of the experiment, ``trackway.trace.ingestRules``, with a JSON object:

    {"sample": 0.1,
     "mask": [{"attribute": "mlflow.spanInputs", "path": "messages.*.content",
               "pattern": "[\\w.]+@[\\w.]+", "replacement": "[email]"}]}

``sample`` is the share of traces that are kept, above 0 up to 1. A rule of ``mask`` replaces what its regular
expression finds in the texts of an attribute; "*" is every attribute. The syntax is RE2's, which takes time
linear in the text. ``path`` names a part of a value by keys and "*"; without a ``pattern`` the whole part is
replaced.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Collection, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

from ..errors import InvalidParameter
from . import attributes as names
from . import patterns
from .patterns import Regex
from .spans import Span

TAG = "trackway.trace.ingestRules"
ALL = "*"
_MAX_MASKS = 50
_DEFAULT_REPLACEMENT = "[masked]"
# The attribute of events whose text is that of the span's status, too.
_EXCEPTION = "exception.message"
_MASK_FIELDS = {"attribute", "path", "pattern", "replacement"}


class Mask(NamedTuple):
    """One rule. An empty ``path`` is the whole value; without a ``pattern`` all of it is replaced."""

    attribute: str
    path: tuple[str, ...]
    pattern: Regex | None
    replacement: str

    def apply(self, value: Any) -> tuple[Any, int]:
        """Return the value after the rule, and how many places it changed."""
        return _replace(value, self.path, self)

    def covers(self, key: str) -> bool:
        return self.attribute in (ALL, key)


class IngestRules(NamedTuple):
    sample: float
    masks: tuple[Mask, ...]

    def keeps(self, trace_id: str) -> bool:
        """Return whether the trace is kept. All calls with its spans get the same answer."""
        if self.sample >= 1:
            return True
        digest = blake2b(trace_id.encode(), digest_size=8).digest()
        return int.from_bytes(digest) < self.sample * (1 << 64)

    def mask_span(self, span: Span, keys: Collection[str] | None = None) -> int:
        """Mask the texts of a span: attributes, also of events and links, names, the message of its status.

        Return how many places were changed. ``keys`` are the attributes of the span that are masked, and
        nothing else is; None: all.
        """
        count = 0
        for key, text in span["attributes"].items():
            if key == names.TRACE_ID or (keys is not None and key not in keys):
                continue
            masked, changes = self._masked(key, names.decode(text))
            if changes:
                span["attributes"][key] = names.encode(masked)
                count += changes
        if keys is not None:
            return count
        for part in (*span["events"], *(span.get("links") or ())):
            for key, value in (part.get("attributes") or {}).items():
                part["attributes"][key], changes = self._masked(key, value)
                count += changes
        for part in (span, *span["events"]):
            count += _put(part, "name", self.mask_name(part["name"]))
        count += _put(span, "trace_state", self.mask_name(span.get("trace_state")))
        status = span["status"]
        return count + _put(status, "message", self._mask_message(status.get("message")))

    def mask_text(self, text: str | None, key: str) -> str | None:
        """Mask what was made of an attribute elsewhere: a preview, or metadata. It may be cut off.

        A rule for a part of the value cannot find it in such a text: then all of the text is masked.
        """
        if text is None:
            return None
        for mask in self.masks:
            if mask.covers(key):
                if mask.pattern is None or mask.path:
                    return mask.replacement
                text, _ = mask.pattern.replace(text, mask.replacement)
        return text

    def mask_name(self, text: str | None) -> str | None:
        """Mask what the patterns of the rules for all attributes find in a name or an id."""
        if not text:
            return text
        for mask in self.masks:
            if mask.attribute == ALL and mask.pattern and not mask.path:
                text, _ = mask.pattern.replace(text, mask.replacement)
        return text

    def mask_assessed(self, value: Any) -> Any:
        """Mask the texts in what an assessment says, by the rules for all attributes.

        Numbers and truth values stay, unless a path names them: statistics use them.
        """
        for mask in self.masks:
            if mask.attribute == ALL:
                value = mask.apply(value)[0] if mask.pattern or mask.path else _replace_texts(value, mask)
        return value

    def _mask_message(self, text: str | None) -> str | None:
        """Mask the message of a status, which is mostly that of an exception."""
        if not text:
            return text
        for mask in self.masks:
            if mask.covers(_EXCEPTION) and not mask.path:
                text = mask.pattern.replace(text, mask.replacement)[0] if mask.pattern else mask.replacement
        return text

    def _masked(self, key: str, value: Any) -> tuple[Any, int]:
        count = 0
        for mask in self.masks:
            if mask.covers(key):
                value, changes = mask.apply(value)
                count += changes
        return value, count


NONE = IngestRules(1.0, ())


@functools.lru_cache(maxsize=64)
def parse(text: str) -> IngestRules:
    """Return the rules in the text of the tag. Raise ``InvalidParameter``."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, Mapping) or found.keys() - {"sample", "mask"}:
        raise InvalidParameter(f'The rules must be a JSON object with "sample" and "mask", not {text[:200]}.')
    sample = found.get("sample", 1)
    if isinstance(sample, bool) or not isinstance(sample, int | float) or not 0 < sample <= 1:
        raise InvalidParameter(f'"sample" is {json.dumps(sample)}; it must be above 0 and at most 1.')
    masks = found.get("mask", [])
    if not isinstance(masks, list) or len(masks) > _MAX_MASKS:
        raise InvalidParameter(f'"mask" must be a list of at most {_MAX_MASKS} rules.')
    return IngestRules(float(sample), tuple(map(_mask, masks)))


def _mask(found: Any) -> Mask:
    is_valid = isinstance(found, Mapping) and not found.keys() - _MASK_FIELDS
    if not is_valid or not all(isinstance(value, str) for value in found.values()):
        raise InvalidParameter(
            f"The rule {json.dumps(found)[:200]} must be an object of texts: attribute, path, pattern and "
            "replacement."
        )
    if not found.get("attribute"):
        raise InvalidParameter(
            f'The rule {json.dumps(found)[:200]} lacks "attribute"; "*" is every attribute.'
        )
    path = tuple(found["path"].split(".")) if found.get("path") else ()
    pattern = patterns.regex(found["pattern"]) if found.get("pattern") else None
    return Mask(found["attribute"], path, pattern, found.get("replacement", _DEFAULT_REPLACEMENT))


def _replace(value: Any, path: tuple[str, ...], mask: Mask) -> tuple[Any, int]:
    if path:
        return _replace_inside(value, path[0], path[1:], mask)
    if mask.pattern is None:
        return mask.replacement, 1
    if isinstance(value, str):
        return mask.pattern.replace(value, mask.replacement)
    return _replace_inside(value, ALL, (), mask)


def _replace_inside(value: Any, key: str, path: tuple[str, ...], mask: Mask) -> tuple[Any, int]:
    if isinstance(value, str) and path and value[:1] in ("{", "["):
        # An attribute may hold JSON as text inside of JSON.
        inner = names.decode(value)
        changed, count = (inner, 0) if isinstance(inner, str) else _replace_inside(inner, key, path, mask)
        return (json.dumps(changed, ensure_ascii=False), count) if count else (value, 0)
    if isinstance(value, dict):
        items = [(name, value[name]) for name in value if key in (ALL, name)]
        replaced = {name: _replace(item, path, mask) for name, item in items}
        return {**value, **{name: new for name, (new, _) in replaced.items()}}, _total(replaced.values())
    if isinstance(value, list):
        made = [
            _replace(item, path, mask) if key in (ALL, str(place)) else (item, 0)
            for place, item in enumerate(value)
        ]
        return [new for new, _ in made], _total(made)
    return value, 0


def _replace_texts(value: Any, mask: Mask) -> Any:
    if isinstance(value, dict):
        return {key: _replace_texts(item, mask) for key, item in value.items()}
    if isinstance(value, list):
        return [_replace_texts(item, mask) for item in value]
    return mask.replacement if isinstance(value, str) else value


def _put(part: dict[str, Any], key: str, text: str | None) -> int:
    """Put a text into a part of a span unless it is there. Return how many places were changed."""
    if text == part.get(key):
        return 0
    part[key] = text
    return 1


def _total(changes: Any) -> int:
    return sum(count for _, count in changes)

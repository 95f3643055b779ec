"""A fast decoder for log-batch bodies, made with msgspec. It accepts ordinary bodies only.

A batch of 1,000 metrics takes 2.8 ms with json and the codec, and 0.2 ms here. Every body that this decoder
refuses goes to the codec, which alone defines the meaning of a request and reports its errors. The module is
imported with the first large batch, since msgspec takes 0.4 MiB and 10 ms.
"""

from __future__ import annotations

import re
from typing import Annotated, cast

from msgspec import Meta, MsgspecError, Struct, field
from msgspec.json import Decoder

from trackway.client_compat import messages as m

_Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
# The codec treats an empty string as missing.
_Required = Annotated[str, Meta(min_length=1)]
# NUL cannot be stored in a database. msgspec itself refuses lone surrogates.
_NUL = re.compile(rb"\\u0000")


class Metric(Struct, forbid_unknown_fields=True, gc=False):
    """Replaces ``messages.Metric``: handlers and storage functions only read its attributes."""

    key: _Required
    value: float
    timestamp: _Int64
    step: _Int64 = 0
    dataset_name: str | None = None
    dataset_digest: str | None = None
    model_id: str | None = None
    run_id: str | None = None


class Pair(Struct, forbid_unknown_fields=True, gc=False):
    """Replaces ``messages.Param`` and ``messages.RunTag``."""

    key: _Required
    value: str = ""


class LogBatch(Struct, forbid_unknown_fields=True):
    run_id: _Required
    metrics: list[Metric] = field(default_factory=list)
    params: list[Pair] = field(default_factory=list)
    tags: list[Pair] = field(default_factory=list)


_decoder = Decoder(LogBatch)


def decode(body: bytes) -> m.LogBatch | None:
    """Return the message that the codec would return, or None if the codec has to read the body."""
    if _NUL.search(body):
        return None
    try:
        batch = _decoder.decode(body)
    except (MsgspecError, UnicodeDecodeError):
        return None
    return m.LogBatch(
        run_id=batch.run_id,
        metrics=cast(list[m.Metric], batch.metrics),
        params=cast(list[m.Param], batch.params),
        tags=cast(list[m.RunTag], batch.tags),
    )

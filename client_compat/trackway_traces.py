"""Trackway's own endpoints for traces (see `wire.py`)."""

from __future__ import annotations

from .wire import Endpoint, Message


class TryIngestRules(Message):
    """Ask what rules would do with the newest `max_traces` traces of an experiment; nothing is changed.

    `rules` is JSON text, as in the experiment's tag; by default that of the tag.
    """

    _fields = {"experiment_id": "string", "rules": "string", "max_traces": "int64"}
    __slots__ = tuple(_fields)

    class Response(Message):
        """The numbers of traces, of those that would be kept, of spans, and of what would be masked."""

        _fields = {
            "traces": "int64",
            "kept": "int64",
            "spans": "int64",
            "masked_spans": "int64",
            "masked_values": "int64",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            traces: int = 0,
            kept: int = 0,
            spans: int = 0,
            masked_spans: int = 0,
            masked_values: int = 0,
        ) -> None:
            self.traces = traces
            self.kept = kept
            self.spans = spans
            self.masked_spans = masked_spans
            self.masked_values = masked_values

    def __init__(self, *, experiment_id: str, rules: str | None = None, max_traces: int = 100) -> None:
        self.experiment_id = experiment_id
        self.rules = rules
        self.max_traces = max_traces


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        *("POST", "/3.0/trackway/traces/try-ingest-rules", "TryIngestRules"),
        *(TryIngestRules, TryIngestRules.Response, "TrackwayService"),
    ),
)

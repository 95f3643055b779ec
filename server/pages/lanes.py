"""A drawing of which versions the aliases of a model named, over time: a lane for each alias."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from trackway.client_compat.trackway_api import RegisteredModelChange
from trackway.storage.registry import history

WIDTH, LANE_HEIGHT, LABEL_WIDTH = 900, 32, 140
_MIN_WIDTH = 4


class Bar(NamedTuple):
    """A stretch of time in which an alias named a version. ``x`` and ``width`` are in pixels."""

    alias: str
    version: str
    from_ms: int
    until_ms: int | None  # None: now
    lane: int
    x: float
    width: float


def bars(changes: Iterable[RegisteredModelChange], now_ms: int) -> list[Bar]:
    """Return the bars of a model's aliases, lane by lane. ``changes`` are its history, newest first."""
    moves = [change for change in changes if change.action in history.ALIAS_CHANGES][::-1]
    stretches: list[tuple[str, str, int, int | None]] = []
    named: dict[str, tuple[str, int]] = {}
    for change in moves:
        alias, time_ms = change.key or "", change.time_ms or 0
        if alias in named:
            version, since = named.pop(alias)
            stretches.append((alias, version, since, time_ms))
        if change.action != history.ALIAS_REMOVED:
            named[alias] = (change.version or "", time_ms)
    stretches += [(alias, version, since, None) for alias, (version, since) in named.items()]
    if not stretches:
        return []
    first = min(since for _, _, since, _ in stretches)
    scale = (WIDTH - LABEL_WIDTH) / max(now_ms - first, 1)
    lanes = {alias: lane for lane, alias in enumerate(sorted({alias for alias, *_ in stretches}))}
    return [
        Bar(
            alias,
            version,
            since,
            until,
            lanes[alias],
            LABEL_WIDTH + (since - first) * scale,
            max(((now_ms if until is None else until) - since) * scale, _MIN_WIDTH),
        )
        for alias, version, since, until in sorted(stretches, key=lambda one: (lanes[one[0]], one[2]))
    ]

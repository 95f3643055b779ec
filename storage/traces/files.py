"""The file ``traces.json`` of a trace, which clients upload and read beside the trace's artifacts.

If it can be read, its spans are stored like those of OTLP, and the file itself exists only in answers. Else
it is a file like any other, and so is one that a client has written to its artifact store directly.
"""

from __future__ import annotations

from typing import Any

from trackway.client_compat import artifact_paths
from trackway.client_compat.errors import ApiError, InvalidParameter
from trackway.client_compat.traces import trace_files

from ..access import artifact_owners
from ..artifacts.locations import Locations, Place
from ..database import Tx
from . import infos, ingest_rules, rows, spans
from .arrivals import NewTrace


def owner(tx: Tx, locations: Locations, place: Place) -> Any:
    """Return the row of the trace whose file, or folder of artifacts, is at a place, or None."""
    trace_id = trace_files.trace_id_of(place.path)
    folder = place.path.removesuffix(f"/{trace_files.NAME}") if trace_id else place.path
    trace_id = trace_id or trace_files.trace_id_of_folder(place.path)
    row = rows.find(tx, trace_id) if trace_id else None
    if row is None:
        return None
    try:
        found = locations.place(infos.location_of(tx, row))
    except (ApiError, ValueError):  # not in a store of this server
        return None
    return row if found.store is place.store and found.path == folder else None


def experiment_of(tx: Tx, locations: Locations, place: Place) -> int | None:
    """Return the experiment that stores the spans of a file at a place; None for any other file.

    If the sampling rule of the experiment leaves the trace out, the file is left out, too.
    """
    trace_id = trace_files.trace_id_of(place.path)
    if trace_id is None:
        return None
    if row := owner(tx, locations, place):
        return int(row.experiment_id)
    path = artifact_paths.join("traces", trace_id, "artifacts", trace_files.NAME)
    around = artifact_owners.find_all(tx, locations, place.store, [place.path])
    for found in artifact_owners.of_path(tx, around, place.path):
        is_left_out = not ingest_rules.of_experiment(tx, int(found.id)).keeps(trace_id)
        if is_left_out and artifact_paths.join(found.path, path) == place.path:
            return int(found.id)
    return None


def has_spans(row: Any) -> bool:
    """Return whether the server has the spans of a trace, in the database or in its archive."""
    return bool(row.next_chunk) and row.spans_location in (rows.IN_DATABASE, rows.IN_ARCHIVE)


def are_in_database(row: Any) -> bool:
    """Return whether the spans of a trace are in the database."""
    return bool(row.next_chunk) and row.spans_location == rows.IN_DATABASE


def store(tx: Tx, experiment_id: int, trace: NewTrace) -> None:
    """Store the spans of a file. Raise the errors of ``spans.store``."""
    spans.store(tx, str(experiment_id), [trace])


def keep(tx: Tx, trace_id: str) -> None:
    """Note that the spans of a trace are in a file, unless the database has some.

    Raise ``InvalidParameter`` if the experiment masks spans: what cannot be read cannot be masked.
    """
    row = rows.lock(tx, trace_id)
    if row is None:
        return
    if ingest_rules.of_experiment(tx, row.experiment_id).masks:
        raise InvalidParameter(
            f"{trace_files.NAME} of the trace {trace_id!r} cannot be read, so that the masking rules of its "
            "experiment cannot be applied. Nothing was stored."
        )
    if not row.next_chunk:
        rows.update(tx, row.id, {"spans_location": rows.IN_ARTIFACTS, "update_time": tx.now_ms})

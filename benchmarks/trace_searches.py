"""Searches for traces of ten spans, at 10,000 and 100,000 traces, as ratios to the newest page.

    python -m benchmarks.trace_searches [--store sqlite:///FILE|postgresql://...] [--traces 10000 100000]

The traces are written by the storage functions, not over HTTP, and the searches are called likewise: the
figures are CPU and wall time of a page of 100 in this process and its database. The texts are random words
of a vocabulary of 5,000; some words are rare.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import sqlalchemy as sa

from trackway.client_compat import genai_messages as g
from trackway.storage.database import Database
from trackway.storage.maintenance import migrate
from trackway.storage.traces import arrivals, bodies, infos, search, spans, text_index
from trackway.storage.traces.kinds import Kind

START_MS = 1_700_000_000_000
_SPANS = 10
_PER_TRANSACTION = 200
_VOCABULARY = [
    f"{first}{middle}{number:x}o"
    for first in ("re", "ca", "mo", "ti", "sul")
    for middle in ("ban", "fir", "ket", "lom", "dus")
    for number in range(200)
]
_TOOLS = ["search_web", "read_file", "run_query", "send_mail"]
SEARCHES = {
    "newest": "",
    "status = ERROR (3 %)": "status = 'ERROR'",
    "session (5 traces)": "metadata.mlflow.trace.session = 's7'",
    "tag (every 2nd)": "tags.env = 'prod'",
    "tag (10 traces)": "tags.customer = 'c3'",
    "span.name (every 4th)": "span.name = 'search_web'",
    "span.name (5 traces)": "span.name = 'rare_tool'",
    "span.name (none)": "span.name = 'nope'",
    "span.status = ERROR (3 %)": "span.status = 'ERROR'",
    "span.attributes = (all)": "span.attributes.model = 'gpt-4o'",
    "span.attributes = (5 traces)": "span.attributes.model = 'rare-model'",
    "span.attributes (none)": "span.attributes.x = 'nope'",
    "text, common word": "trace.text LIKE '%rebanc7o%'",
    "text, two words found once": "trace.text LIKE '%the needle in 77 haystacks%'",
    "text, not found": "trace.text LIKE '%nothing says zzqx%'",
    "name RLIKE": "name RLIKE '^agent-[0-3]$'",
}


def traces(numbers: Sequence[int]) -> Iterator[arrivals.NewTrace]:
    for number in numbers:
        chance = random.Random(number)
        began = (START_MS + number * 1000) * 1_000_000
        failed = number % 33 == 0
        made = []
        for index in range(_SPANS):
            name = "agent" if not index else "llm" if index % 2 else _TOOLS[(number + index) % 4]
            if number % 20_000 == 77 and index == 2:
                name = "rare_tool"
            status = "ERROR" if failed and index == 9 else "OK"
            words = " ".join(chance.choices(_VOCABULARY, k=90))
            if number == 77 and index == 3:
                words += " the needle in 77 haystacks"
            model = "rare-model" if number % 20_000 == 99 and index == 1 else "gpt-4o"
            span_type = "LLM" if name == "llm" else "TOOL"
            line = bodies.line_of(
                {
                    "trace_id": f"{number:024}",
                    "span_id": f"{index:011}=",
                    "parent_span_id": None,
                    "name": name,
                    "start_time_unix_nano": began + index,
                    "status": {"code": f"STATUS_CODE_{status}", "message": ""},
                    "attributes": {
                        "mlflow.spanType": f'"{span_type}"',
                        "mlflow.spanInputs": f'{{"messages": "{words}"}}',
                        "model": f'"{model}"',
                    },
                    "events": [],
                }
            )
            kind = Kind(name, span_type, status, model if span_type == "LLM" else "")
            parent = 1 if index else None
            made.append(
                arrivals.NewSpan(index + 1, parent, kind, began + index, began + 10**9, None, None, line)
            )
        root = arrivals.Root(f"agent-{number % 50}", "ERROR" if failed else "OK", "asked", "answered")
        tags = {"env": "prod" if number % 2 else "dev", "customer": f"c{number // 10}"}
        metadata = {infos.SESSION: f"s{number // 5}"}
        yield arrivals.NewTrace(f"tr-{number:032x}", made, root, tags, metadata)


def fill(database: Database, first: int, end: int) -> None:
    for begin in range(first, end, _PER_TRANSACTION):
        numbers = range(begin, min(begin + _PER_TRANSACTION, end))
        database.run(lambda tx, numbers=numbers: spans.store(tx, "0", traces(numbers)), write=True)  # type: ignore[misc]
    while documents := database.run(lambda tx: text_index.waiting(tx, rest_ms=-1), write=False):
        database.run(lambda tx, found=documents: text_index.add(tx, found), write=True)  # type: ignore[misc]
    if database.dialect == "postgresql":
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("VACUUM ANALYZE"))


def measure(database: Database, filter: str) -> tuple[float, int, bool]:
    """Return the median of milliseconds of a first page, the traces on it, and whether there are more."""
    place = g.TraceLocation(mlflow_experiment=g.TraceLocation.MlflowExperimentLocation(experiment_id="0"))
    req = g.SearchTracesV3(locations=[place], filter=filter, max_results=100)
    taken = []
    for _ in range(7):
        began = time.perf_counter()
        found, token = database.run(lambda tx: search.find_page(tx, req), write=False)
        taken.append(1000 * (time.perf_counter() - began))
    return statistics.median(taken), len(found), token is not None


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--store", help="of an empty database; by default a new SQLite file")
    options.add_argument("--traces", type=int, nargs="+", default=[10_000, 100_000])
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = Database(given.store or f"sqlite:///{Path(folder) / 'traces.db'}")
        migrate.prepare(database, "mlflow-artifacts:/")
        stored = 0
        for number in given.traces:
            began = time.process_time()
            fill(database, stored, number)
            cpu = 1000 * (time.process_time() - began) / (number - stored) / _SPANS
            stored = number
            print(f"\n{number} traces ({cpu:.2f} ms of CPU to store and index a span)")
            newest = None
            for name, filter in SEARCHES.items():
                ms, found, has_more = measure(database, filter)
                newest = newest or ms
                more = " and a token" if has_more else ""
                print(f"  {name:<30} {ms:8.2f} ms {ms / newest:8.1f} x   {found} traces{more}", flush=True)
        database.dispose()


if __name__ == "__main__":
    main()

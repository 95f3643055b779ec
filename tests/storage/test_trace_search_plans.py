"""How searches for traces are read: the number of statements, and which indexes they use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from tests.databases import statements_of
from tests.factories import make_experiment
from tests.storage.test_trace_search import index, request
from tests.trace_factories import SESSION, assess, make_trace, span
from trackway.storage.database import Database, Tx
from trackway.storage.traces import search, text_index

NEWEST = "SEARCH traces USING INDEX ix_traces_newest (experiment_id=?)"


@pytest.mark.parametrize(
    ("filter", "statements"),
    [
        ("", 1),
        ("status = 'OK'", 1),
        ("name LIKE 'a%' AND metadata.mlflow.trace.session IS NOT NULL", 1),
        ("name RLIKE 'a'", 1),
        ("tags.stage = 'test'", 3),  # the number of traces with the tag, their ids, their rows
        ("run_id = 'r'", 3),
        ("feedback.f = 'yes'", 2),  # the assessments
        ("span.name = 'llm'", 4),  # also the kinds
        ("trace.text LIKE '%needle%'", 4),  # the number and ids in the index, the rows, the spans
        ("span.name = 'llm' AND span.attributes.text = 'needle'", 6),
    ],
)
def test_the_statements_of_a_search_do_not_depend_on_the_page(
    database: Database, tx: Tx, filter: str, statements: int
) -> None:
    for _ in range(20):
        tags, metadata = {"stage": "test"}, {SESSION: "s"}
        trace = make_trace(tx, span("llm", text="needle"), name="a", run_id="r", tags=tags, metadata=metadata)
        assess(tx, trace, "f", "yes")
    index(tx)
    search.find_page(tx, request("0", filter=filter))
    counted = statements_of(database)
    for size in (1, 20):
        counted.clear()
        found, _ = search.find_page(tx, request("0", filter=filter, size=size))
        assert len(found) == size
        # Whether the experiment exists is cached, but not within a transaction that writes.
        extra = ("SELECT experiments.id", "SELECT 1 FROM sqlite_master")
        assert len([each for each in counted if not each.startswith(extra)]) == statements


def plan(database: Database, tx: Tx, **fields: Any) -> str:
    """How SQLite reads the rows of a page: one line for each thing it looks at."""
    search._cached_search.cache_clear()
    asked: list[tuple[str, Any]] = []
    sa.event.listen(database.engine, "before_cursor_execute", lambda *call: asked.append(call[2:4]))
    search.find_page(tx, request(*fields.pop("experiments", ("0",)), **fields))
    [statement, parameters] = next(each for each in asked if each[0].startswith("SELECT traces.id,"))
    cursor = tx.connection.connection.cursor()
    cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
    return "\n".join(row[3] for row in cursor.fetchall())


class TestOnSQLite:
    @pytest.fixture(scope="class")
    def dialect(self) -> str:
        """PostgreSQL reads small tables whole, whatever indexes they have."""
        return "sqlite"

    @pytest.mark.parametrize(
        "filter",
        [
            "",
            "timestamp_ms > 5 AND timestamp_ms < 9",
            "tags.stage LIKE 't%'",
            "run_id LIKE 'r%'",
            "execution_time_ms > 7",
            "NOT feedback.f = 'yes'",
            "name RLIKE 'a'",
        ],
    )
    def test_the_newest_are_read_off_an_index(self, database: Database, tx: Tx, filter: str) -> None:
        make_trace(tx, name="a")
        found = plan(database, tx, filter=filter)
        assert found.startswith("SEARCH traces USING INDEX ix_traces_newest (experiment_id=?")
        assert "TEMP B-TREE" not in found

    def test_the_newest_errors_are_read_off_their_index(self, database: Database, tx: Tx) -> None:
        found = plan(database, tx, filter="status = 'ERROR'")
        assert found == "SEARCH traces USING INDEX ix_traces_by_state (experiment_id=? AND state=?)"

    @pytest.mark.parametrize(
        "filter",
        ["tags.t = '1'", "metadata.mlflow.trace.session = 's'", "run_id = 'r'", "span.name = 'x'",
         "feedback.f = 'yes'", "trace.text LIKE '%needle%'", "issue.id = 'i'", "prompt = 'p/1'"],
    )  # fmt: skip
    def test_few_traces_are_read_by_their_numbers(self, database: Database, tx: Tx, filter: str) -> None:
        trace = make_trace(tx, span("x", text="needle"), tags={"t": "1"}, metadata={SESSION: "s"}, run_id="r")
        assess(tx, trace, "f", "yes")
        assess(tx, trace, "i", "i", kind="issue")
        tx.execute(sa.text("INSERT INTO trace_prompts SELECT id, 'p', '1' FROM traces"))
        index(tx)
        found = plan(database, tx, filter=filter)
        assert found.startswith("SEARCH traces USING INTEGER PRIMARY KEY (rowid=?)")

    def test_traces_that_are_not_indexed_are_read_off_their_index(self, database: Database, tx: Tx) -> None:
        make_trace(tx, span(text="needle"))
        asked: list[tuple[str, Any]] = []
        sa.event.listen(database.engine, "before_cursor_execute", lambda *call: asked.append(call[2:4]))
        search.find_page(tx, request("0", filter="trace.text LIKE '%needle%'"))
        text_index.waiting(tx, rest_ms=-1)
        reads = [each for each in asked if "NOT traces.is_indexed" in each[0]]
        assert len(reads) == 3  # the number of candidates, these, and what is to be indexed
        for statement, parameters in reads:
            cursor = tx.connection.connection.cursor()
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            found = [row[3] for row in cursor.fetchall() if " traces" in row[3]]
            assert all("ix_traces_not_indexed" in line for line in found), found

    def test_many_traces_are_looked_up_in_a_set(
        self, database: Database, tx: Tx, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(search, "_MAX_IDS", 0)
        for _ in range(3):
            make_trace(tx, span("x"))
        found = plan(database, tx, filter="span.name = 'x'")
        assert found.startswith(NEWEST)
        assert "SEARCH spans USING COVERING INDEX ix_spans_by_kind (kind_id=?)" in found
        assert "CORRELATED" not in found

    def test_most_traces_are_looked_up_one_by_one(
        self, database: Database, tx: Tx, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(search, "_MAX_IDS", 0)
        monkeypatch.setattr(search, "_MAX_SET", 0)
        make_trace(tx, span("x"))
        found = plan(database, tx, filter="span.name = 'x'")
        assert found.startswith(NEWEST)
        assert "SEARCH spans USING PRIMARY KEY (trace_id=?)" in found


@pytest.fixture
def large(tx: Tx) -> Callable[..., str]:
    """A function that explains a search of 5,000 traces on PostgreSQL."""
    experiment = make_experiment(tx)
    make_trace(tx, span("x", text="needle"), experiment_id=experiment, tags={"t": "1"})
    tx.execute(
        sa.text(
            "INSERT INTO traces (trace_id, experiment_id, request_time, duration, state, given, "
            "spans_location, next_chunk, is_indexed, update_time) "
            "SELECT 'tr-n' || n, :experiment, n, n, 'OK', 0, '', 0, true, 0 FROM generate_series(1, 5000) n"
        ),
        {"experiment": int(experiment)},
    )
    tx.execute(sa.text("ANALYZE traces"))

    def explain(**fields: Any) -> str:
        asked: list[tuple[str, Any]] = []
        search._cached_search.cache_clear()
        sa.event.listen(tx.connection.engine, "before_cursor_execute", lambda *call: asked.append(call[2:4]))
        assert search.find_page(tx, request(experiment, **fields))[0]
        [statement, parameters] = next(each for each in asked if "traces.client_request_id" in each[0])
        rows = tx.connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
        return "\n".join(row[0] for row in rows)

    return explain


class TestOnPostgreSQL:
    @pytest.fixture(scope="class")
    def dialect(self) -> str:
        return "postgresql"

    def test_the_newest_are_read_off_an_index(self, large: Callable[..., str]) -> None:
        found = large(size=10)
        assert "Index Scan using ix_traces_newest" in found
        assert "Sort" not in found

    @pytest.mark.parametrize("filter", ["tags.t = '1'", "span.name = 'x'", "trace.text LIKE '%needle%'"])
    def test_few_traces_are_read_by_their_numbers(self, large: Callable[..., str], filter: str) -> None:
        assert "pk_traces" in large(filter=filter)

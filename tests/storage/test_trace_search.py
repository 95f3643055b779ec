"""Searching traces: filters, orders and pages."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.factories import among_many, make_experiment
from tests.trace_factories import SESSION, assess, ids, make_trace, span
from trackway.client_compat import genai_messages as g
from trackway.client_compat.errors import InvalidParameter
from trackway.storage.database import Tx
from trackway.storage.traces import kinds, links, search, text_index


def request(
    *experiment_ids: str,
    filter: str | None = None,
    order_by: list[str] | None = None,
    size: int = 100,
    token: str | None = None,
) -> g.SearchTracesV3:
    places = [
        g.TraceLocation(mlflow_experiment=g.TraceLocation.MlflowExperimentLocation(experiment_id=each))
        for each in experiment_ids
    ]
    return g.SearchTracesV3(
        locations=places, filter=filter, order_by=order_by, max_results=size, page_token=token
    )


def find(tx: Tx, filter: str | None = None, *experiment_ids: str, **options: Any) -> list[str]:
    """All ids that the filter finds, page by page; the same with many comparisons."""
    found: list[str] = []
    req = request(*(experiment_ids or ("0",)), filter=filter, **options)
    while True:
        rows, req.page_token = search.find_page(tx, req)
        found += ids(rows)
        if not req.page_token:
            return found


def index(tx: Tx) -> None:
    while documents := text_index.waiting(tx, rest_ms=-1):
        text_index.add(tx, documents)


def test_the_newest_come_first(tx: Tx) -> None:
    made = [make_trace(tx) for _ in range(5)]
    assert find(tx) == made[::-1]
    assert find(tx, order_by=["timestamp_ms"]) == made
    assert find(tx, size=2) == made[::-1]


def test_of_several_experiments_and_no_others(tx: Tx) -> None:
    one, two, other = (make_experiment(tx) for _ in range(3))
    first, second = make_trace(tx, experiment_id=one), make_trace(tx, experiment_id=two)
    make_trace(tx, experiment_id=other)
    assert find(tx, None, one, two, "77777") == [second, first]
    rows, token = search.find_page(tx, request())
    assert (rows, token) == ([], None)


def test_there_is_no_token_after_a_full_last_page(tx: Tx) -> None:
    for _ in range(4):
        make_trace(tx)
    _, token = search.find_page(tx, request("0", size=2))
    rows, token = search.find_page(tx, request("0", size=2, token=token))
    assert (len(rows), token) == (2, None)


def test_traces_of_one_time_are_ordered_by_id_on_all_pages(tx: Tx) -> None:
    made = sorted(make_trace(tx, time_ms=5) for _ in range(5))
    assert find(tx, size=2) == made


@pytest.mark.parametrize("make", [str, among_many])
@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ("status = 'OK'", "ac"),
        ("status != 'OK'", "b"),
        ("status IN ('ERROR', 'IN_PROGRESS')", "b"),
        ("attributes.status RLIKE '^ERR'", "b"),
        ("timestamp_ms > 100 AND timestamp < 300", "b"),
        ("timestamp BETWEEN 100 AND 200", "ab"),
        ("execution_time_ms >= 20", "b"),
        ("execution_time = 10", "a"),
        ("end_time_ms = 110", "a"),
        ("end_time_ms = 300", "c"),
        ("request_id = 'tr-b'", "b"),
        ("request_id LIKE 'tr-_'", "abc"),
        ("client_request_id = 'req-1'", "a"),
        ("client_request_id RLIKE 'req-[2-9]'", "b"),
        ("name = 'chat'", "a"),
        ("name ILIKE 'CH%'", "a"),
        ("name RLIKE 'ch|se'", "ab"),
        ("name IS NULL", "c"),
        ("name IS NOT NULL", "ab"),
        ("NOT name = 'chat'", "bc"),
        ("NOT name RLIKE 'chat'", "bc"),
        ("name RLIKE 'chat' OR status = 'ERROR'", "ab"),
        ("tags.env = 'prod'", "a"),
        ("tags.env != 'prod'", "b"),
        ("tag.`env` LIKE 'd%'", "b"),
        ("tags.a.b = 'x y'", "c"),
        ("tags.a.b RLIKE 'x\\s'", "c"),
        ("metadata.mlflow.trace.session = 's1'", "ab"),
        ("request_metadata.mlflow.trace.session = 's1' AND status = 'OK'", "a"),
        ('metadata.mlflow.trace.tokenUsage = \'{"input_tokens": 1, "total_tokens": 3}\'', "a"),
        ('metadata.mlflow.trace.tokenUsage = \'{"total_tokens": 3, "input_tokens": 1}\'', ""),
        ('metadata.mlflow.trace.tokenUsage != \'{"input_tokens": 1, "total_tokens": 3}\'', "b"),
        ("metadata.mlflow.trace.tokenUsage IS NULL", "c"),
        ("metadata.mlflow.trace.cost IS NOT NULL", "b"),
        ("metadata.mlflow.trace.cost = '{\"total_cost\": 0.5}'", "b"),
        ("tags.mlflow.trace.spansLocation = 'TRACKING_STORE'", "abc"),
        ("tags.mlflow.artifactLocation LIKE '%/traces/tr-b/artifacts'", "b"),
        ("tags.mlflow.artifactLocation RLIKE 'tr-[bc]'", "bc"),
        ("run_id = 'r1'", "ab"),
        ("run_id = 'r2'", "b"),
        ("run_id LIKE 'r%'", "ab"),
        ("run_id RLIKE '2$'", "b"),
        ("run_id IS NULL", "bc"),
        ("run_id != 'r9'", "a"),
        ("prompt = 'greet/2'", "c"),
        ("tags.mlflow.linkedPrompts = 'greet/1'", ""),
        ("feedback.good = 'true'", "a"),
        ("feedback.score > 0.2", "a"),
        ("feedback.score > 0.2 AND feedback.good = 'true'", "a"),
        ("feedback.score = '0.25'", "a"),
        ("feedback.score BETWEEN 0 AND 1", "a"),
        ("feedback.score > 5", ""),
        ("feedback.good > 0", ""),
        ("feedback.good IS NULL", "bc"),
        ("feedback.good IS NOT NULL", "a"),
        ("feedback.note RLIKE 'very \\w+'", "b"),
        ("feedback.old = 'x'", ""),
        ("expectation.answer = '42'", "b"),
        ("expectation.good = 'true'", ""),
        ("feedback.of_session = 'yes'", "ab"),
        ("feedback.of_session RLIKE 'y'", "ab"),
        ("NOT feedback.of_session = 'yes'", "c"),
        ("issue.id = 'iss-1'", "c"),
        ("(status = 'ERROR' OR tags.env = 'prod') AND NOT run_id = 'r2'", "a"),
    ],
)
def test_filters(tx: Tx, filter: str, expected: str, make: Any) -> None:
    s1 = {SESSION: "s1"}
    a = make_trace(
        tx, trace_id="tr-a", name="chat", time_ms=100, duration=10, tags={"env": "prod"},
        metadata={**s1, "mlflow.sourceRun": "r1"}, client_request_id="req-1", input_tokens=1, total_tokens=3,
    )  # fmt: skip
    b = make_trace(
        tx, trace_id="tr-b", name="search", time_ms=200, duration=20, state="ERROR", tags={"env": "dev"},
        metadata=s1, client_request_id="req-2", total_tokens=7, total_cost=0.5,
    )  # fmt: skip
    c = make_trace(tx, trace_id="tr-c", time_ms=300, duration=None, tags={"a.b": "x y"})
    links.to_run(tx, [b], "r1")
    links.to_run(tx, [b], "r2")
    links.to_prompts(tx, c, [("greet", "2")])
    assess(tx, a, "good", True)
    assess(tx, a, "score", 0.25)
    assess(tx, b, "note", "very good")
    assess(tx, b, "old", "x", is_valid=False)
    assess(tx, b, "answer", 42, kind="expectation")
    assess(tx, a, "of_session", "yes", session="s1")
    assess(tx, c, "iss-1", "iss-1", kind="issue")
    assert sorted(find(tx, make(filter))) == [f"tr-{letter}" for letter in expected]


# The last two: no kind has its own name any more, or no kind has a name and a type.
@pytest.mark.parametrize("state", ["indexed", "not indexed", "many names", "many names and types"])
@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ("span.name = 'llm'", "ab"),
        ("span.name IN ('llm', 'tool')", "abc"),
        ("span.name NOT IN ('root', 'tool')", "ab"),
        ("span.name ILIKE 'TO_L'", "c"),
        ("span.name = 'llm' OR span.type = 'TOOL'", "abc"),
        ("span.name LIKE '%oo%' AND span.attributes.flag = 'true'", "c"),
        ("span.type != 'UNKNOWN'", "abc"),
        ("NOT span.type = 'LLM'", "c"),
        ("span.name = 'nope'", ""),
        ("span.name LIKE 'ro%'", "abc"),
        ("span.name RLIKE '^l+m$'", "ab"),
        ("span.type = 'TOOL'", "c"),
        ("span.type IN ('TOOL', 'LLM')", "abc"),
        ("span.status = 'ERROR'", "bc"),
        ("span.name = 'llm' AND span.status = 'ERROR'", "b"),
        ("span.name = 'root' AND span.status = 'ERROR'", ""),
        ("span.name = 'root' AND (span.status = 'ERROR' OR span.type = 'TOOL')", ""),
        ("span.name = 'llm' AND status = 'OK' AND span.status = 'ERROR'", "b"),
        ("span.name != 'root'", "abc"),
        ("NOT span.name = 'llm'", "c"),
        ("NOT span.name = 'llm' AND span.status = 'ERROR'", "c"),
        ("NOT span.name = 'root'", ""),
        ("span.attributes.model = 'gpt-4o'", "a"),
        ("span.attributes.model != 'gpt-4o'", "b"),
        ("span.attributes.model IN ('gpt-4o', 'other')", "a"),
        ("span.attributes.model LIKE 'gpt%'", "ab"),
        ("span.attributes.model ILIKE '%MINI'", "b"),
        ("span.attributes.model RLIKE '4o$'", "a"),
        ("span.attributes.n > 3", "b"),
        ("span.attributes.n = 3", "a"),
        ("span.attributes.n = '3'", "a"),
        ("span.attributes.n != 3", "b"),
        ("span.attributes.n BETWEEN 2 AND 3", "a"),
        ("span.attributes.n LIKE '%3%'", "a"),
        ("span.attributes.flag = 'true'", "c"),
        ("span.attributes.flag > 0", ""),
        ("span.attributes.question LIKE '%\"Straße\"%'", "c"),
        ("span.attributes.question ILIKE '%STRAßE%'", "c"),
        ("span.attributes.path = 'C:\\new'", "c"),
        ("span.attributes.path LIKE '%\\new'", "c"),
        ("span.attributes.data LIKE '%say \"yes\"%'", "a"),
        ("span.attributes.`model` = 'gpt-4o'", "a"),
        ("span.attributes.model = 'gpt-4o' AND span.name = 'llm'", "a"),
        ("span.attributes.model = 'gpt-4o' AND span.name = 'root'", ""),
        ("span.attributes.model = 'gpt-4o' OR span.type = 'TOOL'", "ac"),
        ("NOT span.attributes.model = 'gpt-4o'", "bc"),
        ("span.attributes.model = 'gpt-4o' OR status = 'ERROR'", "a"),
        ("trace.text LIKE '%refund policy%'", "b"),
        ("trace.text LIKE '%Refund policy%'", ""),
        ("trace.text ILIKE '%REFUND%'", "b"),
        ("trace.text LIKE '%re%po_icy%'", "b"),
        ("trace.text LIKE '%zz%'", ""),
        ("trace.text LIKE '%line one\nline two%'", "b"),
        ("trace.text LIKE '%say \"yes\"%'", "a"),
        ("trace.text LIKE '%\"gpt-4o\"%'", "a"),
        ("trace.text LIKE '%not anywhere%'", ""),
        ("span.content LIKE '%refund%' AND span.name = 'llm'", "b"),
        ("span.content LIKE '%refund%' AND span.name = 'root'", ""),
        ("span.content LIKE '%refund%' OR span.content LIKE '%yes%'", "ab"),
        ("(trace.text LIKE '%refund%' OR span.name = 'tool') AND status = 'OK'", "bc"),
        ("NOT trace.text LIKE '%refund%'", "ac"),
        ("trace.text ILIKE '%ΟΔΟΣ%'", "c"),
        ("trace.text LIKE '%😀%'", "c"),
    ],
)
def test_filters_on_spans(
    tx: Tx, filter: str, expected: str, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if state.startswith("many"):
        monkeypatch.setattr(kinds, "MAX_KINDS", 0)
        monkeypatch.setattr(kinds, "_MORE_KINDS", 0 if state.endswith("types") else 100)
    make_trace(
        tx,
        span(),
        span("llm", "LLM", model="gpt-4o", n=3, data={"q": 'Did he say "yes"?'}),
        trace_id="tr-a",
        time_ms=1,
    )
    make_trace(
        tx,
        span(),
        span("llm", "LLM", "ERROR", model="gpt-4o-mini", n=4, text="our refund policy\nline one\nline two"),
        trace_id="tr-b",
        time_ms=2,
    )
    make_trace(
        tx,
        span(),
        span("tool", "TOOL", "ERROR", flag=True, question='"Straße" οδος 😀', path="C:\\new"),
        trace_id="tr-c",
        time_ms=3,
    )
    if state != "not indexed":
        index(tx)
    assert sorted(find(tx, filter)) == [f"tr-{letter}" for letter in expected]


@pytest.mark.parametrize(
    "order_by",
    [
        "timestamp", "execution_time_ms", "end_time", "status", "name", "request_id", "experiment_id",
        "run_id", "tags.t", "metadata.mlflow.trace.session", "tags.mlflow.artifactLocation",
    ],
)  # fmt: skip
def test_orders_have_missing_values_last_in_both_directions(tx: Tx, order_by: str) -> None:
    meta = {SESSION: "s", "mlflow.sourceRun": "r"}
    one = make_trace(tx, name="a", state="ERROR", duration=5, tags={"t": "1"}, metadata=meta)
    meta = {SESSION: "t", "mlflow.sourceRun": "s"}
    two = make_trace(tx, name="b", state="OK", duration=7, tags={"t": "2"}, metadata=meta)
    none = make_trace(tx, state="OK", duration=None)
    up = find(tx, order_by=[order_by], size=1)
    down = find(tx, order_by=[f"{order_by} DESC"], size=1)
    if order_by in ("execution_time_ms", "name", "run_id", "tags.t", "metadata.mlflow.trace.session"):
        assert (up, down) == ([one, two, none], [two, one, none])
    elif order_by == "status":
        assert (up, down) == ([one, none, two], [none, two, one])
    elif order_by == "experiment_id":
        assert up == down == [none, two, one]
    else:
        assert up == [one, two, none] == down[::-1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"order_by": ["metadata.mlflow.trace.cost"]},
            "Ordering by reserved metadata",
        ),
        ({"order_by": ["name", "name DESC"]}, "`order_by` contains duplicate fields"),
        ({"order_by": ["span.name"]}, "Invalid identifier type 'span'"),
        ({"filter": "name RLIKE '('"}, r"Invalid regular expression '\('"),
        ({"filter": "span.name RLIKE '(?=x)'"}, r"Invalid regular expression .*: invalid perl operator"),
        ({"filter": "span.attributes.a > 'x'"}, "Expected a numeric value for span.attributes.a"),
        ({"filter": "metadata.mlflow.trace.cost LIKE '%1%'"}, "is not supported for reserved metadata"),
        ({"token": "garbage"}, "Invalid page token, could not base64-decode"),
    ],
)
def test_what_is_refused(tx: Tx, options: dict[str, Any], message: str) -> None:
    make_trace(tx)
    with pytest.raises(InvalidParameter, match=message):
        search.find_page(tx, request("0", **options))


def test_a_long_search_of_texts_ends_with_a_token(tx: Tx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_MAX_SPANS_READ", 6)
    monkeypatch.setattr(search, "_SPANS_AT_A_TIME", 4)
    wanted = make_trace(tx, span(text="needle"))
    for _ in range(20):
        make_trace(tx, span(text="hay"))
    rows, token = search.find_page(tx, request("0", filter="trace.text LIKE '%needle%'"))
    assert rows == []
    assert token
    assert find(tx, "trace.text LIKE '%needle%'") == [wanted]
    index(tx)
    rows, token = search.find_page(tx, request("0", filter="trace.text LIKE '%needle%'"))
    assert (ids(rows), token) == ([wanted], None)


def test_a_page_of_checked_traces_continues_after_its_last_row(tx: Tx) -> None:
    made = [make_trace(tx, span(text="needle")) for _ in range(5)]
    for size in (1, 2, 5):
        assert find(tx, "trace.text LIKE '%needle%'", size=size) == made[::-1]
    rows, token = search.find_page(tx, request("0", filter="trace.text LIKE '%needle%'", size=5))
    assert (len(rows), token) == (5, None)


@pytest.mark.parametrize("limits", [(2000, 50_000), (0, 50_000), (0, 0)])
@pytest.mark.parametrize("filter", ["span.name = 'x'", "trace.text LIKE '%needle%'", "run_id = 'r'"])
def test_all_ways_to_read_a_page_find_the_same(
    tx: Tx, monkeypatch: pytest.MonkeyPatch, filter: str, limits: tuple[int, int]
) -> None:
    monkeypatch.setattr(search, "_MAX_IDS", limits[0])
    monkeypatch.setattr(search, "_MAX_SET", limits[1])
    search._cached_search.cache_clear()
    made = [make_trace(tx, span("x", text="needle"), run_id="r") for _ in range(3)]
    make_trace(tx)
    index(tx)
    assert find(tx, filter, size=2) == made[::-1]


def test_spans_that_come_later_are_found(tx: Tx) -> None:
    trace = make_trace(tx, span(text="first"))
    index(tx)
    make_trace(tx, span(text="second"), trace_id=trace)
    assert find(tx, "trace.text LIKE '%second%'") == [trace]
    index(tx)
    assert find(tx, "trace.text LIKE '%second%'") == [trace]
    assert find(tx, "trace.text LIKE '%first%'") == [trace]


def test_a_span_that_is_sent_again_replaces_its_text(tx: Tx) -> None:
    trace = make_trace(tx, span(text="old", span_id=1))
    index(tx)
    make_trace(tx, span(text="new", span_id=1), trace_id=trace)
    index(tx)
    assert find(tx, "trace.text LIKE '%old%'") == []
    assert find(tx, "trace.text LIKE '%new%'") == [trace]


LEAVES = [
    "status = 'OK'", "name RLIKE 'a|b'", "tags.t = '1'", "tags.t RLIKE '[23]'", "run_id = 'r'",
    "run_id RLIKE 'q'", "feedback.f = 'yes'", "feedback.f RLIKE 'n'", "feedback.f IS NULL", "span.name = 'x'",
    "span.attributes.n > 2",
    "trace.text LIKE '%needle%'", "span.type RLIKE 'O'", "metadata.mlflow.trace.session = 's1'",
]  # fmt: skip


def test_and_or_and_not_combine_all_comparisons(tx: Tx) -> None:
    """What each comparison finds by itself says what any combination must find."""
    chance = random.Random(22)
    for _ in range(12):
        made = make_trace(
            tx,
            *(
                span(chance.choice("xyz"), chance.choice(["TOOL", "LLM"]), n=chance.randint(1, 4),
                     text=chance.choice(["needle", "hay"])) for _ in range(2)
            ),
            name=chance.choice(["", "a", "b", "c"]), state=chance.choice(["OK", "ERROR"]),
            tags={"t": str(chance.randint(1, 3))}, run_id=chance.choice(["", "r", "q"]),
            metadata={SESSION: chance.choice(["s1", "s2"])},
        )  # fmt: skip
        if chance.random() < 0.5:
            assess(tx, made, "f", chance.choice(["yes", "no"]), session=chance.choice([None, "s1"]))
    index(tx)
    truth = {leaf: set(find(tx, leaf)) for leaf in LEAVES}
    every = set(find(tx))

    def combine(depth: int) -> tuple[str, set[str]]:
        kind = chance.choice(["leaf", "and", "or", "not"]) if depth else "leaf"
        if kind == "leaf":
            leaf = chance.choice(LEAVES)
            return leaf, truth[leaf]
        left, found = combine(depth - 1)
        if kind == "not":
            return f"NOT ({left})", every - found
        right, others = combine(depth - 1)
        if kind == "or":
            return f"({left} OR {right})", found | others
        # The comparisons of spans that AND joins must hold for one span: NOT NOT keeps them apart.
        return f"(NOT (NOT ({left})) AND NOT (NOT ({right})))", found & others

    for _ in range(120):
        filter, expected = combine(4)
        assert set(find(tx, filter, size=5)) == expected, filter

"""The search language against MLflow's own parser and the checks that its SQL stores add.

What MLflow takes must mean the same here and what it refuses must be refused in its words, except
for what DIFFERENCES lists: each line of it is checked to be one still.
"""

import re
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Registry
from mlflow.store.tracking import sqlalchemy_store as tracking
from mlflow.store.tracking.dbmodels.models import SqlLoggedModel
from mlflow.utils import search_utils as theirs
from mlflow.utils.search_logged_model_utils import parse_filter_string
from sqlalchemy.orm import Session

from tests.compat.search_cases import DIFFERENCES, FILTERS, ORDERS
from trackway.client_compat import filters, searchable
from trackway.client_compat.errors import InvalidParameter
from trackway.client_compat.searchable_traces import TRACES

ENTITIES = {
    "runs": searchable.RUNS,
    "experiments": searchable.EXPERIMENTS,
    "models": searchable.REGISTERED_MODELS,
    "versions": searchable.MODEL_VERSIONS,
    "logged": searchable.LOGGED_MODELS,
    "traces": TRACES,
}
SESSION = Session()


def _runs(text):
    clauses = theirs.SearchUtils.parse_search_filter(text)
    tracking._get_sqlalchemy_filter_clauses(clauses, SESSION, "sqlite")
    return clauses


def _experiments(text):
    clauses = theirs.SearchExperimentsUtils.parse_search_filter(text)
    tracking._get_search_experiments_filter_clauses(clauses, "sqlite")
    return clauses


REGISTRY = SimpleNamespace(_get_workspace_clauses=lambda table: [], _is_querying_prompt=lambda clauses: True)


def _models(text):
    clauses = theirs.SearchModelUtils.parse_search_filter(text)
    Registry._get_search_registered_model_filter_query(REGISTRY, SESSION, clauses, "sqlite")
    return clauses


def _versions(text):
    clauses = theirs.SearchModelVersionUtils.parse_search_filter(text)
    Registry._get_search_model_versions_filter_clauses(REGISTRY, clauses, "sqlite")
    return clauses


def _logged(text):
    clauses = parse_filter_string(text)
    for clause in clauses:
        if clause.entity.type.value == "attributes":
            getattr(SqlLoggedModel, clause.entity.key)
    return [
        {"type": c.entity.type.value.rstrip("s"), "key": c.entity.key, "comparator": c.op, "value": c.value}
        for c in clauses
    ]


def _traces(text):
    scope = SESSION.query(tracking.SqlTraceInfo)
    tracking._get_filter_clauses_for_search_traces(text, SESSION, "sqlite", scope)
    return theirs.SearchTraceUtils.parse_search_filter_for_search_traces(text)


FILTER_OF_MLFLOW = {
    "runs": _runs,
    "experiments": _experiments,
    "models": _models,
    "versions": _versions,
    "logged": _logged,
    "traces": _traces,
}
CRASHES = ("ValueError", "AttributeError", "SyntaxError")
KINDS = {"parameter": "param", "request_metadata": "metadata"}


def _clause(entity, clause):
    kind, key, value = clause["type"], clause["key"], clause["value"]
    if entity == "runs":
        key = theirs.SearchUtils.translate_key_alias(key) if kind == "attribute" else key
    # MLflow's stores convert these when they build their SQL.
    convert = {
        ("runs", "metric"): float,
        ("experiments", "experiment_id"): int,
        ("versions", "version_number"): int,
    }
    turn = convert.get((entity, kind)) or (convert.get((entity, key)) if kind == "attribute" else None)
    if turn:
        value = tuple(map(turn, value)) if isinstance(value, tuple) else turn(value)
    return KINDS.get(kind, kind), key, clause["comparator"].upper(), value


def _sorted_sets(message):
    """MLflow prints Python sets, in another order every time."""
    return re.sub(r"\{([^{}]*)\}", lambda m: "{" + ", ".join(sorted(m[1].split(", "))) + "}", message)


def of_mlflow(entity, text):
    try:
        return [_clause(entity, clause) for clause in FILTER_OF_MLFLOW[entity](text)]
    except theirs.MlflowException as e:
        return _sorted_sets(e.message)
    except Exception as e:  # MLflow answers these with 500
        return type(e).__name__


def of_trackway(entity, text):
    try:
        node = filters.parse_filter(text, ENTITIES[entity])
    except InvalidParameter as e:
        return _sorted_sets(e.message)
    if node is None:
        return []
    parts = node.parts if isinstance(node, filters.And) else [node]
    return [
        (p.kind, p.key, p.op, p.value) if isinstance(p, filters.Comparison) else type(p).__name__
        for p in parts
    ]


def _cases(table):
    return [(entity, line) for entity, text in table.items() for line in text.strip("\n").split("\n")]


@pytest.mark.parametrize(("entity", "text"), _cases(FILTERS))
def test_a_filter_is_what_it_is_in_mlflow(entity, text):
    assert of_trackway(entity, text) == of_mlflow(entity, text)


@pytest.mark.parametrize(("entity", "text", "ours"), DIFFERENCES)
def test_a_difference_is_one_still(entity, text, ours):
    found = of_trackway(entity, text)
    assert found == ours if isinstance(ours, list) else found.startswith(ours)
    assert found != of_mlflow(entity, text)


@pytest.mark.parametrize("entity", ENTITIES)
@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_an_empty_filter_is_what_it_is_in_mlflow(entity, text):
    assert of_trackway(entity, text) == of_mlflow(entity, text)


# Filters made up of comparisons, most of them good, glued together in the ways that MLflow takes.

PREFIXES = {
    "runs": "metrics params tags attributes metric param parameter tag attr run attribute dataset foo",
    "experiments": "tags tag attribute params",
    "models": "tags tag attribute params",
    "versions": "tags tag attribute params",
    "logged": "metrics params tags attributes metric",
    "traces": "tags metadata request_metadata trace attributes foo",
}
ATTRIBUTES = {
    "runs": "run_id run_name status start_time Created end_time user_id digest foo",
    "experiments": "name experiment_id creation_time last_update_time foo",
    "models": "name foo",
    "versions": "name run_id source_path version_number foo",
    "logged": "name model_id creation_timestamp_ms last_updated_timestamp_ms",
    "traces": "status request_id client_request_id foo",
}
PLAIN = st.text(st.characters(exclude_characters="'\"\\`", exclude_categories=["Cs"]))
KEYS = ["a", "a.b", "mlflow.user", "_x", "loss2", "`a b`", "id", "attributes.x"]
SINGLE = PLAIN.map("'{}'".format)
ESCAPES = st.lists(st.sampled_from(["a", " ", "''", "\\'", "\\", '"', "%"])).map("".join).map("'{}'".format)
FLOATS = st.floats(allow_nan=False, allow_infinity=False).map(lambda value: repr(value).replace("e+", "e"))
NUMBERS = st.integers(-(2**53), 2**53).map(str) | FLOATS
LINES = PLAIN.map(lambda text: re.sub(r"[\n\r\0]", "", text))
ONE_LINE = LINES.map("'{}'".format)
TEXTS = SINGLE | PLAIN.map('"{}"'.format) | ESCAPES
LISTS = st.lists(ONE_LINE | NUMBERS, max_size=3).map(", ".join).map("({})".format)
# In logged models MLflow takes off the wrong quotes, looks into no list, and stumbles over IS NULL.
OF_LOGGED = {"KEYS": KEYS, "TEXTS": SINGLE, "LISTS": ONE_LINE.map("({})".format), "NULLS": st.just("= 1")}
NULLS = st.sampled_from(["IS NULL", "is not null"])
OF_OTHERS = {"KEYS": [*KEYS, '"a/b"'], "TEXTS": TEXTS, "LISTS": LISTS, "NULLS": NULLS}


@st.composite
def comparison(draw, entity):
    parts = OF_LOGGED if entity == "logged" else OF_OTHERS
    attribute = draw(st.sampled_from(ATTRIBUTES[entity].split()))
    written = st.sampled_from(parts["KEYS"]) | LINES.filter(bool).map("`{}`".format)
    key = draw(written) if draw(st.booleans()) else attribute
    if key is not attribute or draw(st.booleans()):
        key = draw(st.sampled_from(PREFIXES[entity].split())) + "." + key
    space = draw(st.sampled_from([" ", "", "\n"]))
    match draw(st.sampled_from(["sign", "sign", "sign", "word", "list", "null"])):
        case "sign":
            sign = draw(st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "==", "<>"]))
            return key + space + sign + space + draw(parts["TEXTS"] | NUMBERS)
        case "word":
            word = draw(st.sampled_from(["LIKE", "ILIKE", "NOT LIKE"]))
            return f"{key} {word} {draw(parts['TEXTS'] | NUMBERS)}"
        case "list":
            return f"{key} {draw(st.sampled_from(['IN', 'NOT IN']))}{space}{draw(parts['LISTS'])}"
        case _:
            return f"{key} {draw(parts['NULLS'])}"


def assert_same(entity, text):
    theirs, ours = of_mlflow(entity, text), of_trackway(entity, text)
    if entity == "logged" and isinstance(ours, str) and ours.startswith("Invalid attribute key"):
        return  # MLflow's database finds out, at the very end
    if isinstance(ours, str) and isinstance(theirs, str):
        if theirs.startswith(("Invalid clause(s)", "Invalid filter string")):
            return  # MLflow looks for broken clauses before anything else, and groups their tokens
        if entity in ("models", "versions"):  # MLflow shows the quotes of a wrong key here
            theirs, ours = (
                re.sub(r"(?s)(key ')[`\"](.*)[`\"]'", r"\1\2'", message) for message in (theirs, ours)
            )
    assert ours == theirs or theirs in CRASHES


@pytest.mark.parametrize("entity", ENTITIES)
@given(data=st.data())
@settings(max_examples=80, deadline=None)
def test_any_comparison_is_what_it_is_in_mlflow(entity, data):
    assert_same(entity, data.draw(comparison(entity), label="filter"))


@given(comparison("runs"), st.lists(st.sampled_from([" AND ", "\nand ", " And AND "]), min_size=3))
@settings(max_examples=80, deadline=None)
def test_comparisons_glued_together_are_what_they_are_in_mlflow(odd, glue):
    good = ["metrics.a > 1", "tags.`b c` != 'd'", "start_time <= 5", "run_id IN ('e')", "params.f IS NULL"]
    assert_same("runs", "".join(map("".join, zip([*good[: len(glue) - 1], odd], glue, strict=False))))


@given(st.text(st.sampled_from("abtags.metrics='\"`\\ \n()<>!,;-+1e0%$#/*ANDORINOTISé_")))
@settings(max_examples=300, deadline=None)
def test_garbage_is_answered_not_raised(text):
    for entity in ENTITIES:
        of_trackway(entity, text)


# Orders.

ORDER_OF_MLFLOW = {
    "runs": theirs.SearchUtils.parse_order_by_for_search_runs,
    "experiments": theirs.SearchExperimentsUtils.parse_order_by_for_search_experiments,
    "models": lambda text: (
        "attribute",
        *theirs.SearchUtils.parse_order_by_for_search_registered_models(text),
    ),
    "versions": theirs.SearchModelVersionUtils.parse_order_by_for_search_model_versions,
    "traces": theirs.SearchTraceUtils.parse_order_by_for_search_traces,
}
STORE_ORDER_OF_MLFLOW = {
    "runs": lambda texts: tracking._get_orderby_clauses(texts, SESSION),
    "experiments": tracking._get_search_experiments_order_by_clauses,
    "models": Registry._parse_search_registered_models_order_by,
    "versions": Registry._parse_search_model_versions_order_by,
    "traces": lambda texts: tracking._get_orderby_clauses_for_search_traces(texts, SESSION),
}


def _order_of_mlflow(entity, texts):
    try:
        STORE_ORDER_OF_MLFLOW[entity](texts)
        columns = [ORDER_OF_MLFLOW[entity](text) for text in texts]
    except theirs.MlflowException as e:
        return _sorted_sets(e.message)
    alias = {("runs", "Created"): "start_time", ("models", "timestamp"): "last_updated_timestamp"}
    return [(KINDS.get(kind, kind), alias.get((entity, key), key), way) for kind, key, way in columns]


def _order_of_trackway(entity, texts):
    try:
        columns = filters.parse_order_by(texts, ENTITIES[entity])
    except InvalidParameter as e:
        return _sorted_sets(e.message)
    return [(column.kind, column.key, column.ascending) for column in columns][: len(texts)]


@pytest.mark.parametrize(("entity", "text"), _cases(ORDERS))
def test_an_order_is_what_it_is_in_mlflow(entity, text):
    assert _order_of_trackway(entity, [text]) == _order_of_mlflow(entity, [text])


@pytest.mark.parametrize(
    ("entity", "texts"),
    [
        ("runs", ["metrics.a", "params.a DESC", "start_time"]),
        ("runs", ["metrics.a", "metric.`a` DESC"]),
        ("runs", ["created", "start_time"]),
        ("models", ["timestamp", "last_updated_timestamp DESC"]),
        ("versions", ["name", "version_number DESC", "name"]),
        ("traces", ["timestamp", "timestamp_ms"]),
    ],
)
def test_several_columns_are_what_they_are_in_mlflow(entity, texts):
    assert _order_of_trackway(entity, texts) == _order_of_mlflow(entity, texts)

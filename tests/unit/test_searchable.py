"""What can be searched: each entity's fields, aliases, operators and refusals, and its order.

The wording is MLflow's, compared with it in tests/compat/test_search_language.py; here stand the
sentences that clients know, and what holds for every declaration.
"""

from itertools import chain
from types import SimpleNamespace

import pytest

from trackway.client_compat import searchable, searchable_traces
from trackway.client_compat.errors import InvalidParameter
from trackway.client_compat.fields import Searchable, number
from trackway.client_compat.filters import Comparison, order_by_messages, parse_filter, parse_order_by
from trackway.client_compat.search_words import read_bare_text
from trackway.client_compat.searchable import (
    EXPERIMENTS,
    LOGGED_MODELS,
    MODEL_VERSIONS,
    REGISTERED_MODELS,
    RUNS,
    OrderBy,
)
from trackway.client_compat.searchable_traces import TRACES

ENTITIES = [RUNS, EXPERIMENTS, REGISTERED_MODELS, MODEL_VERSIONS, LOGGED_MODELS, TRACES]


def refusal(text, entity):
    with pytest.raises(InvalidParameter) as e:
        parse_filter(text, entity)
    return e.value.message


def keys(entity):
    return [entity.attributes, *entity.prefixes.values()]


def fields(entity):
    return [f for k in keys(entity) for f in (*k.named.values(), *([k.other] if k.other else []))]


# Every declaration.


def test_every_entity_is_declared():
    declared = [*vars(searchable).values(), *vars(searchable_traces).values()]
    assert [value for value in declared if isinstance(value, Searchable)] == ENTITIES


@pytest.mark.parametrize("entity", ENTITIES)
def test_every_refusal_can_be_written(entity):
    known = {"op": "=", "key": "k", "value": "v", "prefix": "p", "written": "w", "kind": "x"}
    known |= {"text": "t", "clauses": "c", "bare_clauses": "c"}
    templates = [k.unknown for k in keys(entity)]
    templates += [
        getattr(f, name) for f in fields(entity) for name in f.__slots__ if name.startswith("wrong_")
    ]
    templates += [value for name in entity.__slots__ if isinstance(value := getattr(entity, name), str)]
    for template in templates:
        assert "{{" not in template.format(**known)


@pytest.mark.parametrize("entity", ENTITIES)
def test_every_way_in_leads_to_an_answer(entity):
    assert all(k.unknown or (k.other and not k.other_prefix) for k in keys(entity))
    assert all(f.wrong_value or f.read is read_bare_text for f in fields(entity))


@pytest.mark.parametrize("entity", ENTITIES)
def test_every_order_is_total_and_can_be_asked_for(entity):
    for by in chain(entity.tie_break, entity.default_order):
        assert by.key in entity.orderable.values()
    asked = [(by.key, by.ascending) for by in parse_order_by([], entity)]
    assert len({key for key, _ in asked}) == len(asked)


@pytest.mark.parametrize("entity", ENTITIES)
def test_every_attribute_can_be_searched_bare_and_behind_its_prefix(entity):
    prefix = "attributes" if entity is LOGGED_MODELS else "attribute"
    for name, expected in entity.attributes.named.items():
        operator = "=" if "=" in expected.operators else "LIKE"
        for value in ("1", "'1'", "'a/b'"):
            try:
                found = parse_filter(f"`{name}` {operator} {value}", entity)
            except InvalidParameter:
                continue
            assert (found.kind, found.key) == (expected.kind, expected.key)
            assert parse_filter(f'{prefix}."{name}" {operator} {value}', entity) == found
            break
        else:
            pytest.fail(f"{name} takes no value")


# Runs.


@pytest.mark.parametrize("name", ["run_name", "`run name`", '"Run name"', "attr.`Run Name`", "run.run_name"])
def test_a_run_name_has_many_names(name):
    assert parse_filter(f"{name} = 'x'", RUNS) == Comparison("attribute", "run_name", "=", "x")


@pytest.mark.parametrize("name", ["start_time", "created", "Created", "attributes.created"])
def test_a_start_time_has_many_names(name):
    assert parse_filter(f"{name} > 5", RUNS) == Comparison("attribute", "start_time", ">", 5)


@pytest.mark.parametrize("prefix", ["param", "params", "parameter", "parameters"])
def test_parameters_have_one_kind(prefix):
    assert parse_filter(f"{prefix}.lr LIKE '0.%'", RUNS) == Comparison("param", "lr", "LIKE", "0.%")


def test_what_a_run_is_not_searched_by():
    assert refusal("experiment_id = '1'", RUNS).startswith("Invalid attribute key 'experiment_id' specified.")
    assert refusal("foo.a = '1'", RUNS) == (
        "Invalid entity type 'foo'. Valid values are ['metric', 'parameter', 'tag', 'attribute', 'dataset']"
    )
    assert refusal("dataset.size = '1'", RUNS) == (
        "Invalid dataset key 'size' specified. Valid keys are '{'context', 'digest', 'name'}'"
    )
    assert refusal("metrics.a IS NULL", RUNS) == (
        "IS NULL / IS NOT NULL is only supported for tags and params, not for 'metric' 'a'"
    )
    assert refusal("status IN ('a')", RUNS) == (
        "Only ['run_id'] attributes support comparison with a list of quoted string values."
    )


def test_a_list_holds_texts():
    listed = "While parsing a list in the query, expected"
    ill_formed = f"{listed} a non-empty list of string values, but got ill-formed list."
    assert refusal("run_id IN ()", RUNS) == (
        f"{listed} a non-empty list of string values, but got empty list"
    )
    assert refusal("run_id IN (1, 'a')", RUNS) == (
        f"{listed} string value, punctuation, or whitespace, but got different type in list: (1, 'a')"
    )
    for text in ("('a' 'b')", "(a)", "('a',,)", r"('\x')", "('a'; 'b')", "(= 'a')"):
        assert refusal(f"run_id IN {text}", RUNS) == ill_formed


@pytest.mark.parametrize(
    ("written", "value"),
    [("'it''s'", "it''s"), (r"'it\'s'", r"it\'s"), ('"it\'s"', "it's"), ("'a\nb'", "a\nb"), ("''", "")],
)
def test_text_stands_as_it_is_written(written, value):
    assert parse_filter(f"tags.a = {written}", RUNS).value == value


@pytest.mark.parametrize(
    ("written", "value"), [("'it''s'", "its"), (r"'it\'s'", "it's"), (r"'a\tb'", "a\tb"), ('"it\'s"', "it's")]
)
def test_text_in_a_list_is_read_as_python_reads_it(written, value):
    assert parse_filter(f"run_id IN ({written}, 'b',)", RUNS).value == (value, "b")


def test_an_infinite_bound_is_a_number():
    assert parse_filter("metrics.a < 1e999", RUNS).value == float("inf")


# The others.


def test_experiment_ids_are_integers():
    assert parse_filter("experiment_id IN ('1', '02')", EXPERIMENTS).value == (1, 2)
    for value in ("x", "1.5", "1" * 30, ""):
        assert refusal(f"experiment_id = '{value}'", EXPERIMENTS) == (
            f"Invalid experiment ID '{value}'. Experiment ID must be a valid integer."
        )


def test_version_numbers_are_integers():
    assert parse_filter("version_number = '3'", MODEL_VERSIONS).value == 3
    assert refusal("version_number = 1.5", MODEL_VERSIONS) == (
        "Invalid value for numeric attribute 'version_number': 1.5"
    )


def test_models_are_ordered_by_name_and_time_of_update():
    timestamp = OrderBy("attribute", "last_updated_timestamp", False)
    assert parse_order_by(["timestamp desc"], REGISTERED_MODELS) == [timestamp, OrderBy("attribute", "name")]
    with pytest.raises(InvalidParameter, match=r"Valid keys are '\{'name', 'timestamp'\}'"):
        parse_order_by(["creation_timestamp"], REGISTERED_MODELS)


def test_logged_models_take_values_without_quotes():
    assert parse_filter("params.lr = 0.01", LOGGED_MODELS) == Comparison("param", "lr", "=", "0.01")
    assert parse_filter("metrics.loss < inf", LOGGED_MODELS).value == float("inf")
    assert refusal("metrics.loss < nan", LOGGED_MODELS) == "Expected numeric value type for 'loss'. Found nan"


def test_traces_are_searched_by_what_hangs_on_them():
    def found(text):
        comparison = parse_filter(text, TRACES)
        return comparison.kind, comparison.key

    assert found("name = 'x'") == ("tag", "mlflow.traceName")
    assert found("run_id = 'x'") == ("metadata", "mlflow.sourceRun")
    assert found("trace.text LIKE '%x%'") == ("span", "content")
    assert found("span.attributes.a.b = 'x'") == ("span", "attributes.a.b")
    assert found("feedback.score > 0.5") == ("feedback", "score")
    assert found("timestamp > 5") == ("attribute", "timestamp_ms")


# The order of logged models comes as messages.


def asked(field_name, ascending=None, dataset_name=None, dataset_digest=None):
    return SimpleNamespace(
        field_name=field_name, ascending=ascending, dataset_name=dataset_name, dataset_digest=dataset_digest
    )


LAST = [OrderBy("attribute", "creation_timestamp_ms", False), OrderBy("attribute", "model_id")]


def test_logged_models_are_ordered_by_attributes_and_metrics():
    assert order_by_messages([], LOGGED_MODELS) == LAST
    assert order_by_messages([asked("name", False)], LOGGED_MODELS) == [
        OrderBy("attribute", "name", False),
        *LAST,
    ]
    assert order_by_messages([asked("creation_time", True)], LOGGED_MODELS) == [
        OrderBy("attribute", "creation_timestamp_ms"),
        LAST[1],
    ]
    by_metric = [asked("metrics.a.`b", False, "train", ""), asked("metrics.a.`b", True, "test", "123")]
    assert order_by_messages(by_metric, LOGGED_MODELS) == [
        OrderBy("metric", "a.`b", False, "train"),
        OrderBy("metric", "a.`b", True, "test", "123"),
        *LAST,
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("foo", "Invalid order by field name: foo"),
        (None, "Invalid order by field name: "),
        ("params.a", "Invalid order by field name: params.a. Only metrics are supported."),
        ("foo.a", "Invalid order by field name: foo.a. Only metrics are supported."),
    ],
)
def test_logged_models_are_ordered_by_nothing_else(name, message):
    with pytest.raises(InvalidParameter) as e:
        order_by_messages([asked(name)], LOGGED_MODELS)
    assert e.value.message == message


@pytest.mark.parametrize(
    "token", ["", "-", ".", "1_0", "nan", "inf", "-inf", "0x1", "1e", "--1", "a", "'1'", "1²"]
)
def test_what_is_no_number(token):
    assert number(token) is None

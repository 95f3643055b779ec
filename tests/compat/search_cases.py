"""Filters and orders, one per line: those with the same result as in MLflow, and intentional differences."""

FILTERS = {
    "runs": r"""
metrics.loss > 0.1
metrics.loss>-1e-5
metric.loss <= .5
metrics.loss > 5.
metrics.a = 1E5
metrics.a != -3
metrics.a = nan
metrics.a = 'x'
metrics.a = 0 AND metrics.a = 00012
metrics.a = +1
metrics.a = - 1
metrics.a LIKE 1
metrics.a IN (1)
metrics.a IS NULL
metrics.a >> 1
metrics.a => 1
metrics.a < metrics.b
metrics.`a` = 1
metrics.'a' = 1
metrics.``=1
params.x = 'y'
params.x = "y"
params.x = ''
params.x = 3
params.x > 0.1
params.x = y
params.x = `y`
params.x = params.y
params.x > 'y'
params.x IN ('a')
params.x not in ('a')
params.x IS NULL
params.x is not null
params.x NOT LIKE 'a'
params.order = 'x'
param.value = 'x' and parameters.date ILIKE 'x' And parameter.select != 'y'
tags.`a.b c` = 'x'
tags."a.b c" = 'x'
tags.a.b.c = 'x'
tags.mlflow.source.type = 'x'
tags.1a = 'x'
tags.a-b = 'x'
tags.a/b = 'x'
tags.a@b='x'
tags.é = 'x'
tags.end='x' AND tags.user = '%' AND tag.and = 'x'
tags.a IN ('a')
tags.a IS NOT NULL AND tags.b IS NULL
`tags`.a = 'x'
"tags".a='x'
"tags.a" = 'x'
TAGS.a='x'
status = 'x'
attr.status='x' AND attribute.status='y' AND attributes.status='z' AND run.status != 'w'
status like 'a%' AND status iLiKe 'a%'
status = 'it''s'
status = 'a\'b'
status = "a""b"
status = "it's"
status = a
status = 1
status = -1
status == 'a'
status <> 'a'
status IN ('a')
STATUS='x'
user_id = 'x' AND artifact_uri = 'y'
run_id > 'a'
run_id = 'a'
attribute.run_id IN ('a', 'b')
run_id IN ('a')
run_id in("a",)
run_id NOT IN ('a' , 'b') AND run_id not   in ('a')
run_id IN ('a\'b', 'c\\d', 'it''s')
run_id IN ()
run_id IN (1,2)
run_id IN ('a', 2)
run_id IN ('a'
run_id IN 'a'
run_name IN ('a')
`run name` = 'x' AND attr."run name"='x' AND attr.`Run name` = 'x' AND "Run Name" = 'x'
Created > 3 AND created > 3 AND start_time > 3.5 AND end_time != 3
start_time > '3'
start_time LIKE 3
start_time IN (3)
start_time IS NULL
created LIKE 3
experiment_id = '1'
lifecycle_stage='a'
foo = 'x'
foo.bar = 'x'
foo
'a' = status
1 = metrics.a
AND status = 'a'
status='a' status='b'AND AND params.x = 'y' AND
AND
metrics.a=1 and
status = 'a';
status = 'a'; drop
dataset.name = 'x' AND datasets.digest IN ('x') AND dataset.context NOT IN ('x', 'y')
dataset.name IN ()
dataset.foo='x'
dataset.name > 'x'
dataset.name = 1
dataset.name IS NULL
a b
a b c
a b c d
foo status = 'a'
status = 'a' AND foo status = 'a'
status foo status = 'a'
status x = 'a'
foo = 'x' AND a b
status > 'x' AND foo
metrics.a = 'x'; drop
run_id IN ['x']
status = 'a' AND run_id IN ['x', 'y']
""",
    "experiments": r"""
name = 'x' AND name LIKE 'x' AND name ILIKE 'x' AND name != 'x'
name > 'x'
name IN ('x')
name NOT LIKE 'x'
name = 1
name IS NULL
experiment_id = '1' AND experiment_id != '007'
experiment_id IN ('1', '2') AND experiment_id NOT IN ('3')
experiment_id = 1
experiment_id = 'x'
experiment_id IN ('1','x')
experiment_id IN ('1', 2)
experiment_id LIKE '1'
creation_time > 1 AND last_update_time <= -1
creation_time > 1.5
creation_time > '1'
creation_time LIKE 1
creation_time IN (1)
creation_time IS NULL
tags.a = 'x' AND tag.`a b` LIKE 'x' AND tags.a IS NULL AND tags.b is not null
tags.a > 'x'
tags.a = 1
tags.a=x
attribute.name = 'x' AND attribute.`name`='x'
attr.name='x'
params.a='x'
foo='x'
foo
'a'='b'
""",
    "models": r"""
name = 'x' AND name ilike 'x' AND attribute.name != 'x'
name IN ('x', 'it\'s', "it's") AND name not in ('x')
name > 'x'
name NOT LIKE 'x'
name = 1
name=x
attr.name='x'
tags.a='x' AND tag.`a b` like 'y'
tags.a > 'x'
tags.a IN ('x')
tags.a=1
foo='x'
run_id='x'
name
name IN ()
name NOT IN ()
name IN (
name IN
name IN 'x'
name IN x
name IN ['x']
name IN (1, 2)
name IN ('x', 1)
name IN ('x'
foo IN ()
foo IN ['x']
tags.a IN ()
foo name = 'x'
name foo name = 'x'
foo = 'y' AND name
foo.bar = 'x' AND name = 'x' AND foo
foo = 'x'; drop
""",
    "versions": r"""
name = 'x' AND run_id IN ('a','b') AND source_path LIKE 'x'
version_number > 1 AND version_number = '1' AND version_number <= -1
version_number = 'x'
version_number=1.5
version_number LIKE 1
version_number IN ('1')
version_number IN (1)
source_path IN ('x')
name=1
run_id = 1
name > 'a'
creation_timestamp > 1
tags.a = 'x' AND tags.b ILIKE 'x'
tags.a > 'x'
foo.a='x'
run_id IN ()
run_id IN (
run_id IN [1]
run_id IN (1, 2)
source_path IN ()
version_number IN ()
foo run_id = 'x'
stage = 'x' AND run_id foo
""",
    "logged": r"""
name='x' AND name=x AND `name` LIKE 1 AND attributes.name != 'x' AND name='it''s'
params.lr = 0.01 AND params.lr='0.01' AND params.`a b`='x' AND tags.a.b = 'x'
params.x IN ('a','b') AND params.x not in ('a') AND tags.x IN ("it's") AND name IN ('a')
metrics.a > 1 AND metrics.a < inf AND metrics.`a b` = -1e5
metrics.a LIKE 'x'
metrics.a IN (1)
tags.x > 'a'
tag.x='a'
metric.a>1
creation_time>1 AND creation_timestamp > 1 AND creation_timestamp_ms > 1
last_updated_timestamp > 1 AND attributes.last_updated_timestamp_ms = 1.5
creation_time LIKE 1
model_id = 'x' AND model_type = 'x' AND status = 'x' AND source_run_id = 'x' AND status_message = 'x'
experiment_id='1' AND artifact_location = 'x' AND lifecycle_stage = 'active'
name == 'x'
name NOT LIKE 'x'
name='x' name='y' AND
foo
name='x';
name='x';a
""",
    "traces": r"""
timestamp > 1 AND timestamp_ms > 1 AND attributes.timestamp > 1 AND execution_time > 1.5 AND end_time<1
trace.status = 'OK' AND status IN ('OK') AND client_request_id LIKE 'x' AND attribute.request_id='x'
status > 'x'
status = 1
status IS NULL
execution_time LIKE 1
execution_time IN (1)
name='x' AND name IS NULL AND name RLIKE 'a' AND run_id = 'x' AND prompt = 'a/1'
run_id IN ('x')
prompt LIKE 'a'
prompt='a'
tags.a='x' AND tags.a IS NULL AND metadata.a = 'x' AND request_metadata.a RLIKE 'x'
tags.a IN ('x')
metadata.a > 'x'
metadata.a = 1
span.name = 'x' AND span.type IN ('a') AND span.attributes.foo LIKE 'x' AND span.content LIKE 'x'
trace.text LIKE 'x'
span.foo='x'
span.content = 'x'
span.name IS NULL
feedback.a = 'x' AND feedback.a > 1 AND feedback.a IS NULL AND expectation.`a b` LIKE 'x'
feedback.a = 1
expectation.a > 'x'
issue.id = 'x'
issue.id != 'x'
issue.foo='x'
foo='x'
foo.a='x'
attr.status='x'
""",
}

ORDERS = {
    "runs": """
start_time
start_time DESC
metrics.a asc
metrics.`a b` desc
metrics."a b"
metrics.'a'
params.x
tags.`x.y` DESC
Created desc
attribute.run_name ASC
metrics.a\tDESC
dataset.name
dataset.foo
foo
foo.a
experiment_id
timestamp
`run name`
metrics
metrics.a b
metrics.a b c
metrics.a DESC NULLS LAST
metrics.a desc desc
metrics.a, metrics.b
metrics.a desc, metrics.b
metrics.a-b
tags.a = 'x'
desc
""",
    "experiments": """
name
name DESC
experiment_id
creation_time  desc
attribute.last_update_time
tags.a
params.a
foo
""",
    "models": """
name
timestamp
timestamp desc
last_updated_timestamp ASC
foo
creation_timestamp
""",
    "versions": """
name
version_number
creation_timestamp desc
attribute.last_updated_timestamp
foo
tags.a
run_id
params.a
""",
    "traces": """
timestamp
timestamp_ms DESC
execution_time ASC
experiment_id
status
request_id
name
run_id DESC
tags.a
metadata.`a b` asc
span.name
foo
foo.a
""",
}

# (entity, filter, what it is here): a parsed filter, or the beginning of a refusal.
_CLAUSES = "Invalid clause(s) in filter string: "
_ILL_FORMED = "While parsing a list in the query, expected a non-empty list of string values, but got ill"
DIFFERENCES = [
    # The superset.
    ("runs", "status = 'a' OR status = 'b'", ["Or"]),
    ("runs", "NOT metrics.a = 1", ["Not"]),
    ("runs", "(metrics.a = 1)", [("metric", "a", "=", 1.0)]),
    ("runs", "metrics.a BETWEEN 1 AND 2", [("metric", "a", "BETWEEN", (1.0, 2.0))]),
    # Accidents of the SQL tokenizer: keys that are SQL words or numbers, 1e+5, spaces in NOT NULL.
    ("runs", "params.case = 'x'", [("param", "case", "=", "x")]),
    ("runs", "tags.in = 'x'", [("tag", "in", "=", "x")]),
    ("runs", "tags.1 = 'x'", [("tag", "1", "=", "x")]),
    ("runs", "metrics.loss > 1e+5", [("metric", "loss", ">", 1e5)]),
    ("runs", "params.x IS NOT  NULL", [("param", "x", "IS NOT NULL", None)]),
    ("traces", "text LIKE 'x'", [("span", "content", "LIKE", "x")]),
    ("runs", "type = 'x'", "Invalid attribute key 'type' specified. "),
    ("traces", "timestamp > '1'", [("attribute", "timestamp_ms", ">", 1)]),
    ("traces", "end_time > '1'", [("attribute", "end_time_ms", ">", 1)]),  # the text '1' in MLflow
    ("traces", "end_time > 'x'", "Expected numeric value type for 'end_time'. Found x"),
    ("runs", "metrics.a = 0x1F", "Expected numeric value type for metric. Found 0x1F"),
    # What MLflow takes for a key with a space, no letter or brackets, which nothing can have.
    ("runs", "tags. a = 'x'", _CLAUSES + "'tags', '.', 'a', '=', ''x''"),
    ("runs", "metrics. = 1", _CLAUSES),
    ("runs", "tags.a[0] = 'x'", _CLAUSES),
    # Wordings: MLflow shows the groups its tokenizer makes.
    ("runs", "tags .a = 'x'", _CLAUSES),
    ("runs", "status = 'a', status='b'", _CLAUSES),
    ("runs", "metrics.a = 1 metrics.b", _CLAUSES + "'metrics.b'"),
    ("runs", "metrics.a = 1 -- c", _CLAUSES),
    ("runs", "/* x */ metrics.a = 1", _CLAUSES),
    ("runs", "tags.a:b = 'x'", _CLAUSES),
    ("runs", "[status] = 'x'", _CLAUSES),
    ("versions", "foo run_id IN ('x')", "Invalid clause(s) in filter string: foo"),
    ("runs", r"status = 'a\' AND user_id = 'b'", _CLAUSES),  # the first text goes up to the b
    # Lists: a forgotten comma joins two ids, parentheses may double, and "=" takes a list that no store can
    # compare with; MLflow answers words in a list with 500.
    ("runs", "run_id IN ('a' 'b')", _ILL_FORMED),
    ("runs", "run_id IN (('a'))", _ILL_FORMED),
    ("runs", "run_id = ('a')", _CLAUSES),
    ("runs", "run_id IN (a)", _ILL_FORMED),
    ("runs", "run_id IN ('a\nb')", [("attribute", "run_id", "IN", ("a\nb",))]),
    ("logged", "name IN ()", "While parsing a list in the query, expected a non-empty list"),
    ("logged", "name IN (1)", "While parsing a list in the query, expected string value"),
    ("logged", "name = ('a')", "Invalid filter string: "),
    # Operators of letters have one spelling in experiments, any elsewhere.
    ("experiments", "name like 'x'", [("attribute", "name", "LIKE", "x")]),
    ("experiments", "experiment_id in ('1')", [("attribute", "experiment_id", "IN", (1,))]),
    # Quotes that MLflow forgets to take off, or to take.
    ("models", "`name` = 'x'", [("attribute", "name", "=", "x")]),
    ("logged", 'name = "x"', [("attribute", "name", "=", "x")]),
    ("logged", "params.\"a b\" = 'x'", [("param", "a b", "=", "x")]),
    ("logged", "name = 'a'''", [("attribute", "name", "=", "a''")]),
    ("logged", "metrics.a > '1'", [("metric", "a", ">", 1)]),
    # 500 in MLflow.
    ("models", "tags.a IS NULL", "Invalid comparator for tag: IS NULL"),
    ("logged", "metrics.a > x", "Expected numeric value type for 'a'. Found x"),
    ("logged", "foo = 'x'", "Invalid attribute key 'foo' specified. "),
    ("logged", "attributes.creation_time > 1", [("attribute", "creation_timestamp_ms", ">", 1)]),
    # Declared by MLflow, but unknown to its SQL store.
    ("logged", "last_updated_time > 1", [("attribute", "last_updated_timestamp_ms", ">", 1)]),
    ("logged", "name IS NULL", "Invalid comparison operator for attributes.name: 'IS NULL'. "),
    # Behind other prefixes MLflow mistakes these keys for the attributes.
    ("traces", "tags.name = 'x'", [("tag", "name", "=", "x")]),
    ("traces", "feedback.name = 'x'", [("feedback", "name", "=", "x")]),
    ("traces", "span.attributes. = 'x'", _CLAUSES),
]

"""The same traces on MLflow's server and on ours, and the same searches: what each of them finds."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import pytest

from tests.services import MlflowServer, TrackwayServer

from .conversation import unique

START_NS = 1_700_000_000_000_000_000
# The ids of the traces; filters name them by their letters.
IDS = {letter: f"tr-{number:032x}" for number, letter in enumerate("abcdef", 0x5EA4C << 96)}

BOTH_FIND = """
status = 'OK'
status != 'OK'
status IN ('ERROR', 'IN_PROGRESS')
status NOT IN ('ERROR')
status LIKE 'E%'
status ILIKE 'ok'
status RLIKE '^(OK|ERR)'
timestamp_ms > 1700000002000
timestamp >= 1700000002000 AND timestamp <= 1700000003000
attributes.timestamp_ms != 1700000002000
execution_time_ms > 1500
trace.execution_time = 1000
end_time_ms < 1700000004000
request_id LIKE 'tr-%'
client_request_id = 'client-b'
client_request_id RLIKE 'client-[ab]'
name = 'chat'
name LIKE 'ch%'
name ILIKE 'CHAT'
name RLIKE '^ch'
tags.env = 'prod'
tags.env != 'prod'
tag.env LIKE '%o%'
tags.env RLIKE '^p|^d'
tags.env IS NULL
tags.`two words` = 'x'
tags.a.b = 'dotted'
metadata.mlflow.trace.session = 's1'
request_metadata.mlflow.trace.session = 's1' AND status = 'OK'
metadata.mlflow.trace.session IS NULL
metadata.mlflow.trace.session RLIKE 's[12]'
metadata.color = 'red'
metadata.color != 'red'
metadata.color ILIKE 'R%'
metadata.mlflow.trace.tokenUsage IS NOT NULL
metadata.mlflow.trace.tokenUsage = '{"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}'
metadata.mlflow.trace.tokenUsage != '{"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}'
metadata.mlflow.trace.tokenUsage = '{"input_tokens":1,"output_tokens":2,"total_tokens":3}'
metadata.mlflow.trace.cost IS NULL
run_id = '$run'
run_id = 'nope'
run_id != 'nope'
run_id IS NULL
span.name = 'llm'
span.name != 'root'
span.name LIKE 'to%'
span.name ILIKE 'LLM'
span.name RLIKE '^l+m$'
span.name IN ('tool', 'none')
span.name NOT IN ('root', 'llm')
span.type = 'TOOL'
span.type IN ('TOOL', 'LLM')
span.status = 'ERROR'
span.name = 'llm' AND span.status = 'ERROR'
span.name = 'root' AND span.type = 'TOOL'
span.name = 'llm' AND status = 'OK'
span.attributes.model LIKE '%gpt%'
span.attributes.model ILIKE '%GPT%'
span.attributes.model RLIKE '^gpt-4o$'
span.attributes.missing LIKE '%x%'
span.content LIKE '%refund policy%'
trace.text LIKE '%refund policy%'
trace.text ILIKE '%REFUND%'
trace.text LIKE '%Größe%'
trace.text LIKE '%never said%'
trace.text LIKE '%refund%' AND span.name = 'llm'
feedback.good = 'true'
feedback.good != 'true'
feedback.score > 0.2
feedback.score >= 0.25 AND feedback.good = 'true'
feedback.score = '0.25'
feedback.score < 0
feedback.good > 0
feedback.note LIKE '%nice%'
feedback.note RLIKE 'very'
feedback.note IS NULL
feedback.note IS NOT NULL
feedback.whole = 'yes'
feedback.whole IS NULL
expectation.answer = '42'
expectation.answer IS NOT NULL
expectation.good = 'true'
""".strip().splitlines()

# MLflow's answer is another one, for the reason given.
WE_FIND = [
    ("name = 'root'", "ef", "in MLflow a trace without a name has none, in ours that of its root"),
    ("name IS NULL", "", "the same"),
    ("name != 'chat'", "bdef", "the same"),
    ("span.attributes.model = 'gpt-4o'", "a", "in MLflow = never matches"),
    ("span.attributes.model != 'gpt-4o'", "b", "in MLflow != matches each span"),
    ("span.attributes.model LIKE 'gpt-4o%'", "ab", "in MLflow a pattern must begin with %"),
    ("span.attributes.model LIKE '%33%'", "", "in MLflow any later text of the span matches"),
    ("span.attributes.n > 3", "b", "MLflow compares no numbers"),
    ("span.attributes.model IN ('gpt-4o')", "a", "MLflow answers 400"),
    ("name = 'chat' OR status = 'ERROR'", "abc", "MLflow has no OR"),
    ("NOT span.name = 'llm'", "cdef", "MLflow has no NOT"),
    ("timestamp BETWEEN 1700000001000 AND 1700000002000", "bc", "MLflow has no BETWEEN"),
]


class Server:
    """A server with an experiment that has the traces."""

    def __init__(self, url: str) -> None:
        self._url = url
        made = self.ask("POST", "/api/2.0/mlflow/experiments/create", {"name": unique("search")})
        self.experiment = made["experiment_id"]
        run = {"experiment_id": self.experiment, "start_time": 1}
        self.run = self.ask("POST", "/api/2.0/mlflow/runs/create", run)["run"]["info"]["run_id"]
        self._log("a", [("llm", "LLM", 1, {"model": '"gpt-4o"', "n": 3, "q": '"Größe 33"'})])
        self._log("b", [("llm", "LLM", 2, {"model": '"gpt-4o-mini"', "n": 4, "q": '"our refund policy"'})])
        self._log("c", [("tool", "TOOL", 2, {"arguments": '{"path": "C:\\\\new"}'})])
        self._log("d", [])
        for letter in "ef":
            self._log(letter, [])
        usage = '{"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}'
        s1 = {"mlflow.trace.session": "s1"}
        self._start("a", "OK", {"env": "prod", "mlflow.traceName": "chat"},
                    {**s1, "mlflow.trace.tokenUsage": usage, "color": "red"})  # fmt: skip
        self._start("b", "ERROR", {"env": "dev", "mlflow.traceName": "search"},
                    {**s1, "mlflow.sourceRun": self.run})  # fmt: skip
        self._start("c", "OK", {"two words": "x", "mlflow.traceName": "chat"},
                    {"mlflow.trace.tokenUsage": '{"total_tokens": 9}', "color": "blue"})  # fmt: skip
        self._start("d", "IN_PROGRESS", {"a.b": "dotted", "mlflow.traceName": "other"},
                    {"mlflow.trace.session": "s2"})  # fmt: skip
        self._start("e", "OK", {}, {})
        self._start("f", "OK", {}, {})
        links = {"trace_ids": [IDS["d"]], "run_id": self.run}
        self.ask("POST", "/api/2.0/mlflow/traces/link-to-run", links)
        self._assess("a", "good", feedback={"value": True})
        self._assess("b", "good", feedback={"value": False})
        self._assess("a", "score", feedback={"value": 0.25})
        self._assess("c", "note", feedback={"value": "very nice"})
        self._assess("a", "whole", feedback={"value": "yes"}, metadata=s1)
        self._assess("c", "answer", expectation={"value": 42})

    def ask(self, verb: str, path: str, body: Any, **headers: str) -> Any:
        headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self._url + path, json.dumps(body).encode(), headers, method=verb)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"{}")

    def _log(self, letter: str, children: list[tuple[str, str, int, dict[str, Any]]]) -> None:
        start = START_NS + "abcdef".index(letter) * 10**9
        all_spans = [("root", "CHAIN", 1, {}), *children]
        spans = [
            {
                "traceId": IDS[letter][3:],
                "spanId": f"{number + 1:016x}",
                **({"parentSpanId": f"{1:016x}"} if number else {}),
                "name": name,
                "startTimeUnixNano": str(start),
                "endTimeUnixNano": str(start + 10**9),
                "status": {"code": status},
                "attributes": [
                    {"key": key, "value": {"stringValue" if isinstance(value, str) else "intValue": value}}
                    for key, value in {**attributes, "mlflow.spanType": type}.items()
                ],
            }
            for number, (name, type, status, attributes) in enumerate(all_spans)
        ]
        body = {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}
        request = urllib.request.Request(
            self._url + "/v1/traces",
            json.dumps(body).encode(),
            {"Content-Type": "application/json", "x-mlflow-experiment-id": self.experiment},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.status == 200

    def _start(self, letter: str, state: str, tags: Any, metadata: Any) -> None:
        number = "abcdef".index(letter)
        info = {
            "trace_id": IDS[letter],
            "client_request_id": f"client-{letter}",
            "trace_location": {
                "type": "MLFLOW_EXPERIMENT",
                "mlflow_experiment": {"experiment_id": self.experiment},
            },
            "request_time": f"2023-11-14T22:13:{20 + number}Z",
            "execution_duration": f"{1 + number % 2}s",
            "state": state,
            "tags": tags,
            "trace_metadata": metadata,
        }
        self.ask("POST", "/api/3.0/mlflow/traces", {"trace": {"trace_info": info}})

    def _assess(self, letter: str, name: str, **fields: Any) -> None:
        source = {"source_type": "HUMAN", "source_id": "me"}
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        times = {"create_time": now, "last_update_time": now}
        assessment = {"assessment_name": name, "trace_id": IDS[letter], "source": source, **times, **fields}
        path = f"/api/3.0/mlflow/traces/{IDS[letter]}/assessments"
        self.ask("POST", path, {"assessment": assessment})

    def find(self, filter: str, **fields: Any) -> str:
        """The letters of the traces that are found, in their order; or the status of a refusal."""
        place = {
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": self.experiment},
        }
        body = {"locations": [place], "filter": filter.replace("$run", self.run), **fields}
        try:
            found = self.ask("POST", "/api/3.0/mlflow/traces/search", body)
        except urllib.error.HTTPError as error:
            return str(error.code)
        letters = {trace_id: letter for letter, trace_id in IDS.items()}
        return "".join(letters[trace["trace_id"]] for trace in found.get("traces", ()))


@pytest.fixture(scope="module")
def servers(shared_server: TrackwayServer, mlflow_server: MlflowServer) -> tuple[Server, Server]:
    return Server(shared_server.url), Server(mlflow_server.url)


def test_both_servers_find_the_same(servers: tuple[Server, Server]) -> None:
    ours, theirs = servers
    differences = {
        filter: (found, expected)
        for filter in BOTH_FIND
        if (found := ours.find(filter)) != (expected := theirs.find(filter)) or expected == "400"
    }
    assert differences == {}


@pytest.mark.parametrize(
    "order",
    ["timestamp DESC", "timestamp_ms", "execution_time DESC", "status", "request_id",
     "experiment_id", "run_id", "tags.env", "tags.env DESC", "metadata.color", "metadata.color DESC",
     "metadata.mlflow.trace.session", "tags.missing"],
)  # fmt: skip
def test_both_servers_order_the_same(servers: tuple[Server, Server], order: str) -> None:
    ours, theirs = servers
    assert ours.find("", order_by=[order]) == theirs.find("", order_by=[order])


def test_what_we_find_and_mlflow_does_not(servers: tuple[Server, Server]) -> None:
    ours, theirs = servers
    for filter, expected, reason in WE_FIND:
        assert "".join(sorted(ours.find(filter))) == expected, filter
        assert "".join(sorted(theirs.find(filter))) != expected, (filter, reason)

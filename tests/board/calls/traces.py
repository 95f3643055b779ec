"""Traces: functions that are traced, spans that are made by hand, and what is done with traces later."""

import contextlib
from typing import Any

import mlflow

from .board import call, client, equal, find, refused, takes, world

TRACES = "Traces"


def _flush() -> None:
    """Wait for the spans that newer clients send in the background."""
    if find("mlflow.flush_trace_async_logging"):
        mlflow.flush_trace_async_logging()


def _id_of(trace: Any) -> str:
    return getattr(trace.info, "trace_id", None) or trace.info.request_id


def _last_id() -> str:
    _flush()
    if find("mlflow.get_last_active_trace_id"):
        return mlflow.get_last_active_trace_id()
    return _id_of(mlflow.get_last_active_trace())


def _logged() -> str:
    """Log a trace with a nested span to a new experiment. Return its id."""
    mlflow.set_experiment(world.name("traced"))

    @mlflow.trace(name="double", span_type="TOOL", attributes={"factor": 2})
    def double(number: int) -> int:
        return 2 * number

    @mlflow.trace
    def answer(question: str, number: int) -> dict:
        return {"text": question + "!", "number": double(number)}

    equal(answer("how", 21), {"text": "how!", "number": 42})
    return _last_id()


def _spans(trace: Any) -> dict[str, Any]:
    return {span.name: span for span in trace.data.spans}


def _status(trace: Any) -> str:
    found = getattr(trace.info, "state", None) or trace.info.status
    return str(getattr(found, "value", found))


def _check(trace: Any) -> None:
    spans = _spans(trace)
    equal(set(spans), {"answer", "double"})
    equal(_status(trace), "OK")
    equal(spans["double"].parent_id, spans["answer"].span_id)
    equal(spans["answer"].inputs, {"question": "how", "number": 21})
    equal(spans["answer"].outputs, {"text": "how!", "number": 42})
    equal(spans["double"].attributes["factor"], 2)
    equal(spans["double"].get_attribute("mlflow.spanType"), "TOOL")
    equal(spans["double"].start_time_ns <= spans["double"].end_time_ns, True)


@call(TRACES, "mlflow.trace")
def _() -> None:
    _check(client().get_trace(_logged()))


@call(TRACES, "mlflow.trace", "a function that fails")
def _() -> None:
    mlflow.set_experiment(world.name("traced"))

    @mlflow.trace
    def fail() -> None:
        raise ValueError("no answer")

    with contextlib.suppress(ValueError):
        fail()
    trace = client().get_trace(_last_id())
    equal(_status(trace), "ERROR")
    [span] = trace.data.spans
    equal(span.status.status_code.value, "ERROR")
    [event] = span.events
    equal(event.attributes["exception.message"], "no answer")


@call(TRACES, "mlflow.start_span")
def _() -> None:
    mlflow.set_experiment(world.name("traced"))
    with mlflow.start_span("outer", span_type="CHAIN") as outer:
        outer.set_inputs({"a": [1, None, "zwei"]})
        with mlflow.start_span("inner") as inner:
            inner.set_attribute("k", {"nested": True})
        outer.set_outputs("done")
    spans = _spans(client().get_trace(_last_id()))
    equal(spans["outer"].inputs, {"a": [1, None, "zwei"]})
    equal(spans["outer"].outputs, "done")
    equal(spans["inner"].get_attribute("k"), {"nested": True})


@call(TRACES, "mlflow.get_trace")
def _() -> None:
    _check(mlflow.get_trace(_logged()))


@call(TRACES, "mlflow.update_current_trace")
def _() -> None:
    mlflow.set_experiment(world.name("traced"))
    with mlflow.start_span("tagged"):
        mlflow.update_current_trace(tags={"color": "blue"})
    equal(client().get_trace(_last_id()).info.tags["color"], "blue")


def _begun(name: str) -> tuple[Any, str]:
    """Begin a trace by hand, in another experiment than the current one. Return its root and its id."""
    # Clients 3.5 to 3.11 send other spans than the root to the current experiment, whatever the root says.
    mlflow.set_experiment(world.name("traced"))
    experiment_id = mlflow.create_experiment(world.name("named"))
    root = client().start_trace(name, inputs={"x": 1}, experiment_id=experiment_id, tags={"a": "b"})
    return root, getattr(root, "trace_id", None) or root.request_id


@call(TRACES, "MlflowClient.start_trace")
@call(TRACES, "MlflowClient.end_trace")
def _() -> None:
    _, trace_id = _begun("by hand")
    client().end_trace(trace_id, outputs={"y": 2}, attributes={"k": "v"})
    _flush()
    trace = client().get_trace(trace_id)
    [span] = trace.data.spans
    equal((span.name, span.inputs, span.outputs), ("by hand", {"x": 1}, {"y": 2}))
    equal((span.get_attribute("k"), trace.info.tags["a"]), ("v", "b"))


@call(TRACES, "MlflowClient.start_span")
@call(TRACES, "MlflowClient.end_span")
def _() -> None:
    root, trace_id = _begun("outer")
    child = client().start_span("inner", trace_id, root.span_id, inputs={"z": 3})
    client().end_span(trace_id, child.span_id, outputs={"w": 4}, status="ERROR")
    client().end_trace(trace_id)
    _flush()
    spans = _spans(client().get_trace(trace_id))
    equal(spans["inner"].parent_id, spans["outer"].span_id)
    equal((spans["inner"].inputs, spans["inner"].outputs), ({"z": 3}, {"w": 4}))
    equal(spans["inner"].status.status_code.value, "ERROR")


@call(TRACES, "MlflowClient.get_trace")
def _() -> None:
    _check(client().get_trace(_logged()))


@call(TRACES, "MlflowClient.set_trace_tag")
def _() -> None:
    trace_id = _logged()
    client().set_trace_tag(trace_id, "stage", "test")
    equal(client().get_trace(trace_id).info.tags["stage"], "test")


@call(TRACES, "MlflowClient.delete_trace_tag")
def _() -> None:
    trace_id = _logged()
    client().set_trace_tag(trace_id, "stage", "test")
    client().delete_trace_tag(trace_id, "stage")
    equal("stage" in client().get_trace(trace_id).info.tags, False)


@call(TRACES, "MlflowClient.delete_traces")
def _() -> None:
    trace_id = _logged()
    experiment_id = client().get_trace(trace_id).info.experiment_id
    name = "request_ids" if mlflow.__version__.startswith("2.") else "trace_ids"
    equal(client().delete_traces(experiment_id, **{name: [trace_id]}), 1)
    equal(client().delete_traces(experiment_id, max_timestamp_millis=2**42), 0)
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client().get_trace(trace_id))


@call(TRACES, "MlflowClient.link_traces_to_run")
def _() -> None:
    trace_id = _logged()
    client().link_traces_to_run([trace_id], world.run())


@call(TRACES, "MlflowClient.link_prompt_versions_to_trace")
def _() -> None:
    trace_id = _logged()
    prompt = client().register_prompt(world.name("prompt").replace(" ", "-"), "Say {{word}}")
    client().link_prompt_versions_to_trace([prompt], trace_id)
    linked = client().get_trace(trace_id).info.tags["mlflow.linkedPrompts"]
    equal(prompt.name in linked, True)


@call(TRACES, "MlflowClient.search_traces")
def _() -> None:
    trace_id = _logged()
    experiment_id = client().get_trace(trace_id).info.experiment_id
    name = "experiment_ids" if takes("MlflowClient.search_traces", "experiment_ids")() else "locations"
    for words, expected in (("status = 'OK'", [trace_id]), ("status = 'ERROR'", [])):
        found = client().search_traces(**{name: [experiment_id]}, filter_string=words)
        equal([_id_of(trace) for trace in found], expected)
        for trace in found:
            _check(trace)

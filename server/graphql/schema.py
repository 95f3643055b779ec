"""The GraphQL schema of MLflow 3.17's server, built from the messages of the protocol.

The root fields are seven RPCs. Each type has the fields of a message, with names in camelCase, and refers to
the types of nested messages. A 64-bit integer is a string, since JavaScript would round it. NaN and the
infinities are null, since JSON has no such numbers. As in MLflow, which reads the fields of protobuf objects,
an unset field has protobuf's default: zero, false, "", the first value of an enumeration, an empty message.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from graphql import (
    DirectiveLocation,
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLDirective,
    GraphQLEnumType,
    GraphQLField,
    GraphQLFloat,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
    IntValueNode,
    StringValueNode,
    specified_directives,
)

from trackway.client_compat import messages as m
from trackway.client_compat.wire import Enumeration, Message

QUERIES: tuple[type[Message], ...] = (
    m.GetExperiment,
    m.GetMetricHistoryBulkInterval,
    m.GetRun,
    m.ListArtifacts,
    m.SearchModelVersions,
    m.SearchRuns,
)
# These only read as well, but older UI pages request them as mutations.
MUTATIONS: tuple[type[Message], ...] = (m.SearchDatasets, m.SearchRuns)
# MLflow extends these two messages by subclasses. The schema uses the names of the subclasses.
_SUBCLASS_NAMES = {m.Run: "MlflowRunExtension", m.Metric: "MlflowMetricExtension"}

# Calls the handler of a request message: (resolver context, request message) -> response message.
CallRpc = Callable[[Any, Message], Any]
Decode = Callable[[type[Message], dict[str, Any]], Message]


def build(call_rpc: CallRpc, decode: Decode) -> GraphQLSchema:
    """Return the schema. Its resolvers build requests with ``decode`` and send them with ``call_rpc``."""
    return _Builder(call_rpc, decode).schema()


class _Builder:
    def __init__(self, call_rpc: CallRpc, decode: Decode) -> None:
        self._call_rpc = call_rpc
        self._decode = decode
        self._types: dict[str, Any] = {}

    def schema(self) -> GraphQLSchema:
        component = GraphQLDirective(
            "component",
            [DirectiveLocation.QUERY, DirectiveLocation.MUTATION],
            {"name": GraphQLArgument(GraphQLNonNull(GraphQLString))},
        )
        return GraphQLSchema(
            query=self._root("Query", QUERIES, "test", "Test"),
            mutation=self._root("Mutation", MUTATIONS, "testMutation", "TestMutation"),
            directives=[*specified_directives, component],
        )

    def _root(
        self, name: str, requests: tuple[type[Message], ...], echo: str, echo_type: str
    ) -> GraphQLObjectType:
        fields = {"mlflow" + request.__name__: self._rpc(request) for request in requests}
        output = GraphQLObjectType(echo_type, {"output": GraphQLField(GraphQLString)})
        fields[echo] = GraphQLField(
            output,
            {"inputString": GraphQLArgument(GraphQLString, out_name="text")},
            resolve=lambda _, info, text=None: {"output": text},
        )
        return GraphQLObjectType(name, fields)

    def _rpc(self, request: type[Message]) -> GraphQLField:
        def resolve(_: Any, info: Any, given: dict[str, Any] | None = None) -> Any:
            values = {name: value for name, value in (given or {}).items() if value is not None}
            return self._call_rpc(info.context, self._decode(request, values))

        argument = GraphQLArgument(self._input(request), out_name="given")
        response = request.Response  # type: ignore[attr-defined]
        return GraphQLField(self._output(response), {"input": argument}, resolve=resolve)

    def _input(self, message: type[Message]) -> Any:
        name = _type_name(message) + "Input"
        if name in self._types:
            return self._types[name]
        fields = {
            _camel(field): GraphQLInputField(self._type(wire), out_name=field)
            for field, wire in message._fields.items()
            if _is_supported(wire)
        }
        self._types[name] = GraphQLInputObjectType(name, fields)
        return self._types[name]

    def _output(self, message: type[Message]) -> Any:
        name = _type_name(message)
        if name not in self._types:
            self._types[name] = GraphQLObjectType(name, lambda: self._fields(message))
        return self._types[name]

    def _fields(self, message: type[Message]) -> dict[str, GraphQLField]:
        fields = {
            _camel(name): GraphQLField(self._type(wire), resolve=_resolver(message, name))
            for name, wire in message._fields.items()
            if _is_supported(wire)
        }
        if message.__name__ == "Response":
            fields["apiError"] = GraphQLField(_API_ERROR, resolve=lambda *_: None)
        if message is m.Run:
            fields["experiment"] = GraphQLField(self._output(m.Experiment), resolve=self._experiment)
            versions = GraphQLList(GraphQLNonNull(self._output(m.ModelVersion)))
            fields["modelVersions"] = GraphQLField(versions, resolve=self._model_versions)
        return fields

    def _experiment(self, run: m.Run, info: Any) -> Any:
        assert run.info
        return self._call_rpc(
            info.context, m.GetExperiment(experiment_id=run.info.experiment_id or "")
        ).experiment

    def _model_versions(self, run: m.Run, info: Any) -> Any:
        assert run.info
        request = self._decode(m.SearchModelVersions, {"filter": f"run_id='{run.info.run_id}'"})
        return self._call_rpc(info.context, request).model_versions

    def _type(self, wire: str) -> Any:
        base = wire.split()[0]
        name = base.removesuffix("[]")
        if found := _SCALARS.get(name):
            return GraphQLList(found) if base != name else found
        kind = _message_type(name)
        if issubclass(kind, Enumeration):
            return self._enumeration(kind)
        output = self._output(kind)
        return GraphQLList(GraphQLNonNull(output)) if base != name else output

    def _enumeration(self, kind: type[Enumeration]) -> Any:
        name = _type_name(kind)
        if name not in self._types:
            self._types[name] = GraphQLEnumType(name, {value: value for value in kind.names()})
        return self._types[name]


def _read_long(node: Any, _: Any = None) -> int | None:
    return int(node.value) if isinstance(node, IntValueNode | StringValueNode) else None


_LONG = GraphQLScalarType(
    "LongString",
    description="A 64-bit integer as a string, which JavaScript does not round",
    serialize=str,
    parse_value=int,
    parse_literal=_read_long,
)
_SCALARS: dict[str, Any] = {
    "string": GraphQLString,
    "bool": GraphQLBoolean,
    "double": GraphQLFloat,
    "float": GraphQLFloat,
    "int32": GraphQLInt,
    "int64": _LONG,
}
_ZEROS: dict[str, Callable[[], Any]] = {
    "string": str,
    "bool": bool,
    "double": float,
    "float": float,
    "int32": int,
    "int64": int,
}
_ERROR_DETAIL = GraphQLObjectType(
    "ErrorDetail", {"field": GraphQLField(GraphQLString), "message": GraphQLField(GraphQLString)}
)
# MLflow declares this type but never returns it: its errors are in the result's "errors".
_API_ERROR = GraphQLObjectType(
    "ApiError",
    {
        **{name: GraphQLField(GraphQLString) for name in ("code", "message", "helpUrl", "traceId")},
        "errorDetails": GraphQLField(GraphQLList(_ERROR_DETAIL)),
    },
)


def _resolver(message: type[Message], name: str) -> Callable[[Any, Any], Any]:
    make_default = _default(message, name)

    def read(message: Any, info: Any) -> Any:
        value = getattr(message, name)
        if value is None:
            return make_default()
        if isinstance(value, list):
            info.context.count(len(value))
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return read


def _default(message: type[Message], name: str) -> Callable[[], Any]:
    """Return a function that makes the value of an unset field."""
    declared = (message.__init__.__kwdefaults__ or {}).get(name)
    if declared is not None:
        return lambda: declared
    base = message._fields[name].split()[0]
    if base.endswith("[]"):
        return list
    if base in _ZEROS:
        return _ZEROS[base]
    kind = _message_type(base)
    if issubclass(kind, Enumeration):
        return lambda: kind.names()[0]
    return lambda: _empty(kind)


def _empty(kind: type[Message]) -> Message:
    """Return a message without any field, also without those that are required."""
    message = kind.__new__(kind)
    for name in kind._fields:
        setattr(message, name, None)
    return message


def _is_supported(wire: str) -> bool:
    return not wire.startswith(("google.", "map<", "bytes"))


def _message_type(dotted: str) -> Any:
    found: Any = m
    for part in dotted.split("."):
        found = getattr(found, part)
    return found


def _type_name(kind: type) -> str:
    return _SUBCLASS_NAMES.get(kind) or "Mlflow" + kind.__qualname__.replace(".", "")


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)

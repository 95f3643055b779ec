"""Executes the GraphQL queries of some UI pages, with the handlers of the REST endpoints.

As in MLflow, the status of a GraphQL result is always 200, its ``errors`` are a list of strings, and the size
of a query is limited before it is validated. The module is imported at the first query, since graphql-core
takes 120 ms.
"""

from __future__ import annotations

import json
import logging
from functools import lru_cache
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    execute_sync,
    parse,
    validate,
)

from trackway.client_compat import codec, errors
from trackway.client_compat.wire import Message
from trackway.server.backend import Backend
from trackway.server.config import GraphqlLimits
from trackway.server.dispatch import respond
from trackway.server.edge.router import Request
from trackway.server.request_body import Environ, parse_query, read_json
from trackway.server.responses import JSON_TYPE, Answer

from . import schema

log = logging.getLogger("trackway.server")

_MAX_DEPTH = 10
_MAX_SELECTIONS = 1000
_MAX_TOKENS = 10_000
# Elements of all lists of a result together. graphql-core takes 20 to 30 µs for each, and the UI asks for up
# to 32,000. A request to a handler counts as 20.
_MAX_ELEMENTS = 100_000
_ELEMENTS_PER_REQUEST = 20
# Validation takes 0.9 ms, execution of a small query 0.02 ms. The UI has some ten different queries.
_MAX_CACHED_QUERIES = 128
_TOO_MANY_ELEMENTS = (
    f"The lists of the query's result have more than {_MAX_ELEMENTS:,} elements together; "
    "ask for fewer runs, metrics or points."
)
_LIMIT_VARIABLES = {
    "root fields": "MLFLOW_SERVER_GRAPHQL_MAX_ROOT_FIELDS",
    "aliases": "MLFLOW_SERVER_GRAPHQL_MAX_ALIASES",
}


class QueryContext:
    """The context that graphql-core passes to every resolver."""

    def __init__(self, backend: Backend, request: Request) -> None:
        self.backend = backend
        self.request = request
        self._elements = 0

    @property
    def is_exceeded(self) -> bool:
        return self._elements > _MAX_ELEMENTS

    def count(self, elements: int) -> None:
        """Count elements of the result. Raise ``InvalidParameter`` if it has too many."""
        self._elements += elements
        if self.is_exceeded:
            raise errors.InvalidParameter(_TOO_MANY_ELEMENTS)


def answer(backend: Backend, request: Request) -> Answer:
    """Execute the query of a request and return its result as JSON, always with status 200.

    Raise ``InvalidParameter`` if the request has no query or malformed variables, and the errors of
    ``read_json`` for its body.
    """
    limit = min(backend.config.max_request_size, backend.config.max_message_size)
    query, variables, operation = _read(request.environ, limit)
    return _answer(*_run(query, variables, operation, QueryContext(backend, request)))


def _answer(data: Any, messages: list[str] | None) -> Answer:
    return Answer(200, [JSON_TYPE], json.dumps({"data": data, "errors": messages}).encode())


def _read(environ: Environ, limit: int) -> tuple[str, dict[str, Any] | None, str | None]:
    """Return the query, its variables and the name of the operation, from the body or the query string."""
    if environ["REQUEST_METHOD"] == "POST":
        body = read_json(environ, limit)
    else:
        body = {name: values[-1] for name, values in parse_query(environ.get("QUERY_STRING", "")).items()}
        if "variables" in body:
            body["variables"] = _parse_variables(body["variables"])
    query, variables, operation = body.get("query"), body.get("variables"), body.get("operationName")
    if not isinstance(query, str):
        raise errors.InvalidParameter("Missing value for required parameter 'query'.")
    if not isinstance(variables, dict | None) or not isinstance(operation, str | None):
        raise errors.InvalidParameter("'variables' must be a JSON object and 'operationName' a string.")
    return query, variables, operation


def _parse_variables(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise errors.InvalidParameter("'variables' must be a JSON object.") from None


def _run(
    query: str, variables: dict[str, Any] | None, operation: str | None, context: QueryContext
) -> tuple[Any, list[str] | None]:
    """Return the data and the error messages of a query; the messages are None if there are none."""
    try:
        document = _document(query, context.backend.config.variables.graphql)
    except GraphQLError as error:
        return None, [error.message]
    except _Invalid as invalid:
        return None, invalid.messages
    except RecursionError:
        return None, [f"Query exceeds maximum depth of {_MAX_DEPTH}"]
    result = execute_sync(
        _schema(), document, context_value=context, variable_values=variables, operation_name=operation
    )
    if context.is_exceeded:
        return None, [_TOO_MANY_ELEMENTS]
    return result.data, [_error_text(error, context) for error in result.errors] if result.errors else None


def _error_text(error: GraphQLError, context: QueryContext) -> str:
    original = error.original_error
    # A GraphQLError is one of GraphQL itself, such as a variable of the wrong type.
    if original is None or isinstance(original, errors.ApiError | GraphQLError):
        return error.message
    log.error(
        "the resolver of a GraphQL field failed", exc_info=original, extra={"request_id": context.request.id}
    )
    return "Internal server error. The server's log has the details under this request id."


class _Invalid(Exception):
    """The query does not match the schema."""

    def __init__(self, messages: list[str]) -> None:
        super().__init__(*messages)
        self.messages = messages


@lru_cache(_MAX_CACHED_QUERIES)
def _document(query: str, limits: GraphqlLimits) -> DocumentNode:
    """Return the parsed and validated query. Only valid queries are cached, since exceptions are not.

    Raise ``GraphQLError`` for a syntax error or an exceeded limit, ``_Invalid`` if validation fails.
    """
    document = parse(query, no_location=True, max_tokens=_MAX_TOKENS)
    _check_limits(document, limits)
    if validation_errors := validate(_schema(), document):
        raise _Invalid([error.message for error in validation_errors])
    return document


@lru_cache(1)
def _schema() -> Any:
    return schema.build(_call_rpc, codec.decode)


def _call_rpc(context: QueryContext, message: Message) -> Message:
    context.count(_ELEMENTS_PER_REQUEST)
    answer = respond(context.backend, type(message).__name__, message, context.request)
    return codec.unrendered(answer)


def _check_limits(document: DocumentNode, limits: GraphqlLimits) -> None:
    """Raise ``GraphQLError`` if a query exceeds a limit. A fragment counts at each place that spreads it."""
    fragments = {
        part.name.value: part for part in document.definitions if isinstance(part, FragmentDefinitionNode)
    }
    root_fields = max_aliases = selections = 0
    levels = [
        (part.selection_set, 1) for part in document.definitions if isinstance(part, OperationDefinitionNode)
    ]
    while levels:
        level, depth = levels.pop()
        if depth > _MAX_DEPTH:
            raise GraphQLError(f"Query exceeds maximum depth of {_MAX_DEPTH}")
        fields = _fields(level, fragments)
        max_aliases = max(max_aliases, sum(field.alias is not None for field in fields))
        root_fields += len(fields) if depth == 1 else 0
        selections += len(fields)
        if selections > _MAX_SELECTIONS:
            raise GraphQLError(f"Query exceeds maximum total selections of {_MAX_SELECTIONS}")
        levels += [(field.selection_set, depth + 1) for field in fields if field.selection_set]
    for noun, count, limit in (
        ("root fields", root_fields, limits.root_fields),
        ("aliases", max_aliases, limits.aliases),
    ):
        if count > limit:
            raise GraphQLError(
                f"GraphQL queries should have at most {limit} {noun}, got {count} {noun}. "
                f"To increase the limit, set the {_LIMIT_VARIABLES[noun]} environment variable."
            )


def _fields(level: SelectionSetNode, fragments: dict[str, FragmentDefinitionNode]) -> list[FieldNode]:
    """Return the fields of one level, with those of its fragments. A fragment is expanded once per level."""
    fields: list[FieldNode] = []
    seen_fragments: set[str] = set()
    unvisited = [level]
    while unvisited:
        for selection in unvisited.pop().selections:
            if isinstance(selection, FieldNode):
                fields.append(selection)
            elif isinstance(selection, InlineFragmentNode):
                unvisited.append(selection.selection_set)
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in seen_fragments:
                seen_fragments.add(selection.name.value)
                if fragment := fragments.get(selection.name.value):
                    unvisited.append(fragment.selection_set)
    return fields

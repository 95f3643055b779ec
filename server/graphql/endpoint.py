"""``/graphql``: what a few of the UI's pages ask for, answered by the handlers of the REST endpoints.

Imported at the first query, as graphql-core takes 120 ms. As in MLflow every answer is 200, with texts
in ``errors``, and what a query may ask for is bounded before it is looked at more closely.
"""

from __future__ import annotations

import json
import logging
from functools import lru_cache
from typing import Any, NamedTuple

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
_MAX_BODY = 4 * 1024 * 1024
# Validation takes 0.9 ms, execution of a small query 0.02 ms; the UI has some ten queries.
_REMEMBERED = 128
_VARIABLES = {
    "root fields": "MLFLOW_SERVER_GRAPHQL_MAX_ROOT_FIELDS",
    "aliases": "MLFLOW_SERVER_GRAPHQL_MAX_ALIASES",
}


class QueryContext(NamedTuple):
    """Who asks: what resolvers have beside their arguments."""

    backend: Backend
    request: Request


def answer(backend: Backend, request: Request) -> Answer:
    limit = min(backend.config.max_request_size, _MAX_BODY)
    query, variables, operation = _read(request.environ, limit)
    return _answer(*_run(query, variables, operation, QueryContext(backend, request)))


def _answer(data: Any, problems: list[str] | None) -> Answer:
    return Answer(200, [JSON_TYPE], json.dumps({"data": data, "errors": problems}).encode())


def _read(environ: Environ, limit: int) -> tuple[str, dict[str, Any] | None, str | None]:
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
        raise errors.InvalidParameter("'variables' must be a JSON object and 'operationName' a text.")
    return query, variables, operation


def _parse_variables(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise errors.InvalidParameter("'variables' must be a JSON object.") from None


def _run(
    query: str, variables: dict[str, Any] | None, operation: str | None, context: QueryContext
) -> tuple[Any, list[str] | None]:
    try:
        document = _document(query, context.backend.config.variables.graphql)
    except GraphQLError as error:
        return None, [error.message]
    except _Invalid as invalid:
        return None, list(invalid.args)
    except RecursionError:
        return None, [f"Query exceeds maximum depth of {_MAX_DEPTH}"]
    done = execute_sync(
        _schema(), document, context_value=context, variable_values=variables, operation_name=operation
    )
    return done.data, [_error_text(error, context) for error in done.errors] if done.errors else None


def _error_text(error: GraphQLError, context: QueryContext) -> str:
    original = error.original_error
    if original is None or isinstance(original, errors.ApiError):
        return error.message
    log.error("A GraphQL field failed", exc_info=original, extra={"request_id": context.request.id})
    return "Something went wrong in the server; its log has more under this request's id."


class _Invalid(Exception):
    """A query that the schema does not know; the arguments are what is wrong with it."""


@lru_cache(_REMEMBERED)
def _document(query: str, limits: GraphqlLimits) -> DocumentNode:
    """The query, parsed and found valid. Only such ones are remembered, as an exception is not."""
    document = parse(query, no_location=True, max_tokens=_MAX_TOKENS)
    _check_limits(document, limits)
    problems = validate(_schema(), document)
    if problems:
        raise _Invalid(*[problem.message for problem in problems])
    return document


@lru_cache(1)
def _schema() -> Any:
    return schema.build(_call_rpc, codec.decode)


def _call_rpc(context: QueryContext, message: Message) -> Message:
    answer = respond(context.backend, type(message).__name__, message, context.request)
    return codec.unrendered(answer)


def _check_limits(document: DocumentNode, limits: GraphqlLimits) -> None:
    """Raise where a query asks for too much. Fragments count where they are spread."""
    fragments = {
        part.name.value: part for part in document.definitions if isinstance(part, FragmentDefinitionNode)
    }
    root_fields = most_aliases = selections = 0
    levels = [
        (part.selection_set, 1) for part in document.definitions if isinstance(part, OperationDefinitionNode)
    ]
    while levels:
        level, depth = levels.pop()
        if depth > _MAX_DEPTH:
            raise GraphQLError(f"Query exceeds maximum depth of {_MAX_DEPTH}")
        fields = _fields(level, fragments)
        most_aliases = max(most_aliases, sum(field.alias is not None for field in fields))
        root_fields += len(fields) if depth == 1 else 0
        selections += len(fields)
        if selections > _MAX_SELECTIONS:
            raise GraphQLError(f"Query exceeds maximum total selections of {_MAX_SELECTIONS}")
        levels += [(field.selection_set, depth + 1) for field in fields if field.selection_set]
    for noun, count, limit in (
        ("root fields", root_fields, limits.root_fields),
        ("aliases", most_aliases, limits.aliases),
    ):
        if count > limit:
            raise GraphQLError(
                f"GraphQL queries should have at most {limit} {noun}, got {count} {noun}. "
                f"To increase the limit, set the {_VARIABLES[noun]} environment variable."
            )


def _fields(level: SelectionSetNode, fragments: dict[str, FragmentDefinitionNode]) -> list[FieldNode]:
    """The fields of one level, those of its fragments included, each fragment once."""
    fields: list[FieldNode] = []
    spread: set[str] = set()
    waiting = [level]
    while waiting:
        for selection in waiting.pop().selections:
            if isinstance(selection, FieldNode):
                fields.append(selection)
            elif isinstance(selection, InlineFragmentNode):
                waiting.append(selection.selection_set)
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in spread:
                spread.add(selection.name.value)
                if fragment := fragments.get(selection.name.value):
                    waiting.append(fragment.selection_set)
    return fields

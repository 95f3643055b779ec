"""The way of every RPC: decode, name the caller, one transaction, permission, handler, audit, encode.

Works on WSGI environs and plain tuples, not on Flask's objects, so that the hot paths need none.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from http import HTTPStatus
from typing import Any, Literal, NamedTuple, TypeVar

from trackway.client_compat import codec, errors
from trackway.client_compat import messages as m
from trackway.client_compat.wire import Endpoint, Message
from trackway.storage import audit
from trackway.storage.database import Database, ReadReplica, Tx

from . import request_body
from .auth.identity import Identity, identify
from .auth.policy import Permission
from .backend import Backend
from .config import Config
from .edge import waiting
from .request_body import Environ as Environ

log = logging.getLogger("trackway.server")

Headers = list[tuple[str, str]]
# A "search" reads lists, which may be a moment old: it goes to the read replica where there is one.
Transaction = Literal["read", "search", "write", "none"]
PathValues = Mapping[str, str]
M = TypeVar("M", bound=Message)
R = TypeVar("R", bound=Message)
T = TypeVar("T")
Run = Callable[[Callable[[Tx], Any], bool, str], Any]

JSON_TYPE = ("Content-Type", "application/json")
NO_PATH_VALUES: PathValues = {}


class Answer(NamedTuple):
    status: int
    headers: Headers
    body: bytes


class Context:
    """What a handler has besides its request."""

    __slots__ = ("_run", "_tx", "backend", "config", "identity", "path_values", "request_id")

    def __init__(
        self,
        backend: Backend,
        tx: Tx | None,
        identity: Identity,
        request_id: str,
        run: Run | None = None,
        path_values: PathValues = NO_PATH_VALUES,
    ) -> None:
        self.backend = backend
        self.config: Config = backend.config
        self.identity = identity
        self.path_values = path_values
        self.request_id = request_id
        self._tx = tx
        self._run = run

    @property
    def tx(self) -> Tx:
        if self._tx is None:
            raise RuntimeError("This handler declared that it needs no transaction.")
        return self._tx

    def run(self, work: Callable[[Tx], T], *, write: bool, target: str = "") -> T:
        """For a handler without a transaction, which looks something up elsewhere first: have one now.

        A write returns the response: the audit reads from it what was written, unless ``target`` says.
        """
        if self._run is None:
            raise RuntimeError("This handler is within a transaction already.")
        result: T = self._run(work, write, target)
        return result


class Registered(NamedTuple):
    call: Callable[[Context, Any], Message]
    can: Permission
    transaction: Transaction


HANDLERS: dict[type[Message], Registered] = {}


def handles(
    message: type[M], *, can: Permission, transaction: Transaction | None = None
) -> Callable[[Callable[[Context, M], R]], Callable[[Context, M], R]]:
    """Make a function the handler of an RPC, named by its request message.

    The transaction follows from the permission's verb; say ``transaction="none"`` for a handler that
    needs no store, and ``"search"`` for one whose answer nobody expects to hold what they have just
    written.
    A handler may run twice when its transaction lost a race, so it must not change its request.
    """
    if not isinstance(can, Permission):
        raise TypeError(f"The handler of {message.__qualname__} declares no permission: can=policy...")

    def register(function: Callable[[Context, M], R]) -> Callable[[Context, M], R]:
        if message in HANDLERS:
            raise ValueError(f"{message.__qualname__} has two handlers.")
        kind = transaction or ("write" if can.writes else "read")
        HANDLERS[message] = Registered(function, can, kind)
        return function

    return register


def handler_of(endpoint: Endpoint) -> Registered | None:
    return HANDLERS.get(endpoint.loaded or Message)


class Rpc:
    """One endpoint, with all that can be known before a request comes."""

    __slots__ = ("_handler", "_message", "_name", "endpoint")

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._name = endpoint.rpc
        self._handler = handler_of(endpoint)
        self._message = endpoint.request if self._handler else Message

    def answer(
        self,
        backend: Backend,
        environ: Environ,
        request_id: str,
        path_values: PathValues = NO_PATH_VALUES,
    ) -> Answer:
        """Do the RPC. Never raises: whatever goes wrong is an answer, too."""
        try:
            return Answer(200, [JSON_TYPE], self._perform(backend, environ, request_id, path_values))
        except errors.ApiError as error:
            return error_answer(error, request_id)
        except Exception:
            return unexpected_answer(environ, request_id)

    def _perform(self, backend: Backend, environ: Environ, request_id: str, path_values: PathValues) -> bytes:
        if self._handler is None:
            raise errors.NotImplementedYet(f"{self._name} is not implemented by this server.")
        identity = identify(environ)
        query = environ.get("QUERY_STRING") if environ["REQUEST_METHOD"] in ("GET", "HEAD") else None
        # Before its turn: a body may be long in coming.
        body = b"" if query else request_body.read_json_body(environ, backend.config.max_request_size)
        with request_body.in_turn(body):
            request = self._decode(query, body, path_values)
            return codec.dumps(respond(backend, self._name, request, identity, request_id, path_values))

    def _decode(self, query: str | None, body: bytes, path_values: PathValues) -> Message:
        try:
            if query:
                pairs = request_body.parse_query(query)
                for variable, value in path_values.items():
                    pairs[self.endpoint.field_of(variable)] = [value]
                return codec.decode_query(self._message, pairs)
            if self._message is m.LogBatch and (batch := request_body.read_batch(body)) is not None:
                return batch
            data: object = request_body.parse(body)
            if path_values:
                request_body.check_storable(dict(path_values))
                data = codec.bind(self.endpoint, data, path_values)
            return codec.decode(self._message, data)
        except RecursionError:
            raise errors.InvalidParameter("The request body is nested too deeply.") from None


def respond(
    backend: Backend,
    rpc: str,
    request: Message,
    identity: Identity,
    request_id: str,
    path_values: PathValues = NO_PATH_VALUES,
) -> Message:
    """What a request's handler answers, after the permission's check and in the transaction it declared."""
    call, can, transaction = HANDLERS[type(request)]
    store = backend.searched if transaction == "search" else backend.database
    run = in_transactions(store, rpc, can, identity, request, request_id)
    if transaction == "none":
        can.check(None, identity, request)
        return call(Context(backend, None, identity, request_id, run, path_values), request)

    def handle(tx: Tx) -> Message:
        return call(Context(backend, tx, identity, request_id), request)

    with waiting.for_database() if transaction == "search" else nullcontext():
        response: Message = run(handle, transaction == "write", "")
    return response


def in_transactions(
    store: Database | ReadReplica,
    rpc: str,
    can: Permission,
    identity: Identity,
    request: Message,
    request_id: str,
) -> Run:
    """A function that does work in a transaction of this request, after the check and with the audit."""

    def run(work: Callable[[Tx], Any], write: bool, target: str) -> Any:
        def checked(tx: Tx) -> Any:
            can.check(tx, identity, request)
            response = work(tx)
            if write:
                audit.record(tx, rpc, target or can.target(request, response))
            return response

        return store.run(
            checked,
            write=write,
            workspace=identity.workspace,
            user=identity.user,
            request_id=request_id,
        )

    return run


def error_answer(error: errors.ApiError, request_id: str) -> Answer:
    if error.status >= 500 and not isinstance(error, errors.NotImplementedYet | errors.FeatureDisabled):
        log.error(
            "%s: %s",
            error.error_code,
            error.told_to_operators(),
            extra={"request_id": request_id},
            # What is out of reach is told in the message; a stack per request would flood the log meanwhile.
            exc_info=None if isinstance(error, errors.Unavailable) else error.__cause__,
        )
    body = json.dumps(error.to_json(request_id)).encode()
    return Answer(error.status, [JSON_TYPE, *error.headers.items()], body)


def unexpected_answer(environ: Environ, request_id: str) -> Answer:
    """For a fault of the server's own: told to the log with all, to the client without."""
    log.exception(
        "%s %s failed", environ["REQUEST_METHOD"], environ["PATH_INFO"], extra={"request_id": request_id}
    )
    told = errors.Internal("Something went wrong in the server; its log has more under this request id.")
    return Answer(500, [JSON_TYPE], json.dumps(told.to_json(request_id)).encode())


def status_line(status: int) -> str:
    line = _STATUS_LINES.get(status)
    return line or f"{status} Unknown"


_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}

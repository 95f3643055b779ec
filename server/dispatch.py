"""The way of every RPC: decode, one transaction, permission, handler, audit, encode.

Works on WSGI environs and plain tuples, not on Flask's objects, so that the hot paths need none.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, Literal, NamedTuple, TypeVar, cast

from trackway.client_compat import codec, errors
from trackway.client_compat import messages as m
from trackway.client_compat.wire import Endpoint, Message
from trackway.storage import audit
from trackway.storage.database import Tx

from . import request_body
from .auth.identity import Identity
from .auth.policy import Permission
from .backend import Backend
from .config import Config
from .edge import waiting
from .edge.router import PathValues, Request
from .responses import JSON_TYPE, Answer

# A "search" reads lists, which may be a moment old: it goes to the read replica where there is one.
Transaction = Literal["read", "search", "write", "none"]
M = TypeVar("M", bound=Message)
R = TypeVar("R", bound=Message)
T = TypeVar("T")


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
    written. A handler may run twice when its transaction lost a race, so it must not change its request.
    """
    if not isinstance(can, Permission):
        raise TypeError(f"The handler of {message.__qualname__} declares no permission: can=policy...")

    def register(function: Callable[[Context, M], R]) -> Callable[[Context, M], R]:
        if message in HANDLERS:
            raise ValueError(f"{message.__qualname__} has two handlers.")
        HANDLERS[message] = Registered(function, can, transaction or ("write" if can.writes else "read"))
        return function

    return register


def handler_of(endpoint: Endpoint) -> Registered | None:
    return HANDLERS.get(endpoint.loaded or Message)


class Context:
    """What a handler has besides its request's message."""

    __slots__ = ("_transactions", "_tx", "backend", "config", "request")

    def __init__(self, work: Transactions, tx: Tx | None = None) -> None:
        self.backend = work.backend
        self.config: Config = work.backend.config
        self.request = work.request
        self._transactions = work
        self._tx = tx

    @property
    def identity(self) -> Identity:
        return self.request.identity

    @property
    def path_values(self) -> PathValues:
        return self.request.path_values

    @property
    def tx(self) -> Tx:
        if self._tx is None:
            raise RuntimeError("This handler declared that it needs no transaction.")
        return self._tx

    def run(self, work: Callable[[Tx], T], *, write: bool, target: str = "") -> T:
        """For a handler without a transaction, which looks something up elsewhere first: have one now.

        A write returns the response: the audit reads from it what was written, unless ``target`` says.
        """
        if self._tx is not None:
            raise RuntimeError("This handler is within a transaction already.")
        return self._transactions.run(work, write=write, target=target)


class Transactions:
    """The transactions of one request: the permission's check comes first, a write leaves an audit row."""

    __slots__ = ("_can", "_message", "_rpc", "backend", "request")

    def __init__(
        self, backend: Backend, rpc: str, can: Permission, message: Message, request: Request
    ) -> None:
        self.backend = backend
        self.request = request
        self._rpc = rpc
        self._can = can
        self._message = message

    def authorize(self) -> None:
        """Check the permission, for a handler that begins without a transaction."""
        identity = self.request.identity
        if identity.is_unrestricted:
            self._can.check(None, identity, self._message)
        else:
            self.run(lambda tx: None, write=False)

    def run(self, work: Callable[[Tx], T], *, write: bool, target: str = "", is_search: bool = False) -> T:
        can, message, (_, request_id, identity, _) = self._can, self._message, self.request

        def checked(tx: Tx) -> T:
            can.check(tx, identity, message)
            result = work(tx)
            if write:
                audit.record(tx, self._rpc, target or can.target(message, cast(Message, result)))
            return result

        store = self.backend.searched if is_search else self.backend.database
        return store.run(
            checked, write=write, workspace=identity.workspace, user=identity.user, request_id=request_id
        )


class Rpc:
    """One endpoint, with all that can be known before a request comes."""

    __slots__ = ("_backend", "_endpoint", "_handler", "_message")

    streams = False

    def __init__(self, backend: Backend, endpoint: Endpoint) -> None:
        self._backend = backend
        self._endpoint = endpoint
        self._handler = handler_of(endpoint)
        self._message = endpoint.request if self._handler else Message

    def answer(self, request: Request) -> Answer:
        if self._handler is None:
            raise errors.NotImplementedYet(f"{self._endpoint.rpc} is not implemented by this server.")
        environ = request.environ
        query = environ.get("QUERY_STRING") if environ["REQUEST_METHOD"] in ("GET", "HEAD") else None
        # Before its turn: a body may be long in coming.
        body = b"" if query else request_body.read_json_body(environ, self._backend.config.max_request_size)
        with request_body.large_body_slot(body):
            message = self._decode(query, body, request.path_values)
            response = respond(self._backend, self._endpoint.rpc, message, request)
            return Answer(200, [JSON_TYPE], codec.dumps(response))

    def _decode(self, query: str | None, body: bytes, path_values: PathValues) -> Message:
        try:
            if query:
                pairs = request_body.parse_query(query)
                for variable, value in path_values.items():
                    pairs[self._endpoint.field_of(variable)] = [value]
                return codec.decode_query(self._message, pairs)
            if self._message is m.LogBatch and (batch := request_body.read_batch(body)) is not None:
                return batch
            data: object = request_body.parse(body)
            if path_values:
                request_body.check_storable(dict(path_values))
                data = codec.bind(self._endpoint, data, path_values)
            return codec.decode(self._message, data)
        except RecursionError:
            raise errors.InvalidParameter("The request body is nested too deeply.") from None


def respond(backend: Backend, rpc: str, message: Message, request: Request) -> Message:
    """What a message's handler answers, after the permission's check and in the transaction it declared."""
    call, can, transaction = HANDLERS[type(message)]
    work = Transactions(backend, rpc, can, message, request)
    if transaction == "none":
        work.authorize()
        return call(Context(work), message)
    is_search = transaction == "search"
    with waiting.for_database() if is_search else nullcontext():
        return work.run(
            lambda tx: call(Context(work, tx), message), write=transaction == "write", is_search=is_search
        )

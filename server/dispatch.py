"""The steps of every RPC: decode, transaction, permission, handler, audit, encode.

The code uses WSGI environs and plain tuples instead of Flask's request objects, since those would slow down
the frequent requests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, Literal, NamedTuple, TypeVar, cast

from trackway.client_compat import codec, errors, paging, quirks, unserved
from trackway.client_compat import messages as m
from trackway.client_compat.wire import Endpoint, Message
from trackway.storage import audit
from trackway.storage.access import owners
from trackway.storage.audit import Origin
from trackway.storage.database import Tx
from trackway.storage.governance import verdicts
from trackway.storage.search.visible import (
    ALL_MODELS,
    EVERYTHING,
    NOTHING,
    ShownRuns,
    Visible,
    VisibleModels,
)

from . import request_body
from .auth import policy, redaction, shared
from .auth.identity import Identity, origin_of
from .auth.policy import Permission
from .auth.rights import Rights
from .backend import Backend
from .config import Config
from .edge import waiting
from .edge.router import PathValues, Request
from .responses import JSON_TYPE, Answer
from .usage import Uses

# A "search" reads lists that may be slightly out of date: it uses the read replica if one is configured.
Transaction = Literal["read", "search", "write", "none"]
# The web UI sends its requests to paths below this one, clients to those below "/api".
UI_MOUNT = "/ajax-api"
M = TypeVar("M", bound=Message)
R = TypeVar("R", bound=Message)
T = TypeVar("T")


class Registered(NamedTuple):
    """A handler, the permission it needs and the kind of its transaction."""

    call: Callable[[Context, Any], Message]
    can: Permission
    transaction: Transaction
    appends: Callable[[Any], bool]
    uses: Uses | None = None


HANDLERS: dict[type[Message], Registered] = {}


def _never(_message: Message) -> bool:
    return False


def handles(
    message: type[M],
    *,
    can: Permission,
    transaction: Transaction | None = None,
    appends: Callable[[M], bool] = _never,
    uses: Uses | None = None,
) -> Callable[[Callable[[Context, M], R]], Callable[[Context, M], R]]:
    """Return a decorator that registers a function as the handler of a request message.

    By default the permission's verb decides the kind of transaction: "read" or "write". Pass
    ``transaction="none"`` for a handler that needs no database or opens its own transactions with
    ``Context.run``, and ``"search"`` for a handler whose response may lack the client's latest writes.
    ``appends`` says of a request whether it only appends data that has a time of its own: such requests get
    one audit row a minute (``audit.record_append``). ``uses`` says what a request adds to what its workspace
    uses, for quotas.

    A transaction that conflicts with another one is retried, so a handler may run twice and must not change
    its request. Raise ``TypeError`` if ``can`` is no ``Permission`` and ``ValueError`` if the message has a
    handler already.
    """
    if not isinstance(can, Permission):
        raise TypeError(
            f"The handler of {message.__qualname__} declares no permission; pass can=policy.<permission>."
        )

    def register(function: Callable[[Context, M], R]) -> Callable[[Context, M], R]:
        if message in HANDLERS:
            raise ValueError(f"{message.__qualname__} already has a handler.")
        kind = transaction or ("write" if can.writes else "read")
        HANDLERS[message] = Registered(function, can, kind, appends, uses)
        return function

    return register


def handler_of(endpoint: Endpoint) -> Registered | None:
    """Return the endpoint's handler, or None if it is not implemented."""
    return HANDLERS.get(endpoint.loaded or Message)


class Context:
    """The first argument of a handler: settings, identity, path values and transaction of the request."""

    __slots__ = ("_transactions", "_tx", "backend", "config")

    def __init__(self, transactions: Transactions, tx: Tx | None = None) -> None:
        self.backend = transactions.backend
        self.config: Config = transactions.backend.config
        self._transactions = transactions
        self._tx = tx

    @property
    def request(self) -> Request:
        return self._transactions.request

    @property
    def identity(self) -> Identity:
        return self.request.identity

    @property
    def _restricting_rights(self) -> Rights | None:
        """The rights that limit what the caller may read; None when nothing does."""
        return None if self.identity.is_unrestricted else self.identity.rights

    @property
    def visible_experiments(self) -> Visible:
        """The experiments that the caller may read."""
        rights = self._restricting_rights
        return EVERYTHING if rights is None else rights.visible("experiment")

    @property
    def visible_versions(self) -> VisibleModels:
        """The registered models and prompts whose versions the caller may read."""
        rights, found = self._restricting_rights, self.visible_models
        if rights is None:
            return found
        return VisibleModels(
            NOTHING if rights.denies("registered_model_version") else found.models,
            NOTHING if rights.denies("prompt_version") else found.prompts,
        )

    @property
    def visible_models(self) -> VisibleModels:
        """The registered models and prompts that the caller may read."""
        rights = self._restricting_rights
        if rights is None:
            return ALL_MODELS
        return VisibleModels(rights.visible("registered_model"), rights.visible("prompt"))

    def readable(self, experiment_ids: Sequence[str], tier: str) -> Sequence[str]:
        """Return those of the experiments whose runs or logged models (``tier``) the caller may read."""
        rights = self._restricting_rights
        return experiment_ids if rights is None else policy.readable(rights, experiment_ids, tier)

    @property
    def shown_runs(self) -> ShownRuns | None:
        """The only runs that searches may find, for the visitors of a share link; None: no such limit."""
        rights = self._restricting_rights
        return shared.shown_runs(rights.link) if rights and rights.link else None

    @property
    def path_values(self) -> PathValues:
        return self.request.path_values

    @property
    def tx(self) -> Tx:
        """The request's transaction. Raise ``RuntimeError`` for a handler with ``transaction="none"``."""
        if self._tx is None:
            raise RuntimeError("This handler has transaction='none'; use ctx.run(...).")
        return self._tx

    def run(self, work: Callable[[Tx], T], *, write: bool, target: str = "") -> T:
        """Run ``work`` in a new transaction and return its result; for handlers with ``transaction="none"``.

        A write is audited. Its audit row names ``target``; without one, ``work`` must return the response
        message, from which the target is derived.
        """
        if self._tx is not None:
            raise RuntimeError("This handler already has a transaction; use ctx.tx.")
        return self._transactions.run(work, write=write, target=target)


class Transactions:
    """Runs the transactions of one request: each checks the permission first, each write is audited."""

    __slots__ = ("_appends", "_can", "_message", "_rpc", "backend", "request")

    def __init__(
        self,
        backend: Backend,
        rpc: str,
        can: Permission,
        message: Message,
        request: Request,
        appends: bool = False,
    ) -> None:
        self.backend = backend
        self.request = request
        self._rpc = rpc
        self._can = can
        self._message = message
        self._appends = appends

    def authorize(self) -> None:
        """Check the permission before a handler that has no transaction."""
        identity = self.request.identity
        if identity.is_unrestricted:
            self._can.check(None, identity, self._message)
        else:
            self.run(lambda tx: None, write=False)

    def run(self, work: Callable[[Tx], T], *, write: bool, target: str = "", is_search: bool = False) -> T:
        """Check the permission, call ``work`` and audit a write, in one transaction. Return the result.

        The caller's permissions may be those of a moment ago. A request that they do not allow is tried again
        with the present ones: whoever creates an experiment creates a run in it next.
        """
        try:
            return self._run(work, write=write, target=target, is_search=is_search)
        except errors.PermissionDenied:
            if not self._identify_anew():
                raise
            return self._run(work, write=write, target=target, is_search=is_search)

    def _identify_anew(self) -> bool:
        """Read the caller's permissions again. Return whether they may have changed."""
        gate, identity = self.backend.gate, self.request.identity
        if gate is None or identity.principal is None:
            return False
        found = gate.identify_anew(self.request.environ)
        if isinstance(found, Answer) or found is identity:
            return False
        self.request = self.request._replace(identity=found)
        return True

    def _run(self, work: Callable[[Tx], T], *, write: bool, target: str, is_search: bool) -> T:
        can, message, (_, request_id, identity, path_values) = self._can, self._message, self.request

        def authorized_work(tx: Tx) -> T:
            can.check(tx, identity, message, path_values, self.backend.artifacts)
            result = work(tx)
            if write and can.gives and identity.principal:
                resource_id = can.target(message, cast(Message, result)).partition(":")[2]
                owners.give(tx, identity.principal.id, can.gives(message), resource_id)
            if write:
                done_to = target or can.target(message, cast(Message, result))
                if self._appends:
                    audit.record_append(tx, self._rpc, done_to, self._origin)
                else:
                    audit.record(tx, self._rpc, done_to, self._origin())
            return result

        database = self.backend.search_database if is_search else self.backend.database
        return database.run(
            authorized_work,
            write=write,
            workspace=identity.workspace,
            user=identity.user,
            request_id=request_id,
        )

    def _origin(self) -> Origin:
        return origin_of(self.request.identity, self.request.environ)

    def refused(self, error: errors.PermissionDenied | errors.QuotaExceeded) -> None:
        """Have the audit tell that the request was refused."""
        _, request_id, identity, _ = self.request
        if isinstance(error, verdicts.Refused):
            self.backend.database.run(
                error.keep,
                write=True,
                workspace=identity.workspace,
                user=identity.user,
                request_id=request_id,
            )
        self.backend.refusals.add(
            workspace=identity.workspace,
            user=identity.user,
            request_id=request_id,
            action=self._rpc,
            target=self._can.target(self._message, Message()),
            origin=self._origin(),
            outcome=audit.OVER_QUOTA if isinstance(error, errors.QuotaExceeded) else audit.DENIED,
            reason=error.message,
        )


class Rpc:
    """The responder of one RPC. It looks up its handler and message class once, not at each request."""

    __slots__ = ("_backend", "_endpoint", "_handler", "_max_body", "_message", "_status")

    streams = False

    def __init__(self, backend: Backend, endpoint: Endpoint) -> None:
        self._backend = backend
        self._endpoint = endpoint
        self._handler = handler_of(endpoint)
        self._status = quirks.STATUSES.get(endpoint.rpc, 200)
        self._message = endpoint.request if self._handler else Message
        self._max_body = request_body.max_body_bytes(backend.config, self._message)

    def answer(self, request: Request) -> Answer:
        if self._handler is None:
            raise errors.NotServed(self._endpoint.rpc, unserved.area_of(self._endpoint.path))
        environ = request.environ
        query = environ.get("QUERY_STRING") if environ["REQUEST_METHOD"] in ("GET", "HEAD") else None
        if query:
            return self._respond(request, query, b"")
        limit = self._max_body
        with self._backend.body_budget.reservation(environ) as reservation:
            # The body is read before the slot is taken, since a slow client may take long to send it.
            body = request_body.read_json_body(environ, limit, reservation)
            request_body.check_value_count(body)
            with request_body.large_body_slot(body):
                return self._respond(request, None, body)

    def _respond(self, request: Request, query: str | None, body: bytes) -> Answer:
        message = self._decode(query, body, request.path_values)
        try:
            response = respond(self._backend, self._endpoint.rpc, message, request)
        except paging.TokenOfAnotherQuery:
            if not request.environ["PATH_INFO"].startswith(UI_MOUNT):
                raise
            # If the user sorts or filters a list on a later page, the UI sends the token of the old list. An
            # error would take the place of the list.
            cast(Any, message).page_token = None
            response = respond(self._backend, self._endpoint.rpc, message, request)
        if self._status == 204:
            return Answer(204, [], b"")
        return Answer(self._status, [JSON_TYPE], codec.dumps(response))

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
            raise request_body.nested_too_deeply() from None


def respond(backend: Backend, rpc: str, message: Message, request: Request) -> Message:
    """Call the message's handler in the transaction that it declared, and return its response message.

    The permission is checked first. What the caller is denied is left out of the response.
    """
    response = _handled(backend, rpc, message, request)
    rights = request.identity.rights
    if rights and rights.hidden:
        response = redaction.withhold(response, rights.hidden)
    return shared.withhold(response, rights.link) if rights and rights.link else response


def _handled(backend: Backend, rpc: str, message: Message, request: Request) -> Message:
    call, can, transaction, appends, uses = HANDLERS[type(message)]
    transactions = Transactions(backend, rpc, can, message, request, appends(message))
    amount = uses.amount(message) if uses else 0
    workspace = request.identity.workspace
    try:
        if uses and amount:
            backend.usage.check(workspace, uses.kind, amount, request.environ)
        if transaction == "none":
            transactions.authorize()
            response = call(Context(transactions), message)
        else:
            is_search = transaction == "search"
            with waiting.for_database() if is_search else nullcontext():
                response = transactions.run(
                    lambda tx: call(Context(transactions, tx), message),
                    write=transaction == "write",
                    is_search=is_search,
                )
    except (errors.PermissionDenied, errors.QuotaExceeded) as error:
        transactions.refused(error)
        raise
    if uses and amount:
        backend.usage.add(workspace, uses.kind, amount)
    return response

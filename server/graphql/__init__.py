"""``/graphql``, which some of MLflow's pages use.

- ``endpoint``: limits and execution of queries
- ``schema``: the schema, made from the messages of the protocol
"""

from trackway.server.backend import Backend
from trackway.server.edge.router import Request
from trackway.server.responses import Answer


class Graphql:
    """The responder. It imports ``endpoint`` with the first query, since graphql-core takes 120 ms."""

    streams = False

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def answer(self, request: Request) -> Answer:
        from .endpoint import answer

        return answer(self._backend, request)

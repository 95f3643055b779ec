"""``/graphql``, of which MLflow's pages ask some things."""

from trackway.server.backend import Backend
from trackway.server.edge.router import Request
from trackway.server.responses import Answer


class Graphql:
    """The responder; what it needs is imported with the first query, as graphql-core takes 120 ms."""

    streams = False

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def answer(self, request: Request) -> Answer:
        from .endpoint import answer

        return answer(self._backend, request)

"""What several API tests ask for by name."""

from __future__ import annotations

import pytest

from tests.services import TrackwayServer


@pytest.fixture
def serve(store_uri, tmp_path):
    """Start a server with options; it ends with the test."""
    started = []

    def start(*options, **environment):
        server = TrackwayServer(tmp_path / f"server-{len(started)}", store_uri, options, environment)
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.kill()

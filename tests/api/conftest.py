"""Servers with artifacts."""

from __future__ import annotations

import pytest

from trackway.server.app import create_app
from trackway.server.config import Config


@pytest.fixture(params=["folder", "s3"])
def store_api(request, store_uri, tmp_path, monkeypatch):
    """A client of a server on each kind of store."""
    destination = str(tmp_path / "artifacts")
    if request.param == "s3":
        object_store = request.getfixturevalue("object_store")
        for name, value in object_store.environment.items():
            monkeypatch.setenv(name, value)
        destination = f"s3://{object_store.bucket()}/prefix"
    with client(store_uri, destination) as api:
        yield api


@pytest.fixture
def folder_api(store_uri, tmp_path):
    with client(store_uri, str(tmp_path / "artifacts")) as api:
        yield api


@pytest.fixture
def s3_api(store_uri, object_store, monkeypatch):
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    with client(store_uri, f"s3://{object_store.bucket()}") as api:
        yield api


def client(store_uri, destination, **settings):
    config = Config(backend_store_uri=store_uri, artifacts_destination=destination, **settings)
    return create_app(config, start_jobs=False).test_client()

"""Artifact stores: ``store`` is a folder and then a bucket, ``folder_store`` and ``s3_store`` one of them."""

from __future__ import annotations

import os

import pytest

from trackway.storage.artifacts import open_store
from trackway.storage.artifacts.s3_settings import S3Settings


@pytest.fixture(params=["folder", "s3"])
def store(request, tmp_path):
    if request.param == "folder":
        return open_store(str(tmp_path / "artifacts"))
    return request.getfixturevalue("s3_store")


@pytest.fixture
def folder_store(tmp_path):
    return open_store(str(tmp_path / "artifacts"))


@pytest.fixture
def s3_store(object_store, monkeypatch):
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    return open_store(f"s3://{object_store.bucket()}/some/prefix", S3Settings.read(os.environ))

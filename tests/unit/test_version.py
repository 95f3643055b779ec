"""Clients switch features on and off by the version that they are told."""

from importlib.metadata import version

from trackway.client_compat import endpoints
from trackway.server.version import MLFLOW_VERSION


def test_the_version_we_tell_is_the_one_the_endpoints_come_from():
    assert version("mlflow") == MLFLOW_VERSION
    assert endpoints.__doc__
    assert f"MLflow {MLFLOW_VERSION} " in endpoints.__doc__

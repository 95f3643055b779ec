"""The version of MLflow that clients are told they talk to; they switch features on and off by it."""

MLFLOW_VERSION = "3.17.2"

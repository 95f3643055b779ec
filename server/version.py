"""The MLflow version that this server reports. Clients enable and disable features by it."""

MLFLOW_VERSION = "3.17.2"

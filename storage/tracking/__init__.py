"""Experiments, runs and everything logged to them, and logged models.

- ``experiments``: experiments and their tags; the lock on an experiment that gets a run or model
- ``runs``: read, search, change, delete and restore runs; their tags and params
- ``run_creation``: create a run with its first tags
- ``run_locks``: the lock on a run's row that every write to the run takes first
- ``run_json``: runs as messages and as cached JSON text
- ``metrics``: log metrics of runs and read their history
- ``metric_points``: the statements that store points and move the latest value forward
- ``inputs``: datasets and logged models that runs read, and logged models that they created
- ``logged_models``: logged models of MLflow 3, their params and tags
- ``verified_tags``: tags of runs that only the server sets
- ``logged_model_metrics``: metrics that runs logged for logged models
"""

"""Handlers of the tracking API. The import of this package registers them.

- ``experiments``: experiments and their tags
- ``runs``: runs, their tags and params, batches
- ``metrics``: log a metric, read histories
- ``inputs``: datasets and logged models that runs read or create
- ``logged_models``: logged models, their params and tags
"""

from . import experiments, inputs, logged_models, metrics, runs

__all__ = ["experiments", "inputs", "logged_models", "metrics", "runs"]

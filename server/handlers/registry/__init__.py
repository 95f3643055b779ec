"""Handlers of the model registry. The import of this package registers them.

- ``registered_models``: registered models, their tags and aliases
- ``model_versions``: model versions, their stages and tags
- ``history``: the history of registered models
"""

from . import history, model_versions, registered_models

__all__ = ["history", "model_versions", "registered_models"]

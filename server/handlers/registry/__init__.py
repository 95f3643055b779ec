"""Handlers of the model registry: importing it registers them."""

from . import history, model_versions, registered_models

__all__ = ["history", "model_versions", "registered_models"]

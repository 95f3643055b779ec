"""Handlers of experiments, runs and what is logged to them: importing it registers them."""

from . import experiments, inputs, logged_models, metrics, runs

__all__ = ["experiments", "inputs", "logged_models", "metrics", "runs"]

"""Experiments, runs and what is logged to them, logged models included."""

"""Trackway beside MLflow's own server and FastTrackML: ``python -m benchmarks --help``."""

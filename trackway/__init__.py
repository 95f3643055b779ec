"""Trackway: a tracking server and model registry that speaks MLflow's protocol.

The parts live at the top level of the repository (``server/``, ``storage/``,
``client_compat/``); the links beside this file, and ``sources`` in
``pyproject.toml``, make them ``trackway.server`` and so on. Plain names would
clash with any ``server.py`` in the folder that a user happens to work in.
"""

__version__ = "0.1.0"

"""The client board: releases of MLflow's client, each in its own environment, call a Trackway server."""

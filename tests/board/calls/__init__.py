"""The client calls of the board: ``python -m calls URL WEBHOOK_URL``, run with each release of the client.

This package runs in the environment of each client; the oldest one is from 2022. It therefore imports only
the client and its dependencies, and nothing of Trackway. It prints the outcomes as JSON.
"""

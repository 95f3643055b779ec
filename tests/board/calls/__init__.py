"""The client calls of the board: ``python -m calls URL WEBHOOK_URL``, run by each release of the client.

Everything here runs inside the client's own environment, the oldest of which is from 2022: it
imports the client and what the client brings, nothing of ours. Outcomes are printed as JSON.
"""

"""Registered models, their versions, aliases and stages, and the history of all of them."""

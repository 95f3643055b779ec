"""Identities and permissions.

- ``identity``: the caller and the workspace of a request
- ``policy``: the permissions, one for each handler
"""

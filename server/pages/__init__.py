"""Trackway's own pages, below ``/trackway/``, and those of the log-in, below ``/auth/``.

- ``frame``: what all pages have in common: templates, calls of handlers, protection of forms
- ``access``: log-in, set-up of a new server, the caller's API tokens
- ``single_sign_on``: the way to an identity provider, and back
- ``share_links``: the caller's links that show runs
- ``audit``: who did what
- ``models``: registered models and their versions
- ``lanes``: the drawing of aliases over time

A page calls handlers, never the storage, so that it has the permissions and the audit of the API. It is
rendered on the server and works without scripts.
"""

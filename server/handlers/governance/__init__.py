"""Handlers of policies on the model registry. The import of this package registers them.

- ``actors``: who wants a change, as the gates need it
- ``policies``: rules for model versions
- ``verdicts``: what policies say of versions
- ``approvals``: who approves of a version
"""

from . import approvals, policies, verdicts

__all__ = ["approvals", "policies", "verdicts"]

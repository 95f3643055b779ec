"""Governance of the model registry: what a version needs before an alias or a stage may name it.

- ``policies``: rules on a target, such as the alias "production" of some models
- ``gates``: checks a change of the registry against the policies; every such change calls it
- ``facts``: what is known of a version
- ``verdicts``: what policies said of versions
- ``approvals``: who approves of a version, or rejects it
"""

"""The model registry: registered models, their versions, and the history of both.

- ``registered_models``: create, read, search, change and delete registered models
- ``model_versions``: create, read, search, change and delete versions of models
- ``version_sources``: check the source of a new version; find the artifacts of a version
- ``model_rows``: find, lock and update the row of a registered model
- ``aliases``: names of versions that can be moved to another version
- ``stages``: move versions between stages; the newest version of each stage
- ``tags``: tags of models and versions; prompts
- ``history``: one row for each change of a model
"""

"""What the history of a registered model tells, in words: for the command and for the pages."""

from __future__ import annotations

# Text for each kind of change; "@" is replaced by the alias or tag key, "#" by the version.
_TEXTS = {
    "model_created": "model created",
    "model_renamed": "model renamed",
    "model_deleted": "model deleted",
    "model_description_set": "description",
    "model_tag_set": "tag @ set",
    "model_tag_deleted": "tag @ deleted",
    "version_created": "version # created",
    "version_deleted": "version # deleted",
    "version_description_set": "version # description",
    "version_tag_set": "version # tag @ set",
    "version_tag_deleted": "version # tag @ deleted",
    "stage_changed": "version # stage",
    "alias_set": "alias @ set",
    "alias_moved": "alias @ moved",
    "alias_removed": "alias @ removed",
    "policy_overridden": "policy overridden for @",
}


def text_of(action: str, version: str | None, key: str | None) -> str:
    """Return what a change of a registered model is, in words."""
    # The key is inserted last, because it may contain "#" or "@".
    return _TEXTS.get(action, action).replace("#", version or "").replace("@", key or "")

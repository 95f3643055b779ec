"""What a principal's permissions allow: the rules of MLflow 3.17 (``mlflow/server/auth/requirements.py``).

A requirement names the resource types whose permissions may decide it, from the narrowest on, such as "run",
then "experiment". The first type for which the principal has any permission decides, even if a later one
would allow more. Within a type, DENY in any role wins, else the highest level. Without any permission the
server's default level decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from trackway.client_compat.access_rules import ALL, DENY, EDIT, LEVELS, MANAGE, READ, USE
from trackway.storage.search.visible import EVERYTHING, Visible

from .limits import Limits

Action = Literal["read", "use", "update", "delete", "manage", "create", "not_denied"]

_NEEDED: Mapping[Action, int] = {
    "read": READ,
    "use": USE,
    "update": EDIT,
    "delete": MANAGE,
    "manage": MANAGE,
    "create": USE,
    # Anything but DENY.
    "not_denied": DENY + 1,
}


# Of each principal: its permissions are asked for at each request, mostly for the same few experiments.
_MAX_VERDICTS = 1000
_HIDEABLE = ("run", "logged_model", "registered_model_version", "prompt_version", "assessment")


class Rung(NamedTuple):
    """A resource whose permissions may decide a requirement, and the action that they must then allow."""

    resource_type: str
    resource_id: str
    action: Action


class Grant(NamedTuple):
    """A permission as it is stored."""

    resource_type: str
    resource_id: str
    permission: str


class Rights:
    """The permissions of a principal in one workspace, folded."""

    __slots__ = (
        "_all",
        "_default",
        "_limits",
        "_single",
        "hidden",
        "is_workspace_admin",
        "is_workspace_member",
        "link",
        "may_create",
        "verdicts",
    )

    def __init__(
        self,
        granted: Iterable[Grant],
        default: int,
        limits: Limits | None = None,
        *,
        may_create: bool = True,
    ) -> None:
        """``default`` is the level without any permission; positive permissions are never below it.

        What is outside of ``limits`` is not allowed, even to administrators. ``may_create`` says whether who
        is no member of the workspace may create something in it.
        """
        self._default = default
        # What was decided before, by keys of the caller: permissions of an object never change.
        self.verdicts: dict[tuple[int, str], bool] = {}
        self._limits = limits
        # The limits of a share link, None for other callers; see ``shared``.
        self.link = limits if limits is not None and limits.is_link else None
        # Levels by type, for all resources of the type and for single ones.
        self._all: dict[str, int] = {}
        self._single: dict[str, dict[str, int]] = {}
        for resource_type, resource_id, permission in granted:
            level = LEVELS[permission]
            if resource_id == ALL:
                self._all[resource_type] = _folded(self._all.get(resource_type), level)
            else:
                single = self._single.setdefault(resource_type, {})
                single[resource_id] = _folded(single.get(resource_id), level)
        workspace = self._all.get("workspace", DENY)
        self.is_workspace_admin = workspace >= MANAGE
        self.is_workspace_member = workspace >= USE
        self.may_create = may_create or self.is_workspace_member
        # Types of resources that are denied and must not show in responses about others.
        self.hidden = frozenset(
            tier for tier in _HIDEABLE if self._all.get(tier) == DENY and not self.is_workspace_admin
        )

    def note(self, key: tuple[int, str], verdict: bool) -> bool:
        """Keep a verdict in ``verdicts``, and return it."""
        if len(self.verdicts) >= _MAX_VERDICTS:
            self.verdicts.clear()
        self.verdicts[key] = verdict
        return verdict

    def level(self, resource_type: str, resource_id: str) -> int | None:
        """Return the level for a resource, or None if no permission is about it."""
        for_all = self._all.get(resource_type)
        single = self._single.get(resource_type)
        level = single.get(resource_id) if single else None
        if level is None:
            return for_all
        return _folded(for_all, level)

    def allow(self, rungs: Iterable[Rung]) -> bool:
        """Return whether the first rung with a permission allows its action; without one, the default."""
        if self._limits is not None:
            rungs = list(rungs)
            if any(self._limits.exclude(rung.resource_type, rung.resource_id) for rung in rungs):
                return False
        if self.is_workspace_admin:
            return True
        action: Action = "manage"
        for resource_type, resource_id, action in rungs:
            level = self.level(resource_type, resource_id)
            if level is not None:
                return (level if level == DENY else max(level, self._default)) >= _NEEDED[action]
        return self._default >= _NEEDED[action]

    def effective(self, resource_type: str, resource_id: str) -> int:
        """Return the level that requests for the resource itself have."""
        if self._limits is not None and self._limits.exclude(resource_type, resource_id):
            return DENY
        if self.is_workspace_admin:
            return MANAGE
        level = self.level(resource_type, resource_id)
        if level is None:
            return self._default
        return level if level == DENY else max(level, self._default)

    def visible(self, resource_type: str) -> Visible:
        """Return which resources of a type may be read, for searches."""
        if self._limits is not None:
            ids = self._limits.ids(resource_type)
            return Visible(False, frozenset(x for x in ids if self.effective(resource_type, x) >= READ))
        if self.is_workspace_admin:
            return EVERYTHING
        single = self._single.get(resource_type, {})
        readable = self.effective(resource_type, ALL) >= READ
        others = frozenset(
            resource_id
            for resource_id in single
            if (self.effective(resource_type, resource_id) >= READ) != readable
        )
        return Visible(readable, others)

    def denies(self, tier: str) -> bool:
        """Return whether all resources of a type are denied."""
        return not self.allow([Rung(tier, ALL, "not_denied")])

    @property
    def distinguishes_prompts(self) -> bool:
        """Return whether prompts and other registered models have different permissions."""
        return any(
            self._all.get(one) != self._all.get(other) or self._single.get(one) != self._single.get(other)
            for one, other in (("registered_model", "prompt"), ("registered_model_version", "prompt_version"))
        )

    def depends_on_single(self, resource_type: str) -> bool:
        """Return whether there is a permission for a single resource of the type."""
        return self._limits is not None or bool(self._single.get(resource_type))


def _folded(level: int | None, other: int) -> int:
    if level is None:
        return other
    return DENY if DENY in (level, other) else max(level, other)

"""What operations need, as data: the notation of the permissions in ``policy``.

    E:read                 "read" on the experiment
    run>E:update           "update" by a permission on runs; without one, by that on the experiment
    run>(E:update):delete  "delete" by a permission on runs; without one, "update" on the experiment
    trace:update           "update" by a permission on traces alone
    E:update or trace:update  one of the two
    !run                   runs are not denied
    M, version             the registered model or prompt, and its versions
    member                 the caller is a member of the workspace, who may create in it

Several are separated by commas, and all must hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple, cast

from trackway.client_compat.access_rules import ALL

from .rights import Action, Rights, Rung

if TYPE_CHECKING:
    from trackway.client_compat.wire import Message
    from trackway.storage.artifacts.locations import Locations
    from trackway.storage.database import Tx

    from .identity import Identity

_NEED = re.compile(
    r"!(?P<not_denied>\w+)|(?P<alone>\w{2,}):(?P<alone_action>\w+)|(?:(?P<tier>\w+)>)?(?P<container>[EM]|\((?P<inner>[EM]):(?P<weaker>\w+)\)):(?P<action>\w+)"
)
_MEMBER = "member"
_TYPES = {
    ("E", False): "experiment",
    ("M", False): "registered_model",
    ("M", True): "prompt",
    ("version", False): "registered_model_version",
    ("version", True): "prompt_version",
}


class Asked(NamedTuple):
    """A request whose needs are to be decided: ``is_allowed`` of each part of a permission gets one.

    ``path_values`` are the variables of the path, ``places`` the artifact stores.
    """

    tx: Tx
    identity: Identity
    rights: Rights
    request: Message
    path_values: Mapping[str, str]
    places: Locations | None


class Need(NamedTuple):
    """One need. ``tier`` and ``container`` are the words of the notation, or empty.

    It is met as well if ``otherwise`` is.
    """

    tier: str
    tier_action: Action
    container: str
    container_action: Action
    otherwise: Need | None = None

    def rungs(self, container_id: str, is_prompt: bool) -> Iterator[Rung]:
        """Yield what may decide it, the narrowest first."""
        if self.tier:
            yield Rung(_TYPES.get((self.tier, is_prompt), self.tier), ALL, self.tier_action)
        if self.container:
            yield Rung(_TYPES[self.container, is_prompt], container_id, self.container_action)


def parse(text: str) -> tuple[Need, ...]:
    """Return the needs of a text in the notation. Raise ``ValueError``."""
    return tuple(_need(part.strip()) for part in text.split(",")) if text else ()


def are_met(
    needs: tuple[Need, ...], rights: Rights, container_id: str = ALL, *, is_prompt: bool = False
) -> bool:
    """Return whether the rights meet all needs for one experiment or model."""
    return all(_is_met(need, rights, container_id, is_prompt) for need in needs)


def _is_met(need: Need, rights: Rights, container_id: str, is_prompt: bool) -> bool:
    if need.tier == _MEMBER:
        return rights.may_create
    if rights.allow(need.rungs(container_id, is_prompt)):
        return True
    return need.otherwise is not None and _is_met(need.otherwise, rights, container_id, is_prompt)


def _need(text: str) -> Need:
    first, _, otherwise = text.partition(" or ")
    if otherwise:
        return _need(first.strip())._replace(otherwise=_need(otherwise.strip()))
    if text == _MEMBER:
        return Need(_MEMBER, "create", "", "create")
    match = _NEED.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no need")
    if match["not_denied"]:
        return Need(match["not_denied"], "not_denied", "", "not_denied")
    if match["alone"]:
        alone = cast(Action, match["alone_action"])
        return Need(match["alone"], alone, "", alone)
    action = cast(Action, match["action"])
    return Need(
        match["tier"] or "",
        action,
        match["inner"] or match["container"],
        cast(Action, match["weaker"] or action),
    )

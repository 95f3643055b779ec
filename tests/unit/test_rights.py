"""The decision about permissions: the same as that of MLflow's own code, for any set of permissions."""

from __future__ import annotations

import random

import pytest
from mlflow.server.auth import requirements as theirs
from mlflow.server.auth.permissions import TYPE, GrantLoadKey, get_permission
from mlflow.server.auth.sqlalchemy_store import RoleGrantRow

from trackway.client_compat import access_rules
from trackway.client_compat.access_rules import LEVELS, RESOURCE_TYPES
from trackway.server.auth.rights import Grant, Rights, Rung
from trackway.storage.search.visible import EVERYTHING, Visible

IDS = ["1", "2", "iris"]
ACTIONS = ["read", "use", "update", "delete", "manage", "create", "not_denied"]
TRIALS = 10_000
HIDDEN_2 = ("experiment", "2", "DENY")


def test_the_types_are_mlflows():
    assert {name: len(kinds) == 2 for name, kinds in TYPE.items()} == RESOURCE_TYPES


def random_grants(chance):
    for _ in range(chance.choice([0, 1, 1, 2, 4, 8])):
        kind = chance.choice(["workspace", "experiment", "run", "logged_model", "registered_model", "prompt"])
        levels = ["USE", "MANAGE"] if kind == "workspace" else ["READ", "USE", "EDIT", "MANAGE", "DENY"]
        yield Grant(kind, chance.choice([*IDS, "*"]) if RESOURCE_TYPES[kind] else "*", chance.choice(levels))


def random_rungs(chance):
    tier = [(chance.choice(["run", "logged_model"]), "*")] if chance.random() < 0.6 else []
    container = (chance.choice(["experiment", "registered_model", "prompt"]), chance.choice(IDS))
    return [Rung(*key, chance.choice(ACTIONS)) for key in [*tier, container]]


def their_verdict(grants, rungs, default):
    rows = [RoleGrantRow(*grant) for grant in grants]
    if any(theirs.is_workspace_admin_grant(row) for row in rows):
        return True
    first, *others = rungs
    fallback = tuple(theirs.Requirement(*rung) for rung in others)
    requirement = theirs.Requirement(first.resource_type, first.resource_id, first.action, fallback)
    keys = [GrantLoadKey(rung.resource_type, rung.resource_id) for rung in rungs]
    folded = {key: theirs.fold_grants_for_key(rows, key) for key in keys}
    return theirs.requirement_satisfied(requirement, folded, default, get_permission(default))


def test_ten_thousand_random_sets_of_permissions_get_mlflows_verdict():
    chance = random.Random(17)
    allowed = 0
    for _ in range(TRIALS):
        grants, rungs = list(random_grants(chance)), random_rungs(chance)
        default = chance.choice(["READ", "USE", "EDIT", "MANAGE", "NO_PERMISSIONS"])
        verdict = Rights(grants, LEVELS[default]).allow(rungs)
        assert verdict == their_verdict(grants, rungs, default), (grants, rungs, default)
        allowed += verdict
    assert TRIALS / 5 < allowed < TRIALS * 4 / 5  # both verdicts are frequent


@pytest.mark.parametrize(
    ("default", "grants", "visible"),
    [
        ("READ", [], EVERYTHING),
        ("NO_PERMISSIONS", [], Visible(False)),
        ("READ", [("experiment", "1", "DENY")], Visible(True, frozenset("1"))),
        ("READ", [("experiment", "*", "DENY"), ("experiment", "1", "MANAGE")], Visible(False)),
        ("NO_PERMISSIONS", [("experiment", "1", "READ"), HIDDEN_2], Visible(False, frozenset("1"))),
        ("NO_PERMISSIONS", [("experiment", "*", "READ"), HIDDEN_2], Visible(True, frozenset("2"))),
        ("NO_PERMISSIONS", [("workspace", "*", "MANAGE"), HIDDEN_2], EVERYTHING),
    ],
)
def test_a_search_finds_what_may_be_read(default, grants, visible):
    assert Rights([Grant(*grant) for grant in grants], LEVELS[default]).visible("experiment") == visible


@pytest.mark.parametrize(
    "grant",
    [
        ("run", "1", "READ"),
        ("experiment", "1", "NO_PERMISSIONS"),
        ("workspace", "*", "READ"),
        ("nothing", "*", "READ"),
        ("experiment", "1", "WRITE"),
    ],
)
def test_a_permission_that_mlflow_refuses_is_refused_with_its_text(grant):
    from mlflow.exceptions import MlflowException
    from mlflow.server.auth.permissions import (
        _validate_permission_for_resource_type,
        _validate_resource_pattern,
    )

    def check():
        _validate_resource_pattern(grant[1], grant[0])
        _validate_permission_for_resource_type(grant[2], grant[0])

    with pytest.raises(MlflowException) as expected:
        check()
    with pytest.raises(access_rules.InvalidParameter) as found:
        access_rules.check_grant(*grant)
    assert found.value.message == expected.value.message

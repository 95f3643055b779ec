"""Policies: what may become the version of an alias or a stage, by the stock calls."""

from __future__ import annotations

import json
import threading

import pytest
from click.testing import CliRunner

from tests.access import closed_server, error_code
from tests.databases import statements_of
from trackway.server.cli import main

from .test_registry import MODELS, VERSIONS, answer, get, post, refusal
from .test_tracking import database_of

M2, M3 = "/api/2.0/mlflow", "/api/3.0/mlflow"
OURS = "/api/3.0/trackway"
QUALITY = "metrics.accuracy >= alias.production.metrics.accuracy - 0.005"


def put_policy(api, name="release", *, status=200, **body):
    rules = body.pop("rules", {"quality": QUALITY, "owned": "tags.owner IS NOT NULL"})
    body = {
        "models": "iris",
        "target": "alias:production",
        "rules": [{"name": key, "expression": value} for key, value in rules.items()],
        **body,
    }
    response = api.put(f"{OURS}/policies/{name}", json=body)
    assert response.status_code == status, response.text
    return response.get_json()


def set_alias(api, version, alias="production", model="iris", **headers):
    body = {"name": model, "alias": alias, "version": str(version)}
    return api.post(f"{MODELS}/alias", json=body, headers=headers)


def current(api, alias="production"):
    return get(api, f"{MODELS}/alias", name="iris", alias=alias)["model_version"]["version"]


@pytest.fixture
def iris(api):
    """Versions 1 to 3 with runs of the accuracies 0.96, 0.93 and 0.97. Only 1 and 3 have an owner."""
    post(api, f"{MODELS}/create", name="iris")
    for accuracy, tags in ((0.96, [{"key": "owner", "value": "ann"}]), (0.93, []), (0.97, [])):
        run = post(api, f"{M2}/runs/create", experiment_id="0", tags=[])["run"]["info"]["run_id"]
        post(api, f"{M2}/runs/log-metric", run_id=run, key="accuracy", value=accuracy, timestamp=1)
        post(api, f"{VERSIONS}/create", name="iris", source=f"s3://b/{accuracy}", run_id=run, tags=tags)
    post(api, f"{VERSIONS}/set-tag", name="iris", version="3", key="owner", value="bob")
    return api


def verdicts(api, **query):
    return get(api, f"{OURS}/verdicts", name="iris", **query).get("verdicts", [])


def test_a_policy_is_stored_and_replaced(api):
    made = put_policy(api, editors=["role:release"])["policy"]
    assert {key: made[key] for key in ("name", "models", "target", "editors", "mode", "revision")} == {
        "name": "release",
        "models": "iris",
        "target": "alias:production",
        "editors": ["role:release"],
        "mode": "enforce",
        "revision": 1,
    }
    assert get(api, f"{OURS}/policies/release")["policy"] == made
    same = put_policy(api, editors=["role:release"], if_revision=1)["policy"]
    assert same["revision"] == 1  # nothing has changed
    changed = put_policy(api, mode="warn", if_revision=1)["policy"]
    assert (changed["revision"], changed["mode"], changed.get("editors")) == (2, "warn", None)
    message = put_policy(api, status=400, if_revision=1)["message"]
    assert message.startswith("Policy 'release' has revision 2, and not the revision 1.")
    assert put_policy(api, "other", status=400, if_revision=3)["message"].startswith(
        "Policy 'other' does not exist"
    )
    assert [one["name"] for one in get(api, f"{OURS}/policies")["policies"]] == ["release"]
    assert get(api, f"{OURS}/policies", model="wine") == {}
    answer(api.delete(f"{OURS}/policies/release"))
    refusal(api.get(f"{OURS}/policies/release"), 404, "RESOURCE_DOES_NOT_EXIST")
    refusal(api.delete(f"{OURS}/policies/release"), 404, "RESOURCE_DOES_NOT_EXIST")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            {"rules": {"r": "metrcs.a > 1"}},
            "Rule 'r': At character 1: There is no fact metrcs.a. Did you mean",
        ),
        ({"rules": {}}, "A policy needs at least one rule"),
        ({"target": "alias:v3"}, "Version alias name 'v3' is reserved."),
        ({"target": "alais:production"}, "Did you mean alias:production?"),
        ({"target": "stage:live"}, "Invalid Model Version stage: live."),
        ({"mode": "block"}, "Invalid mode 'block' of a policy; the modes are enforce and warn."),
        ({"editors": ["bob"]}, "Invalid editor 'bob': write user:NAME or role:NAME."),
        ({"models": ""}, "Invalid pattern of model names"),
    ],
)
def test_a_wrong_policy_is_refused_and_not_stored(api, body, message):
    assert message in put_policy(api, status=400, **body)["message"]
    assert get(api, f"{OURS}/policies") == {}


def test_an_alias_names_only_what_the_policy_allows(iris):
    put_policy(iris)
    answer(set_alias(iris, 1))  # the first of its kind, with an owner
    message = refusal(set_alias(iris, 2), 403, "PERMISSION_DENIED")
    assert message == (
        "The alias 'production' of model 'iris' may not name version 2: 2 of 2 rules of policy 'release' "
        "fail.\n"
        "- quality: metrics.accuracy >= alias.production.metrics.accuracy - 0.005 (metrics.accuracy is 0.93; "
        "alias.production.metrics.accuracy of version 1 is 0.96)\n"
        "- owned: tags.owner IS NOT NULL (tags.owner is not known: neither it nor its run has this tag)"
    )
    assert current(iris) == "1"
    answer(set_alias(iris, 3))
    assert current(iris) == "3"
    answer(set_alias(iris, 2, alias="canary"))  # which no policy guards
    found = [(one["version"], one["outcome"], one["cause"]) for one in verdicts(iris)]
    assert found == [("3", "pass", "alias"), ("2", "fail", "alias"), ("1", "pass", "alias")]
    [failed] = verdicts(iris, version="2")
    assert failed["rules"][0]["values"][1] == {
        "fact": "alias.production.metrics.accuracy",
        "value": 0.96,
        "state": "known",
        "version": 1,
    }


def test_the_version_before_may_come_back(iris):
    put_policy(iris)
    answer(set_alias(iris, 1))
    answer(set_alias(iris, 3))
    answer(set_alias(iris, 1))  # 0.96 is less than 0.965, but it was named before
    assert verdicts(iris)[0]["outcome"] == "rollback"
    answer(set_alias(iris, 3))
    refusal(set_alias(iris, 2), 403, "PERMISSION_DENIED")


def test_a_policy_that_warns_lets_pass(iris):
    put_policy(iris, mode="warn")
    response = set_alias(iris, 2)
    answer(response)
    assert response.headers["X-Trackway-Warning"] == "Policy 'release' warns: owned."
    assert (current(iris), verdicts(iris)[0]["outcome"]) == ("2", "warn")


def test_an_override_is_in_the_history(iris):
    put_policy(iris)
    answer(set_alias(iris, 2, **{"X-Trackway-Override": "the old one leaks"}))
    assert current(iris) == "2"
    [verdict] = verdicts(iris)
    assert (verdict["outcome"], verdict["reason"]) == ("overridden", "the old one leaks")
    changes = get(iris, f"{OURS}/registered-models/history", name="iris")["changes"]
    assert [(one["action"], one.get("new_value")) for one in changes[:2]] == [
        ("policy_overridden", "the old one leaks"),
        ("alias_set", "2"),
    ]


def test_stages_meet_the_same_gate(iris):
    put_policy(iris, target="stage:production", rules={"good": "metrics.accuracy > 0.95"})
    move = f"{VERSIONS}/transition-stage"
    body = {"name": "iris", "version": "2", "stage": "PRODUCTION", "archive_existing_versions": False}
    message = refusal(iris.post(move, json=body), 403, "PERMISSION_DENIED")
    assert message.startswith("The stage 'Production' of model 'iris' may not name version 2: 1 of 1 rule of")
    assert post(iris, move, **{**body, "version": "1"})["model_version"]["current_stage"] == "Production"
    post(iris, move, **{**body, "stage": "staging"})


def test_what_a_guarded_alias_names_is_not_deleted(iris):
    put_policy(iris)
    answer(set_alias(iris, 1))
    version = {"name": "iris", "version": "1"}
    message = refusal(iris.delete(f"{VERSIONS}/delete", json=version), 403, "PERMISSION_DENIED")
    assert message == (
        "Version 1 of model 'iris' may not be deleted: the alias 'production' names it, which the policy "
        "'release' guards. Move or delete that first."
    )
    refusal(iris.delete(f"{MODELS}/delete", json={"name": "iris"}), 403, "PERMISSION_DENIED")
    answer(iris.delete(f"{VERSIONS}/delete", json={"name": "iris", "version": "2"}))
    answer(iris.delete(f"{MODELS}/alias", json={"name": "iris", "alias": "production"}))
    answer(iris.delete(f"{VERSIONS}/delete", json=version))
    answer(iris.delete(f"{MODELS}/delete", json={"name": "iris"}))


def test_a_rename_does_not_lead_around(iris):
    put_policy(iris, models="prod-*")
    answer(set_alias(iris, 2))
    rename = {"name": "iris", "new_name": "prod-iris"}
    message = refusal(iris.post(f"{MODELS}/rename", json=rename), 403, "PERMISSION_DENIED")
    assert "- owned: tags.owner IS NOT NULL" in message
    answer(set_alias(iris, 1))
    post(iris, f"{MODELS}/rename", **rename)
    refusal(set_alias(iris, 2, model="prod-iris"), 403, "PERMISSION_DENIED")


def test_all_kinds_of_facts(iris):
    experiment = post(iris, f"{M2}/experiments/create", name="e")["experiment_id"]
    run = post(iris, f"{M2}/runs/create", experiment_id=experiment)["run"]["info"]["run_id"]
    model = post(iris, f"{M2}/logged-models", experiment_id=experiment, name="m", source_run_id=run,
                 params=[{"key": "depth", "value": "3"}])["model"]["info"]["model_id"]  # fmt: skip
    metric = {"run_id": run, "key": "f1", "timestamp": 1, "step": 0, "model_id": model}
    post(iris, f"{M2}/runs/log-metric", **metric, value=0.5)
    post(iris, f"{M2}/runs/log-metric", **metric, value=0.7, dataset_name="test", dataset_digest="d1")
    post(iris, f"{M2}/runs/set-tag", run_id=run, key="team", value="vision")
    post(iris, f"{VERSIONS}/create", name="iris", source=f"models:/{model}", model_id=model, run_id=run,
         description="text")  # fmt: skip
    rules = {
        "model's": "metrics.f1 = 0.5",
        "by name": 'on."test".f1 = 0.7',
        "by digest": "on.d1.f1 = 0.7",
        "param": "params.depth = '3'",
        "run's tag": "tags.team = 'vision'",
        "text": "description = 'text'",
        "new": "age_hours < 1",
        "nobody": "approvals.count = 0 AND approvals.rejected = 0 AND approvals.others = 0",
        "absent": "metrics.f2 IS NULL AND params.p IS NULL AND tags.t IS NULL AND on.d2.f1 IS NULL",
    }
    asked = {"name": "iris", "version": "4", "target": "alias:production"}
    tried = post(iris, f"{OURS}/policies/try", **asked, rules=[
        {"name": name, "expression": text} for name, text in rules.items()
    ])  # fmt: skip
    assert [(rule["name"], rule["holds"]) for rule in tried["rules"]] == [(name, True) for name in rules]
    assert verdicts(iris) == []


def test_a_metric_of_another_workspace_is_not_known(iris, store_uri):
    """A version names its run by an id that a client gave."""
    post(iris, f"{VERSIONS}/create", name="iris", source="s3://b/x", run_id="0" * 32)
    asked = {"name": "iris", "version": "4", "target": "alias:production"}
    rules = [{"name": "q", "expression": "metrics.accuracy > 0"}]
    assert post(iris, f"{OURS}/policies/try", **asked, rules=rules)["outcome"] == "fail"


def test_a_gate_is_asked_by_command(iris, tmp_path, monkeypatch):
    def run(*words):
        return CliRunner().invoke(main, [*words, "--tracking-uri", "http://server"])

    monkeypatch.setattr("urllib.request.urlopen", urlopen_of(iris))
    file = tmp_path / "policies.toml"
    file.write_text(
        '[release]\nmodels = "iris"\ntarget = "alias:production"\n[release.rules]\n'
        'quality = "metrics.accuracy > 0.95"\n'
    )
    nothing = run("gate", "models:/iris/1", "--for", "production")
    assert (nothing.exit_code, nothing.output.startswith("No policy guards alias:production")) == (2, True)
    assert run("policy", "test", str(file), "--model", "iris", "--version", "2").exit_code == 1
    assert (
        run("policy", "apply", str(file)).output == "release: revision 1, guards alias:production of iris.\n"
    )
    assert "metrics.accuracy > 0.95" in run("policy", "list").output
    report = tmp_path / "report.xml"
    failed = run("gate", "models:/iris/2", "--for", "production", "--junit", str(report))
    assert failed.exit_code == 1
    assert failed.output.splitlines() == [
        "policy release: fail",
        "  FAILS  quality: metrics.accuracy > 0.95",
        "         metrics.accuracy is 0.93",
    ]
    assert '<testsuites tests="1" failures="1" errors="0">' in report.read_text()
    assert run("gate", "models:/iris/1", "--for", "production").exit_code == 0
    assert run("gate", "models:/iris/9", "--for", "production").exit_code == 2
    refused = run("alias", "set", "production", "models:/iris/2")
    assert (refused.exit_code, "- quality: metrics.accuracy > 0.95" in refused.output) == (1, True)
    assert run("alias", "set", "production", "models:/iris/2", "--override", "hot fix ü").exit_code == 0
    assert verdicts(iris)[0]["reason"] == "hot fix ü"
    assert run("gate", "models:/iris@production", "--for", "production").exit_code == 1
    assert run("policy", "delete", "release").output == "Deleted the policy release.\n"


def urlopen_of(api):
    """``urlopen`` for requests that a client of the application answers."""
    import io
    from urllib.error import HTTPError
    from urllib.parse import urlsplit

    def urlopen(request, timeout):
        parts = urlsplit(request.full_url)
        response = api.open(
            f"{parts.path}?{parts.query}",
            method=request.get_method(),
            data=request.data,
            headers=dict(request.header_items()),
        )
        if response.status_code >= 400:
            raise HTTPError(request.full_url, response.status_code, "", None, io.BytesIO(response.data))
        return io.BytesIO(response.data)

    return urlopen


def test_a_model_without_a_policy_costs_no_statement(iris):
    def count(version):
        found = statements_of(database_of(iris))
        answer(set_alias(iris, version, alias="canary"))
        return len(found)

    without = count(1)
    put_policy(iris, "other", models="wine")
    assert count(2) == without
    rules = {
        "quality": QUALITY,
        "owned": "tags.owner IS NOT NULL",
        "approved": "approvals.count >= 0",
        "described": "description IS NULL",
        "tested": 'on."test".f1 IS NULL',
    }
    put_policy(iris, target="alias:canary", rules=rules)
    assert without < count(3) <= without + 8


def test_writers_race_for_a_guarded_alias(iris):
    put_policy(iris, rules={"good": "metrics.accuracy > 0.95"})
    refused, lock = [], threading.Lock()

    def write(number):
        with iris.application.test_client() as client:
            status = set_alias(client, number % 3 + 1).status_code
        with lock:
            refused.append((number % 3 + 1, status))

    writers = [threading.Thread(target=write, args=[number]) for number in range(32)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert {(version, status) for version, status in refused} == {(1, 200), (2, 403), (3, 200)}
    changes = get(iris, f"{OURS}/registered-models/history", name="iris")["changes"]
    assert {one["new_value"] for one in changes if one["action"].startswith("alias_")} <= {"1", "3"}


class TestOnAClosedServer:
    @pytest.fixture
    def server(self, store_uri, tmp_path):
        with closed_server(store_uri, tmp_path / "artifacts") as server:
            for name in ("alice", "bob"):
                server.ok(
                    "POST",
                    f"{M3}/users/permissions/grant",
                    username=name,
                    resource_type="registered_model",
                    resource_id="*",
                    permission="EDIT",
                )
            server.ok("POST", f"{MODELS}/create", name="iris", who="alice")
            for number in (1, 2):
                server.ok("POST", f"{VERSIONS}/create", name="iris", source=f"s3://b/{number}", who="alice")
            yield server

    def put(self, server, who="admin", **body):
        body = {
            "target": "alias:production",
            "rules": [{"name": "two eyes", "expression": "approvals.others >= 1"}],
            **body,
        }
        return server.call("PUT", f"{OURS}/policies/release", who=who, **body)

    def set_alias(self, server, version, who):
        return server.call(
            "POST", f"{MODELS}/alias", who=who, name="iris", alias="production", version=str(version)
        )

    def test_only_administrators_change_policies(self, server):
        assert self.put(server, who="alice").status_code == 403
        assert self.put(server).status_code == 200
        assert server.call("DELETE", f"{OURS}/policies/release", who="alice").status_code == 403
        token = server.token(scopes=["registry"])
        assert self.put(server, who=token, mode="warn").status_code == 403
        rows = server.ok("GET", f"{OURS}/audit", action="PutPolicy")["entries"]
        [[change]] = [json.loads(row["detail"]) for row in rows if row["outcome"] == "done"]
        assert (change["kind"], change["name"], change["old"]) == ("policy", "release", None)
        assert change["new"]["target"] == "alias:production"

    def test_only_administrators_override(self, server):
        self.put(server)
        for who, status in (("alice", 403), (server.token(scopes=["registry"]), 403), ("admin", 200)):
            body = {"name": "iris", "alias": "production", "version": "1"}
            response = server.client.post(
                f"{MODELS}/alias",
                json=body,
                headers={**auth(who), "X-Trackway-Override": "now"},
            )
            assert response.status_code == status, response.text

    def test_others_must_approve(self, server):
        self.put(server)

        def approve(who, decision="approve"):
            return server.call(
                "POST", f"{OURS}/approvals", who=who, name="iris", version="1", target="alias:production",
                decision=decision,
            )  # fmt: skip

        assert approve("alice").status_code == 200  # who made the version
        assert "approvals.others is 0" in self.set_alias(server, 1, "alice").json["message"]
        assert approve("bob").status_code == 200
        assert approve("bob", "withdraw").status_code == 200
        assert self.set_alias(server, 1, "alice").status_code == 403
        assert approve("bob", "perhaps").status_code == 400
        assert approve("bob").status_code == 200
        assert self.set_alias(server, 1, "alice").status_code == 200
        listed = server.ok("GET", f"{OURS}/approvals", who="bob", name="iris", version="1")["approvals"]
        assert [(one["user"], one["decision"]) for one in listed] == [
            *(("alice", "approve"), ("bob", "approve"), ("bob", "withdraw"), ("bob", "approve")),
        ]

    def test_a_tag_is_an_approval(self, server):
        self.put(server)
        tag = {"name": "iris", "version": "1", "key": "trackway.approve.production"}

        def set_tag(value):
            return server.call("POST", f"{VERSIONS}/set-tag", who="bob", **tag, value=value)

        assert "begins with 'yes' or 'no'" in set_tag("perhaps").json["message"]
        assert set_tag("no: too slow").status_code == 200
        assert self.set_alias(server, 1, "alice").status_code == 403
        assert set_tag("yes: looks right").status_code == 200
        assert self.set_alias(server, 1, "alice").status_code == 200
        assert server.call("DELETE", f"{VERSIONS}/delete-tag", **tag).status_code == 200  # by admin
        [first, second, third] = server.ok("GET", f"{OURS}/approvals", name="iris", version="1")["approvals"]
        assert (first["decision"], first["comment"]) == ("reject", "too slow")
        assert (second["user"], second["decision"], third["user"]) == ("bob", "approve", "admin")

    def test_only_editors_move_a_guarded_alias(self, server):
        rules = [{"name": "any", "expression": "age_hours >= 0"}]
        self.put(server, rules=rules, editors=["user:bob", "role:release"])
        response = self.set_alias(server, 1, "alice")
        assert error_code(response) == (403, "PERMISSION_DENIED")
        assert response.json["message"] == (
            "alice may not change what the alias 'production' of model 'iris' names: by the policy 'release' "
            "only user:bob, role:release may."
        )
        assert self.set_alias(server, 1, "bob").status_code == 200
        role = server.ok("POST", f"{M3}/roles/create", name="release", workspace="default")["role"]["id"]
        server.ok("POST", f"{M3}/roles/assign", username="alice", role_id=role)
        assert self.set_alias(server, 2, "alice").status_code == 200

    def test_those_without_rights_on_the_model_learn_nothing(self, server):
        self.put(server)
        server.ok(
            "POST",
            f"{M3}/users/permissions/grant",
            username="bob",
            resource_type="registered_model",
            resource_id="iris",
            permission="DENY",
        )
        asked = {"name": "iris", "version": "1", "target": "alias:production"}
        for verb, path in (
            ("POST", "verdicts"),
            ("POST", "policies/try"),
            ("POST", "approvals"),
            ("GET", "verdicts"),
            ("GET", "approvals"),
        ):
            body = (
                {**asked, "rules": [{"name": "r", "expression": "age_hours > 0"}]} if "try" in path else asked
            )
            response = server.call(verb, f"{OURS}/{path}", who="bob", **body)
            assert error_code(response) == (403, "PERMISSION_DENIED"), (verb, path)


def auth(who):
    from tests.access import authorization

    return authorization(who)

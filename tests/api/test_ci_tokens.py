"""Tokens (JWT) of CI systems: trusted issuers and rules, forged tokens, exchange, verified tags of runs."""

from __future__ import annotations

import base64
import hmac
import json
import time

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jws, jwt
from joserfc.jwk import ECKey, RSAKey

from tests.access import closed_server, error_code
from tests.databases import statements_of
from tests.issuer import AUDIENCE, running_issuer
from trackway.server.cli import main
from trackway.storage.access import principals

RULES = "/api/3.0/trackway/trust-rules"
ISSUERS = "/api/3.0/trackway/issuers"
EXCHANGE = "/api/3.0/trackway/auth/exchange"
WHOAMI = "/api/3.0/trackway/whoami"
RUNS = "/api/2.0/mlflow/runs"
TOKEN_TYPE = "urn:ietf:params:oauth:token-type:"
DENIED = (403, "PERMISSION_DENIED")


@pytest.fixture
def issuer():
    with running_issuer() as issuer:
        yield issuer


@pytest.fixture
def server(store_uri, tmp_path, issuer):
    with closed_server(store_uri, tmp_path / "artifacts") as server:
        server.ok("POST", "/api/3.0/trackway/service-accounts/create", name="ci")
        server.ok("POST", f"{ISSUERS}/create", name="gl", url=issuer.url, audience=AUDIENCE, kind="gitlab")
        trust(server, "main", project_path="team/*", ref_protected="true")
        server.ok(
            "POST",
            "/api/3.0/mlflow/users/permissions/grant",
            username="ci",
            resource_type="experiment",
            resource_id="0",
            permission="EDIT",
        )
        yield server


def trust(server, name, scopes=(), **conditions):
    rule = {"name": name, "issuer": "gl", "service_account": "ci", "conditions": conditions}
    return server.ok("POST", f"{RULES}/create", **rule, scopes=list(scopes))["trust_rule"]


def ask(server, token, path=WHOAMI):
    return server.client.get(path, headers={"Authorization": f"Bearer {token}"})


def post(server, token, path, **body):
    return server.client.post(path, json=body, headers={"Authorization": f"Bearer {token}"})


def exchange(server, token, **form):
    given = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": token,
        "subject_token_type": f"{TOKEN_TYPE}jwt",
    }
    return server.client.post(EXCHANGE, data=given | form)


def make_run(server, token, *tags):
    pairs = [{"key": key, "value": value} for key, value in tags]
    return post(server, token, f"{RUNS}/create", experiment_id="0", tags=pairs)


def tags_of(run):
    return {tag["key"]: tag["value"] for tag in run["data"]["tags"]}


# ---- who gets in


def test_a_jobs_token_acts_as_the_service_account_of_its_rule(server, issuer):
    me = ask(server, issuer.token()).json
    assert (me["name"], me["kind"], me["authenticated_by"]) == ("ci", "service", "jwt")
    assert ask(server, issuer.token(aud=["other", AUDIENCE])).status_code == 200


def test_a_second_request_costs_no_verification_no_statement_and_no_call_of_the_issuer(server, issuer):
    token = issuer.token()
    ask(server, token)
    before = dict(issuer.requests)
    statements = statements_of(server.backend.database)
    gate = server.client.application.wsgi_app._gate
    gate.verifier.verify_trusted = None  # a call would fail
    gate._checked_at = time.monotonic()
    assert ask(server, token).status_code == 200
    assert not any("issuers" in statement or "principals" in statement for statement in statements)
    assert issuer.requests == before


def test_new_keys_of_the_issuer_are_found_and_its_old_keys_are_refused(server, issuer):
    old = issuer.token()
    assert ask(server, old).status_code == 200
    for kind in (RSAKey, ECKey):
        issuer.rotate(kind)
        gate = server.client.application.wsgi_app._gate
        gate.verifier.issuer_keys._known[issuer.url].fetched_at -= 2
        assert ask(server, issuer.token()).status_code == 200
    gate._cache.clear()
    assert ask(server, old).status_code == 401


def test_unknown_keys_are_looked_up_at_most_once_a_second(server, issuer):
    assert ask(server, issuer.token()).status_code == 200
    for number in range(20):
        assert ask(server, issuer.token({"kid": f"unknown-{number}"})).status_code == 401
    assert issuer.requests["/keys"] <= 2


def test_known_keys_remain_in_use_while_the_issuer_does_not_answer(server, issuer):
    assert ask(server, issuer.token()).status_code == 200
    issuer.is_down = True
    server.client.application.wsgi_app._gate.verifier.issuer_keys._known[issuer.url].fetched_at -= 7200
    assert ask(server, issuer.token(job_id="4712")).status_code == 200
    assert ask(server, issuer.token({"kid": "unknown"})).status_code == 503


def test_a_token_that_no_rule_matches_is_told_the_nearest_rule(server, issuer):
    trust(server, "releases", project_path="other/project", ref="v*", environment="production")
    refused = ask(server, issuer.token(ref_protected="false"))
    assert refused.status_code == 401
    assert "project_path=team/iris, ref=main, ref_protected=false" in refused.text
    assert "the nearest, main, needs ref_protected=true" in refused.text
    assert ask(server, issuer.token(project_path="teams/iris")).status_code == 401
    assert ask(server, issuer.token(project_path=None)).status_code == 401


def test_a_rule_limits_scopes(server, issuer):
    server.ok("DELETE", f"{RULES}/delete", name="main")
    trust(server, "readers", ["read"], project_path="team/iris")
    token = issuer.token()
    assert ask(server, token).json["scopes"] == ["read"]
    assert error_code(make_run(server, token)) == DENIED


@pytest.mark.parametrize("noun", ["trust-rules", "issuers", "service-accounts"])
def test_what_is_deleted_is_trusted_no_longer(server, issuer, noun):
    token = issuer.token()
    api_token = exchange(server, token).json["access_token"]
    assert ask(server, token).status_code == ask(server, api_token).status_code == 200
    name = {"trust-rules": "main", "issuers": "gl", "service-accounts": "ci"}[noun]
    server.ok("DELETE", f"/api/3.0/trackway/{noun}/delete", name=name)
    server.client.application.wsgi_app._gate._checked_at = float("-inf")
    assert ask(server, token).status_code == ask(server, api_token).status_code == 401


# ---- forged tokens


def b64(data):
    text = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def unsigned(token, **header):
    return f"{b64({'typ': 'JWT'} | header)}.{token.split('.')[1]}."


def hmac_signed(token, secret, kid):
    """The claims of a token with an HMAC: joserfc itself refuses to use a public key for one."""
    data = f"{b64({'alg': 'HS256', 'kid': kid})}.{token.split('.')[1]}"
    return f"{data}.{b64(hmac.digest(secret, data.encode(), 'sha256'))}"


def signed_by(token, key, **header):
    """The claims of a token, signed by another key."""
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    registry = jws.JWSRegistry(algorithms=[header["alg"]], strict_check_header=False)
    return jwt.encode(header, claims, key, registry=registry)


def forgeries(issuer):
    good, key, kid = issuer.token(), issuer.keys[0], issuer.keys[0].kid
    mine = RSAKey.generate_key(2048)
    public = mine.as_dict(private=False)
    pem = key.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head, body, signature = good.split(".")
    changed = json.loads(base64.urlsafe_b64decode(body + "==")) | {"project_path": "team/other"}
    now = int(time.time())
    yield "alg none", unsigned(good, alg="none", kid=kid)
    yield "alg None", unsigned(good, alg="None", kid=kid)
    yield "no alg", unsigned(good, kid=kid)
    yield "HMAC with the public key", hmac_signed(good, pem, kid)
    yield (
        "HMAC with the public key as JSON",
        hmac_signed(good, json.dumps(key.as_dict(private=False)).encode(), kid),
    )
    yield "another algorithm", signed_by(good, key, alg="RS512", kid=kid)
    yield "a key of the forger", signed_by(good, mine, alg="RS256", kid=kid)
    yield "an embedded key", signed_by(good, mine, alg="RS256", kid=kid, jwk=public)
    yield "an embedded key without kid", signed_by(good, mine, alg="RS256", jwk=public)
    yield "jku", signed_by(good, mine, alg="RS256", kid=kid, jku=f"{issuer.url}/forged")
    yield "x5u", signed_by(good, mine, alg="RS256", kid=kid, x5u=f"{issuer.url}/forged")
    yield "jku, right key", issuer_signed(issuer, jku=f"{issuer.url}/forged")
    yield "kid as URL", signed_by(good, mine, alg="RS256", kid=f"{issuer.url}/forged")
    yield "kid as path", signed_by(good, mine, alg="RS256", kid="../../dev/null")
    yield "crit", issuer_signed(issuer, crit=["exp"])
    yield "wrong audience", issuer.token(aud="https://other.example")
    yield "no audience", issuer.token(aud=None)
    yield "wrong issuer", issuer.token(iss="https://evil.example")
    yield "issuer with a slash", issuer.token(iss=issuer.url + "/")
    yield "issuer list", issuer.token(iss=[issuer.url])
    yield "no issuer", issuer.token(iss=None)
    yield "expired", issuer.token(exp=now - 60)
    yield "no expiry", issuer.token(exp=None)
    yield "expiry as text", issuer.token(exp=str(now + 60))
    yield "not yet valid", issuer.token(nbf=now + 120)
    yield "issued in the future", issuer.token(iat=now + 120)
    yield "changed claims", f"{head}.{b64(changed)}.{signature}"
    yield "changed signature", f"{head}.{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
    yield "no signature", f"{head}.{body}."
    yield "not JSON", f"eyJ.{body}.{signature}"
    yield "claims that are no object", f"{head}.{b64([1])}.{signature}"
    yield "deeply nested", f"{b64(b'[' * 5000)}.{body}.{signature}".replace("W1tb", "eyJ", 1)
    # The algorithm of the other kind of key.
    yield "ES256 with an RSA key", good.replace(head, b64({"alg": "ES256", "kid": kid}))


def issuer_signed(issuer, **header):
    head = {"alg": "RS256", "kid": issuer.keys[0].kid, **header}
    claims = json.loads(base64.urlsafe_b64decode(issuer.token().split(".")[1] + "=="))
    data = f"{b64(head)}.{b64(claims)}"
    signature = issuer.keys[0].private_key.sign(data.encode(), PKCS1v15(), SHA256())
    return f"{data}.{b64(signature)}"


def test_forged_tokens_are_refused(server, issuer):
    assert ask(server, issuer_signed(issuer)).status_code == 200
    refused = {}
    for name, token in forgeries(issuer):
        # The limit of look-ups must not be the reason.
        server.client.application.wsgi_app._gate.verifier.issuer_keys._known[issuer.url].fetched_at -= 2
        refused[name] = (ask(server, token).status_code, exchange(server, token).status_code)
    assert {name: found for name, found in refused.items() if found != (401, 400)} == {}
    assert len(refused) > 30
    assert "/forged" not in issuer.requests


def test_a_jwt_is_no_password_and_not_accepted_in_a_query_or_cookie(server, issuer):
    token = issuer.token()
    assert server.client.get(f"{WHOAMI}?access_token={token}").status_code == 401
    assert server.client.get(WHOAMI, headers={"Cookie": f"trackway_session={token}"}).status_code == 401


# ---- exchange


def test_a_token_is_exchanged_for_one_that_outlives_it(server, issuer):
    answer = exchange(server, issuer.token())
    assert answer.headers["Cache-Control"] == "no-store"
    made = dict(answer.json)
    token = made.pop("access_token")
    assert made == {
        "issued_token_type": f"{TOKEN_TYPE}access_token",
        "token_type": "Bearer",
        "expires_in": 8 * 3600,
    }
    me = ask(server, token).json
    assert (me["name"], me["authenticated_by"]) == ("ci", "token")
    assert me["expiry_time"] > (time.time() + 7 * 3600) * 1000
    assert tags_of(make_run(server, token).json["run"])["gitlab.CI_JOB_ID"] == "4711"


BAD_EXCHANGES = [
    ({"grant_type": "password"}, "invalid_request"),
    ({"subject_token_type": "urn:x"}, "invalid_request"),
    ({"subject_token": "nonsense"}, "invalid_request"),
    ({"subject_token": ""}, "invalid_request"),
    ({"scope": "everything"}, "invalid_scope"),
]


def test_an_exchange_that_is_not_right_is_refused(server, issuer):
    for form, error in BAD_EXCHANGES:
        answer = exchange(server, issuer.token(), **form)
        assert (answer.status_code, answer.json["error"]) == (400, error), form
        assert answer.json["error_description"]
    assert server.ok("GET", "/api/3.0/trackway/tokens/list", owner="ci") == {}


def test_scopes_of_an_exchange_narrow_those_of_the_rule(server, issuer):
    server.ok("DELETE", f"{RULES}/delete", name="main")
    trust(server, "loggers", ["log"], project_path="team/iris")
    assert exchange(server, issuer.token(), scope="read").json["scope"] == "read"
    assert exchange(server, issuer.token()).json["scope"] == "log"
    assert exchange(server, issuer.token(), scope="registry").json["error"] == "invalid_scope"


def test_a_job_cannot_make_tokens_that_outlive_its_rule(server, issuer):
    api_token = exchange(server, issuer.token()).json["access_token"]
    token_id = api_token.split("_")[1]
    for token in (issuer.token(), api_token):
        made = post(server, token, "/api/3.0/trackway/tokens/create", name="x", expires_in="never")
        assert error_code(made) == DENIED
        rotated = post(server, token, "/api/3.0/trackway/tokens/rotate", token_id=token_id)
        assert error_code(rotated) == DENIED
    admins = server.call("POST", "/api/3.0/trackway/tokens/rotate", token_id=token_id)
    assert admins.status_code == 400


# ---- verified tags


def test_a_job_s_run_has_tags_from_its_verified_claims(server, issuer):
    run = make_run(server, issuer.token(), ("mlflow.user", "dana")).json["run"]
    found = {key: value for key, value in tags_of(run).items() if ".ci." in key or "gitlab" in key}
    assert found == {
        "gitlab.CI_JOB_ID": "4711",
        "trackway.ci.provider": "gitlab",
        "trackway.ci.project": "team/iris",
        "trackway.ci.ref": "main",
        "trackway.ci.commit": "0123abcd",
        "trackway.ci.pipeline": "41",
        "trackway.ci.job": "4711",
        "trackway.ci.user": "dana",
        "trackway.ci.url": f"{issuer.url}/team/iris/-/jobs/4711",
    }
    stored = server.ok("GET", f"{RUNS}/get", run_id=run["info"]["run_id"])["run"]
    assert tags_of(stored) == tags_of(run)


def test_nobody_overwrites_a_verified_tag(server, issuer):
    token = issuer.token()
    run = make_run(server, token).json["run"]
    run_id = run["info"]["run_id"]
    for key in ("gitlab.CI_JOB_ID", "trackway.ci.project", "trackway.ci.anything"):
        assert error_code(make_run(server, token, (key, "forged"))) == DENIED
        batch = [{"key": "other", "value": "x"}, {"key": key, "value": "forged"}]
        for path, body in (
            ("set-tag", {"key": key, "value": "forged"}),
            ("set-tag", {"key": key, "value": ""}),
            ("delete-tag", {"key": key}),
            ("log-batch", {"tags": batch}),
        ):
            body = {"run_id": run_id, **body}
            assert error_code(post(server, token, f"{RUNS}/{path}", **body)) == DENIED, (key, path)
            assert error_code(server.call("POST", f"{RUNS}/{path}", **body)) == DENIED, (key, path)
    stored = server.ok("GET", f"{RUNS}/get", run_id=run_id)["run"]
    assert tags_of(stored) == tags_of(run)


def test_a_script_that_sets_its_own_job_id_as_gitlab_documents_it_works(server, issuer):
    token = issuer.token()
    run_id = make_run(server, token, ("gitlab.CI_JOB_ID", "4711")).json["run"]["info"]["run_id"]
    again = post(server, token, f"{RUNS}/set-tag", run_id=run_id, key="gitlab.CI_JOB_ID", value="4711")
    assert again.status_code == 200


def test_without_a_verified_job_only_the_prefix_is_reserved(server):
    run = {"experiment_id": "0", "tags": [{"key": "gitlab.CI_JOB_ID", "value": "1"}]}
    run_id = server.ok("POST", f"{RUNS}/create", **run)["run"]["info"]["run_id"]
    server.ok("POST", f"{RUNS}/set-tag", run_id=run_id, key="gitlab.CI_JOB_ID", value="2")
    server.ok("POST", f"{RUNS}/delete-tag", run_id=run_id, key="gitlab.CI_JOB_ID")
    forged = {"experiment_id": "0", "tags": [{"key": "trackway.ci.provider", "value": "gitlab"}]}
    assert error_code(server.call("POST", f"{RUNS}/create", **forged)) == DENIED


# ---- management


def test_issuers_and_rules_are_listed(server, issuer):
    (found,) = server.ok("GET", f"{ISSUERS}/list")["issuers"]
    assert (found["name"], found["url"], found["kind"]) == ("gl", issuer.url, "gitlab")
    (rule,) = server.ok("GET", f"{RULES}/list")["trust_rules"]
    assert rule.pop("creation_time") > 0
    assert rule == {
        "name": "main",
        "issuer": "gl",
        "conditions": {"project_path": "team/*", "ref_protected": "true"},
        "service_account": "ci",
        "max_lifetime_ms": 8 * 3_600_000,
        "created_by": "admin",
    }


def test_only_administrators_manage_trust(server, issuer):
    for who in ("alice", issuer.token()):
        headers = {"Authorization": f"Bearer {who}"} if who != "alice" else None
        for verb, path in (
            ("GET", f"{ISSUERS}/list"),
            ("GET", f"{RULES}/list"),
            ("DELETE", f"{RULES}/delete"),
            ("DELETE", f"{ISSUERS}/delete"),
        ):
            body = {"name": "main"} if verb == "DELETE" else {}
            if headers:
                answer = server.client.open(path, method=verb, json=body or None, headers=headers)
            else:
                answer = server.call(verb, path, who="alice", **body)
            assert error_code(answer) == DENIED, path


BAD_ISSUERS = [
    {"name": "x", "url": "http://gitlab.example", "audience": "a"},
    {"name": "x", "url": "https://gitlab.example?x=1", "audience": "a"},
    {"name": "x", "url": "file:///etc/passwd", "audience": "a"},
    {"name": "x", "url": "https://gitlab.example", "audience": " "},
    {"name": "x", "url": "https://gitlab.example", "audience": "a", "kind": "jenkins"},
    {"name": "two words", "url": "https://gitlab.example", "audience": "a"},
]


def test_an_issuer_that_is_not_right_is_refused(server):
    for body in BAD_ISSUERS:
        answer = server.call("POST", f"{ISSUERS}/create", **body)
        assert error_code(answer) == (400, "INVALID_PARAMETER_VALUE"), body
    assert len(server.ok("GET", f"{ISSUERS}/list")["issuers"]) == 1


def test_a_name_or_url_that_is_taken_is_refused(server, issuer):
    taken = {"name": "gl", "url": "https://gitlab.example", "audience": "a"}
    assert error_code(server.call("POST", f"{ISSUERS}/create", **taken))[1] == "RESOURCE_ALREADY_EXISTS"
    taken = {"name": "new", "url": issuer.url, "audience": "a"}
    assert error_code(server.call("POST", f"{ISSUERS}/create", **taken))[1] == "RESOURCE_ALREADY_EXISTS"


BAD_RULES = [
    ({"conditions": {}}, "INVALID_PARAMETER_VALUE"),
    ({"conditions": {"ref_protected": "true"}}, "INVALID_PARAMETER_VALUE"),
    ({"conditions": {"project_path": ""}}, "INVALID_PARAMETER_VALUE"),
    ({"scopes": ["all"]}, "INVALID_PARAMETER_VALUE"),
    ({"max_lifetime": "long"}, "INVALID_PARAMETER_VALUE"),
    ({"issuer": "none"}, "RESOURCE_DOES_NOT_EXIST"),
    ({"service_account": "alice"}, "RESOURCE_DOES_NOT_EXIST"),
    ({"name": "main"}, "RESOURCE_ALREADY_EXISTS"),
]


def test_a_rule_that_is_not_right_is_refused(server):
    rule = {"name": "x", "issuer": "gl", "service_account": "ci", "conditions": {"project_path": "a/b"}}
    for body, code in BAD_RULES:
        assert error_code(server.call("POST", f"{RULES}/create", **rule | body))[1] == code, body
    assert len(server.ok("GET", f"{RULES}/list")["trust_rules"]) == 1


def test_a_rule_cannot_trust_every_user_of_a_public_issuer(server):
    url = "https://token.actions.githubusercontent.com"
    server.ok("POST", f"{ISSUERS}/create", name="gh", url=url, audience="a", kind="github")
    rule = {"name": "x", "issuer": "gh", "service_account": "ci"}
    for conditions in ({"repository": "*"}, {"sub": "*:main"}, {"ref": "refs/heads/main"}):
        answer = server.call("POST", f"{RULES}/create", **rule, conditions=conditions)
        assert error_code(answer) == (400, "INVALID_PARAMETER_VALUE")
    server.ok("POST", f"{RULES}/create", **rule, conditions={"repository": "acme/*"})


def test_the_command_line_manages_issuers_and_rules(server, store_uri):
    def run(*words):
        result = CliRunner().invoke(main, [*words, "--backend-store-uri", store_uri])
        assert result.exit_code == 0, result.output
        return result.output

    url = ("--url", "https://gitlab.example", "--audience", AUDIENCE)
    run("issuer", "create", "cli", "--kind", "gitlab", *url)
    assert "https://gitlab.example" in run("issuer", "list")
    rule = ("--issuer", "cli", "--service-account", "ci", "--scope", "log", "--max-lifetime", "2h")
    run("trust", "create", "rule", *rule, "--claim", "project_path=a/*", "--claim", "ref=main")
    assert "project_path=a/* ref=main" in run("trust", "list")
    (made,) = [r for r in server.ok("GET", f"{RULES}/list")["trust_rules"] if r["name"] == "rule"]
    assert (made["scopes"], made["max_lifetime_ms"], made["created_by"]) == (
        ["log"],
        7_200_000,
        "trackway command",
    )
    run("trust", "delete", "rule")
    run("issuer", "delete", "cli")
    bad = CliRunner().invoke(main, ["trust", "create", "x", *rule[:4], "--claim", "nonsense"])
    assert bad.exit_code == 2
    assert "CLAIM=PATTERN" in bad.output


# ---- rules for a workspace


@pytest.fixture
def teams(store_uri, tmp_path, issuer):
    """A server with two workspaces, of which ``ci`` administrates both; its rule is for team-a."""
    with closed_server(store_uri, tmp_path / "artifacts", enable_workspaces=True) as server:
        server.ok("POST", "/api/3.0/trackway/service-accounts/create", name="ci")
        server.ok("POST", f"{ISSUERS}/create", name="gl", url=issuer.url, audience=AUDIENCE, kind="gitlab")
        for name in ("team-a", "team-b"):
            assert server.call("POST", "/api/3.0/mlflow/workspaces", name=name).status_code == 201
            roles = server.ok("GET", "/api/3.0/mlflow/roles/list", workspace=name)["roles"]
            [role] = [role["id"] for role in roles if role["name"] == "admin"]
            server.ok("POST", "/api/3.0/mlflow/roles/assign", username="ci", role_id=role)
        conditions = {"project_path": "team/*"}
        rule = {"name": "a", "issuer": "gl", "service_account": "ci", "conditions": conditions}
        made = server.ok("POST", f"{RULES}/create", **rule, workspace="team-a")["trust_rule"]
        assert made["workspace"] == "team-a"
        yield server


def test_a_rule_for_a_workspace_gives_the_accounts_rights_there_and_nowhere_else(teams, issuer):
    text = issuer.token()
    search = "/api/2.0/mlflow/experiments/search?max_results=10"
    create = "/api/2.0/mlflow/experiments/create"
    roles = "/api/3.0/mlflow/roles/create"
    for token in (text, exchange(teams, text).json["access_token"]):
        assert ask(teams, token, f"/t/team-a{search}").status_code == 200
        assert post(teams, token, f"/t/team-a{create}", name=f"e{len(token)}").status_code == 200
        assert post(teams, token, roles, name=f"r{len(token)}", workspace="team-a").status_code == 200
        # As if the workspace did not exist.
        assert ask(teams, token, f"/t/team-b{search}").status_code == 404
        assert post(teams, token, f"/t/team-b{create}", name="e").status_code == 404
        assert error_code(post(teams, token, roles, name="r", workspace="team-b")) == DENIED
        # The default workspace tells who one is, and shows nothing.
        assert ask(teams, token).json["name"] == "ci"
        assert ask(teams, token, search).json == {}
        assert error_code(post(teams, token, create, name="e")) == DENIED
        listed = ask(teams, token, "/api/3.0/mlflow/workspaces").json["workspaces"]
        assert [workspace["name"] for workspace in listed] == ["team-a"]


def test_a_rule_names_a_workspace_that_exists_and_an_account_that_is_no_administrator(teams):
    rule = {"name": "b", "issuer": "gl", "service_account": "ci", "conditions": {"project_path": "t/*"}}
    missing = teams.call("POST", f"{RULES}/create", **rule, workspace="team-z")
    assert error_code(missing) == (404, "RESOURCE_DOES_NOT_EXIST")
    with teams.backend.database.begin(write=True) as tx:
        principals.create(tx, "boss", kind=principals.SERVICE, is_admin=True)
    rule["service_account"] = "boss"
    refused = teams.call("POST", f"{RULES}/create", **rule, workspace="team-a")
    assert error_code(refused) == (400, "INVALID_PARAMETER_VALUE")
    assert "is an administrator" in refused.json["message"]
    assert [found["name"] for found in teams.ok("GET", f"{RULES}/list")["trust_rules"]] == ["a"]


def test_a_rule_for_a_workspace_on_the_command_line(teams, store_uri):
    def run(*words):
        result = CliRunner().invoke(main, ["trust", *words, "--backend-store-uri", store_uri])
        assert result.exit_code == 0, result.output
        return result.output

    words = ("--issuer", "gl", "--service-account", "ci", "--claim", "project_path=t/*")
    run("create", "b", *words, "--workspace", "team-b")
    run("create", "c", *words)
    rows = {line.split()[0]: line.split()[4] for line in run("list").splitlines()[1:]}
    assert rows == {"a": "team-a", "b": "team-b", "c": "all"}

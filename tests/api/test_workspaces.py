"""Workspaces: named by header or address, isolated from each other, with their roles and artifacts."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from tests.access import ADMIN, authorization, closed_server, error_code
from trackway.client_compat.messages import Workspace
from trackway.storage.access import workspace_names, workspaces

M2, M3 = "/api/2.0/mlflow", "/api/3.0/mlflow"
HEADER = "X-MLFLOW-WORKSPACE"
UNKNOWN = (404, "RESOURCE_DOES_NOT_EXIST")


@pytest.fixture
def api(store_uri, tmp_path):
    """An open server with workspaces."""
    from trackway.server.app import create_app
    from trackway.server.config import Config

    config = Config(
        backend_store_uri=store_uri,
        artifacts_destination=str(tmp_path / "artifacts"),
        enable_workspaces=True,
    )
    with create_app(config, start_jobs=False).test_client() as client:
        yield client


@pytest.fixture
def server(store_uri, tmp_path):
    """A closed server with workspaces."""
    with closed_server(store_uri, tmp_path / "artifacts", enable_workspaces=True) as server:
        yield server


def make_workspace(client, name, **body):
    response = client.post(f"{M3}/workspaces", json={"name": name, **body})
    assert response.status_code == 201, response.text
    return response.json["workspace"]


def make_experiment(client, name, root=""):
    response = client.post(f"{root}{M2}/experiments/create", json={"name": name})
    assert response.status_code == 200, response.text
    return response.json["experiment_id"]


def refresh(server):
    server.client.application.wsgi_app._gate._checked_at = 0


def assign(server, name, role, workspace):
    found = server.ok("GET", f"{M3}/roles/list", workspace=workspace)["roles"]
    role_id = next(item["id"] for item in found if item["name"] == role)
    server.ok("POST", f"{M3}/roles/assign", username=name, role_id=role_id)
    refresh(server)


def test_a_run_is_found_by_header_and_by_address_in_its_workspace_only(api):
    make_workspace(api, "team-a")
    experiment_id = make_experiment(api, "theirs", "/t/team-a")
    made = api.post(f"/t/team-a{M2}/runs/create", json={"experiment_id": experiment_id}).json
    run_id = made["run"]["info"]["run_id"]
    get = f"{M2}/runs/get?run_id={run_id}"
    assert api.get(get, headers={HEADER: "team-a"}).status_code == 200
    assert api.get(f"/t/team-a{get}", headers={HEADER: "team-a"}).status_code == 200
    assert error_code(api.get(get)) == UNKNOWN
    assert error_code(api.get(f"/t/default{get}")) == UNKNOWN
    assert error_code(api.get(get, headers={HEADER: "default"})) == UNKNOWN


@pytest.mark.parametrize(
    ("path", "header", "expected"),
    [
        ("/t/team-a", "default", (400, "BAD_REQUEST")),
        ("/t/nope", None, UNKNOWN),
        ("", "nope", UNKNOWN),
        ("/t/..", None, (400, "INVALID_PARAMETER_VALUE")),
        ("/t/Team-A", None, (400, "INVALID_PARAMETER_VALUE")),
        ("/t/api", None, (400, "INVALID_PARAMETER_VALUE")),
        ("", "team_a", (400, "INVALID_PARAMETER_VALUE")),
        ("", "team-a\n", None),
        ("", "  ", None),
        ("/t/team-a/", None, None),
        ("/t/team-a/t/default", None, (404, "ENDPOINT_NOT_FOUND")),
        ("/t//team-a", None, None),
    ],
)
def test_a_workspace_is_named_once_and_exists(api, path, header, expected):
    make_workspace(api, "team-a")
    headers = {} if header is None else {HEADER: header.strip() or header}
    response = api.get(f"{path}{M2}/experiments/get-by-name?experiment_name=nothing", headers=headers)
    assert error_code(response) == (expected or UNKNOWN), response.text


def test_one_name_may_be_used_in_each_workspace(api):
    make_workspace(api, "team-a")
    ids = [make_experiment(api, "same", root) for root in ("", "/t/team-a")]
    assert len(set(ids)) == 2
    for root, experiment_id in zip(("", "/t/team-a"), ids, strict=True):
        found = api.get(f"{root}{M2}/experiments/get-by-name?experiment_name=same").json["experiment"]
        assert found["experiment_id"] == experiment_id
        assert found["workspace"] == (root.removeprefix("/t/") or "default")


def test_artifacts_of_a_workspace_have_a_root_of_their_own(api):
    make_workspace(api, "team-a")
    make_workspace(api, "team-b", default_artifact_root="s3://bucket/b")

    def location(root):
        experiment_id = make_experiment(api, "x", root)
        found = api.get(f"{root}{M2}/experiments/get?experiment_id={experiment_id}").json["experiment"]
        return found["artifact_location"].removesuffix(f"/{experiment_id}")

    assert location("") == "mlflow-artifacts:"
    assert location("/t/team-a") == "mlflow-artifacts:/workspaces/team-a"
    assert location("/t/team-b") == "s3://bucket/b"


def test_server_info_says_that_there_are_workspaces_except_to_the_ui_in_one(api):
    make_workspace(api, "team-a")
    info = "3.0/mlflow/server-info"
    enabled = {
        path: api.get(path, headers={HEADER: "nope"}).json["workspaces_enabled"]
        for path in (
            f"/api/{info}",
            f"/ajax-api/{info}",
            f"/t/team-a/api/{info}",
            f"/t/team-a/ajax-api/{info}",
        )
    }
    assert list(enabled.values()) == [True, True, True, False]


def test_a_workspace_is_created_read_and_updated(api):
    made = make_workspace(api, "team-a", description="A", default_artifact_root=" s3://bucket/a ")
    assert made == {"name": "team-a", "description": "A", "default_artifact_root": "s3://bucket/a"}
    path = f"{M3}/workspaces/team-a"
    assert api.get(path).json == {"workspace": made}
    body = {"default_artifact_root": "", "trace_archival_config": {"retention": "30d"}}
    changed = api.patch(path, json=body).json["workspace"]
    assert changed == {"name": "team-a", "description": "A", "trace_archival_config": {"retention": "30d"}}
    names = [found["name"] for found in api.get(f"{M3}/workspaces").json["workspaces"]]
    assert names == ["default", "noise", "team-a"]


@pytest.mark.parametrize(
    ("verb", "name", "body", "code"),
    [
        ("POST", "", {"name": "default"}, "INVALID_PARAMETER_VALUE"),
        ("POST", "", {"name": "noise"}, "RESOURCE_ALREADY_EXISTS"),
        ("POST", "", {"name": "a"}, "INVALID_PARAMETER_VALUE"),
        ("POST", "", {"name": "-a-"}, "INVALID_PARAMETER_VALUE"),
        ("POST", "", {"name": "workspaces"}, "INVALID_PARAMETER_VALUE"),
        ("POST", "", {}, "INVALID_PARAMETER_VALUE"),
        ("POST", "", {"name": "new", "default_artifact_root": "relative"}, "INVALID_PARAMETER_VALUE"),
        ("POST", "", {"name": "new", "default_artifact_root": "runs:/1"}, "INVALID_PARAMETER_VALUE"),
        ("POST", "", {"name": "new", "default_artifact_root": "http://a/b"}, "INVALID_PARAMETER_VALUE"),
        (
            "POST",
            "",
            {"name": "new", "trace_archival_config": {"retention": "30"}},
            "INVALID_PARAMETER_VALUE",
        ),
        ("PATCH", "/noise", {}, "INVALID_PARAMETER_VALUE"),
        ("PATCH", "/nope", {"description": "x"}, "RESOURCE_DOES_NOT_EXIST"),
    ],
)
def test_a_wrong_workspace_changes_nothing(api, verb, name, body, code):
    before = api.get(f"{M3}/workspaces").json
    response = api.open(f"{M3}/workspaces{name}", method=verb, json=body)
    assert error_code(response)[1] == code, response.text
    assert api.get(f"{M3}/workspaces").json == before


def test_strangers_do_not_learn_which_workspaces_there_are(server):
    for name in ("noise", "nope"):
        response = server.client.get(f"/t/{name}{M2}/experiments/get?experiment_id=0")
        assert response.status_code == 401
    # Nor do callers without a role there.
    messages = set()
    for name in ("noise", "nope"):
        path = f"/t/{name}{M2}/experiments/get"
        refused = server.call("GET", path, who="alice", experiment_id="0")
        assert error_code(refused) == UNKNOWN
        messages.add(refused.json["message"].replace(name, "W"))
    assert messages == {"Workspace 'W' not found"}


@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("reader", {"get"}),
        ("user", {"get", "create"}),
        ("admin", {"get", "create", "rename", "roles"}),
    ],
)
def test_the_first_roles_of_a_workspace(server, role, may):
    server.call("POST", f"{M3}/workspaces", name="team-a")
    refresh(server)
    root = f"/t/team-a{M2}"
    experiment_id = server.ok("POST", f"{root}/experiments/create", name="theirs")["experiment_id"]
    assign(server, "alice", role, "team-a")
    calls = {
        "get": ("GET", f"{root}/experiments/get", {"experiment_id": experiment_id}),
        "create": ("POST", f"{root}/experiments/create", {"name": "hers"}),
        "rename": ("POST", f"{root}/experiments/update", {"experiment_id": experiment_id, "new_name": "n"}),
        "roles": ("POST", f"{M3}/roles/create", {"name": "more", "workspace": "team-a"}),
        "workspace": ("PATCH", f"{M3}/workspaces/team-a", {"description": "hers"}),
    }
    allowed = set()
    for name, (verb, path, body) in calls.items():
        response = server.call(verb, path, who="alice", **body)
        if response.status_code == 200:
            allowed.add(name)
        else:
            assert response.status_code == 403, response.text
    assert allowed == may


def test_callers_see_the_workspaces_in_which_they_have_a_role(server):
    for name in ("team-a", "team-b"):
        server.call("POST", f"{M3}/workspaces", name=name)
    refresh(server)
    assign(server, "alice", "user", "team-a")

    def names(who):
        return [
            found["name"] for found in server.ok("GET", f"{M3}/workspaces", who=who).get("workspaces", ())
        ]

    assert names("alice") == ["team-a"]
    assert names("bob") == []
    assert names(ADMIN) == ["default", "noise", "team-a", "team-b"]
    assert error_code(server.call("GET", f"{M3}/workspaces/team-b", who="alice")) == UNKNOWN
    assert server.ok("GET", "/t/team-a/api/3.0/trackway/whoami", who="alice")["workspace"] == "team-a"


def test_outside_of_their_workspaces_callers_have_no_rights(server):
    experiment_id = make_experiment_as(server, "of all")
    denied = server.call("GET", f"{M2}/experiments/get", who="alice", experiment_id=experiment_id)
    assert error_code(denied) == (403, "PERMISSION_DENIED")
    denied = server.call("POST", f"{M2}/experiments/create", who="alice", name="hers")
    assert error_code(denied) == (403, "PERMISSION_DENIED")
    found = server.ok("POST", f"{M2}/experiments/search", who="alice", max_results=10)
    assert found.get("experiments", []) == []


def make_experiment_as(server, name, who=ADMIN, root=""):
    return server.ok("POST", f"{root}{M2}/experiments/create", who=who, name=name)["experiment_id"]


def delete(client, name, mode=""):
    return client.delete(f"{M3}/workspaces/{name}" + (f"?mode={mode}" if mode else ""))


@pytest.mark.parametrize(
    ("name", "mode", "expected"),
    [
        ("default", "CASCADE", (400, "INVALID_PARAMETER_VALUE")),
        ("nope", "", UNKNOWN),
        ("team-a", "SOME", (400, "INVALID_PARAMETER_VALUE")),
        ("team-a", "", (400, "INVALID_STATE")),
        ("team-a", "SET_DEFAULT", (400, "INVALID_STATE")),
    ],
)
def test_a_deletion_that_is_refused_changes_nothing(api, name, mode, expected):
    make_workspace(api, "team-a")
    for root in ("", "/t/team-a"):
        make_experiment(api, "same", root)
    response = delete(api, name, mode)
    assert error_code(response) == expected
    if mode == "SET_DEFAULT":
        assert "  - experiments: 'same'" in response.json["message"]
    assert api.get(f"/t/team-a{M2}/experiments/get-by-name?experiment_name=same").status_code == 200


def test_an_empty_workspace_is_deleted_and_its_name_is_free_again(api):
    for _ in range(2):
        make_workspace(api, "team-a")
        response = delete(api, "team-a")
        assert (response.status_code, response.data) == (204, b"")
        api.application.wsgi_app._gate._checked_at = 0
        assert error_code(api.get(f"/t/team-a{M2}/experiments/get?experiment_id=0")) == UNKNOWN


def test_a_deletion_with_the_contents_puts_experiments_into_the_trash(api):
    make_workspace(api, "team-a")
    experiment_id = make_experiment(api, "theirs", "/t/team-a")
    api.post(f"/t/team-a{M2}/registered-models/create", json={"name": "model"})
    assert delete(api, "team-a", "CASCADE").status_code == 204
    with api.application.extensions["trackway"].database.begin(write=False) as tx:
        from trackway.storage.schema.tracking import experiments

        stages = dict(tx.execute(sa.select(experiments.c.id, experiments.c.lifecycle_stage)).all())
    assert stages[int(experiment_id)] == "deleted"
    make_workspace(api, "team-a")
    found = api.post(f"/t/team-a{M2}/registered-models/create", json={"name": "model"})
    assert found.status_code == 200


def test_contents_that_move_to_the_default_workspace_keep_files_and_permissions(server):
    server.call("POST", f"{M3}/workspaces", name="team-a")
    refresh(server)
    assign(server, "alice", "user", "team-a")
    experiment_id = make_experiment_as(server, "hers", "alice", "/t/team-a")
    server.ok("POST", f"/t/team-a{M2}/registered-models/create", who="alice", name="model")
    run = server.ok("POST", f"/t/team-a{M2}/runs/create", who="alice", experiment_id=experiment_id)["run"]
    uri = run["info"]["artifact_uri"].removeprefix("mlflow-artifacts:/")
    file = f"/api/2.0/mlflow-artifacts/artifacts/{uri}/note.txt"
    headers = authorization("alice")
    assert server.client.put(f"/t/team-a{file}", data=b"hello", headers=headers).status_code == 200
    # The search remembers that the experiment is in the workspace.
    search = {"experiment_ids": [experiment_id]}
    assert server.ok("POST", f"/t/team-a{M2}/runs/search", who="alice", **search)["runs"]

    response = server.client.delete(f"{M3}/workspaces/team-a?mode=SET_DEFAULT", headers=authorization(ADMIN))
    assert response.status_code == 204
    refresh(server)
    run_id = run["info"]["run_id"]
    tag = {"run_id": run_id, "key": "k", "value": "v"}
    server.ok("POST", f"{M2}/runs/set-tag", who="alice", **tag)
    server.ok("PATCH", f"{M2}/registered-models/update", who="alice", name="model", description="d")
    assert server.ok("POST", f"{M2}/runs/search", who="alice", **search)["runs"]
    assert server.client.get(file, headers=headers).data == b"hello"
    get_artifact = f"/get-artifact?run_id={run_id}&path=note.txt"
    assert server.client.get(get_artifact, headers=headers).data == b"hello"
    assert error_code(server.call("GET", f"{M2}/runs/get", who="bob", run_id=run_id))[0] == 403


FILES = "/api/2.0/mlflow-artifacts/artifacts"


def log_file(client, root, experiment_id, data):
    """Upload a file of a new run, as clients do, and return its path in the store."""
    made = client.post(f"{root}{M2}/runs/create", json={"experiment_id": experiment_id}).json["run"]
    path = made["info"]["artifact_uri"].removeprefix("mlflow-artifacts:/") + "/a.txt"
    assert client.put(f"{root}{FILES}/{path}", data=data).status_code == 200
    return path


def test_a_path_leads_to_the_files_of_its_workspace_only(api):
    for name in ("team-a", "team-b"):
        make_workspace(api, name)
    experiment_id = make_experiment(api, "x", "/t/team-a")
    path = log_file(api, "/t/team-a", experiment_id, b"theirs")
    assert path.startswith(f"workspaces/team-a/{experiment_id}/")
    short = path.removeprefix("workspaces/team-a/")
    for spelled in (path, short):
        assert api.get(f"/t/team-a{FILES}/{spelled}").data == b"theirs"
    for root in ("", "/t/team-b"):
        for spelled in (path, short, f"./{path}", path.replace("workspaces", "%2577orkspaces")):
            response = api.get(f"{root}{FILES}/{spelled}")
            assert response.status_code in (400, 403, 404), (root, spelled, response.text)
            api.delete(f"{root}{FILES}/{spelled}")
        refused = api.put(f"{root}{FILES}/{path}", data=b"ours")
        assert refused.json["message"].startswith("Artifact path targets workspace 'team-a' but")
        assert api.delete(f"{root}{FILES}/workspaces?recursive=experiment").status_code == 400
    names = [entry["path"] for entry in api.get(FILES).json.get("files", [])]
    assert "workspaces" not in names
    assert api.get(f"/t/team-a{FILES}/{path}").data == b"theirs"


@pytest.mark.parametrize(
    "location",
    [
        "mlflow-artifacts:/workspaces/team-a/{id}",
        "mlflow-artifacts:/workspaces/team-a",
        "mlflow-artifacts:///workspaces/team-a/{id}/sub",
        "mlflow-artifacts:/%77orkspaces/team-a/{id}",
        "mlflow-artifacts:/",
        "mlflow-artifacts:/{id}",
        "{store}/workspaces/team-a/{id}",
        "file://{store}/workspaces/team-a/{id}",
    ],
)
def test_an_experiment_cannot_be_put_over_the_files_of_another_workspace(api, tmp_path, location):
    for name in ("team-a", "team-b"):
        make_workspace(api, name)
    experiment_id = make_experiment(api, "x", "/t/team-a")
    chosen = location.format(id=experiment_id, store=tmp_path / "artifacts")
    body = {"name": "over", "artifact_location": chosen}
    response = api.post(f"/t/team-b{M2}/experiments/create", json=body)
    assert response.status_code in (400, 403), response.text
    own = {"name": "own", "artifact_location": "mlflow-artifacts:/workspaces/team-b/own"}
    assert api.post(f"/t/team-b{M2}/experiments/create", json=own).status_code == 200


def test_gitlabs_address_leads_to_the_workspace_of_the_project(server):
    server.call("POST", f"{M3}/workspaces", name="team-a")
    for name in ("42", "Group/Sub/Project"):
        server.backend.database.run(
            lambda tx, name=name: workspace_names.add(tx, "gitlab", name, "team-a"), write=True
        )
    refresh(server)
    assign(server, "alice", "user", "team-a")
    token = server.token(who="alice")
    tokens = ({"PRIVATE-TOKEN": token}, {"JOB-TOKEN": token}, {"Authorization": f"Bearer {token}"})
    for project in ("42", "group%2Fsub%2Fproject", "Group/Sub/Project"):
        for headers in tokens:
            path = f"/api/v4/projects/{project}/ml/mlflow/api/2.0/mlflow/experiments/create"
            body = {"name": f"{project} {next(iter(headers))}"}
            response = server.client.post(path, json=body, headers=headers)
            assert response.status_code == 200, response.text
            get = f"/t/team-a{M2}/experiments/get"
            server.ok("GET", get, who="alice", experiment_id=response.json["experiment_id"])
    path = "/api/v4/projects/{}/ml/mlflow/api/2.0/mlflow/experiments/get?experiment_id=0"
    assert server.client.get(path.format(42)).status_code == 401
    # Only there are GitLab's headers credentials.
    assert server.client.get(f"{M2}/experiments/get?experiment_id=0", headers=tokens[0]).status_code == 401
    messages = {
        server.client.get(path.format(project), headers=headers).json["message"].replace(project, "P")
        for project, headers in (("43", tokens[0]), ("42", authorization("bob")))
    }
    assert messages == {"Project 'P' not found, or it has no workspace here that you may use"}
    both = tokens[0] | {HEADER: "default"}
    assert error_code(server.client.get(path.format(42), headers=both)) == (400, "BAD_REQUEST")


def test_a_version_cannot_have_the_files_of_another_workspace(api, tmp_path):
    for name in ("team-a", "team-b"):
        make_workspace(api, name)
        api.post(f"/t/{name}{M2}/registered-models/create", json={"name": "model"})
    experiment_id = make_experiment(api, "x", "/t/team-a")
    path = log_file(api, "/t/team-a", experiment_id, b"theirs").rpartition("/")[0]
    run_id = path.split("/")[-2]
    for source in (f"mlflow-artifacts:/{path}", f"file://{tmp_path}/artifacts/{path}"):
        body = {"name": "model", "source": source, "run_id": run_id}
        response = api.post(f"/t/team-b{M2}/model-versions/create", json=body)
        assert response.status_code in (400, 403, 404), (source, response.text)
    # The run is looked for when the files are read, as one that does not exist.
    body = {"name": "model", "source": f"runs:/{run_id}/", "run_id": run_id}
    assert api.post(f"/t/team-b{M2}/model-versions/create", json=body).status_code == 200
    files = "/model-versions/get-artifact?name=model&version=1&path=a.txt"
    assert error_code(api.get(f"/t/team-b{files}")) == UNKNOWN
    own = {"name": "model", "source": f"mlflow-artifacts:/{path}", "run_id": run_id}
    assert api.post(f"/t/team-a{M2}/model-versions/create", json=own).status_code == 200


def test_the_path_of_a_gitlab_project_may_be_encoded(serve, database):
    server = serve("--enable-workspaces")
    row = database.run(
        lambda tx: workspaces.create(tx, Workspace(name="team-a"), seeds_roles=False), write=True
    )
    assert row.name == "team-a"
    database.run(lambda tx: workspace_names.add(tx, "gitlab", "group/Straße", "team-a"), write=True)
    for project in ("group%2Fstra%C3%9Fe", "Group%2fStra%c3%9fe", "group/stra%C3%9Fe"):
        path = f"/api/v4/projects/{project}/ml/mlflow{M2}/experiments/search?max_results=5"
        status, body = server.send("GET", path)[:2]
        assert (status, json.loads(body)) == (200, {}), project
    assert server.send("GET", f"/api/v4/projects/group%2Fother/ml/mlflow{M2}/experiments/get")[0] == 404


def test_a_server_without_workspaces_says_so(store_uri, tmp_path):
    with closed_server(store_uri, tmp_path / "artifacts") as server:
        for verb, path in (("GET", ""), ("POST", ""), ("GET", "/x"), ("PATCH", "/x"), ("DELETE", "/x")):
            response = server.call(verb, f"{M3}/workspaces{path}", name="team-a")
            assert error_code(response) == (400, "FEATURE_DISABLED")
            assert "`--enable-workspaces`" in response.json["message"]
        assert server.call("GET", f"/t/default{M2}/experiments/get", experiment_id="0").status_code == 404

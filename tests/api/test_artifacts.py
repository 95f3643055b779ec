"""Artifacts over HTTP: what is refused, how files are answered, and where they are found."""

from __future__ import annotations

import io
import json
import tarfile
import urllib.request
import zipfile
from urllib.parse import quote, unquote

import pytest
import sqlalchemy as sa
from mlflow.utils.uri import validate_path_is_safe

from tests.api.conftest import client
from trackway.server.backend import open_artifacts
from trackway.server.config import Config
from trackway.storage.artifacts.local import LocalFile
from trackway.storage.schema.audit import audit

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], scope="module")

SERVED = "/api/2.0/mlflow-artifacts/artifacts"
OURS = "/api/3.0/trackway"
INVALID = [
    "..",
    "../x",
    "a/../../x",
    "%2e%2e/x",
    "%252e%252e%252fx",
    "a/%2e%2e/%2e%2e/x",
    "/etc/passwd",
    "//etc/passwd",
    "%2Fetc%2Fpasswd",
    "%252Fetc/passwd",
    "..%252Fx",
    "a/..%25252F..%25252Fx",
    ".%252e/x",
    "..%5Cx",
    "a%5C..%5C..%5Cx",
    "a%255C..%255Cx",
    "%5Cx",
    "%255Cx",
    "a/%5Cx",
    "%5C%5Chost%5Cshare%5Cx",
    "C:%5Cx",
    "C:%255Cx",
    "C:/x",
    "..%2500/x",
    ".%250A./x",
    "file:///etc/passwd",
    ".trackway-uploads/x",
    "a/.trackway-uploads",
    ".artifact.uploading.x",
    "a/" * 1000 + "b",
]


@pytest.fixture
def api(store_api):
    return store_api


def post(api, path, **body):
    answer = api.post(f"/api/2.0/mlflow/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def make_run(api):
    return post(api, "runs/create", experiment_id="0")["run"]["info"]["run_id"]


def put(api, path, data=b"hello"):
    answer = api.put(f"{SERVED}/{path}", data=data)
    assert (answer.status_code, answer.get_json()) == (200, {})


def put_in_run(api, path, data=b"hello"):
    run_id = make_run(api)
    put(api, f"0/{run_id}/artifacts/{path}", data)
    return run_id


def make_model(api, files):
    """A version 1 of the model "m" with these files, under the alias "champion"."""
    run_id = make_run(api)
    for name, data in files.items():
        put(api, f"0/{run_id}/artifacts/model/{name}", data)
    post(api, "registered-models/create", name="m")
    source = f"mlflow-artifacts:/0/{run_id}/artifacts/model"
    post(api, "model-versions/create", name="m", source=source, run_id=run_id)
    post(api, "registered-models/alias", name="m", alias="champion", version="1")


def make_logged_model(api, files):
    model = post(api, "logged-models", experiment_id="0", name="lm")["model"]["info"]
    for name, data in files.items():
        put(api, f"0/models/{model['model_id']}/artifacts/{name}", data)
    return model["model_id"]


def error_of(answer):
    body = answer.get_json()
    return answer.status_code, body["error_code"], body["message"]


def test_what_is_put_is_got_and_listed_and_deleted(api):
    put(api, "a/b/file.bin", b"\x00\xff" * 1000)
    put(api, "a/c.txt")
    answer = api.get(f"{SERVED}/a/b/file.bin")
    assert (answer.status_code, answer.data) == (200, b"\x00\xff" * 1000)
    assert api.get(SERVED, query_string={"path": "a"}).get_json() == {
        "files": [
            {"path": "b", "is_dir": True},
            {"path": "c.txt", "is_dir": False, "file_size": 5},
        ]
    }
    assert api.delete(f"{SERVED}/a/b").get_json() == {}
    assert api.get(f"{SERVED}/a/b/file.bin").status_code == 404
    assert api.get(SERVED, query_string={"path": "a/b"}).get_json() == {}
    assert api.delete(f"{SERVED}/a/b").status_code == 200


@pytest.mark.parametrize("name", ["ä ö.txt", "a+b&c=d.txt", "100%.csv", "x;y,z.txt", "数据.bin"])
def test_odd_names_come_back_as_they_were(api, name):
    run_id = make_run(api)
    put(api, f"0/{run_id}/artifacts/{quote(name)}")
    listed = api.get("/api/2.0/mlflow/artifacts/list", query_string={"run_id": run_id}).get_json()
    assert [file["path"] for file in listed["files"]] == [name]
    answer = api.get("/get-artifact", query_string={"run_id": run_id, "path": name})
    assert answer.data == b"hello"


@pytest.mark.parametrize("path", INVALID)
def test_a_path_that_could_lead_elsewhere_is_refused_everywhere_before_any_look(folder_api, path):
    api = folder_api
    body = {"path": "x", "num_parts": 1}
    plain = unquote(path)
    answers = [
        api.get(f"{SERVED}/{path}"),
        api.put(f"{SERVED}/{path}", data=b"x"),
        api.delete(f"{SERVED}/{path}"),
        api.get(f"/api/2.0/mlflow-artifacts/presigned/{path}"),
        api.post(f"/api/2.0/mlflow-artifacts/mpu/create/{path}", json=body),
        api.get(SERVED, query_string={"path": plain}),
        api.get("/api/2.0/mlflow/artifacts/list", query_string={"run_id": "none", "path": plain}),
        api.get("/get-artifact", query_string={"run_id": "none", "path": plain}),
        api.get("/model-versions/get-artifact", query_string={"name": "m", "version": "1", "path": plain}),
        api.post("/ajax-api/2.0/mlflow/upload-artifact", query_string={"run_uuid": "none", "path": plain}),
        api.get("/ajax-api/2.0/mlflow/logged-models/m-1/artifacts/files?artifact_file_path=" + path),
        api.get(
            "/api/2.0/mlflow/logged-models/m-1/artifacts/directories",
            query_string={"artifact_directory_path": plain},
        ),
        api.post("/api/2.0/mlflow/artifacts/presigned-upload-url", json={"run_id": "r", "path": plain}),
        api.get(f"{OURS}/runs/none/artifacts.zip", query_string={"path": plain}),
    ]
    if not plain.startswith("/"):  # there, doubled slashes are tidied away
        answers.append(api.get(f"{OURS}/models/m/1/{path}"))
    for answer in answers:
        # A NUL in a query never gets as far as a handler.
        code, name, message = error_of(answer)
        assert (code, name) == (400, "INVALID_PARAMETER_VALUE")
        assert message == "Invalid path" or "NUL" in message or "U+0000" in message


@pytest.mark.parametrize("path", ["a%23b", "a/%252Fb", "a/%252e", "a/%250A"])
def test_a_name_that_clients_cannot_request_is_not_stored(folder_api, path):
    api, plain = folder_api, unquote(path)
    for answer in (
        api.put(f"{SERVED}/{path}", data=b"x"),
        api.post(f"{SERVED.replace('artifacts/artifacts', 'artifacts/mpu/create')}/a", json={"path": "#"}),
        api.post(
            "/ajax-api/2.0/mlflow/upload-artifact", query_string={"run_uuid": "none", "path": plain}, data="x"
        ),
        api.post("/api/2.0/mlflow/artifacts/presigned-upload-url", json={"run_id": "r", "path": plain}),
    ):
        assert error_of(answer) == (400, "INVALID_PARAMETER_VALUE", "Invalid path")
    assert api.get(SERVED).get_json() == {}


def test_a_file_that_another_program_stored_is_read_and_deleted_whatever_its_name(folder_api, tmp_path):
    """Each file that is listed can be read, alone and with its folder, and deleted."""
    run_id = put_in_run(folder_api, "x")
    folder = tmp_path / "artifacts" / "0" / run_id / "artifacts"
    names = ["a\\b.txt", "a#b.txt", "a%23b.txt", "a%2Fb.txt", "50%20.txt", "%2541", "a;", "?", " a", "Dog:x"]
    hidden = ["..\\x", "%2e%2e", "..%2fx", "\\x", "C:\\x", ".trackway-uploads"]
    for name in names + hidden:
        (folder / name).write_text(name)
    query = {"run_id": run_id}
    listed = folder_api.get("/api/2.0/mlflow/artifacts/list", query_string=query).get_json()["files"]
    assert [file["path"] for file in listed] == sorted([*names, "x"])
    archive = folder_api.get(f"{OURS}/runs/{run_id}/artifacts.zip").data
    assert sorted(zipfile.ZipFile(io.BytesIO(archive)).namelist()) == sorted([*names, "x"])
    for name in names:
        assert folder_api.get("/get-artifact", query_string={**query, "path": name}).text == name
        url = f"{SERVED}/0/{run_id}/artifacts/{quote(name, safe='')}"
        assert folder_api.get(url).text == name
        assert folder_api.delete(url).status_code == 200
        assert not (folder / name).exists()


# How often a path is decoded


def test_a_name_is_stored_as_it_was_sent_and_found_as_clients_decode_it(api):
    run_id = make_run(api)
    base = f"{SERVED}/0/{run_id}/artifacts"
    names = [f"dog%step%{step}%timestamp%1%2f{step}.png" for step in (0, 10, 20, 25, 41, 80)]
    for name in names:
        assert api.put(f"{base}/images/{quote(name)}", data=name.encode()).status_code == 200
    query = {"run_id": run_id, "path": "images"}
    listed = api.get("/api/2.0/mlflow/artifacts/list", query_string=query).get_json()["files"]
    assert [file["path"] for file in listed] == sorted(f"images/{name}" for name in names)
    for name in names:
        assert api.get(f"{base}/images/{quote(name)}").text == name
        decoded = validate_path_is_safe(f"images/{name}")
        assert decoded != f"images/{name}"
        assert api.get(f"{base}/{quote(decoded)}").text == name
        assert api.get("/get-artifact", query_string={"run_id": run_id, "path": decoded}).text == name
    assert api.delete(f"{base}/{quote(validate_path_is_safe('images/' + names[2]))}").status_code == 200
    assert api.get(f"{base}/images/{quote(names[2])}").status_code == 404


def test_the_client_can_read_a_folder_with_a_number_sign(api):
    """The client refuses a listing with ``#`` after decoding. The images of step 23 have it."""
    put(api, "images/dog%25step%2523%25t.png", b"23")
    put(api, "images/a.png", b"a")
    put(api, "images/b%25zz%253f.png", b"b")
    files = api.get(SERVED, query_string={"path": "images"}).get_json()["files"]
    names = [validate_path_is_safe(file["path"]) for file in files]
    assert [api.get(f"{SERVED}/images/{quote(name)}").text for name in names] == ["a", "b", "23"]
    assert api.get(f"{SERVED}/images/dog%25step%2523%25t.png").text == "23"


def test_the_whole_store_is_not_deleted(api):
    assert api.get(SERVED).get_json() == {}
    put(api, "f")
    for path in ("%2e", "a/..", "/"):
        assert api.delete(f"{SERVED}/{path}").status_code in (400, 404, 405)
    assert api.get(f"{SERVED}/f").text == "hello"


def test_files_for_a_folder_are_in_one_folder_whether_its_name_was_encoded_or_not(api):
    """The client's HTTP library sends ``%20`` as it is, and as ``%2520`` beside a ``%zz``."""
    put(api, "a%20b/one")
    put(api, "a%2520b/two%25zz")
    put(api, "a%252520b/three")
    for name in ("a b", "a%20b", "a%2520b"):
        files = api.get(SERVED, query_string={"path": name}).get_json()["files"]
        assert [file["path"] for file in files] == ["one", "three", "two%zz"]


def test_a_folder_with_a_percent_sign_that_another_program_made_is_found(folder_api, tmp_path):
    run_id = put_in_run(folder_api, "x")
    folder = tmp_path / "artifacts" / "0" / run_id / "artifacts" / "50%20off"
    folder.mkdir()
    (folder / "f").write_text("hello")
    for path in ("50%20off", "50 off"):
        query = {"run_id": run_id, "path": path}
        listed = folder_api.get("/api/2.0/mlflow/artifacts/list", query_string=query).get_json()["files"]
        assert [file["path"] for file in listed] == [f"{path}/f"]
        answer = folder_api.get("/get-artifact", query_string={"run_id": run_id, "path": f"{path}/f"})
        assert answer.text == "hello"


def test_a_missing_file_of_a_run_is_not_looked_for_in_other_runs(folder_api, tmp_path):
    run_id = put_in_run(folder_api, "x")
    answer = folder_api.get("/get-artifact", query_string={"run_id": run_id, "path": "%2e/y"})
    assert answer.status_code == 404
    for path in ("..%2fartifacts%2fx", "%252e%252e/artifacts/x"):
        answer = folder_api.get("/get-artifact", query_string={"run_id": run_id, "path": path})
        assert error_of(answer) == (400, "INVALID_PARAMETER_VALUE", "Invalid path")


def test_a_run_is_found_by_its_listing_and_its_page(api):
    run_id = put_in_run(api, "model/MLmodel", b"flavors: {}")
    listing = api.get(
        "/ajax-api/2.0/mlflow/artifacts/list", query_string={"run_uuid": run_id, "path": "model"}
    )
    assert listing.get_json() == {
        "root_uri": f"mlflow-artifacts:/0/{run_id}/artifacts",
        "files": [{"path": "model/MLmodel", "is_dir": False, "file_size": 11}],
    }
    answer = api.get("/get-artifact", query_string={"run_uuid": run_id, "path": "model/MLmodel"})
    assert answer.data == b"flavors: {}"
    assert answer.content_type == "text/plain"


def test_what_is_missing_is_404_and_a_folder_is_400(api):
    run_id = put_in_run(api, "model/MLmodel")
    for path, status, text in (
        ("model/other", 404, "No such artifact: "),
        ("model", 400, "Artifact path refers to a directory, not a file: "),
    ):
        answer = api.get("/get-artifact", query_string={"run_id": run_id, "path": path})
        assert answer.status_code == status
        assert text in answer.get_json()["message"]
    answer = api.get("/get-artifact", query_string={"run_id": "0" * 32, "path": "x"})
    assert error_of(answer) == (404, "RESOURCE_DOES_NOT_EXIST", f"Run with id={'0' * 32} not found")
    assert api.get("/get-artifact", query_string={"run_id": run_id}).status_code == 400


def test_a_logged_models_files_are_listed_and_read(api):
    model_id = make_logged_model(api, {"MLmodel": b"m", "code/x.py": b"print()"})
    path = f"/ajax-api/2.0/mlflow/logged-models/{model_id}/artifacts"
    listing = api.get(f"{path}/directories", query_string={"artifact_directory_path": "code"}).get_json()
    assert listing["files"] == [{"path": "code/x.py", "is_dir": False, "file_size": 7}]
    answer = api.get(f"{path}/files", query_string={"artifact_file_path": "code/x.py"})
    assert answer.data == b"print()"
    message = 'Request must include the "artifact_file_path" query parameter.'
    assert error_of(api.get(f"{path}/files")) == (400, "BAD_REQUEST", message)


def test_the_ui_adds_a_small_file_to_a_run(api):
    run_id = make_run(api)

    def upload(data=b"text", **query):
        return api.post("/ajax-api/2.0/mlflow/upload-artifact", query_string=query, data=data)

    assert upload(run_uuid=run_id, path="notes/a.md").status_code == 200
    assert api.get(f"{SERVED}/0/{run_id}/artifacts/notes/a.md").data == b"text"
    assert error_of(upload(path="a"))[2] == "Request must specify run_uuid."
    assert error_of(upload(run_uuid=run_id))[2] == "Request must specify path."
    assert error_of(upload(b"", run_uuid=run_id, path="a"))[2] == "Request must specify data."
    large = upload(b"x" * (10 * 1024 * 1024 + 1), run_uuid=run_id, path="a")
    assert error_of(large)[2] == "Artifact size is too large. Max size is 10MB."


# How a file is answered


DATA = bytes(range(256)) * 40


@pytest.mark.parametrize(
    ("asked", "status", "start", "stop"),
    [
        ("bytes=0-9", 206, 0, 10),
        ("bytes=100-", 206, 100, 10240),
        ("bytes=-5", 206, 10235, 10240),
        ("bytes=-20000", 206, 0, 10240),
        ("bytes=10000-99999", 206, 10000, 10240),
        ("bytes=0-1,5-6", 200, 0, 10240),
        ("lines=1-2", 200, 0, 10240),
        ("nonsense", 200, 0, 10240),
    ],
)
def test_a_range_is_answered_with_that_part(api, asked, status, start, stop):
    put(api, "f", DATA)
    answer = api.get(f"{SERVED}/f", headers={"Range": asked})
    assert (answer.status_code, answer.data) == (status, DATA[start:stop])
    assert answer.headers["Content-Length"] == str(stop - start)
    expected = f"bytes {start}-{stop - 1}/10240" if status == 206 else None
    assert answer.headers.get("Content-Range") == expected


def test_a_range_beyond_the_end_is_416(api):
    put(api, "f", DATA)
    answer = api.get(f"{SERVED}/f", headers={"Range": "bytes=10240-"})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == "bytes */10240"


def test_validators_save_sending_what_the_client_has(api):
    put(api, "f", DATA)
    first = api.get(f"{SERVED}/f")
    etag, modified = first.headers["ETag"], first.headers["Last-Modified"]

    def get(**headers):
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return api.get(f"{SERVED}/f", headers=names)

    assert get(If_None_Match=etag).status_code == 304
    assert get(If_None_Match=etag).data == b""
    assert get(If_None_Match='"other"').status_code == 200
    assert get(If_Modified_Since=modified).status_code == 304
    assert get(If_Match='"other"').status_code == 412
    assert get(If_Match=etag).status_code == 200
    assert get(If_Unmodified_Since="Sat, 01 Jan 2000 00:00:00 GMT").status_code == 412
    assert get(Range="bytes=0-1", If_Range=etag).status_code == 206
    assert get(Range="bytes=0-1", If_Range='"other"').status_code == 200
    assert get(Range="bytes=0-1", If_Range=modified).status_code == 206
    put(api, "f", DATA[::-1])
    assert get(If_None_Match=etag).status_code == 200


def test_head_tells_all_but_the_body(api):
    put(api, "m/f.csv", DATA)
    answer = api.head(f"{SERVED}/m/f.csv")
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["Content-Length"] == "10240"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert api.head(f"{SERVED}/m/none").status_code == 404


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("page.html", "text/html"),
        ("picture.svg", "image/svg+xml"),
        ("script.js", "text/plain"),
        ("MLmodel", "text/plain"),
        ("MLproject", "text/plain"),
        ("mlproject", "text/plain"),
        ("log", "text/plain"),
        (".txt", "application/octet-stream"),
        ("model.unknown", "application/octet-stream"),
    ],
)
def test_an_uploaded_page_cannot_act_as_the_servers(folder_api, name, content_type):
    put(folder_api, name, b"<script>alert(1)</script>")
    answer = folder_api.get(f"{SERVED}/{name}")
    assert answer.headers["Content-Type"] == content_type
    assert answer.headers.getlist("X-Content-Type-Options") == ["nosniff"]
    assert answer.headers["Content-Disposition"] == f"attachment; filename={name}"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"


def test_a_file_is_guarded_where_the_server_is_not(store_uri, tmp_path):
    with client(store_uri, str(tmp_path), disable_security_middleware=True) as api:
        put(api, "a.html")
        assert api.get(f"{SERVED}/a.html").headers.getlist("X-Content-Type-Options") == ["nosniff"]


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a b.txt", 'filename="a b.txt"'),
        ("ä.txt", "filename=a.txt; filename*=UTF-8''%C3%A4.txt"),
        ("日本", "filename=download; filename*=UTF-8''%E6%97%A5%E6%9C%AC"),
    ],
)
def test_a_name_is_told_to_the_browser(folder_api, name, header):
    put(folder_api, quote(name))
    answer = folder_api.get(f"{SERVED}/{quote(name)}")
    assert answer.headers["Content-Disposition"] == f"attachment; {header}"


def test_a_name_cannot_add_headers(folder_api):
    put(folder_api, "a%22%3B%20filename%3Db.txt")
    answer = folder_api.get(f"{SERVED}/a%22%3B%20filename%3Db.txt")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="a\\"; filename=b.txt"'


def test_an_upload_may_be_larger_than_an_api_request(store_uri, tmp_path):
    with client(store_uri, str(tmp_path / "artifacts"), max_request_size=1000) as api:
        put(api, "large", b"x" * 5000)
        assert api.get(f"{SERVED}/large").headers["Content-Length"] == "5000"


# Only here


MODEL = {"MLmodel": b"flavors: {}", "data/model.pkl": b"\x80" * 5000}


def test_a_serving_system_fetches_by_alias_or_version(api):
    make_model(api, MODEL)
    for version in ("1", "@champion", "@latest"):
        root = api.get(f"{OURS}/models/m/{version}").get_json()["files"]
        assert [file["path"] for file in root] == ["MLmodel", "data"]
        folder = api.get(f"{OURS}/models/m/{version}/data").get_json()["files"]
        assert folder == [{"path": "data/model.pkl", "is_dir": False, "file_size": 5000}]
        answer = api.get(f"{OURS}/models/m/{version}/data/model.pkl", headers={"Range": "bytes=0-9"})
        assert (answer.status_code, answer.data) == (206, b"\x80" * 10)
    page = api.get("/model-versions/get-artifact?name=m&version=1&path=MLmodel")
    assert page.data == b"flavors: {}"
    for wrong in ("2", "@none"):
        assert api.get(f"{OURS}/models/m/{wrong}/MLmodel").status_code in (400, 404)
    assert api.get(f"{OURS}/models/m/1/none").status_code == 404


def test_a_version_made_of_a_runs_path_is_read_where_the_run_keeps_it(api):
    run_id = put_in_run(api, "model/MLmodel", b"flavors: {}")
    put(api, f"0/{run_id}/artifacts/model/data/model.pkl", MODEL["data/model.pkl"])
    post(api, "registered-models/create", name="m")
    post(api, "model-versions/create", name="m", source=f"runs:/{run_id}/model", run_id=run_id)
    post(api, "model-versions/create", name="m", source="models:/m/1")
    for version in (1, 2):
        page = api.get(f"/model-versions/get-artifact?name=m&version={version}&path=MLmodel")
        assert page.data == b"flavors: {}"
        listed = api.get(f"{OURS}/models/m/{version}").get_json()["files"]
        assert [file["path"] for file in listed] == ["MLmodel", "data"]
        archive = api.get(f"{OURS}/models/m/{version}.zip")
        assert names_and_contents(archive, "zip") == {**MODEL, "MLmodel": b"flavors: {}"}
    uri = api.get("/api/2.0/mlflow/model-versions/get-download-uri?name=m&version=1").get_json()
    assert uri == {"artifact_uri": f"runs:/{run_id}/model"}


def test_a_version_made_of_a_whole_run_is_read(api):
    run_id = put_in_run(api, "MLmodel", b"flavors: {}")
    post(api, "registered-models/create", name="m")
    post(api, "model-versions/create", name="m", source=f"runs:/{run_id}/", run_id=run_id)
    assert api.get(f"{OURS}/models/m/1/MLmodel").data == b"flavors: {}"


def test_a_runs_path_is_first_that_of_a_logged_model_of_the_run(api):
    run_id = put_in_run(api, "lm/MLmodel", b"of the run")
    for source_run_id, data in (("another", b"of another run"), (run_id, b"of the model")):
        model = post(api, "logged-models", experiment_id="0", name="lm", source_run_id=source_run_id)
        put(api, f"0/models/{model['model']['info']['model_id']}/artifacts/MLmodel", data)
    post(api, "registered-models/create", name="m")
    post(api, "model-versions/create", name="m", source=f"runs:/{run_id}/lm", run_id=run_id)
    assert api.get(f"{OURS}/models/m/1/MLmodel").data == b"of the model"


def names_and_contents(answer, form):
    assert answer.status_code == 200, answer.text
    if form == "zip":
        archive = zipfile.ZipFile(io.BytesIO(answer.data))
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}
    with tarfile.open(fileobj=io.BytesIO(answer.data), mode="r:gz") as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}


@pytest.mark.parametrize("form", ["zip", "tar.gz"])
def test_a_folder_comes_as_one_archive(api, form):
    make_model(api, MODEL)
    whole = api.get(f"{OURS}/models/m/@champion.{form}")
    assert whole.headers["Content-Disposition"] == f"attachment; filename=m-champion.{form}"
    assert names_and_contents(whole, form) == MODEL
    below = api.get(f"{OURS}/models/m/1.{form}?path=data")
    assert names_and_contents(below, form) == {"model.pkl": MODEL["data/model.pkl"]}
    run_id = put_in_run(api, "deep/ä.txt", b"1")
    assert names_and_contents(api.get(f"{OURS}/runs/{run_id}/artifacts.{form}"), form) == {"deep/ä.txt": b"1"}
    model_id = make_logged_model(api, MODEL)
    logged = api.get(f"{OURS}/logged-models/{model_id}/artifacts.{form}")
    assert names_and_contents(logged, form) == MODEL
    assert api.head(f"{OURS}/models/m/1.{form}").data == b""


def test_an_archive_of_nothing_is_404(api):
    run_id = make_run(api)
    assert api.get(f"{OURS}/runs/{run_id}/artifacts.zip").status_code == 404
    assert api.get(f"{OURS}/runs/{run_id}/artifacts.rar").status_code == 404


def test_an_archive_that_breaks_off_ends_the_connection(folder_api, monkeypatch):
    run_id = put_in_run(folder_api, "a/1", b"1" * 1000)
    put(folder_api, f"0/{run_id}/artifacts/a/2", b"2" * 1000)

    def vanish(self, start, stop):
        yield b"1"
        raise OSError("The disk is gone.")

    monkeypatch.setattr(LocalFile, "chunks", vanish)
    for form in ("zip", "tar.gz"):
        with pytest.raises(OSError, match="The disk is gone"):
            _ = folder_api.get(f"{OURS}/runs/{run_id}/artifacts.{form}").data


def test_an_upload_in_chunks_without_an_end_is_refused(folder_api):
    answer = folder_api.put(
        f"{SERVED}/f",
        data=b"5\r\nhello\r\n0\r\n\r\n",
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"CONTENT_LENGTH": "", "wsgi.input_terminated": False},
    )
    assert answer.status_code == 411


# Past the server


def test_a_folder_answers_multipart_in_the_words_on_which_clients_fall_back(folder_api):
    answer = folder_api.post("/api/2.0/mlflow-artifacts/mpu/create/0/r", json={"path": "f", "num_parts": 2})
    message = "Multipart upload is not supported for the current artifact repository"
    assert error_of(answer) == (501, "NOT_IMPLEMENTED", message)
    put(folder_api, "f")
    answer = folder_api.get("/api/2.0/mlflow-artifacts/presigned/f")
    message = "Multipart download is not supported for the current artifact repository"
    assert error_of(answer) == (501, "NOT_IMPLEMENTED", message)


def test_a_client_is_sent_to_the_store_for_its_parts(s3_api):
    api = s3_api
    mpu = "/api/2.0/mlflow-artifacts/mpu"
    created = api.post(
        f"{mpu}/create/0/r/artifacts", json={"path": "/home/me/f.bin", "num_parts": 2}
    ).get_json()
    parts = []
    for credential, data in zip(created["credentials"], (b"1" * 5 * 1024 * 1024, b"22"), strict=True):
        request = urllib.request.Request(credential["url"], data, method="PUT")
        with urllib.request.urlopen(request) as answer:
            parts.append({"part_number": credential["part_number"], "etag": answer.headers["ETag"]})
    done = {"path": "/home/me/f.bin", "upload_id": created["upload_id"], "parts": parts}
    answer = api.post(f"{mpu}/complete/0/r/artifacts", json=done)
    assert (answer.status_code, answer.get_json()) == (200, {})
    signed = api.get("/api/2.0/mlflow-artifacts/presigned/0/r/artifacts/f.bin").get_json()
    assert signed["file_size"] == 5 * 1024 * 1024 + 2
    request = urllib.request.Request(signed["url"], headers={"Range": "bytes=5242880-"})
    with urllib.request.urlopen(request) as answer:
        assert answer.read() == b"22"
    aborted = api.post(f"{mpu}/create/a", json={"path": "f"}).get_json()["upload_id"]
    assert api.post(f"{mpu}/abort/a", json={"path": "f", "upload_id": aborted}).get_json() == {}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, False),
        ({"artifacts_public_endpoint": "http://localhost:1"}, True),
        ({"artifacts_public_endpoint": "http://localhost:1", "serve_artifacts": False}, False),
    ],
)
def test_the_server_tells_whether_clients_may_go_to_the_store(
    store_uri, object_store, monkeypatch, settings, expected
):
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    with client(store_uri, "s3://bucket", **settings) as api:
        info = api.get("/api/3.0/mlflow/server-info").get_json()
    assert info["multipart_uploads_enabled"] is expected
    assert info["multipart_downloads_enabled"] is expected
    assert info["presigned_upload_run_id_supported"] is True


def test_links_of_a_run_need_a_run_that_does_not_go_through_the_server(s3_api):
    run_id = make_run(s3_api)
    path = "/api/2.0/mlflow/artifacts"
    body = {"run_id": run_id, "path": "f"}
    code, name, message = error_of(s3_api.post(f"{path}/presigned-upload-url", json=body))
    assert (code, name) == (400, "INVALID_PARAMETER_VALUE")
    assert message.startswith("Presigned upload is not supported for proxied artifact storage ")
    message = error_of(s3_api.post(f"{path}/presigned-download-url", json=body))[2]
    assert message.startswith("Presigned download is not supported for runs with proxied artifact storage ")
    body = {"path": "f", "run_id": run_id, "model_id": "m-1"}
    message = error_of(s3_api.post(f"{path}/presigned-upload-url", json=body))[2]
    assert message == "Exactly one of run_id and model_id must be provided."


def test_a_folder_answers_links_of_a_run_in_mlflows_words(folder_api, tmp_path):
    body = {"name": "direct", "artifact_location": f"file://{tmp_path}/artifacts/direct"}
    experiment = post(folder_api, "experiments/create", **body)["experiment_id"]
    run_id = post(folder_api, "runs/create", experiment_id=experiment)["run"]["info"]["run_id"]
    put(folder_api, f"direct/{run_id}/artifacts/f")
    for what in ("download", "upload"):
        body = {"run_id": run_id, "path": "f"}
        answer = folder_api.post(f"/api/2.0/mlflow/artifacts/presigned-{what}-url", json=body)
        message = f"Presigned {what} is not supported for the current artifact repository"
        assert error_of(answer) == (501, "NOT_IMPLEMENTED", message)


def test_links_of_a_run_that_lies_in_the_bucket(store_uri, object_store, monkeypatch):
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MLFLOW_S3_UPLOAD_EXTRA_ARGS", '{"ServerSideEncryption": "AES256"}')
    root = f"s3://{object_store.bucket()}/root"
    with client(store_uri, "unused", serve_artifacts=False, default_artifact_root=root) as api:
        # Experiment 0 was made with the tests' own root.
        experiment = post(api, "experiments/create", name="direct")["experiment_id"]
        run_id = post(api, "runs/create", experiment_id=experiment)["run"]["info"]["run_id"]
        path = "/api/2.0/mlflow/artifacts"
        body = {"run_id": run_id, "path": "a/f"}
        link = api.post(f"{path}/presigned-upload-url", json=body).get_json()
        assert link["headers"] == {
            "Content-Type": "application/octet-stream",
            "x-amz-server-side-encryption": "AES256",
        }
        request = urllib.request.Request(link["presigned_url"], b"direct", link["headers"], method="PUT")
        urllib.request.urlopen(request).close()
        signed = api.post(f"{path}/presigned-download-url", json=body).get_json()
        assert signed["file_size"] == 6
        with urllib.request.urlopen(signed["presigned_url"]) as answer:
            assert answer.read() == b"direct"
        listing = api.get(f"{path}/list", query_string={"run_id": run_id, "path": "a"}).get_json()
        assert listing["files"] == [{"path": "a/f", "is_dir": False, "file_size": 6}]
        body["expiration"] = 604801
        message = error_of(api.post(f"{path}/presigned-download-url", json=body))[2]
        assert message == "expiration must be between 1 and 604800 seconds (got 604801)."


def test_without_serving_the_endpoints_say_so(store_uri, tmp_path):
    root = str(tmp_path / "mlruns")
    with client(store_uri, "unused", serve_artifacts=False, default_artifact_root=root) as api:
        answers = [
            (api.get(f"{SERVED}/a"), "/artifacts/<path:artifact_path>"),
            (api.put(f"{SERVED}/a", data=b"x"), "/artifacts/<path:artifact_path>"),
            (api.get(SERVED), "/artifacts"),
            (
                api.post("/api/2.0/mlflow-artifacts/mpu/create/a", json={"path": "f"}),
                "/mpu/create/<path:artifact_path>",
            ),
        ]
        for answer, rule in answers:
            # MLflow's 503 would be repeated by clients for minutes, and the sentence would not be shown.
            assert (answer.status_code, answer.get_json()["error_code"]) == (404, "ENDPOINT_NOT_FOUND")
            assert answer.get_json()["message"] == (
                f"Endpoint: /api/2.0/mlflow-artifacts{rule} disabled due to the mlflow server running with "
                "`--no-serve-artifacts`. To enable artifacts server functionality, run `mlflow server` "
                "with `--serve-artifacts`"
            )


def test_without_serving_the_ui_still_shows_what_lies_under_the_default_root(store_uri, tmp_path):
    root = tmp_path / "mlruns"
    with client(store_uri, "unused", serve_artifacts=False, default_artifact_root=str(root)) as api:
        experiment = post(api, "experiments/create", name="local")["experiment_id"]
        run_id = post(api, "runs/create", experiment_id=experiment)["run"]["info"]["run_id"]
        folder = root / experiment / run_id / "artifacts"
        folder.mkdir(parents=True)
        (folder / "f.txt").write_text("by the client itself")
        answer = api.get("/get-artifact", query_string={"run_id": run_id, "path": "f.txt"})
        assert answer.text == "by the client itself"


def test_a_place_that_the_server_was_not_given_is_not_shown(folder_api, tmp_path):
    (tmp_path / "secret").write_text("not yours")
    body = {"name": "elsewhere", "artifact_location": f"file://{tmp_path}"}
    experiment = post(folder_api, "experiments/create", **body)["experiment_id"]
    run_id = post(folder_api, "runs/create", experiment_id=experiment)["run"]["info"]["run_id"]
    answer = folder_api.get("/get-artifact", query_string={"run_id": run_id, "path": "secret"})
    assert answer.status_code == 403
    assert "outside the stores of this server" in answer.get_json()["message"]


def test_the_static_prefix_stands_before_pages_and_may_before_served_files(store_uri, tmp_path):
    with client(store_uri, str(tmp_path / "artifacts"), static_prefix="/tracking") as api:
        answer = api.post("/tracking/api/2.0/mlflow/runs/create", json={"experiment_id": "0"})
        run_id = answer.get_json()["run"]["info"]["run_id"]
        put(api, f"0/{run_id}/artifacts/f")
        assert api.get(f"/tracking{SERVED}/0/{run_id}/artifacts/f").data == b"hello"
        query = {"run_id": run_id, "path": "f"}
        assert api.get("/tracking/get-artifact", query_string=query).data == b"hello"
        assert api.get("/get-artifact", query_string=query).status_code == 404


def test_uploads_and_deletions_are_in_the_audit(folder_api, database):
    put(folder_api, "a/f")
    folder_api.delete(f"{SERVED}/a")
    with database.begin(write=False) as tx:
        rows = tx.execute(sa.select(audit.c.action, audit.c.target).order_by(audit.c.id)).all()
    assert [tuple(row) for row in rows][-2:] == [
        ("UploadArtifact", "artifact:a/f"),
        ("DeleteArtifact", "artifact:a"),
    ]


def test_a_store_that_is_down_is_503_and_not_ready(store_uri, object_store, monkeypatch):
    for name, value in {**object_store.environment, "MLFLOW_S3_ENDPOINT_URL": "http://127.0.0.1:9"}.items():
        monkeypatch.setenv(name, value)
    with client(store_uri, "s3://bucket") as api:
        for answer in (api.get(f"{SERVED}/f"), api.put(f"{SERVED}/f", data=b"x"), api.get(SERVED)):
            assert answer.status_code == 503
            assert answer.headers["Retry-After"] == "5"
            assert answer.get_json()["error_code"] == "TEMPORARILY_UNAVAILABLE"
        ready = api.get("/ready")
        assert ready.status_code == 503
        assert "cannot be" in json.loads(ready.data)["checks"]["artifacts"]


@pytest.mark.parametrize(
    ("settings", "waits"),
    [
        ({}, 0),
        ({"sqlite_synchronous": "FULL"}, 1),
        ({"sqlite_synchronous": "EXTRA"}, 1),
        ({"backend_store_uri": "postgresql://host/database"}, 1),
    ],
)
def test_uploads_wait_for_the_disk_where_the_database_does(store_uri, tmp_path, monkeypatch, settings, waits):
    synced = []
    monkeypatch.setattr("trackway.storage.artifacts.disk.os.fsync", synced.append)
    config = Config(
        **{"backend_store_uri": store_uri, "artifacts_destination": str(tmp_path / "a"), **settings}
    )
    open_artifacts(config).served.put("f", io.BytesIO(b"hello"), 5)
    assert len(synced) == waits

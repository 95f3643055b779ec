"""Which sources a model version may have, and the sentences for those it may not."""

import pytest

from trackway.client_compat import hosts, switches
from trackway.client_compat import model_sources as rules
from trackway.client_compat.errors import InvalidParameter
from trackway.client_compat.model_sources import ModelUri


@pytest.mark.parametrize(
    "source",
    [
        "s3://bucket/x",
        "s3://bucket//x///y/",
        "s3:/bucket/x",
        "s3://bucket/a b",
        "s3://bucket/a..b/..c",
        "s3://bucket/x?query=..",
        "gs://bucket/x;y",
        "dbfs:/x",
        "runs:/abc/model",
        "s3://bucket/100%25/x",
        "s3://bucket/bin/x",
    ],
)
def test_a_clean_absolute_path_is_taken(source):
    rules.check_path(source)


@pytest.mark.parametrize(
    "source",
    [
        "s3://bucket",
        "s3://bucket/",
        "s3:x/y",
        "s3://bucket/../x",
        "s3://bucket/x/..",
        "s3://bucket/./x",
        "s3://bucket/%2e%2e/x",
        "s3://bucket/%252e%252e/x",
        "s3://bucket/..%2fx",
        "mlflow-artifacts://host/..%2f..%2f",
        "s3://bucket/x%00",
        "s3://%5Bbucket/x",
        "s3://bucket/x#../..",
        "runs:/",
        "s3://bucket/%" + "25" * 20 + "2e",
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(source):
    with pytest.raises(InvalidParameter) as refusal:
        rules.check_path(source)
    assert refusal.value.message == (
        f"Invalid model version source: '{source}'. If supplying a source as an http, https, local file "
        "path, ftp, objectstore, or mlflow-artifacts uri, an absolute path must be provided without "
        "relative path references present. Please provide an absolute path."
    )


@pytest.mark.parametrize(
    ("uri", "is_local"),
    [
        ("/tmp/x", True),
        ("x/y", True),
        ("file:/tmp/x", True),
        ("file:///tmp/x", True),
        ("file://localhost/tmp", True),
        ("s3:/x", False),
        ("runs:/x", False),
    ],
)
def test_paths_and_file_uris_are_local(uri, is_local):
    assert rules.is_local(uri) == is_local


def test_a_path_with_nul_lies_nowhere(tmp_path):
    assert rules.is_local_within(f"file://{tmp_path}/x", str(tmp_path))
    assert not rules.is_local_within(f"file://{tmp_path}/x%00", str(tmp_path))
    assert not rules.is_local_within(f"file://{tmp_path}/x", f"file://{tmp_path}%00")


def test_a_file_on_another_host_is_refused():
    with pytest.raises(InvalidParameter, match="file://host/x is not a valid remote uri"):
        rules.is_local("file://host/x")


def test_a_local_source_lies_in_the_folder_with_links_followed(tmp_path):
    root = tmp_path / "artifacts"
    (root / "model").mkdir(parents=True)
    (root / "out").symlink_to("/etc")
    assert rules.is_local_within(str(root), str(root))
    assert rules.is_local_within(f"file://{root}/model", str(root))
    assert rules.is_local_within(str(root / "not there yet"), f"file:{root}")
    assert not rules.is_local_within(f"{root}/out", str(root))
    assert not rules.is_local_within(f"{root}/../x", str(root))
    assert not rules.is_local_within(f"{root}2", str(root))
    assert not rules.is_local_within(f"file://{root}/%2e%2e/x", str(root))
    assert not rules.is_local_within(str(root), "mlflow-artifacts:/")


@pytest.mark.parametrize(
    ("source", "is_within"),
    [
        ("mlflow-artifacts:/0/r/artifacts", True),
        ("mlflow-artifacts:/0/r/artifacts/model", True),
        ("MLFLOW-ARTIFACTS:/0/r/artifacts//model", True),
        ("mlflow-artifacts:/0/%72/artifacts/model", True),
        ("mlflow-artifacts:/0/r/artifacts2", False),
        ("mlflow-artifacts:/0/r", False),
        ("mlflow-artifacts://host/0/r/artifacts", False),
        ("s3:/0/r/artifacts", False),
    ],
)
def test_a_uri_lies_within_another_by_its_parts(source, is_within):
    assert rules.is_within(source, "mlflow-artifacts:/0/r/artifacts") == is_within


def test_what_a_tracking_server_serves_is_known_by_scheme_or_route():
    assert rules.is_proxied("mlflow-artifacts:/0/r")
    assert rules.is_proxied("https://host/prefix/api/2.0/mlflow-artifacts/artifacts/0/r")
    assert rules.is_proxied("http://host/api/2.0/%6dlflow-artifacts/artifacts/0")
    assert not rules.is_proxied("https://host/api/2.0/mlflow-artifacts")
    assert not rules.is_proxied("s3://api/2.0/mlflow-artifacts/artifacts/0")


@pytest.mark.parametrize(
    "uri",
    [
        *("http://h/x", "https://h/x", "ftp://h/x", "hdfs:/x", "abfss://f@h/x", "mlflow-artifacts://h/x"),
        *("ftp:///x", "http://h:x/", "http://trusted\\@h/x"),
    ],
)
def test_a_host_that_nobody_configured_is_refused(uri):
    scheme = uri.partition(":")[0]
    with pytest.raises(
        InvalidParameter, match=f"^'source' cannot use the '{scheme}' scheme: the '{scheme}' sch"
    ):
        hosts.check_host(uri, "source", ["mlflow-artifacts:/", "s3://b", "http://trusted/"])


@pytest.fixture
def switched():
    yield lambda **changes: switches.use(switches.Switches(**changes))
    switches.use(switches.Switches())


def test_a_configured_host_is_fine(switched):
    trusted = ["https://trusted/api", "hdfs://name:8020/x"]
    for uri in (
        *("s3://b/x", "/tmp/x", "mlflow-artifacts:/x", "runs:/x", "dbfs:/x"),
        *("https://TRUSTED:443/x", "mlflow-artifacts://trusted/x", "viewfs://name:8020/y"),
    ):
        hosts.check_host(uri, "source", trusted)
    with pytest.raises(InvalidParameter):
        hosts.check_host("http://trusted/x", "source", trusted)  # another port
    switched(host_schemes=frozenset({"ftp", "http"}))
    hosts.check_host("http://anywhere/x", "source", trusted)


def test_the_operators_pattern_must_be_in_the_source(switched):
    rules.check_pattern("s3://b/x")
    switched(source_pattern="^mlflow-artifacts:/")
    rules.check_pattern("mlflow-artifacts:/0")
    with pytest.raises(InvalidParameter, match=r"^Invalid model version source: 's3://b/x'\.$"):
        rules.check_pattern("s3://b/x")
    switched()
    with pytest.raises(InvalidParameter, match="'source' exceeds the maximum length"):
        rules.check_pattern("s3://b/" + "x" * 20_000)


@pytest.mark.parametrize(
    ("uri", "named"),
    [
        ("models:/m-1", ModelUri(model_id="m-1")),
        ("models:/iris/3", ModelUri(name="iris", version="3")),
        ("models:/iris/LATEST", ModelUri(name="iris")),
        ("models:/iris/Production", ModelUri(name="iris", stage="Production")),
        ("models:/iris@champion", ModelUri(name="iris", alias="champion")),
        ("models:/a@b@champion", ModelUri(name="a@b", alias="champion")),
        ("models:///iris/3", ModelUri(name="iris", version="3")),
        ("models:/iris#1/3", ModelUri(name="iris#1", version="3")),
    ],
)
def test_a_models_uri_names_one_thing(uri, named):
    assert rules.parse_model_uri(uri) == named


@pytest.mark.parametrize("uri", ["models:/", "models:x", "models:/a/1/2", "models:/a/", "models:/a@ "])
def test_a_models_uri_that_names_nothing_is_refused(uri):
    with pytest.raises(InvalidParameter, match="The model_id request parameter must identify the resource"):
        rules.parse_model_uri(uri)


def test_the_run_of_a_source():
    assert rules.parse_run_uri("runs:/abc/model/x") == ("abc", "model/x")
    assert rules.parse_run_uri("runs:/abc") == ("abc", "")
    with pytest.raises(InvalidParameter, match="Not a proper runs:/ URI"):
        rules.parse_run_uri("runs:////abc")

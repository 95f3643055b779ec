"""Plotly's library: fetched from a wheel, served by the server, and named in the UI's page."""

from __future__ import annotations

import gzip
import sys
import zipfile

import pytest
from click.testing import CliRunner

from trackway.server.app import create_app
from trackway.server.cli import main
from trackway.server.config import Config
from trackway.server.ui import libraries

MEMBER = "plotly/package_data/plotly.min.js"
LIBRARY = (
    b"/**\n* plotly.js v3.10.2\n* Copyright 2012-2025, Plotly, Inc.\n*/\n" + b"window.Plotly = {};\n" * 100
)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The user's data folder, into which libraries are fetched outside of virtual environments."""
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def wheel(folder, **members):
    path = folder / "plotly-6.5.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def fetch(path):
    return CliRunner().invoke(main, ["ui", "fetch-plotly", "--wheel", str(path)])


@pytest.fixture
def ui(home, store_uri, tmp_path):
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "index.html").write_text("<html><head></head></html>")
    config = Config(backend_store_uri=store_uri, ui_folder=str(folder))
    return create_app(config, start_jobs=False).test_client()


def test_the_library_of_a_wheel_is_served_at_once(ui, tmp_path):
    path = "/chart-libraries/plotly-3.10.2.min.js"
    assert ui.get(path).status_code == 404
    assert '"libraries": []' in ui.get("/").text
    result = fetch(wheel(tmp_path, **{MEMBER: LIBRARY, "plotly/__init__.py": "raise SystemExit"}))
    assert result.exit_code == 0, result.output
    assert "plotly-3.10.2.min.js" in result.output
    plain = ui.get(path)
    assert (plain.data, plain.headers["Content-Type"]) == (LIBRARY, "text/javascript; charset=utf-8")
    assert gzip.decompress(ui.get(path, headers={"Accept-Encoding": "gzip"}).data) == LIBRARY
    assert '"libraries": ["plotly-3.10.2.min.js"]' in ui.get("/").text


def test_the_page_is_sent_again_when_a_library_was_fetched(ui, tmp_path):
    etag = ui.get("/").headers["ETag"]
    assert ui.get("/", headers={"If-None-Match": etag}).status_code == 304
    fetch(wheel(tmp_path, **{MEMBER: LIBRARY}))
    assert ui.get("/", headers={"If-None-Match": etag}).status_code == 200


def test_the_newest_version_comes_first(home, tmp_path):
    for version in (b"3.9.1", b"3.10.2", b"2.35.0"):
        fetch(wheel(tmp_path, **{MEMBER: LIBRARY.replace(b"3.10.2", version)}))
    assert libraries.names() == ["plotly-3.10.2.min.js", "plotly-3.9.1.min.js", "plotly-2.35.0.min.js"]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"plotly/__init__.py": ""}, "does not contain plotly/package_data/plotly.min.js"),
        ({MEMBER: "window.Plotly = {}"}, "does not name its version"),
    ],
)
def test_a_wheel_without_the_library_is_refused(home, tmp_path, members, message):
    result = fetch(wheel(tmp_path, **members))
    assert result.exit_code == 1
    assert message in result.output
    assert libraries.names() == []


@pytest.mark.parametrize(
    "name", ["plotly-3.10.2.min.js.gz", "..%2fsecret", "other.js", "plotly-1.0.min.js", ""]
)
def test_nothing_else_is_served_as_a_library(ui, home, tmp_path, name):
    fetch(wheel(tmp_path, **{MEMBER: LIBRARY}))
    (home / "trackway" / "secret").write_text("secret")
    (home / "trackway" / "chart-libraries" / "other.js").write_text("secret")
    assert ui.get("/chart-libraries/" + name).status_code == 404

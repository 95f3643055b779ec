"""No engine builds the image here, so each path and command that it names is looked up."""

from __future__ import annotations

import fnmatch
import json
import re
from pathlib import PurePosixPath
from typing import NamedTuple

import pytest

from tests.commands import ROOT, check_command, project, serve_options


class Line(NamedTuple):
    word: str
    rest: str


def _lines() -> list[Line]:
    text = "\n".join(line for line in (ROOT / "Dockerfile").read_text().splitlines() if line[:1] != "#")
    joined = re.sub(r"\\\n\s*", " ", text)
    return [Line(*line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


LINES = _lines()


def _all(word: str) -> list[str]:
    return [line.rest for line in LINES if line.word == word]


def _one(word: str) -> str:
    (rest,) = _all(word)
    return rest


def _environment() -> dict[str, str]:
    return dict(re.findall(r'(\w+)="?([^"\s]+)"?', _one("ENV")))


def _is_sent(path: str) -> bool:
    """Whether ``.dockerignore`` lets a path at the top of the checkout through; its last match decides."""
    sent = True
    for pattern in (ROOT / ".dockerignore").read_text().split("\n"):
        if pattern and pattern[0] != "#" and fnmatch.fnmatch(path, pattern.removeprefix("!")):
            sent = pattern[0] == "!"
    return sent


def test_two_stages_share_one_slim_base():
    first, second = _all("FROM")
    assert first == f"{second} AS build"
    assert re.fullmatch(r"python:3\.\d+-slim", second)


def test_every_copied_path_exists_and_is_sent_to_the_builder():
    sources = [path for copy in _all("COPY") if "--from" not in copy for path in copy.split()[:-1]]
    assert {"pyproject.toml", "server/", "storage/", "client_compat/", "trackway/"} <= set(sources)
    for path in sources:
        assert (ROOT / path).exists(), path
        assert _is_sent(path.rstrip("/")), f"{path} is left out by .dockerignore"


def test_everything_the_wheel_is_built_from_is_copied():
    copied = " ".join(_all("COPY"))
    assert project()["readme"] in copied
    assert all(name in copied for name in project()["license-files"])


def test_the_second_stage_takes_what_the_first_installed():
    (copy,) = [rest for rest in _all("COPY") if "--from" in rest]
    option, source, target = copy.split()
    assert option == "--from=build"
    # Scripts of an environment name its interpreter by path: it cannot move.
    assert source == target
    assert f"-m venv {source} " in _all("RUN")[0]
    assert f"{source}/bin/pip install" in _all("RUN")[0]
    assert _environment()["PATH"] == f"{source}/bin:$PATH"


def test_the_extras_it_installs_exist():
    (extras,) = re.findall(r"\.\[([\w,]+)\]", _all("RUN")[0])
    assert set(extras.split(",")) <= set(project()["optional-dependencies"])
    assert "postgres" in extras


def test_the_command_exists_and_takes_the_options():
    command = json.loads(_one("CMD"))
    check_command(command)
    assert command[:4] == ["trackway", "serve", "--host", "0.0.0.0"]


def test_settings_are_variables_that_the_command_reads_and_lie_in_the_volume():
    known = {option.envvar for option in serve_options().values()}
    settings = {name: value for name, value in _environment().items() if name.startswith("MLFLOW_")}
    assert len(settings) == 2
    for name, value in settings.items():
        assert name in known, name
        assert PurePosixPath(_one("VOLUME")) in PurePosixPath(value.removeprefix("sqlite:///")).parents


def test_it_runs_as_a_user_that_owns_the_volume_and_is_not_root():
    setup = _all("RUN")[1]
    assert f"--uid {_one('USER').split(':')[0]} " in setup
    assert not _one("USER").startswith(("0", "root"))
    assert f"--owner=trackway --group=trackway {_one('VOLUME')}" in setup


@pytest.mark.parametrize("word", ["EXPOSE", "HEALTHCHECK"])
def test_the_port_is_the_same_everywhere(word):
    command = json.loads(_one("CMD"))
    assert command[command.index("--port") + 1] in _one(word)


def test_the_health_check_is_sound_python_and_asks_for_a_route_that_answers(api):
    program, option, code = json.loads(_one("HEALTHCHECK").split(" CMD ")[1])
    assert (program, option) == ("python", "-c")
    compile(code, "health check", "exec")
    (path,) = re.findall(r"http://127\.0\.0\.1:\d+(/\w+)", code)
    assert api.get(path).status_code == 200

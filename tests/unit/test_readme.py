"""The commands, options, extras and files that the README names exist."""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec

import pytest

from tests.commands import ROOT, check_command, project, serve_options

README = (ROOT / "README.md").read_text()
SHELL = [line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]
INLINE = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", README, flags=re.DOTALL))
DOCUMENTS = "".join(path.read_text() for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")))
MAKEFILE = (ROOT / "Makefile").read_text()


def _starting(words: str) -> list[str]:
    return sorted({line for line in SHELL + INLINE if line.startswith(words)})


@pytest.mark.parametrize("line", _starting("make "))
def test_make_has_the_target(line):
    target, *settings = shlex.split(line, comments=True)[1:]
    assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), f"the Makefile has no target {target}"
    for setting in settings:
        assert re.search(rf"^{setting.split('=')[0]} \?=", MAKEFILE, re.MULTILINE), setting


@pytest.mark.parametrize("line", _starting("trackway "))
def test_the_command_line_has_the_command(line):
    check_command(shlex.split(line, comments=True))


@pytest.mark.parametrize("module", sorted(set(re.findall(r"`python -m ([\w.]+)", DOCUMENTS))))
def test_the_module_exists(module):
    assert find_spec(module)


@pytest.mark.parametrize("line", _starting("pip install '.["))
def test_the_extra_exists(line):
    (extras,) = re.findall(r"\[([\w,]+)\]", line)
    assert set(extras.split(",")) <= set(project()["optional-dependencies"])


def test_options_and_variables_and_defaults_are_those_of_the_command():
    rows = re.findall(r"^\| `(--[\w-]+)` \| `(\w+)` \| (.+) \|$", README, re.MULTILINE)
    assert len(rows) > 5
    options = serve_options()
    for name, variable, default in rows:
        assert options[name].envvar == variable
        if default.startswith("`"):
            assert default.strip("`") == str(options[name].default)


def test_each_option_and_file_mentioned_exists():
    options = serve_options()
    for text in INLINE:
        if text.startswith("--"):
            assert text.split()[0] in options, text
        if re.fullmatch(r"[\w./]+(\.md|\.py|\.txt|\.toml|/)|LICENSE|Dockerfile", text):
            assert (ROOT / text).exists() or (ROOT / "client_compat" / text).exists(), text

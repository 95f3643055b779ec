"""The generated files are what the installed mlflow's protos and quirks.py say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mlflow")

from trackway.client_compat import _generate, quirks


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    return _generate.generate()


def test_the_generated_files_are_current(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    status = _generate.check(files, _generate.HERE)
    assert (status, capsys.readouterr().out) == (0, "")


def test_a_change_by_hand_is_noticed(
    files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(
            text.replace('"/2.0/mlflow/runs/log-batch"', '"/2.0/mlflow/runs/log-bunch"')
        )
    assert _generate.check(files, tmp_path) == 1
    diff = capsys.readouterr().out
    assert "--- endpoints.py" in diff
    assert '+    Endpoint("POST", "/2.0/mlflow/runs/log-batch"' in diff


def test_a_missing_file_is_noticed(files: dict[str, str], tmp_path: Path) -> None:
    assert _generate.check(files, tmp_path) == 1


def test_generating_twice_writes_the_same(files: dict[str, str]) -> None:
    assert _generate.generate() == files


@pytest.mark.parametrize(
    ("path", "major", "rule", "bindings"),
    [
        ("/mlflow/traces/{trace_id}/tags", 3, "/3.0/mlflow/traces/<trace_id>/tags", ()),
        ("mlflow/experiments/search-datasets", 2, "/2.0/mlflow/experiments/search-datasets", ()),
        (
            "/mlflow/traces/{assessment.trace_id}/assessments",
            3,
            "/3.0/mlflow/traces/<trace_id>/assessments",
            (("trace_id", "assessment.trace_id"),),
        ),
        (
            "/mlflow-artifacts/artifacts/<path:artifact_path>",
            2,
            "/2.0/mlflow-artifacts/artifacts/<path:artifact_path>",
            (),
        ),
    ],
)
def test_paths_become_rules(path: str, major: int, rule: str, bindings: tuple[tuple[str, str], ...]) -> None:
    assert _generate._rule(path, major) == (rule, bindings)


def test_a_quirk_of_an_unknown_message_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quirks, "REQUIRED", {"NoSuchMessage": ("name",)})
    with pytest.raises(ValueError, match="NoSuchMessage"):
        _generate.generate()


def test_a_quirk_of_an_unknown_field_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quirks, "REQUIRED", {"LogBatch": ("colour",)})
    with pytest.raises(ValueError, match="colour"):
        _generate.generate()


def test_the_messages_do_not_import_mlflow() -> None:
    code = (
        "import sys; from trackway.client_compat import codec, endpoints, extra;"
        "sys.exit(any(name.split('.')[0] in ('mlflow', 'google', 'flask') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

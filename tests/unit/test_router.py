from __future__ import annotations

import pytest

from trackway.server.edge.probes import Constant
from trackway.server.edge.router import Router


@pytest.fixture
def paths():
    paths = Router()
    for verb, rule in (
        ("GET", "/runs/get"),
        ("POST", "/hooks/create"),
        ("GET", "/hooks/<hook_id>"),
        ("DELETE", "/hooks/<hook_id>"),
        ("POST", "/hooks/<hook_id>/deliveries/<delivery_id>"),
        ("GET", "/models/<model_id>/tags"),
        ("GET", "/models/all/<name>"),
        ("GET", "/files/<path:file>"),
        ("POST", "/files/<path:file>"),
        ("GET", "/files/of/<name>"),
        ("GET", "/packed/<name>/<version>"),
        ("GET", "/packed/<name>/<version>/<path:file>"),
        ("GET", "/packed/<name>/<version>.<any('zip', 'tar.gz'):format>"),
    ):
        paths.mount(verb, rule, Constant(f"{verb} {rule}"))
    return paths


@pytest.mark.parametrize(
    ("path", "rule", "values"),
    [
        ("/runs/get", "/runs/get", {}),
        ("/hooks/create", "/hooks/create", {}),
        ("/hooks/h1", "/hooks/<hook_id>", {"hook_id": "h1"}),
        ("/hooks/<>", "/hooks/<hook_id>", {"hook_id": "<>"}),
        ("/hooks/<hook_id>", "/hooks/<hook_id>", {"hook_id": "<hook_id>"}),
        ("/models/<>/tags", "/models/<model_id>/tags", {"model_id": "<>"}),
        (
            "/hooks/h1/deliveries/d1",
            "/hooks/<hook_id>/deliveries/<delivery_id>",
            {"hook_id": "h1", "delivery_id": "d1"},
        ),
        ("/models/m/tags", "/models/<model_id>/tags", {"model_id": "m"}),
        ("/models/all/tags", "/models/all/<name>", {"name": "tags"}),
        ("/hooks/\xc3\xbc", "/hooks/<hook_id>", {"hook_id": "ü"}),
        ("/files/a", "/files/<path:file>", {"file": "a"}),
        ("/files/\xc3\xbc\x80\x81", "/files/<path:file>", {"file": "ü%80%81"}),
        ("/files/a/b c/\xc3\xbc", "/files/<path:file>", {"file": "a/b c/ü"}),
        ("/files//etc/", "/files/<path:file>", {"file": "/etc/"}),
        ("/files/of/me", "/files/of/<name>", {"name": "me"}),
        ("/files/of/me/too", "/files/<path:file>", {"file": "of/me/too"}),
        ("/files/of/", "/files/<path:file>", {"file": "of/"}),
        ("/packed/m/1", "/packed/<name>/<version>", {"name": "m", "version": "1"}),
        ("/packed/m/@a.b", "/packed/<name>/<version>", {"name": "m", "version": "@a.b"}),
        ("/packed/m/.zip", "/packed/<name>/<version>", {"name": "m", "version": ".zip"}),
        (
            "/packed/m/1.tar.gz",
            "/packed/<name>/<version>.<any('zip', 'tar.gz'):format>",
            {"name": "m", "version": "1", "format": "tar.gz"},
        ),
        (
            "/packed/m/1.zip/x",
            "/packed/<name>/<version>/<path:file>",
            {"name": "m", "version": "1.zip", "file": "x"},
        ),
    ],
)
def test_a_path_has_its_rule_and_the_rules_variables(paths, path, rule, values):
    found = paths.find(path)
    assert (found.rule, found.values) == (rule, values)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/runs",
        "/runs/get/",
        "/hooks/",
        "/hooks/h1/",
        "/hooks//deliveries/d1",
        "/models/m/x",
        "/files/",
        "/files",
        "/packed/m/",
    ],
)
def test_what_no_rule_fits_is_not_found(paths, path):
    assert paths.find(path) is None


def test_two_names_for_one_variable_are_refused_at_the_start(paths):
    with pytest.raises(ValueError, match=r"/hooks/<id> and /hooks/<hook_id> match the same paths"):
        paths.mount("PATCH", "/hooks/<id>", Constant(""))


def test_each_verb_has_its_own_answer_and_head_is_get(paths):
    assert set(paths.find("/hooks/h1").by_verb) == {"GET", "HEAD", "DELETE"}
    assert set(paths.find("/hooks/create").by_verb) == {"POST"}

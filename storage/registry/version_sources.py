"""Sources of model versions: check the source of a new version, find the artifacts of a version.

A source on the server must be in the artifacts of the run or logged model that the request names, as in
MLflow: otherwise a client could read other files of the server through a version.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from trackway.client_compat import hosts, registry_rules, uris
from trackway.client_compat import messages as m
from trackway.client_compat import model_sources as rules
from trackway.client_compat.errors import InvalidParameter, NotFound
from trackway.client_compat.model_sources import ModelUri, Source
from trackway.client_compat.rules import parse_list_tag

from ..database import Tx
from ..tracking import logged_models, runs
from . import aliases, model_rows, model_versions, stages
from . import tags as registry_tags

_VERSIONS_TAG = "mlflow.modelVersions"


def resolve(tx: Tx, req: m.CreateModelVersion, trusted: Iterable[str]) -> Source:
    """Return the source of a new version. Raise an ``ApiError`` if the source is not allowed.

    The hosts of the URIs in ``trusted`` are allowed, because the operator configured them. A source
    ``models:/name/...`` is replaced by the version that it names now; the new version also gets that
    version's run and logged model.
    """
    uris.check_syntax(req.source, "source")
    rules.check_pattern(req.source)
    is_prompt = registry_rules.is_prompt({tag.key: tag.value for tag in req.tags})
    if is_prompt:
        registry_rules.check_prompt_source(req.source)
    hosts.check_host(req.source, "source", trusted)
    run_id, model_id = req.run_id or "", req.model_id or ""
    if is_prompt:
        return Source(req.source, req.source, run_id, "")
    scheme = urlsplit(req.source).scheme
    if scheme == "models":
        if urlsplit(req.source).netloc:
            raise InvalidParameter(
                f"Invalid model version source: '{req.source}'. Registered model sources must use the "
                "active model registry."
            )
        named = rules.parse_model_uri(req.source)
        if named.model_id is None:
            return _of_version(tx, req, named)
    if model_id:
        return _of_logged_model(tx, req.source, model_id, run_id)
    _check_run(tx, req.source, run_id)
    return Source(req.source, req.source, run_id, "")


def location(tx: Tx, name: str, version: str) -> str:
    """Return the URI of the version's artifacts, from which the server itself reads them.

    A source ``runs:/<run_id>/<path>`` is stored as it was given, because clients get it back unchanged; it
    is resolved here. As in MLflow, the first part of the path is the name of a logged model of the run, if
    there is one, else a file or folder among the run's artifacts.
    """
    uri = model_versions.download_uri(tx, name, version)
    if urlsplit(uri).scheme != "runs":
        return uri
    run_id, path = rules.parse_run_uri(uri)
    run = runs.find(tx, run_id)
    model, _, below = path.partition("/")
    root = logged_models.location_in_run(tx, run.experiment_id, run_id, model)
    if root is None:
        root, below = str(run.artifact_uri), path
    return uris.append(root, below) if below else root


def note_on_logged_model(tx: Tx, model_id: str, name: str, version: int) -> None:
    """Add a version to the logged model's tag ``mlflow.modelVersions``, which clients and the UI read."""
    logged_models.find(tx, model_id, lock=True, deleted=False)
    tags = {tag.key: tag.value for tag in _logged_model(tx, model_id).tags}
    listed = parse_list_tag(_VERSIONS_TAG, tags.get(_VERSIONS_TAG))
    listed.append({"name": name, "version": version})
    logged_models.set_tags(tx, model_id, {_VERSIONS_TAG: json.dumps(listed)})


def _of_version(tx: Tx, req: m.CreateModelVersion, named: ModelUri) -> Source:
    """Return the source of a copy of a version: the version by its number, at the location of its files."""
    name = named.name or ""
    if registry_tags.is_prompt(tx, model_rows.find(tx, name).id):
        raise InvalidParameter(
            f"Invalid model version source: '{req.source}'. Prompt versions cannot be used as "
            "model version sources."
        )
    row = model_versions.find(tx, name, _version_number(tx, named))
    is_other_run = req.run_id is not None and req.run_id != row.run_id
    # An empty model_id is accepted: MLflow's own server does not store the model of a version, so there an
    # empty one always matches.
    is_other_model = bool(req.model_id) and req.model_id != row.logged_model_id
    if is_other_run or is_other_model:
        raise InvalidParameter(
            f"Invalid model version source: '{req.source}'. The run_id and model_id request "
            "parameters must match the referenced model version."
        )
    uri = f"models:/{name}/{row.version}"
    rules.check_path(uri)
    return Source(uri, row.storage_location, row.run_id, row.logged_model_id)


def _version_number(tx: Tx, named: ModelUri) -> str:
    """Return the number of the version that the URI names by number, alias or stage, or the newest one."""
    name = named.name or ""
    if named.version is not None:
        return named.version
    if named.alias is not None:
        found = aliases.resolve(tx, name, named.alias)
        return found.version or ""
    newest = stages.latest_in(tx, name, [named.stage] if named.stage else [])
    if not newest:
        in_stage = f" and stage '{named.stage}'" if named.stage else ""
        raise NotFound(f"No versions of model with name '{name}'{in_stage} found")
    return str(max(int(version.version or 0) for version in newest))


def _of_logged_model(tx: Tx, source: str, model_id: str, run_id: str) -> Source:
    """Return a source that is in a logged model's artifacts, or is the model itself.

    Raise an ``ApiError`` if it is elsewhere on the server or the model does not exist.
    """
    scheme = urlsplit(source).scheme
    is_local = rules.is_local(source)
    model: sa.Row[Any] | None = None
    try:
        model = logged_models.find(tx, model_id, deleted=False)
    except NotFound:
        if is_local or scheme == "models" or rules.is_proxied(source):
            raise rules.not_of(source, "model_id") from None
        raise
    if is_local:
        if not rules.is_local_within(source, model.artifact_location):
            raise rules.outside_local(source, "model_id")
    else:
        rules.check_path(source)
        is_foreign = (
            scheme == "runs"
            or (scheme == "models" and rules.parse_model_uri(source).model_id != model_id)
            or (rules.is_proxied(source) and not rules.is_within(source, model.artifact_location))
        )
        if is_foreign:
            raise rules.not_of(source, "model_id")
    location = model.artifact_location if scheme == "models" else source
    return Source(source, location, run_id or model.source_run_id or "", model_id)


def _check_run(tx: Tx, source: str, run_id: str) -> None:
    """Raise ``InvalidParameter`` for a source on the server that is not in the artifacts of the run."""
    if rules.is_local(source):
        root = _artifact_uri(tx, source, run_id)
        if root is None or not rules.is_local_within(source, root):
            raise rules.outside_local(source, "run_id")
        return
    rules.check_path(source)
    scheme, host = urlsplit(source)[:2]
    if scheme == "runs" and (host or rules.parse_run_uri(source)[0] != run_id):
        raise rules.not_of(source, "run_id")
    if scheme == "models":
        raise rules.not_of(source, "model_id")
    if rules.is_proxied(source):
        root = _artifact_uri(tx, source, run_id)
        if root is None or not rules.is_within(source, root):
            raise rules.not_of(source, "run_id")


def _artifact_uri(tx: Tx, source: str, run_id: str) -> str | None:
    if not run_id:
        return None
    try:
        return str(runs.find(tx, run_id).artifact_uri)
    except NotFound:
        raise rules.not_of(source, "run_id") from None


def _logged_model(tx: Tx, model_id: str) -> m.LoggedModelInfo:
    info = logged_models.get(tx, model_id).info
    assert info is not None
    return info

"""The workspace of a request: named by a header, as MLflow's clients of 3.12 and later do, or by its path.

Every client can name a workspace in its tracking URI: ``http://host/t/<workspace>``. ``edge/wsgi.py`` removes
this prefix from the path and stores the name in the environ. The address of GitLab's MLflow API,
``/api/v4/projects/<id or path>/ml/mlflow``, leads to the workspace of the project.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from trackway.client_compat import workspace_rules
from trackway.client_compat.errors import BadRequest, FeatureDisabled, NotFound
from trackway.storage.access import workspace_names, workspaces
from trackway.storage.database import DEFAULT_WORKSPACE, Database

# The key of the environ with the workspace that the path names.
IN_PATH = "trackway.workspace"
# The key of the environ with the part of SCRIPT_NAME that names the workspace.
MOUNT = "trackway.mount"
# The key of the environ with the GitLab project that the path names.
PROJECT = "trackway.project"
HEADER = "HTTP_X_MLFLOW_WORKSPACE"
_PREFIX = re.compile(r"/t/([^/]*)(?=/|$)")
_GITLAB = re.compile(r"/api/v4/projects/(.+?)/ml/mlflow(?=/|$)")
# GitLab's headers for tokens, in the order of preference.
_GITLAB_TOKENS = ("HTTP_PRIVATE_TOKEN", "HTTP_JOB_TOKEN")
# Clients ask this endpoint whether the server has workspaces, so it ignores the workspace header.
_SERVER_INFO_PATH = "/mlflow/server-info"
_MAX_CACHED = 10_000


def take_prefix(environ: dict[str, Any], path: str) -> str:
    """Move a prefix that names the workspace from the path to SCRIPT_NAME, and return the rest of the path.

    Below GitLab's address, GitLab's headers for tokens are accepted as bearer tokens.
    """
    match = _PREFIX.match(path)
    if match:
        environ[IN_PATH] = match[1]
    elif match := _GITLAB.match(path):
        # The server leaves %2F in a path as it is.
        environ[PROJECT] = unquote(match[1].encode("latin-1").decode(errors="replace"))
        token = next(filter(None, (environ.get(name) for name in _GITLAB_TOKENS)), None)
        if token and "HTTP_AUTHORIZATION" not in environ:
            environ["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    else:
        return path
    environ[MOUNT] = match[0]
    environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + match[0]
    return path[match.end() :] or "/"


def without_prefix(path: str) -> str:
    """Return the path without ``/t/<workspace>``."""
    match = _PREFIX.match(path)
    return path[match.end() :] if match else path


def named(environ: dict[str, Any], are_enabled: bool) -> str:
    """Return the name of the workspace that the request is for; "default" if it names none.

    Raise ``BadRequest`` if header and path disagree, ``InvalidParameter`` for a name that no workspace can
    have, and ``FeatureDisabled``, as MLflow does, if workspaces are not enabled and a header names one, even
    "default": if the header were ignored, the runs of one team would be stored in the workspace of all.
    """
    header = environ.get(HEADER, "").strip()
    in_path = environ.get(IN_PATH)
    if PROJECT in environ:
        return workspace_rules.DEFAULT  # the gate asks ``of_project``, after the log-in
    if header and environ["PATH_INFO"].rstrip("/").endswith(_SERVER_INFO_PATH):
        header = ""
    if not are_enabled:
        if header:
            raise FeatureDisabled(
                "Workspace APIs are not available: workspaces are not enabled on this server"
            )
        return workspace_rules.DEFAULT
    if in_path is not None:
        _check_agree(header, in_path)
    name: str = header if in_path is None else in_path
    if in_path is None and not header:
        return workspace_rules.DEFAULT
    workspace_rules.check_name(name)
    return name


def unknown(environ: dict[str, Any], name: str) -> NotFound:
    """Return the error for a workspace that does not exist, or is not the caller's."""
    return unknown_project(environ) if PROJECT in environ else NotFound(f"Workspace '{name}' not found")


def unknown_project(environ: dict[str, Any]) -> NotFound:
    """Return the error for a GitLab project that has no workspace, or not one of the caller's."""
    return NotFound(f"Project '{environ[PROJECT]}' not found, or it has no workspace here that you may use")


def _check_agree(header: str, name: str) -> None:
    if header and header != name:
        raise BadRequest(
            f"The address of the request leads to the workspace {name!r}, its header X-MLFLOW-WORKSPACE "
            f"names {header!r}. Name one workspace."
        )


class Directory:
    """Workspaces, and the projects that lead to them, as they were at one epoch."""

    def __init__(self) -> None:
        self._epoch = 0
        self._ids: dict[str, int] = {}
        self._of_projects: dict[str, str] = {}

    def id_of(self, database: Database, name: str, epoch: int) -> int | None:
        """Return the id of a workspace, or None."""
        if name == workspace_rules.DEFAULT:
            return DEFAULT_WORKSPACE
        self._forget(epoch)
        ids = self._ids
        found = ids.get(name)
        if found is None:
            found = database.run(lambda tx: workspaces.id_of(tx, name), write=False)
            if found is not None:
                ids[name] = found
        return found

    def of_project(self, environ: dict[str, Any], database: Database, epoch: int) -> str:
        """Return the name of the workspace of the GitLab project that the path names.

        Raise ``NotFound`` if it leads to no workspace, and ``BadRequest`` if the header names another one.
        """
        self._forget(epoch)
        project, known = environ[PROJECT], self._of_projects
        name = known.get(project)
        if name is None:
            provider = workspace_names.GITLAB
            name = database.run(lambda tx: workspace_names.workspace_of(tx, provider, project), write=False)
            if name is None:
                raise unknown_project(environ)
            known[project] = name
        _check_agree(environ.get(HEADER, "").strip(), name)
        return name

    def _forget(self, epoch: int) -> None:
        is_full = max(len(self._ids), len(self._of_projects)) > _MAX_CACHED
        if epoch != self._epoch or is_full:
            self._ids, self._of_projects, self._epoch = {}, {}, epoch

"""The script and the style that are added to the UI's page. MLflow's files themselves are unchanged.

The UI invites its users to features that this server lacks, and says that MLflow collects usage data. It has
no settings on the server for either, only in the browser's storage. The script sets these, and adds what the
UI does not say: a sentence on each page whose feature is missing, and one beside an HTML file that loads
something which the content policy blocks. A feature that gets a handler loses its sentence. On a server with
pages of its own (``server/pages``) it also adds a link to them, which follows the page that the UI shows.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from .libraries import FETCH_COMMAND, ROUTE

_SCRIPT = Path(__file__).with_name("page_script.js")

# Keys of the browser's storage that MLflow 3.17's UI reads, with the versions that it appends to them.
_NO_TELEMETRY = {
    "mlflow.settings.telemetry.enabled_v1": False,
    "mlflow.telemetry.info.alert.dismissed_v1": True,
}
# On localhost the assistant's panel opens by itself at the first visit, whatever the server says about it.
_NO_ASSISTANT = {
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": True,
    "mlflow.assistant.panelOpen_v1": False,
}
_ASSISTANT = ("GET", "/3.0/mlflow/assistant/config")
_HIDE_ASSISTANT = "[data-assistant-ui]{display:none!important}"


# The pages of the UI that show a link, as a regular expression for the part of the URL after "#", without its
# parameters; the link's text; and its path, in which "$1" is the first group of the expression.
Link = tuple[str, str, str]


class _Notice(NamedTuple):
    """A sentence about a missing feature, and the pages that show it."""

    # The verb and the path of a request. The feature is missing as long as this has no handler.
    needs: tuple[str, str]
    # A regular expression for the part of the URL after "#", without its parameters.
    pages: str
    text: str


# Has a handler, but an open server has no users; see ``app.create_app``.
USERS = ("GET", "/2.0/mlflow/users/current")
_EXPERIMENT = "^/experiments/[^/]+"
NOTICES = (
    _Notice(
        ("POST", "/3.0/mlflow/datasets/search"),
        _EXPERIMENT + "/datasets(/|$)",
        "This server (Trackway) does not store evaluation datasets yet, so they cannot be created here. "
        "Datasets that runs log as inputs work.",
    ),
    _Notice(
        ("GET", "/3.0/mlflow/scorers/list"),
        _EXPERIMENT + "/judges(/|$)",
        "This server (Trackway) does not store judges yet, so they cannot be created here.",
    ),
    _Notice(
        ("GET", "/3.0/mlflow/review-queues/list"),
        _EXPERIMENT + "/review-queue(/|$)",
        "This server (Trackway) does not have review queues yet, so they cannot be created here.",
    ),
    _Notice(
        ("GET", "/3.0/mlflow/gateway/endpoints/list"),
        f"{_EXPERIMENT}/playground(/|$)|^/settings/llm-connections$",
        "This server (Trackway) does not have an AI gateway yet, so models cannot be called or connected "
        "here.",
    ),
    _Notice(
        ("GET", "/3.0/mlflow/mcp-servers"),
        "^/mcp-registry(/|$)",
        "This server (Trackway) does not register MCP servers yet, so they cannot be created here.",
    ),
    _Notice(
        USERS,
        "^/(account|admin)(/|$)",
        "This server (Trackway) is open: it has no user accounts, and everyone who can reach it may use all "
        "of it. An administrator starts it with --auth to have accounts.",
    ),
    _Notice(
        ("POST", "/3.0/mlflow/demo/generate"),
        "^/settings/general$",
        "This server (Trackway) sends no usage data to anyone: the switch for telemetry has no effect. It "
        "has no demo data either.",
    ),
)


def page_script(
    served: Collection[tuple[str, str]],
    allowed_sources: str,
    libraries: Sequence[str] = (),
    links: Sequence[Link] = (),
    start: str = "",
    *,
    has_log_in: bool = False,
) -> str:
    """Return the HTML to add to the head of the UI's page, before its own scripts.

    ``served`` are the verbs and paths of requests that have a handler. ``allowed_sources`` is the value of
    ``--ui-allowed-sources``, and ``libraries`` the names of the chart libraries that this server has. Of
    ``links`` the first that matches the UI's page is shown. ``start`` is the page that the UI opens instead
    of its home page: the part of the URL after "#". With ``has_log_in`` the page is loaded again when the
    session has ended.
    """
    has_assistant = _ASSISTANT in served
    data = {
        "storage": _NO_TELEMETRY | ({} if has_assistant else _NO_ASSISTANT),
        "notices": [
            {"pages": notice.pages, "text": notice.text} for notice in NOTICES if notice.needs not in served
        ],
        "start": start,
        "links": [{"pages": pages, "text": text, "path": path} for pages, text, path in links],
        "hasLogIn": has_log_in,
        "allowedSources": split_sources(allowed_sources),
        "libraries": libraries,
        "librariesPath": ROUTE.removeprefix("/"),
        "fetchPlotly": FETCH_COMMAND,
    }
    # "<" could end the script.
    text = json.dumps(data).replace("<", "\\u003c")
    style = "" if has_assistant else f"<style>{_HIDE_ASSISTANT}</style>"
    return f"{style}<script>({_SCRIPT.read_text(encoding='utf-8').strip()})({text})</script>"


def split_sources(allowed_sources: str) -> list[str]:
    """Return the sources in the value of ``--ui-allowed-sources``."""
    return [source.strip() for source in allowed_sources.split(",") if source.strip()]

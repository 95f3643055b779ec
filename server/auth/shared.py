"""Share links: the view that everybody who has the address ``/share/<link>/`` gets, without a log-in.

A visitor acts as the maker of the link within the link's limits: one experiment, or runs. It may only read,
and only what is listed here: a request that is added to the server later is closed. What is in the trash is
not shown. The link is the only credential below its address; cookies and headers do not count there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from werkzeug.wsgi import get_host

from trackway.client_compat import codec, extra, extra_traces, extra_users
from trackway.client_compat import genai_messages as g
from trackway.client_compat import messages as m
from trackway.client_compat import trackway_artifacts as t
from trackway.client_compat.errors import BadRequest, EndpointNotFound, PermissionDenied
from trackway.client_compat.wire import Message, Rendered
from trackway.storage.access import share_links
from trackway.storage.search.visible import ShownRuns

from ..responses import TEXT_TYPE, Answer, Headers
from .limits import Limits
from .workspaces import HEADER, MOUNT

if TYPE_CHECKING:
    from trackway.storage.database import Tx

    from ..config import Config

# The key of the environ with the link that the path has.
LINK = "trackway.share_link"
# Search engines must not list the view, and pages that it leads to must not learn its address.
HEADERS: Headers = [("X-Robots-Tag", "noindex, nofollow"), ("Referrer-Policy", "same-origin")]
FOLDER = "/share/"
MAX_RUNS = 100
_PREFIX = re.compile(rf"{FOLDER}([^/]*)(?=/|$)")
# What MLflow's UI requests, without the prefix.
_PATHS = frozenset({"/", "/graphql", "/get-artifact", "/model-versions/get-artifact", "/favicon.ico"})
_FOLDERS = ("/ajax-api/", "/static-files/", "/chart-libraries/")

# The requests that a link to runs may make, and those that one to an experiment may make as well.
_OF_RUNS: frozenset[type[Message]] = frozenset(
    {
        m.GetExperiment,
        m.GetRun,
        m.SearchRuns,
        m.GetMetricHistory,
        extra.GetMetricHistoryBulk,
        m.GetMetricHistoryBulkInterval,
        m.ListArtifacts,
        t.GetRunArtifact,
        m.GetLoggedModel,
        m.SearchLoggedModels,
        m.ListLoggedModelArtifacts,
        t.GetLoggedModelArtifact,
        # Finds none: no link shows the registry. But the page of a run asks for its versions.
        m.SearchModelVersions,
        # Finds none for a link to runs.
        g.SearchTracesV3,
        # Answers that there is no user.
        extra_users.GetCurrentUser,
    }
)
_OF_EXPERIMENTS = _OF_RUNS | {
    m.SearchExperiments,
    m.SearchDatasets,
    g.GetTraceInfoV3,
    g.GetTrace,
    extra_traces.GetTraceArtifact,
    g.BatchGetTraces,
    g.BatchGetTraceInfos,
    g.GetAssessmentRequest,
    g.QueryTraceMetrics,
}
# Responses of which a link to runs shows only a part.
_WITHHELD = (m.GetExperiment.Response, m.GetLoggedModel.Response, m.SearchLoggedModels.Response)


def take_prefix(environ: dict[str, Any], path: str) -> str | None:
    """Move a prefix with a share link from the path to SCRIPT_NAME. Return the rest, None without one."""
    match = _PREFIX.match(path)
    if match is None:
        return None
    environ[LINK] = match[1]
    environ[MOUNT] = match[0]
    environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + match[0]
    return path[match.end() :] or "/"


def check_path(environ: dict[str, Any]) -> None:
    """Raise ``EndpointNotFound`` for a path that the UI lacks, ``BadRequest`` for a workspace header."""
    path: str = environ["PATH_INFO"]
    if path not in _PATHS and not path.startswith(_FOLDERS):
        raise EndpointNotFound(f"A share link does not show {path}.")
    if environ.get(HEADER, "").strip():
        raise BadRequest("A share link leads to one workspace; leave out the header X-MLFLOW-WORKSPACE.")


def refusal() -> Answer:
    """Return the response to a request below a link that is not valid."""
    text = "This share link is not valid: it is incomplete, has expired, or was revoked. Ask for a new one."
    return Answer(404, [TEXT_TYPE, ("Cache-Control", "no-store")], text.encode())


def address(environ: dict[str, Any], config: Config, link: str) -> str:
    """Return the URL of a link, on the server that the request reached or the configured public one."""
    root = environ.get("SCRIPT_NAME", "").removesuffix(environ.get(MOUNT, ""))
    server = config.sign_on.public_url or f"{environ['wsgi.url_scheme']}://{get_host(environ)}{root}"
    return f"{server}{FOLDER}{link}/"


def check(tx: Tx, link: Limits, request: Message) -> None:
    """Raise ``PermissionDenied`` unless the link shows what the request asks for.

    The experiments of runs and logged models are checked with the permissions, as for other callers.
    """
    if type(request) not in (_OF_EXPERIMENTS if link.runs is None else _OF_RUNS):
        raise PermissionDenied("A share link shows runs; it does not allow this request.")
    # Searches for all runs find the active ones; MLflow's page that compares runs sends them.
    is_all_runs = getattr(request, "run_view_type", None) == "ALL"
    views = (getattr(request, name, None) for name in ("run_view_type", "view_type"))
    if not is_all_runs and any(view not in (None, "ACTIVE_ONLY") for view in views):
        raise PermissionDenied("A share link shows only what is not deleted; the view must be ACTIVE_ONLY.")
    if link.runs is not None and isinstance(request, m.SearchLoggedModels):
        _check_no_metrics(request)
    run_ids = _keys(request, "run_id", "run_uuid", "run_ids")
    model_ids = _keys(request, "model_id")
    # Searches leave out other experiments themselves.
    searched = link.experiments & _keys(request, "experiment_ids")
    numbers = {_number(key) for key in _keys(request, "experiment_id") | searched}
    is_shown = (link.runs is None or run_ids <= link.runs) and None not in numbers
    experiment_ids = {number for number in numbers if number is not None}
    if not is_shown or not share_links.are_active(tx, run_ids, model_ids, experiment_ids, link.runs):
        raise PermissionDenied("This share link does not show that, or it does not exist.")


def _check_no_metrics(request: m.SearchLoggedModels) -> None:
    """Refuse a search by metrics: it would tell about those that other runs have logged for a model."""
    texts = [request.filter or "", *(order.field_name or "" for order in request.order_by)]
    if request.datasets or any("metric" in text.lower() for text in texts):
        raise PermissionDenied("A share link does not allow to search for logged models by metrics.")


def withhold(response: Message, link: Limits) -> Message:
    """Return the response without what a link to runs does not show.

    It shows the name and the id of an experiment, and those metrics of a model that its runs have logged.
    """
    kind = response.message if isinstance(response, Rendered) else type(response)
    if link.runs is None or kind not in _WITHHELD:
        return response
    found: Any = codec.unrendered(response)
    if isinstance(found, m.GetExperiment.Response):
        whole = found.experiment or m.Experiment()
        found.experiment = m.Experiment(
            experiment_id=whole.experiment_id, name=whole.name, lifecycle_stage=whole.lifecycle_stage
        )
    elif isinstance(found, m.GetLoggedModel.Response) and found.model is not None:
        _withhold_metrics(found.model, link.runs)
    elif isinstance(found, m.SearchLoggedModels.Response):
        for model in found.models:
            _withhold_metrics(model, link.runs)
    return cast(Message, found)


def _withhold_metrics(model: m.LoggedModel, run_ids: frozenset[str]) -> None:
    """Remove the metrics of a model that other runs have logged."""
    if model.data is not None:
        model.data.metrics = [metric for metric in model.data.metrics if metric.run_id in run_ids]


def shown_runs(link: Limits) -> ShownRuns:
    """Return the runs that searches of a visitor may find."""
    return ShownRuns(None if link.runs is None else tuple(sorted(link.runs)))


def page_of(link: Limits) -> str:
    """Return the page of MLflow's UI that a link opens: the part of the URL after "#"."""
    experiment_ids = sorted(link.experiments)
    if link.runs is None:
        return f"/experiments/{experiment_ids[0]}/runs"
    runs = sorted(link.runs)
    if len(runs) == 1:
        return f"/experiments/{experiment_ids[0]}/runs/{runs[0]}"
    return f"/compare-runs?runs={_list(runs)}&experiments={_list(experiment_ids)}"


def _list(ids: list[str]) -> str:
    return quote("[" + ",".join(f'"{key}"' for key in ids) + "]", safe="")


def _keys(request: Message, *fields: str) -> set[str]:
    """Return all ids in the fields, which have one or several."""
    found: set[str] = set()
    for field in fields:
        value = getattr(request, field, None)
        if value is not None:
            found.update([str(value)] if isinstance(value, str | int) else map(str, value))
    return found - {""}


def _number(experiment_id: str) -> int | None:
    try:
        number = int(experiment_id)
    except ValueError:
        return None
    return number if abs(number) < 1 << 63 else None

"""The pages of a registered model and of a version: aliases over time, policies, approvals, history."""

from __future__ import annotations

import time
from typing import NamedTuple
from urllib.parse import urlencode

from flask import Flask, Response, request

from trackway.client_compat import messages as m
from trackway.client_compat.errors import ApiError
from trackway.client_compat.governance import approval_rules
from trackway.client_compat.trackway_api import GetRegisteredModelHistory, RegisteredModelChange
from trackway.client_compat.trackway_governance import (
    CreateApproval,
    ListApprovals,
    ListPolicies,
    ListVerdicts,
    Policy,
    TryPolicy,
)
from trackway.client_compat.wire import Json
from trackway.server import change_texts

from . import lanes
from .frame import Frame, date_text, error_text, redirect

_MODEL = "/trackway/models/<name>"
_VERSION = "/trackway/models/<name>/versions/<version>"
_MAX_MODELS = 100
_MAX_VERSIONS = 100
_MAX_CHANGES = 1000
_SHOWN_CHANGES = 100


class Prospect(NamedTuple):
    """What a policy would say of a version now."""

    policy: Policy
    outcome: str
    rules: Json


def mount(app: Flask, frame: Frame) -> None:
    """Add the pages to the application."""

    @app.get("/trackway/models")
    def models_page() -> Response:
        asked = m.SearchRegisteredModels(
            max_results=_MAX_MODELS,
            order_by=["name ASC"],
            page_token=request.args.get("page") or None,
        )
        found = frame.call(asked, m.SearchRegisteredModels.Response)
        token = found.next_page_token
        return frame.page(
            "models.html",
            models=found.registered_models,
            next_page=urlencode({"page": token}) if token else "",
            date=date_text,
        )

    @app.get(_MODEL)
    def model_page(name: str) -> Response:
        model = frame.call(m.GetRegisteredModel(name=name), m.GetRegisteredModel.Response).registered_model
        found = frame.call(_versions_of(name), m.SearchModelVersions.Response)
        changes = history(name)
        bars = lanes.bars(changes, int(time.time() * 1000))
        return frame.page(
            "model.html",
            model=model,
            versions=found.model_versions,
            has_more_versions=bool(found.next_page_token),
            aliases=_by_version(model),
            bars=bars,
            lanes=lanes,
            height=lanes.LANE_HEIGHT * (1 + max((bar.lane for bar in bars), default=-1)),
            policies=policies(name),
            changes=changes[:_SHOWN_CHANGES],
            action_text=change_texts.text_of,
            date=date_text,
        )

    @app.get(_VERSION)
    def version_page(name: str, version: str) -> Response:
        return version_view(name, version)

    @app.post(_VERSION)
    def decide(name: str, version: str) -> Response:
        form = request.form
        try:
            frame.call(
                CreateApproval(
                    name=name,
                    version=version,
                    target=form.get("target", ""),
                    decision=form.get("decision", ""),
                    comment=form.get("comment", ""),
                ),
                CreateApproval.Response,
            )
        except ApiError as error:
            return version_view(name, version, error=error_text(error), status=error.status)
        return redirect(request.path)

    def version_view(name: str, version: str, *, error: str = "", status: int = 200) -> Response:
        asked = m.GetModelVersion(name=name, version=version)
        found = frame.call(asked, m.GetModelVersion.Response).model_version
        decisions = frame.call(ListApprovals(name=name, version=version), ListApprovals.Response).approvals
        said = frame.call(
            ListVerdicts(name=name, version=version, max_results=20), ListVerdicts.Response
        ).verdicts
        changes = [change for change in history(name) if change.version == version]
        return frame.page(
            "model_version.html",
            version=found,
            prospects=[prospect(name, version, policy) for policy in policies(name)],
            decisions=decisions,
            standing=approval_rules.standing(decisions),
            verdicts=said,
            changes=changes[:_SHOWN_CHANGES],
            action_text=change_texts.text_of,
            date=date_text,
            error=error,
            status=status,
        )

    def prospect(name: str, version: str, policy: Policy) -> Prospect:
        asked = TryPolicy(name=name, version=version, target=policy.target or "", rules=policy.rules)
        answer = frame.call(asked, TryPolicy.Response)
        return Prospect(policy, answer.outcome or "", answer.rules)

    def policies(name: str) -> list[Policy]:
        return frame.call(ListPolicies(model=name), ListPolicies.Response).policies

    def history(name: str) -> list[RegisteredModelChange]:
        asked = GetRegisteredModelHistory(name=name, max_results=_MAX_CHANGES)
        return frame.call(asked, GetRegisteredModelHistory.Response).changes


def _versions_of(name: str) -> m.SearchModelVersions:
    quote = '"' if "'" in name else "'"
    return m.SearchModelVersions(
        filter=f"name = {quote}{name}{quote}", max_results=_MAX_VERSIONS, order_by=["version_number DESC"]
    )


def _by_version(model: m.RegisteredModel | None) -> dict[str, list[str]]:
    """Return the aliases of each version. Searches for versions do not have them."""
    found: dict[str, list[str]] = {}
    for alias in model.aliases if model else []:
        found.setdefault(alias.version or "", []).append(alias.alias or "")
    return found

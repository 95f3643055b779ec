"""Each request declares what it needs, and the declarations are the rules of MLflow 3.17.

The table is literal, in the notation of ``server/auth/needs.py``, so that changes are noticed. It
follows ``mlflow/server/auth/__init__.py`` (the validators of 3.17.2).
"""

from __future__ import annotations

import pytest

import trackway.server.app  # noqa: F401 registers all handlers
from trackway.client_compat import access_rules
from trackway.server import dispatch
from trackway.server.auth import needs
from trackway.server.auth.artifact_needs import WithinArtifacts, WithinNewLocation, WithinSource
from trackway.server.auth.policy import Permission, Within
from trackway.server.auth.redaction import WithinFilter
from trackway.server.edge import transfers

RUN_READ = ["E:read, run>E:read"]
# Also each logged model that the request names.
RUN_UPDATE = ["E:read, run>E:update", "E:read, logged_model>E:update"]
RUN_DELETE = ["E:read, run>E:delete"]
MODEL_READ = ["E:read, logged_model>E:read"]
MODEL_UPDATE = ["E:read, logged_model>E:update"]
VERSION_READ = ["M:read, !version"]
VERSION_UPDATE = ["M:read, version>M:update"]
VERSION_DELETE = ["M:read, version>M:delete"]
EXPERIMENT_DELETE = [
    "E:delete, run>E:delete, trace>E:delete, logged_model>E:delete, assessment>E:delete, "
    "review_queue>E:delete, scorer>E:delete, scorer_version>E:delete"
]
TRACE_READ = ["E:read, trace>E:read"]
TRACE_UPDATE = ["E:read, trace>E:update"]
TRACE_DELETE = ["E:read, trace>E:delete, assessment>(E:update):delete"]

NEEDS = {
    "CreateExperiment": ["member, !experiment", "new location"],
    "GetExperiment": ["E:read"],
    "GetExperimentByName": ["E:read"],
    "UpdateExperiment": ["E:update"],
    "SetExperimentTag": ["E:update"],
    "DeleteExperimentTag": ["E:update"],
    "DeleteExperiment": EXPERIMENT_DELETE,
    "RestoreExperiment": EXPERIMENT_DELETE,
    "SearchDatasets": ["E:read"],
    "CreateRun": ["E:update, !run"],
    "GetRun": RUN_READ,
    "GetMetricHistory": RUN_READ,
    "GetMetricHistoryBulk": RUN_READ,
    "GetMetricHistoryBulkInterval": RUN_READ,
    "ListArtifacts": RUN_READ,
    "CreatePresignedDownloadUrl": RUN_READ,
    "GetRunArtifact": RUN_READ,
    "GetRunArchive": RUN_READ,
    "UpdateRun": RUN_UPDATE,
    "SetTag": RUN_UPDATE,
    "DeleteTag": RUN_UPDATE,
    "LogParam": RUN_UPDATE,
    "LogMetric": RUN_UPDATE,
    "LogBatch": RUN_UPDATE,
    "LogModel": RUN_UPDATE,
    "LogInputs": RUN_UPDATE,
    "LogOutputs": RUN_UPDATE,
    "UploadRunArtifact": RUN_UPDATE,
    # For the run or the logged model that the request names.
    "CreatePresignedUploadUrl": ["E:read, run>E:update", "E:read, logged_model>E:update"],
    # For the experiment or the runs that the link is to show.
    "CreateShareLink": ["E:read", "E:read, run>E:read"],
    "DeleteRun": RUN_DELETE,
    "RestoreRun": RUN_DELETE,
    "CreateLoggedModel": ["E:update, !logged_model", "E:read, run>E:read"],
    "GetLoggedModel": MODEL_READ,
    "ListLoggedModelArtifacts": MODEL_READ,
    "GetLoggedModelArtifact": MODEL_READ,
    "GetLoggedModelArchive": MODEL_READ,
    "FinalizeLoggedModel": MODEL_UPDATE,
    "LogLoggedModelParamsRequest": MODEL_UPDATE,
    "SetLoggedModelTags": MODEL_UPDATE,
    "DeleteLoggedModel": ["E:read, logged_model>E:delete"],
    "DeleteLoggedModelTag": ["E:read, logged_model>E:delete"],
    # For a registered model, or for a prompt.
    "CreateRegisteredModel": ["member, !registered_model", "member, !prompt"],
    "GetRegisteredModel": ["M:read"],
    "UpdateRegisteredModel": ["M:update"],
    "RenameRegisteredModel": ["M:update"],
    "SetRegisteredModelTag": ["M:update"],
    "DeleteRegisteredModelTag": ["M:update"],
    "SetRegisteredModelAlias": ["M:update, version>M:read"],
    "DeleteRegisteredModelAlias": ["M:delete, version>M:read"],
    "DeleteRegisteredModel": ["M:delete, version>M:delete"],
    "GetRegisteredModelHistory": VERSION_READ,
    **dict.fromkeys(["TryPolicy", "CreateVerdict", "ListVerdicts", "ListApprovals"], VERSION_READ),
    "CreateApproval": VERSION_UPDATE,
    "GetAliasAt": VERSION_READ,
    # The run and the logged model that the request names, and its source.
    # Also conditions of the statement: it finds only what the caller may read.
    "SearchLoggedModels": ["filter: source_run_id"],
    "SearchTraces": ["filter: mlflow.sourceRun", "filter: assessment"],
    "SearchTracesV3": ["filter: mlflow.sourceRun", "filter: assessment"],
    "SearchModelVersions": ["filter: run_id"],
    "CreateModelVersion": [
        "M:update, !version",
        "E:read, run>E:read",
        "E:read, logged_model>E:read",
        "source",
    ],
    "GetModelVersion": VERSION_READ,
    "GetModelVersionByAlias": VERSION_READ,
    "GetModelVersionDownloadUri": VERSION_READ,
    "GetLatestVersions": VERSION_READ,
    "GetModelVersionArtifact": VERSION_READ,
    "GetModelFile": VERSION_READ,
    "GetModelArchive": VERSION_READ,
    "UpdateModelVersion": VERSION_UPDATE,
    "TransitionModelVersionStage": VERSION_UPDATE,
    "SetModelVersionTag": VERSION_UPDATE,
    "DeleteModelVersion": VERSION_DELETE,
    "DeleteModelVersionTag": VERSION_DELETE,
    "ArtifactsListArtifacts": ["artifacts: read"],
    "DownloadArtifact": ["artifacts: read"],
    "GetPresignedDownloadUrl": ["artifacts: read"],
    "UploadArtifact": ["artifacts: update"],
    "CreateMultipartUpload": ["artifacts: update"],
    "CompleteMultipartUpload": ["artifacts: update"],
    "AbortMultipartUpload": ["artifacts: update"],
    "DeleteArtifact": ["artifacts: manage"],
    "StartTraceV3": ["E:update, !trace", "!assessment"],  # the second if it brings assessments
    "StartTrace": ["E:update, !trace"],
    "ExportTraces": ["E:update, !trace"],
    **dict.fromkeys(["GetTrace", "GetTraceInfo", "GetTraceInfoV3", "GetTraceArtifact"], TRACE_READ),
    **dict.fromkeys(["EndTrace", "SetTraceTag", "SetTraceTagV3"], TRACE_UPDATE),
    **dict.fromkeys(["DeleteTraceTag", "DeleteTraceTagV3", "LinkPromptsToTrace"], TRACE_UPDATE),
    **dict.fromkeys(["DeleteTraces", "DeleteTracesV3"], TRACE_DELETE),
    "LinkTracesToRun": ["E:read, run>E:update", "E:read, trace>E:read"],
    "TryIngestRules": TRACE_READ,
    "CreateAssessment": ["E:read, trace>E:read, !assessment, E:update or trace:update"],
    "GetAssessmentRequest": ["E:read, trace>E:read, assessment>E:read"],
    "UpdateAssessment": ["E:read, trace>E:read, assessment>E:update"],
    "DeleteAssessment": ["E:read, trace>E:read, assessment>(E:update):delete"],
    # The second is for the statistics of assessments.
    "QueryTraceMetrics": ["E:read, trace>E:read", "assessment>E:read"],
    "CalculateTraceFilterCorrelation": [
        "E:read, trace>E:read",
        "filter: mlflow.sourceRun",
        "filter: assessment",
    ],
}
ADMINS = {
    *("CreateWebhook", "GetWebhook", "ListWebhooks", "UpdateWebhook", "DeleteWebhook", "TestWebhook"),
    *("ListWebhookDeliveries", "ReplayWebhookDelivery"),
    *("CreateUser", "UpdateUserAdmin", "DeleteUser"),
    *("CreateServiceAccount", "ListServiceAccounts", "DeleteServiceAccount"),
    *("CreateIssuer", "ListIssuers", "DeleteIssuer"),
    *("CreateTrustRule", "ListTrustRules", "DeleteTrustRule"),
    *("CreateWorkspace", "UpdateWorkspace", "DeleteWorkspace"),
}
EVERYBODY = {
    "GetServerInfo": "clients ask for it before they log in; it has no data of users",
    "GetUiTelemetry": "a constant answer",
    "PostUiTelemetry": "a constant answer; nothing is stored",
}
_OWN = "the handler compares the user, the role's workspace or the resource with the caller (handlers/access)"
_SEARCH = "the statement has a condition that finds only what the caller may read (storage/search/visible.py)"
CHECKED_ELSEWHERE = {
    **dict.fromkeys(
        [
            *("SearchExperiments", "ListExperiments", "SearchRuns"),
            *("SearchRegisteredModels", "ListRegisteredModels"),
        ],
        _SEARCH,
    ),
    **dict.fromkeys(
        ["BatchGetTraces", "BatchGetTraceInfos"],
        "the handler leaves out the traces that the caller may not read (handlers/traces/infos.py)",
    ),
    **dict.fromkeys(
        [
            *("WhoAmI", "GetCurrentUser", "ListCurrentUserPermissions"),
            *("GetUser", "ListUsers", "UpdateUserPassword", "ListUserRoles", "ListUserPermissions"),
            *("CreateRole", "GetRole", "ListRoles", "UpdateRole", "DeleteRole", "AssignRole", "UnassignRole"),
            *("AddRolePermission", "RemoveRolePermission", "UpdateRolePermission", "ListRolePermissions"),
            *("ListRoleUsers", "GrantUserPermission", "RevokeUserPermission", "GetUserPermission"),
            *("CreateToken", "ListTokens", "RevokeToken", "RotateToken"),
            *("ListShareLinks", "RevokeShareLink"),
            *("GetPolicy", "ListPolicies", "PutPolicy", "DeletePolicy"),
            *("SearchAudit", "ListWorkspaces", "GetWorkspace"),
            *(
                f"{verb}{noun}Permission"
                for verb in ("Create", "Get", "Update", "Delete")
                for noun in (
                    *("Experiment", "RegisteredModel", "Scorer"),
                    *("GatewaySecret", "GatewayEndpoint", "GatewayModelDefinition"),
                )
            ),
            *("ListWorkspacePermissions", "SetWorkspacePermission", "DeleteWorkspacePermission"),
            "ListUserWorkspacePermissions",
        ],
        _OWN,
    ),
}


def declarations() -> dict[str, Permission]:
    registered = [*dispatch.HANDLERS.items(), *transfers.HANDLERS.items()]
    return {message.__qualname__: handler.can for message, handler in registered}


def notation(part: object) -> object:
    """Return a part of a declaration as the table has it."""
    if isinstance(part, WithinArtifacts):
        return f"artifacts: {part.action}"
    if isinstance(part, WithinFilter):
        return f"filter: {part.key or part.tier}"
    if isinstance(part, WithinNewLocation):
        return "new location"
    if isinstance(part, WithinSource):
        return "source"
    assert isinstance(part, Within)
    return part.needs


def expected(text: str) -> object:
    return (
        text
        if text in ("new location", "source") or text.startswith(("artifacts:", "filter:"))
        else needs.parse(text)
    )


def test_every_request_declares_what_it_needs_or_says_why_it_needs_nothing():
    listed = [*NEEDS, *ADMINS, *EVERYBODY, *CHECKED_ELSEWHERE]
    assert len(listed) == len(set(listed))
    assert sorted(declarations()) == sorted(listed)


@pytest.mark.parametrize("rpc", sorted(declarations()))
def test_the_declaration_is_that_of_the_table(rpc):
    can = declarations()[rpc]
    assert can.who == ("everybody" if rpc in EVERYBODY else "admins" if rpc in ADMINS else "principals")
    assert [notation(part) for part in can.within] == [expected(text) for text in NEEDS.get(rpc, [])]


def test_every_type_in_the_table_can_be_granted():
    parsed = [expected(text) for texts in NEEDS.values() for text in texts]
    words = {need.tier for part in parsed if not isinstance(part, str) for need in part}
    assert words <= {*access_rules.RESOURCE_TYPES, "version", "member", ""}

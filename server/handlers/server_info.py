"""The features of the server, which MLflow 3.x clients and the UI ask for."""

from __future__ import annotations

from trackway.client_compat import extra
from trackway.storage import artifacts

from ..auth import policy
from ..auth.workspaces import IN_PATH
from ..dispatch import UI_MOUNT, Context, handles


@handles(extra.GetServerInfo, can=policy.anyone, transaction="none")
def get_server_info(ctx: Context, req: extra.GetServerInfo) -> extra.GetServerInfo.Response:
    # The 3.17 client reads workspaces_enabled before it sends a workspace header. It reads the multipart_*
    # fields before it transfers a large artifact: if they are true, it connects to the store directly.
    config, environ = ctx.config, ctx.request.environ
    # In the UI below /t/<workspace> the address decides, so it must not offer to choose a workspace.
    is_ui, in_workspace = environ["PATH_INFO"].startswith(UI_MOUNT), IN_PATH in environ
    uses_store_directly = config.serve_artifacts and artifacts.may_send_clients(
        config.artifacts_destination, config.s3
    )
    return extra.GetServerInfo.Response(
        store_type="SqlStore",
        workspaces_enabled=config.enable_workspaces and not (is_ui and in_workspace),
        trace_archival_enabled=True,
        multipart_uploads_enabled=uses_store_directly,
        multipart_downloads_enabled=uses_store_directly,
        presigned_upload_run_id_supported=True,
        presigned_upload_model_id_supported=True,
        features_enabled={"gateway": False},
    )


@handles(extra.GetUiTelemetry, can=policy.anyone, transaction="none")
def get_ui_telemetry(ctx: Context, req: extra.GetUiTelemetry) -> extra.GetUiTelemetry.Response:
    return extra.GetUiTelemetry.Response(disable_ui_telemetry=True, ui_rollout_percentage=0.0)


@handles(extra.PostUiTelemetry, can=policy.anyone, transaction="none")
def post_ui_telemetry(ctx: Context, req: extra.PostUiTelemetry) -> extra.PostUiTelemetry.Response:
    """Discard the data. Only UI pages that were loaded from another server send any."""
    return extra.PostUiTelemetry.Response(status="disabled")

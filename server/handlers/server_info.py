"""What the server can do, asked by clients of 3.x and by the UI."""

from __future__ import annotations

from trackway.client_compat import extra
from trackway.storage import artifacts

from ..auth import policy
from ..dispatch import Context, handles


@handles(extra.GetServerInfo, can=policy.anyone, transaction="none")
def get_server_info(ctx: Context, req: extra.GetServerInfo) -> extra.GetServerInfo.Response:
    # The 3.17 client asks for workspaces before it sends a workspace header, and for multipart
    # transfers before it stores or loads a large artifact: then it goes to the store by itself.
    config = ctx.config
    goes_by_itself = config.serve_artifacts and artifacts.may_send_clients(
        config.artifacts_destination, config.s3
    )
    return extra.GetServerInfo.Response(
        store_type="SqlStore",
        workspaces_enabled=False,
        trace_archival_enabled=False,
        multipart_uploads_enabled=goes_by_itself,
        multipart_downloads_enabled=goes_by_itself,
        presigned_upload_run_id_supported=True,
        presigned_upload_model_id_supported=True,
        features_enabled={"gateway": False},
    )


@handles(extra.GetUiTelemetry, can=policy.anyone, transaction="none")
def get_ui_telemetry(ctx: Context, req: extra.GetUiTelemetry) -> extra.GetUiTelemetry.Response:
    return extra.GetUiTelemetry.Response(disable_ui_telemetry=True, ui_rollout_percentage=0.0)


@handles(extra.PostUiTelemetry, can=policy.anyone, transaction="none")
def post_ui_telemetry(ctx: Context, req: extra.PostUiTelemetry) -> extra.PostUiTelemetry.Response:
    """Drops what came. Only pages loaded from another server send anything here."""
    return extra.PostUiTelemetry.Response(status="disabled")

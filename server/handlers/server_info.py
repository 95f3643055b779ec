"""What the server can do, asked by clients of 3.x and by the UI."""

from __future__ import annotations

from trackway.client_compat import extra
from trackway.server import policy
from trackway.server.dispatch import Context, handles


@handles(extra.GetServerInfo, can=policy.anyone, transaction="none")
def get_server_info(ctx: Context, req: extra.GetServerInfo) -> extra.GetServerInfo.Response:
    # The 3.17 client asks for workspaces before it sends a workspace header, and for multipart
    # transfers before it stores or loads a large artifact.
    return extra.GetServerInfo.Response(
        store_type="SqlStore",
        workspaces_enabled=False,
        trace_archival_enabled=False,
        multipart_uploads_enabled=False,
        multipart_downloads_enabled=False,
        presigned_upload_run_id_supported=False,
        presigned_upload_model_id_supported=False,
        features_enabled={"gateway": False},
    )

"""Signed addresses in an S3 bucket."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from minio import Minio


def presign(
    client: Minio, method: str, bucket: str, key: str, seconds: int, query: Mapping[str, str] | None = None
) -> str:
    """An address at which anyone may do this one thing for a while."""
    asked: dict[str, Any] = dict(query or {})
    return client.get_presigned_url(method, bucket, key, timedelta(seconds=seconds), extra_query_params=asked)

"""An S3 client that adds signed headers to each request, and makes presigned URLs with signed headers.

AWS refuses a request with an ``x-amz-*`` header that its signature does not cover. Presigned URLs of the SDK
cover only ``host``. This module uses private functions of the SDK, which is therefore pinned to 7.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlunsplit

from minio import Minio, signer, time
from minio.credentials.credentials import Credentials
from minio.helpers import check_bucket_name, check_object_name

_ALGORITHM = "AWS4-HMAC-SHA256"
_UNSIGNED = "UNSIGNED-PAYLOAD"


class Client(Minio):
    """The SDK's client, which also sends ``common_headers`` with each request."""

    common_headers: Mapping[str, str] = {}

    def _build_headers(
        self, host: str, headers: Any = None, body: bytes | None = None, creds: Credentials | None = None
    ) -> tuple[Any, datetime]:
        # All methods of the SDK call this before they sign; many of them have no argument for headers.
        return super()._build_headers(host, {**(headers or {}), **self.common_headers}, body, creds)

    def presign(
        self,
        method: str,
        bucket: str,
        key: str,
        seconds: int,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Return a URL that allows one request without keys, valid for ``seconds``.

        The request must have exactly the given headers. ``common_headers`` are in the query instead, because
        browsers and clients that follow a link add no headers. AWS checks them there, if their names are in
        lower case (aws-sdk-go-v2 issue 2508).
        """
        check_bucket_name(bucket, s3_check=self._base_url.is_aws_host)
        check_object_name(key)
        region = self._get_region(bucket)
        credentials = self._provider.retrieve()  # type: ignore[union-attr]
        date = time.utcnow()
        scope = signer._get_scope(date, region, "s3")
        signed = {name.lower(): value for name, value in (headers or {}).items()}
        parameters: dict[str, Any] = {
            **(query or {}),
            **self.common_headers,
            "X-Amz-Algorithm": _ALGORITHM,
            "X-Amz-Credential": f"{credentials.access_key}/{scope}",
            "X-Amz-Date": time.to_amz_date(date),
            "X-Amz-Expires": str(seconds),
            "X-Amz-SignedHeaders": ";".join(sorted(["host", *signed])),
        }
        if credentials.session_token:
            parameters["X-Amz-Security-Token"] = credentials.session_token
        url = self._base_url.build(
            method=method, region=region, bucket_name=bucket, object_name=key, query_params=parameters
        )
        request, _ = signer._get_canonical_request_hash(
            method, url, {"host": url.netloc, **signed}, _UNSIGNED
        )
        signature = signer._get_signature(
            signer._get_signing_key(credentials.secret_key, date, region, "s3"),
            signer._get_string_to_sign(date, scope, request),
        )
        return f"{urlunsplit(url)}&X-Amz-Signature={signature}"

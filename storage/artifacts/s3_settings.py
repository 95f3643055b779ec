"""How an S3 store is reached and written to, as environment variables say it; without the SDK."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_ENDPOINTS = ("MLFLOW_S3_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "MINIO_ENDPOINT")
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION", "MINIO_REGION")
_CERTIFICATES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


@dataclass(frozen=True)
class S3Settings:
    """Keys are not among them: the SDK looks for them where AWS's own tools do."""

    # Of a server other than AWS's, which clients may not be able to reach.
    endpoint: str = ""
    region: str = ""
    certificates: str = ""
    ignores_tls: bool = False
    virtual_addressing: bool = False
    # Read by ``s3_upload_args``, only where something lies in S3.
    upload_extra_args: str = ""
    expected_bucket_owner: str = ""
    # At which address clients reach the store by themselves; an option of the server's.
    public_endpoint: str = ""

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> S3Settings:
        return cls(
            endpoint=_first(environment, _ENDPOINTS),
            region=_first(environment, _REGIONS),
            certificates=_first(environment, _CERTIFICATES),
            ignores_tls=environment.get("MLFLOW_S3_IGNORE_TLS", "").lower() in {"true", "1"},
            virtual_addressing=environment.get("MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE") == "virtual",
            upload_extra_args=environment.get("MLFLOW_S3_UPLOAD_EXTRA_ARGS", ""),
            expected_bucket_owner=environment.get("MLFLOW_S3_EXPECTED_BUCKET_OWNER", ""),
        )


def _first(environment: Mapping[str, str], names: Sequence[str]) -> str:
    return next((value for name in names if (value := environment.get(name))), "")

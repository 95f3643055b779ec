"""Settings of S3 stores, read from environment variables.

This module does not import the SDK, which is an optional dependency.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

AWS_ENDPOINT = "https://s3.amazonaws.com"
_ENDPOINTS = ("MLFLOW_S3_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "MINIO_ENDPOINT")
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION", "MINIO_REGION")
_CERTIFICATES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


@dataclass(frozen=True)
class S3Settings:
    """Settings of an S3 store, without access keys. The SDK finds the keys where AWS's own tools do."""

    # URL of an S3 server other than AWS. Clients may not be able to reach it.
    endpoint: str = ""
    region: str = ""
    certificates: str = ""
    ignores_tls: bool = False
    virtual_addressing: bool = False
    # Parsed by ``s3_upload_args``, only if artifacts are stored in S3.
    upload_extra_args: str = ""
    expected_bucket_owner: str = ""
    # URL at which clients reach the store directly. Set by a server option, not by a variable.
    public_endpoint: str = ""

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> S3Settings:
        """Return the settings. Of several variables for one setting, the first that is not empty is used."""
        return cls(
            endpoint=_first(environment, _ENDPOINTS),
            region=_first(environment, _REGIONS),
            certificates=_first(environment, _CERTIFICATES),
            ignores_tls=environment.get("MLFLOW_S3_IGNORE_TLS", "").lower() in {"true", "1"},
            virtual_addressing=environment.get("MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE") == "virtual",
            upload_extra_args=environment.get("MLFLOW_S3_UPLOAD_EXTRA_ARGS", ""),
            expected_bucket_owner=environment.get("MLFLOW_S3_EXPECTED_BUCKET_OWNER", ""),
        )


def check(settings: S3Settings) -> None:
    """Raise ``ValueError`` for an endpoint or a file of certificates that cannot be used. Send no request."""
    endpoints = [parse_endpoint(settings.endpoint or AWS_ENDPOINT)]
    if settings.public_endpoint:
        endpoints.append(parse_endpoint(settings.public_endpoint))
    if settings.certificates and not settings.ignores_tls and endpoints[0].scheme == "https":
        import ssl  # only here: servers without an S3 store do not need it

        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(settings.certificates)
        except OSError as error:  # includes ssl.SSLError
            raise ValueError(
                f"The file of CA certificates {settings.certificates} (AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE, "
                f"SSL_CERT_FILE) cannot be used: {error}."
            ) from None


def parse_endpoint(endpoint: str) -> SplitResult:
    """Return the parts of an endpoint's URL. Raise ``ValueError`` if it is not http(s)://host:port."""
    parts = urlsplit(endpoint if "://" in endpoint else f"https://{endpoint}")
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/"):
        raise ValueError(f"An S3 endpoint must be http(s)://host:port without a path, not {endpoint!r}.")
    return parts


def _first(environment: Mapping[str, str], names: Sequence[str]) -> str:
    return next((value for name in names if (value := environment.get(name))), "")

"""How an S3 store is reached: endpoint, keys, region and certificates from the usual variables."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import certifi
import urllib3
from minio.credentials.providers import (
    AWSConfigProvider,
    ChainedProvider,
    EnvAWSProvider,
    EnvMinioProvider,
    IamAwsProvider,
    Provider,
)

from .s3_signing import Client

_ENDPOINTS = ("MLFLOW_S3_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "MINIO_ENDPOINT")
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION", "MINIO_REGION")
_CERTIFICATES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
_AWS = "https://s3.amazonaws.com"
# For connecting, and for each piece that is sent.
_CONNECT_S = 10.0
_READ_S = 60.0
_ROLE_S = 2.0
# One connection for each thread that a worker may have.
_CONNECTIONS = 64


def has_own_endpoint() -> bool:
    """Whether the store is some other server than AWS's, which clients may not be able to reach."""
    return bool(_first(_ENDPOINTS))


def make_clients(
    bucket: str, public_endpoint: str, everywhere: Mapping[str, str]
) -> tuple[Client, Client, urllib3.PoolManager]:
    """A client for us, one that signs for the address that clients see, and the connections.

    ``everywhere``: headers that each request carries.

    To be made after a fork: the connections must not be shared.
    """
    ignores_tls = os.environ.get("MLFLOW_S3_IGNORE_TLS", "").lower() in {"true", "1"}
    http = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=_CONNECT_S, read=_READ_S),
        maxsize=_CONNECTIONS,
        cert_reqs="CERT_NONE" if ignores_tls else "CERT_REQUIRED",
        ca_certs=_first(_CERTIFICATES) or certifi.where(),
        # Only what failed before a request was sent, or reads, is tried again.
        retries=urllib3.Retry(
            total=2,
            connect=1,
            read=1,
            redirect=0,
            status=0,
            backoff_factor=0.1,
            allowed_methods=("GET", "HEAD"),
        ),
    )
    if ignores_tls:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    endpoint = _first(_ENDPOINTS)
    # Without a region the SDK asks for each bucket's; servers other than AWS's do not mind which it is.
    region = _first(_REGIONS) or ("us-east-1" if endpoint else None)
    client = _client(endpoint or _AWS, region, http, everywhere)
    signer = client
    if public_endpoint:
        signer = _client(public_endpoint, region or client._get_region(bucket), http, everywhere)
    return client, signer, http


def _client(
    endpoint: str, region: str | None, http: urllib3.PoolManager, everywhere: Mapping[str, str]
) -> Client:
    parts = urlsplit(endpoint if "://" in endpoint else f"https://{endpoint}")
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/"):
        raise ValueError(f"An S3 endpoint is http(s)://host:port without a path, not {endpoint!r}.")
    providers: list[Provider] = [EnvAWSProvider(), EnvMinioProvider(), AWSConfigProvider()]
    if not has_own_endpoint():
        # Asked last: outside of AWS nobody answers.
        role_http = urllib3.PoolManager(timeout=_ROLE_S, retries=False)
        providers.append(IamAwsProvider(http_client=role_http))
    client = Client(
        parts.netloc,
        secure=parts.scheme == "https",
        region=region,
        http_client=http,
        credentials=ChainedProvider(providers),
    )
    client.everywhere = everywhere
    if os.environ.get("MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE") == "virtual":
        client.enable_virtual_style_endpoint()  # type: ignore[no-untyped-call]
    return client


def _first(names: Sequence[str]) -> str:
    return next((value for name in names if (value := os.environ.get(name))), "")

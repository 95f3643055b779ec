"""The SDK's clients for an S3 store, as its settings say."""

from __future__ import annotations

from collections.abc import Mapping
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

from .s3_settings import S3Settings
from .s3_signing import Client

_AWS = "https://s3.amazonaws.com"
# For connecting, and for each piece that is sent.
_CONNECT_S = 10.0
_READ_S = 60.0
_ROLE_S = 2.0
# One connection for each thread that a worker may have.
_CONNECTIONS = 64


def make_clients(
    bucket: str, settings: S3Settings, everywhere: Mapping[str, str]
) -> tuple[Client, Client, urllib3.PoolManager]:
    """A client for us, one that signs for the address that clients see, and the connections.

    ``everywhere``: headers that each request carries.

    To be made after a fork: the connections must not be shared.
    """
    http = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=_CONNECT_S, read=_READ_S),
        maxsize=_CONNECTIONS,
        cert_reqs="CERT_NONE" if settings.ignores_tls else "CERT_REQUIRED",
        ca_certs=settings.certificates or certifi.where(),
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
    if settings.ignores_tls:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    # Without a region the SDK asks for each bucket's; servers other than AWS's do not mind which it is.
    region = settings.region or ("us-east-1" if settings.endpoint else None)
    client = _client(settings.endpoint or _AWS, region, http, settings)
    signer = client
    if settings.public_endpoint:
        signer = _client(settings.public_endpoint, region or client._get_region(bucket), http, settings)
    client.everywhere = signer.everywhere = everywhere
    return client, signer, http


def _client(endpoint: str, region: str | None, http: urllib3.PoolManager, settings: S3Settings) -> Client:
    parts = urlsplit(endpoint if "://" in endpoint else f"https://{endpoint}")
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/"):
        raise ValueError(f"An S3 endpoint is http(s)://host:port without a path, not {endpoint!r}.")
    providers: list[Provider] = [EnvAWSProvider(), EnvMinioProvider(), AWSConfigProvider()]
    if not settings.endpoint:
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
    if settings.virtual_addressing:
        client.enable_virtual_style_endpoint()  # type: ignore[no-untyped-call]
    return client

"""Make the SDK clients of an S3 store from its settings."""

from __future__ import annotations

from collections.abc import Mapping

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

from .s3_settings import AWS_ENDPOINT, S3Settings, parse_endpoint
from .s3_signing import Client

_CONNECT_TIMEOUT_S = 10.0
# Of each read from and write to the socket.
_SOCKET_TIMEOUT_S = 60.0
# Of requests to the metadata service of AWS.
_METADATA_TIMEOUT_S = 2.0
# One connection for each thread that a worker may have.
_MAX_CONNECTIONS = 64


def make_clients(
    bucket: str, settings: S3Settings, common_headers: Mapping[str, str]
) -> tuple[Client, Client, urllib3.PoolManager]:
    """Return a client for the server's requests, one that signs URLs for clients, and the connection pool.

    The second client uses the public endpoint if there is one. ``common_headers`` are sent with each request.

    Call it after a fork: processes must not share connections.
    """
    http = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=_CONNECT_TIMEOUT_S, read=_SOCKET_TIMEOUT_S),
        maxsize=_MAX_CONNECTIONS,
        cert_reqs="CERT_NONE" if settings.ignores_tls else "CERT_REQUIRED",
        ca_certs=settings.certificates or certifi.where(),
        # Retry failed connections, and GET and HEAD requests that got no complete response.
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
    # Without a region the SDK requests the region of each bucket. Servers other than AWS accept any region.
    region = settings.region or ("us-east-1" if settings.endpoint else None)
    client = _client(settings.endpoint or AWS_ENDPOINT, region, http, settings)
    signer = client
    if settings.public_endpoint:
        signer = _client(settings.public_endpoint, region or client._get_region(bucket), http, settings)
    client.common_headers = signer.common_headers = common_headers
    return client, signer, http


def _client(endpoint: str, region: str | None, http: urllib3.PoolManager, settings: S3Settings) -> Client:
    parts = parse_endpoint(endpoint)
    providers: list[Provider] = [EnvAWSProvider(), EnvMinioProvider(), AWSConfigProvider()]
    if not settings.endpoint:
        # The last provider, because outside AWS each request to it waits for its time-out.
        metadata_http = urllib3.PoolManager(timeout=_METADATA_TIMEOUT_S, retries=False)
        providers.append(IamAwsProvider(http_client=metadata_http))
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

"""Settings for sending webhooks, from MLflow's environment variables where it has them."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from .checks import ConfigError, Network, networks, number

_TRUE, _FALSE = {"true", "1", "yes", "on"}, {"", "false", "0", "no", "off"}
_ALL_NETWORKS = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
_ALLOW_VARIABLE = "TRACKWAY_WEBHOOK_ALLOW_PRIVATE_ADDRESSES"


@dataclass(frozen=True)
class WebhookSettings:
    """``allowed`` are networks that webhooks may be sent to, in addition to all public addresses."""

    schemes: tuple[str, ...] = ("https",)
    allowed: tuple[Network, ...] = ()
    timeout_s: float = 30
    # MLflow retries 3 times in about 10 s. Trackway stores its retries, so they continue after a restart of
    # the server. They also last longer than a restart of the receiver: 1 + 2 + 4 ... + 256 s.
    max_retries: int = 9
    keys: str = ""

    @property
    def allows_all(self) -> bool:
        return self.allowed == _ALL_NETWORKS

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> WebhookSettings:
        """Return the settings. Raise ``ConfigError`` with a sentence for the operator."""
        defaults = cls()
        schemes = environment.get("MLFLOW_WEBHOOK_ALLOWED_SCHEMES", "")
        retries = number(environment, "MLFLOW_WEBHOOK_REQUEST_MAX_RETRIES", defaults.max_retries, minimum=0)
        return cls(
            schemes=tuple(word.strip() for word in schemes.split(",") if word.strip()) or defaults.schemes,
            allowed=_networks(environment, _ALLOW_VARIABLE)
            or _networks(environment, "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS"),
            timeout_s=number(
                environment, "MLFLOW_WEBHOOK_REQUEST_TIMEOUT", defaults.timeout_s, minimum=0.001
            ),
            max_retries=int(retries),
            keys=environment.get("MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY", ""),
        )


def _networks(environment: Mapping[str, str], variable: str) -> tuple[Network, ...]:
    value = environment.get(variable, "").strip()
    if value.lower() in _TRUE:
        return _ALL_NETWORKS
    if value.lower() in _FALSE:
        return ()
    try:
        return networks(value)
    except ValueError as error:
        raise ConfigError(
            f"{variable} must be true, false, or comma-separated networks such as 10.1.0.0/16: {error}."
        ) from None

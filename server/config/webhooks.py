"""How webhooks are sent: MLflow's variables where it has one."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from .checks import ConfigError, number

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_YES, _NO = {"true", "1", "yes", "on"}, {"", "false", "0", "no", "off"}
_EVERYWHERE = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
_ALLOW = "TRACKWAY_WEBHOOK_ALLOW_PRIVATE_ADDRESSES"


@dataclass(frozen=True)
class WebhookSettings:
    """``allowed`` are the networks that may be sent to beside all public addresses."""

    schemes: tuple[str, ...] = ("https",)
    allowed: tuple[Network, ...] = ()
    timeout_s: float = 30
    # MLflow gives up after 3, some 10 seconds; ours outlive the process, so they also ride out a
    # receiver's restart: 1 + 2 + 4 ... + 256 s.
    max_retries: int = 9
    keys: str = ""

    @property
    def allows_all(self) -> bool:
        return self.allowed == _EVERYWHERE

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> WebhookSettings:
        """Raises ``ConfigError`` with a sentence for the operator."""
        usual = cls()
        schemes = environment.get("MLFLOW_WEBHOOK_ALLOWED_SCHEMES", "")
        retries = number(environment, "MLFLOW_WEBHOOK_REQUEST_MAX_RETRIES", usual.max_retries, least=0)
        return cls(
            schemes=tuple(word.strip() for word in schemes.split(",") if word.strip()) or usual.schemes,
            allowed=_networks(environment, _ALLOW)
            or _networks(environment, "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS"),
            timeout_s=number(environment, "MLFLOW_WEBHOOK_REQUEST_TIMEOUT", usual.timeout_s, least=0.001),
            max_retries=int(retries),
            keys=environment.get("MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY", ""),
        )


def _networks(environment: Mapping[str, str], variable: str) -> tuple[Network, ...]:
    value = environment.get(variable, "").strip()
    if value.lower() in _YES:
        return _EVERYWHERE
    if value.lower() in _NO:
        return ()
    try:
        return tuple(ipaddress.ip_network(word.strip()) for word in value.split(",") if word.strip())
    except ValueError as error:
        raise ConfigError(
            f"{variable} is true, false, or networks such as 10.1.0.0/16, separated by commas: {error}."
        ) from None

"""How webhooks are sent, from the environment: MLflow's variables where it has one."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass

from ..config import ConfigError

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
    max_workers: int = 10
    lease_s: float = 30
    keys: str = ""

    @property
    def allows_all(self) -> bool:
        return self.allowed == _EVERYWHERE


def read() -> WebhookSettings:
    """The settings as they are now. Raises ``ConfigError`` with a sentence for the operator."""
    usual = WebhookSettings()
    schemes = os.environ.get("MLFLOW_WEBHOOK_ALLOWED_SCHEMES", "")
    return WebhookSettings(
        schemes=tuple(word.strip() for word in schemes.split(",") if word.strip()) or usual.schemes,
        allowed=_networks(_ALLOW) or _networks("MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS"),
        timeout_s=_number("MLFLOW_WEBHOOK_REQUEST_TIMEOUT", usual.timeout_s, least=0.001),
        max_retries=int(_number("MLFLOW_WEBHOOK_REQUEST_MAX_RETRIES", usual.max_retries, least=0)),
        max_workers=int(_number("MLFLOW_WEBHOOK_DELIVERY_MAX_WORKERS", usual.max_workers, least=1)),
        lease_s=_number("TRACKWAY_JOB_LEASE_SECONDS", usual.lease_s, least=0.1),
        keys=os.environ.get("MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY", ""),
    )


def _networks(variable: str) -> tuple[Network, ...]:
    value = os.environ.get(variable, "").strip()
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


def _number(variable: str, usual: float, *, least: float) -> float:
    value = os.environ.get(variable, "").strip()
    try:
        number = float(value) if value else usual
    except ValueError:
        number = -1
    if not least <= number < 1e6:
        raise ConfigError(f"{variable} is a number of at least {least:g}, not {value!r}.")
    return number

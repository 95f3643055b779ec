"""The server's settings. Only this package reads environment variables.

``settings``     ``Config``: the options of ``trackway serve``, their environment variables and defaults
``variables``    settings that have an environment variable, but no option
``access``       settings of users and permissions
``sign_on``      identity providers, from the file of ``--auth-config``
``webhooks``     settings for sending webhooks
``checks``       validation of settings, and ``ConfigError``
``unsupported``  options of ``mlflow server`` that Trackway does not have
"""

from .access import AccessSettings
from .checks import ConfigError, Network, exposure_warnings, flag, is_loopback
from .settings import PROXIED_ARTIFACTS, Config, is_switch, options
from .sign_on import Provider, SignOn
from .variables import (
    GraphqlLimits,
    JobSettings,
    Variables,
    client_credentials,
    data_home,
    inherits_sockets,
)
from .webhooks import WebhookSettings

__all__ = [
    "PROXIED_ARTIFACTS",
    "AccessSettings",
    "Config",
    "ConfigError",
    "GraphqlLimits",
    "JobSettings",
    "Network",
    "Provider",
    "SignOn",
    "Variables",
    "WebhookSettings",
    "client_credentials",
    "data_home",
    "exposure_warnings",
    "flag",
    "inherits_sockets",
    "is_loopback",
    "is_switch",
    "options",
]

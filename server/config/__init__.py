"""The server's settings, and nobody else reads the environment.

``settings``   the table of options, which the command line and their variables come from
``variables``  what only environment variables say
``webhooks``   how webhooks are sent, from MLflow's variables
``checks``     which settings cannot be
``foreign``    options of ``mlflow server`` that have no meaning here
"""

from .checks import ConfigError, flag
from .settings import PROXIED_ARTIFACTS, Config, options
from .variables import GraphqlLimits, JobSettings, Variables, client_credentials, data_home
from .webhooks import WebhookSettings

__all__ = [
    "PROXIED_ARTIFACTS",
    "Config",
    "ConfigError",
    "GraphqlLimits",
    "JobSettings",
    "Variables",
    "WebhookSettings",
    "client_credentials",
    "data_home",
    "flag",
    "options",
]

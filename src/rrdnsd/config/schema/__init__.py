"""Every key of the configuration, with its type, default and meaning. Whatever is not here is an error.

A service's key that is None inherits the key of the same name at the top level; `Config.effective` fills
such gaps and turns milliseconds into seconds.
"""

from rrdnsd.config.schema.builtin import BuiltinConfig
from rrdnsd.config.schema.interface import ApiConfig, TlsConfig, TokenConfig
from rrdnsd.config.schema.metrics import MetricsConfig, StatsdConfig
from rrdnsd.config.schema.notifiers import NotifierConfig
from rrdnsd.config.schema.providers import ProviderConfig, RemovalGuard
from rrdnsd.config.schema.sandbox import SandboxConfig
from rrdnsd.config.schema.services import EndpointConfig, ServiceConfig, StepConfig
from rrdnsd.config.schema.whole import CONF_VERSION, Config

__all__ = [
    "CONF_VERSION",
    "SECRET_KEYS",
    "ApiConfig",
    "BuiltinConfig",
    "Config",
    "EndpointConfig",
    "MetricsConfig",
    "NotifierConfig",
    "ProviderConfig",
    "RemovalGuard",
    "SandboxConfig",
    "ServiceConfig",
    "StatsdConfig",
    "StepConfig",
    "TlsConfig",
    "TokenConfig",
]

SECRET_KEYS = frozenset({"update_credentials", "tsig", "cluster_secret", "heartbeat_secret", "url", "secret"})
"""Keys whose values no message ever repeats."""

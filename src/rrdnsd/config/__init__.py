"""The configuration: one file, JSON or TOML, checked as a whole before anything starts."""

from rrdnsd.config.addresses import host_port, join_host_port
from rrdnsd.config.effective import EffectiveProvider, EffectiveService
from rrdnsd.config.loader import config_path, load
from rrdnsd.config.schema import (
    ApiConfig,
    BuiltinConfig,
    Config,
    EndpointConfig,
    ProviderConfig,
    RemovalGuard,
    ServiceConfig,
)

__all__ = [
    "ApiConfig",
    "BuiltinConfig",
    "Config",
    "EffectiveProvider",
    "EffectiveService",
    "EndpointConfig",
    "ProviderConfig",
    "RemovalGuard",
    "ServiceConfig",
    "config_path",
    "host_port",
    "join_host_port",
    "load",
]

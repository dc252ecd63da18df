"""The server's settings: one frozen `Config`, read once at the start and handed on."""

from vedette.config.errors import ConfigError
from vedette.config.loading import STORE_SETTINGS, load
from vedette.config.settings import LOG_FORMATS, LOG_LEVELS, SERVER_ROLES, SETTINGS, Config, Setting, Shape
from vedette.config.values import Canary, HostPort, Network

__all__ = [
    "LOG_FORMATS",
    "LOG_LEVELS",
    "SERVER_ROLES",
    "SETTINGS",
    "STORE_SETTINGS",
    "Canary",
    "Config",
    "ConfigError",
    "HostPort",
    "Network",
    "Setting",
    "Shape",
    "load",
]

"""What settings demand of one another."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from pathlib import Path

from vedette.config.errors import ConfigError
from vedette.config.settings import SERVER_ROLES, Config
from vedette.config.values import HostPort
from vedette.services.zones import Zone


def check(config: Config) -> None:
    """Raises `ConfigError`."""
    if not config.roles:
        raise ConfigError("roles", "is empty", "at least one of " + ", ".join(SERVER_ROLES))
    if (config.tls_cert is None) != (config.tls_key is None):
        missing = "tls_key" if config.tls_key is None else "tls_cert"
        raise ConfigError(missing, "is missing", "tls_cert and tls_key together")
    if config.tls and config.tls_cert:
        raise ConfigError("tls", "is given beside tls_cert", "one of the two")
    for key, file in (("tls_cert", config.tls_cert), ("tls_key", config.tls_key)):
        if file is not None and not file.is_file():
            raise ConfigError(key, f"there is no file {file}", "a PEM file")
    if config.tls_cert is not None and config.tls_key is not None:
        _check_certificate(config.tls_cert, config.tls_key)
    if not (config.has_tls or config.http.is_loopback or config.insecure_http or config.trusted_proxy):
        raise ConfigError(
            "http",
            f"{config.http} is off loopback and would be plain HTTP",
            "--tls-cert and --tls-key, --tls self, --trusted-proxy, or --insecure-http said aloud",
        )
    _check_metric_store(config)
    _check_zones(config.zones)
    _check_listeners([("http", config.http), ("agent", config.agent), ("metrics", config.metrics)])


def _check_certificate(certificate: Path, key: Path) -> None:
    try:
        # A key with a passphrase must not ask for it on a terminal that nobody watches.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: "")
    except OSError as error:  # also what OpenSSL says of the contents
        raise ConfigError(
            "tls_cert",
            f"{certificate} and {key} cannot be used ({error.strerror or error})",
            "a certificate chain and its unencrypted private key, PEM",
        ) from None


def _check_metric_store(config: Config) -> None:
    for key, url_key in (
        ("metrics_write_url", "metrics_url"),
        ("metrics_token_file", "metrics_url"),
        ("remote_write_token_file", "remote_write"),
    ):
        if getattr(config, key) is not None and getattr(config, url_key) is None:
            raise ConfigError(key, f"is given without {url_key}", f"{url_key} too")
    for key, file in (
        ("metrics_token_file", config.metrics_token_file),
        ("remote_write_token_file", config.remote_write_token_file),
    ):
        if file is not None and not file.is_file():
            raise ConfigError(key, f"there is no file {file}", "a file that holds a bearer token and nothing else")


def _check_zones(zones: tuple[Zone, ...]) -> None:
    ids = [zone.id.lower() for zone in zones]
    twice = [zone_id for zone_id in ids if ids.count(zone_id) > 1]
    if twice:
        raise ConfigError("zones", f"{twice[0]} is there twice", "one table for each zone")


def _check_listeners(listeners: Sequence[tuple[str, HostPort | None]]) -> None:
    taken: dict[HostPort, str] = {}
    for key, address in listeners:
        if address is None or address.port == 0:
            continue
        if address in taken:
            raise ConfigError(key, f"{address} is also {taken[address]}'s", "an address of its own")
        taken[address] = key

"""`vedette collector`."""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from vedette.cli.failures import told_in_one_line
from vedette.cli.logs import set_up_logs
from vedette.config import LOG_FORMATS, LOG_LEVELS, ConfigError, HostPort, values

Value = TypeVar("Value")
_ZONE = re.compile(r"(?:mz|pz)[A-Za-z0-9]{1,30}")
_AGENT_ID = re.compile(r"[-.A-Za-z0-9_]{1,255}")
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option("--zone", "zone_id", required=True, metavar="ID", help="The monitoring zone: mz... or pz...")
@click.option(
    "--server",
    "servers",
    required=True,
    multiple=True,
    metavar="HOST:PORT",
    help="Where the server listens for agents; repeatable, for a server of several processes.",
)
@click.option(
    "--token-file",
    type=_FILE,
    required=True,
    metavar="FILE",
    help="Holds the token: of a built-in zone by `vedette zone token add`, of a private one an agent token.",
)
@click.option(
    "--ca", "ca_file", type=_FILE, metavar="FILE", help="The server's CA certificate; the system's CAs without it."
)
@click.option("--id", "agent_id", metavar="NAME", help="The name of this collector; the host's without it.")
@click.option(
    "--canary",
    "canaries",
    multiple=True,
    metavar="HOST[:PORT]",
    help="A host that tells a dead uplink from a dead target; repeatable. The default gateway without it.",
)
@click.option(
    "--allow-network",
    multiple=True,
    metavar="CIDR",
    help="A network that checks may reach beyond the public internet; repeatable.",
)
@click.option("--log-format", type=click.Choice(LOG_FORMATS), default="auto", show_default=True)
@click.option("--log-level", type=click.Choice(LOG_LEVELS), default="info", show_default=True)
def collector(log_format: str, log_level: str, **options: Any) -> None:
    """Run a collector of one monitoring zone in the foreground.

    It connects to the server, is given its share of the zone's remote checks, and reports what it sees. Any number may
    run for one zone: when one ends or loses its sight, the others take over its checks. SIGTERM ends it; what it saw is
    reported first.
    """
    with told_in_one_line():
        set_up_logs(log_format, log_level)
        from vedette.app.collector_process import CollectorSettings, collect

        settings = CollectorSettings(
            zone_id=_matching("zone", options["zone_id"], _ZONE, "mz or pz and up to 30 letters or digits"),
            servers=tuple(_read("server", text, _server) for text in options["servers"]),
            agent_id=_matching(
                "id",
                options["agent_id"] or socket.gethostname(),
                _AGENT_ID,
                "1 to 255 of letters, digits, '-', '.', '_'",
            ),
            token_file=options["token_file"],
            ca_file=options["ca_file"],
            canaries=tuple(_read("canary", text, values.canary) for text in options["canaries"]),
            allow_network=tuple(_read("allow-network", text, values.network) for text in options["allow_network"]),
        )
        sys.exit(collect(settings))


def _server(text: str) -> HostPort:
    found = values.host_port(text)
    if found.port == 0:
        raise ValueError("HOST:PORT with a port from 1 to 65535, for example monitoring.example.com:50041")
    return found


def _read(flag: str, text: str, read: Callable[[str], Value]) -> Value:
    try:
        return read(text)
    except ValueError as error:
        raise ConfigError(f"--{flag}", repr(text), str(error)) from None


def _matching(flag: str, text: str, pattern: re.Pattern[str], expected: str) -> str:
    if not pattern.fullmatch(text):
        raise ConfigError(f"--{flag}", repr(text), expected)
    return text

"""What single settings look like: text to value, or `ValueError` saying what was expected."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from vedette.services.zones import Zone

Network = IPv4Network | IPv6Network

_MOST_SECONDS = 60


class HostPort(NamedTuple):
    """Where a listener binds; port 0 lets the system choose."""

    host: str  # a name or a literal, IPv6 without brackets
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """A name other than `localhost` may resolve to anything, so it is not."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"


class Canary(NamedTuple):
    """A host outside that tells a dead uplink from a dead target; without a port any sign of life counts."""

    host: str
    port: int | None


def path(text: str) -> Path:
    """A path; `~` is the home directory."""
    if not text or "\0" in text:
        raise ValueError("a path")
    return Path(text).expanduser()


def host_port(text: str) -> HostPort:
    """A listener's address."""
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.%]+)\]|([^\s:/\[\]@]+)):(\d{1,5})", text)
    if match is None or int(match[3]) > 65535:
        raise ValueError("HOST:PORT with a port from 0 to 65535, for example 127.0.0.1:8080 or [::1]:8080")
    return HostPort(match[1] or match[2], int(match[3]))


def canary(text: str) -> Canary:
    """A canary, with a port or without."""
    try:
        return Canary(str(ip_address(text)), None)
    except ValueError:
        pass
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.%]+)\]|([^\s:/\[\]@]+))(?::(\d{1,5}))?", text)
    if match is None or not 0 < int(match[3] or 1) <= 65535:
        raise ValueError("HOST or HOST:PORT, for example 192.0.2.1 or www.example.com:443")
    return Canary(match[1] or match[2], int(match[3]) if match[3] else None)


def network(text: str) -> Network:
    """A network; an address alone is a network of one."""
    try:
        return ip_network(text)
    except ValueError:
        raise ValueError("an address or a CIDR network without host bits, for example 10.0.0.0/8") from None


def seconds(text: str) -> float:
    """A short duration; 0 stands for none."""
    if re.fullmatch(r"\d{1,2}(\.\d{1,3})?", text, re.ASCII) is None or float(text) > _MOST_SECONDS:
        raise ValueError(f"seconds from 0 to {_MOST_SECONDS}, for example 5 or 0.5")
    return float(text)


def public_url(text: str) -> str:
    """No path: clients take path segments of our urls by position."""
    expected = "http(s)://HOST[:PORT] without path, query or user, for example https://monitoring.example.com"
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        raise ValueError(expected) from None
    if not good or parts.path not in ("", "/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError(expected)
    return f"{parts.scheme}://{parts.netloc}"


def origin(text: str) -> str:
    """An origin as browsers write it, `*` for all, `none` for none."""
    if text in {"*", "none"}:
        return text
    try:
        return public_url(text).lower()
    except ValueError:
        raise ValueError("*, none or http(s)://HOST[:PORT], for example https://panel.example.com") from None


def database(text: str) -> str | None:
    """A DSN of PostgreSQL, None for the embedded SQLite."""
    if text == "sqlite":
        return None
    expected = "`sqlite` or postgresql://USER:PASSWORD@HOST:PORT/NAME"
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("postgresql", "postgres") and parts.port != 0
    except ValueError:
        raise ValueError(expected) from None
    if not good:
        raise ValueError(expected)
    return text


def store_url(text: str) -> str:
    """Of a metric store. What is secret does not belong into a url: it ends in logs."""
    expected = (
        "http(s)://HOST[:PORT][/PATH] without user, password and query, for example http://127.0.0.1:8428; secrets in "
        "a token file"
    )
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        raise ValueError(expected) from None
    if not good or not text.isascii() or not text.isprintable() or set("@?# ") & set(text):
        raise ValueError(expected)
    return text.rstrip("/")


def size(text: str) -> int:
    """Bytes, in mebibytes or gibibytes."""
    match = re.fullmatch(r"([1-9]\d{0,5})([MG])(?:i?B)?", text)
    if match is None:
        raise ValueError("a number with M or G, for example 512M or 4G")
    return int(match[1]) * (1 << 20 if match[2] == "M" else 1 << 30)


def name(text: str) -> str:
    """A name for a certificate."""
    try:
        return str(ip_address(text))
    except ValueError:
        if re.fullmatch(r"(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?", text):
            return text.lower()
        raise ValueError("a host name or an address") from None


def keys(text: str) -> str:
    """Secret keys, taken apart by `adapters.local.keyring`."""
    if not text.strip():
        raise ValueError("VERSION:HEX, several separated by commas")
    return text


def one_of(*choices: str) -> Callable[[str], str]:
    """A reader that takes only the choices."""

    def read(text: str) -> str:
        if text not in choices:
            raise ValueError("one of " + ", ".join(choices) if len(choices) > 1 else f"`{choices[0]}`")
        return text

    return read


def zone(table: Mapping[str, Any]) -> Zone:
    """A built-in monitoring zone; source addresses are there for firewalls."""
    extra = sorted(table.keys() - {"id", "label", "country_code", "source_ips"})
    if extra:
        raise ValueError(f"only the keys id, label, country_code and source_ips, not {extra[0]}")
    zone_id, label, country = (table.get(key) for key in ("id", "label", "country_code"))
    sources = table.get("source_ips", [])
    if not isinstance(zone_id, str) or not re.fullmatch(r"mz[A-Za-z0-9]{1,30}", zone_id):
        raise ValueError("id: `mz` and up to 30 letters or digits")
    if not isinstance(label, str) or not 0 < len(label) <= 64:
        raise ValueError("label: text of 1 to 64 characters")
    if not isinstance(country, str) or not re.fullmatch(r"[A-Z]{2}", country):
        raise ValueError("country_code: two capital letters, for example US")
    if not isinstance(sources, list) or not all(isinstance(source, str) for source in sources):
        raise ValueError("source_ips: a list of addresses and networks")
    for source in sources:
        network(source)
    return Zone(id=zone_id, label=label, country_code=country, source_ips=tuple(sources))

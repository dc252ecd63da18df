"""The agent's configuration file: one `key value` a line (wire protocol, 16.1)."""

from __future__ import annotations

import re
import socket
import ssl
from pathlib import Path

import msgspec

FILES_DIRECTORY = Path("/etc/rackspace-monitoring-agent.conf.d")
PLUGIN_DIRECTORY = Path("/usr/lib/rackspace-monitoring-agent/plugins")
CLOUD_INIT_ID = Path("/var/lib/cloud/data/instance-id")
_NO_IDS = {"iid-datasource-none", "nocloud"}
_AGENT_ID = re.compile(r"[-.\w]{1,255}")
_ENDPOINT = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^\s:\[\]]+)):(?P<port>[0-9]{1,5})")
_KNOWN = {
    "monitoring_token", "monitoring_id", "monitoring_endpoints", "certificate_path", "monitoring_query_endpoints",
    "monitoring_snet_region", "monitoring_proxy_url", "monitoring_insecure", "monitoring_upgrade", "monitoring_health",
    "monitoring_debug", "monitoring_use_staging", "autodetect_machine_id", "monitoring_guid",
    "monitoring_plugin_directory", "monitoring_confd",
}  # fmt: skip


class ConfigError(Exception):
    """The text names the file, the line where there is one, and the key; never a token."""


class Endpoint(msgspec.Struct, frozen=True):
    """Where a server listens for agents."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class AgentConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What the agent needs to know."""

    token: str
    agent_id: str
    endpoints: tuple[Endpoint, ...]
    tls: ssl.SSLContext
    plugin_directory: Path = PLUGIN_DIRECTORY  # where the programs of agent.plugin are
    files_directory: Path = FILES_DIRECTORY  # where checks are defined in files


class _Value(msgspec.Struct, frozen=True):
    line: int
    text: str


def load(file: Path) -> AgentConfig:
    """Raises `ConfigError`."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read: {error}") from None
    try:
        return _config_of(values_of(text))
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from None


def values_of(text: str) -> dict[str, _Value]:
    """Key -> value and its line; of a key given twice the last. Comments begin with `#`."""
    values: dict[str, _Value] = {}
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        key, blank, value = stripped.partition(" ")
        if not blank:
            shown = f"{key}: " if key in _KNOWN else ""
            raise ConfigError(f"line {number}: {shown}expected a key, one blank and a value")
        values[key] = _Value(number, value.strip())
    return values


def _config_of(values: dict[str, _Value]) -> AgentConfig:
    for key in ("monitoring_token", "monitoring_endpoints"):
        if key not in values:
            raise ConfigError(f"{key}: missing: expected a line '{key} VALUE'")
    return AgentConfig(
        token=values["monitoring_token"].text,
        agent_id=_agent_id(values),
        endpoints=_endpoints(values["monitoring_endpoints"]),
        tls=_tls(values.get("certificate_path")),
        plugin_directory=_directory(values, "monitoring_plugin_directory", PLUGIN_DIRECTORY),
        files_directory=_directory(values, "monitoring_confd", FILES_DIRECTORY),
    )


def _agent_id(values: dict[str, _Value]) -> str:
    given = values.get("monitoring_id")
    if given is None:
        return _machine_id(values.get("autodetect_machine_id"))
    if not _AGENT_ID.fullmatch(given.text):
        raise ConfigError(
            f"line {given.line}: monitoring_id: expected 1 to 255 letters, digits, '-', '.' or '_', got {given.text!r}"
        )
    return given.text


def _machine_id(autodetect: _Value | None) -> str:
    """The cloud's name of this instance, else the host name: as stock agents choose."""
    if autodetect is None or autodetect.text not in {"false", "0"}:
        try:
            found = CLOUD_INIT_ID.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            found = ""
        if found not in _NO_IDS and _AGENT_ID.fullmatch(found):
            return found
    return socket.gethostname()


def _endpoints(value: _Value) -> tuple[Endpoint, ...]:
    return tuple(_endpoint(part.strip(), value.line) for part in value.text.split(","))


def _endpoint(text: str, line: int) -> Endpoint:
    found = _ENDPOINT.fullmatch(text)
    if found is None or not 0 < int(found["port"]) < 65_536:
        raise ConfigError(f"line {line}: monitoring_endpoints: expected HOST:PORT[,HOST:PORT], got {text!r}")
    return Endpoint(found["six"] or found["host"], int(found["port"]))


def _tls(certificate: _Value | None) -> ssl.SSLContext:
    """Chain and host name are checked; against the system's authorities where no file is named."""
    try:
        return ssl.create_default_context(cafile=None if certificate is None else certificate.text)
    except OSError as error:
        line = 0 if certificate is None else certificate.line
        raise ConfigError(
            f"line {line}: certificate_path: expected a file with a CA certificate in PEM form: "
            f"{error.strerror or error}"
        ) from None


def _directory(values: dict[str, _Value], key: str, default: Path) -> Path:
    """Stock agents have no choice; it need not exist as long as nothing needs it."""
    given = values.get(key)
    if given is None:
        return default
    if not Path(given.text).is_absolute():
        raise ConfigError(f"line {given.line}: {key}: expected an absolute path, got {given.text!r}")
    return Path(given.text)

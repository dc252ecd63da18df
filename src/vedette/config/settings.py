"""Every setting of the server, declared once: flags, environment names, file keys, defaults and reference text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints
from urllib.parse import urlsplit

from vedette.config import values
from vedette.config.values import Canary, HostPort, Network
from vedette.services.zones import Zone

SERVER_ROLES = ("api", "agent_endpoint", "collector", "evaluate", "dispatch")
TOKEN_REVEALS = ("always", "once")
LOG_FORMATS = ("auto", "human", "json")
LOG_LEVELS = ("debug", "info", "warning", "error")
PREFIX = "VEDETTE_"
DEFAULT_HTTP = HostPort("127.0.0.1", 8080)
DEFAULT_SPOOL = 1 << 30  # bytes
DEFAULT_HISTORY = 10 << 30  # bytes
DEFAULT_AGENT = HostPort("127.0.0.1", 50041)

DEFAULT_ZONES = (
    Zone(id="mzdfw", label="Dallas Fort Worth (DFW)", country_code="US"),
    Zone(id="mzlon", label="London (LON)", country_code="GB"),
    Zone(id="mzord", label="Chicago (ORD)", country_code="US"),
)


class Shape(Enum):
    """How a setting is written down."""

    ONE = "one"
    MANY = "many"  # repeatable flag, comma-separated in the environment, a list in the file
    SWITCH = "switch"
    TABLES = "tables"  # only in the file, as `[[key]]`


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How one field of `Config` is written, read and explained."""

    help: str
    read: Callable[[Any], object]  # text (or table) -> value; raises ValueError with what was expected
    metavar: str = ""
    shape: Shape = Shape.ONE
    is_secret: bool = False  # never repeated in an error
    has_flag: bool = True
    in_file: bool = True
    default_shown: str = ""  # where the default is not written as it is held
    key: str = ""  # the field's name, which is the file's key too
    default: object = None

    @property
    def flag(self) -> str:
        return "--" + self.key.replace("_", "-")

    @property
    def in_environment(self) -> bool:
        """Tables cannot be written in one variable."""
        return self.shape is not Shape.TABLES

    @property
    def variable(self) -> str:
        return PREFIX + self.key.upper()


@dataclass(frozen=True, kw_only=True)
class Config:
    """All settings of a server; made by `load`. Its `repr` shows no secret."""

    data_dir: Annotated[
        Path,
        Setting(
            help="Directory of the embedded database, keys, certificates and credentials.json.",
            read=values.path,
            metavar="DIR",
        ),
    ] = Path("var")
    http: Annotated[
        HostPort,
        Setting(help="Where the API listens; port 0 takes a free one.", read=values.host_port, metavar="HOST:PORT"),
    ] = DEFAULT_HTTP
    agent: Annotated[
        HostPort,
        Setting(help="Where agents connect, by TLS.", read=values.host_port, metavar="HOST:PORT"),
    ] = DEFAULT_AGENT
    roles: Annotated[
        tuple[str, ...],
        Setting(
            help="What this process does.", read=values.one_of(*SERVER_ROLES), metavar="ROLE,...", shape=Shape.MANY
        ),
    ] = SERVER_ROLES
    public_url: Annotated[
        str | None,
        Setting(
            help="Base of every url handed out; without it the request's own.", read=values.public_url, metavar="URL"
        ),
    ] = None
    trusted_proxy: Annotated[
        tuple[Network, ...],
        Setting(
            help="Networks of proxies whose X-Forwarded headers are believed.",
            read=values.network,
            metavar="CIDR",
            shape=Shape.MANY,
        ),
    ] = ()
    cors_origin: Annotated[
        tuple[str, ...],
        Setting(
            help="Origins whose pages may call the API from a browser: * for all, none for none.",
            read=values.origin,
            metavar="ORIGIN",
            shape=Shape.MANY,
        ),
    ] = ("*",)
    tls_cert: Annotated[
        Path | None,
        Setting(help="Certificate chain of the API, PEM.", read=values.path, metavar="FILE"),
    ] = None
    tls_key: Annotated[
        Path | None,
        Setting(help="Private key of --tls-cert, PEM.", read=values.path, metavar="FILE"),
    ] = None
    tls: Annotated[
        str | None,
        Setting(help="HTTPS with a certificate of this server's own CA.", read=values.one_of("self"), metavar="self"),
    ] = None
    insecure_http: Annotated[
        bool,
        Setting(help="Plain HTTP off loopback, credentials in clear.", read=bool, shape=Shape.SWITCH),
    ] = False
    token_reveal: Annotated[
        str,
        Setting(
            help="Whether an agent token is shown after its creation; `once` shows a public id instead.",
            read=values.one_of(*TOKEN_REVEALS),
            metavar="WHEN",
        ),
    ] = "always"  # noqa: S105 - when it is shown
    metrics: Annotated[
        HostPort | None,
        Setting(
            help="A listener of its own for /metrics; the API's answers it on loopback only.",
            read=values.host_port,
            metavar="HOST:PORT",
        ),
    ] = None
    canary: Annotated[
        tuple[Canary, ...],
        Setting(
            help="Hosts that tell a dead uplink from a dead target; name two or more on different networks.",
            read=values.canary,
            metavar="HOST[:PORT]",
            shape=Shape.MANY,
        ),
    ] = ()
    confirm_after: Annotated[
        float,
        Setting(
            help="How long a fault must last to page: so long after it is first seen, all zones look again; 0 pages at "
            "once.",
            read=values.seconds,
            metavar="SECONDS",
        ),
    ] = 5
    allow_network: Annotated[
        tuple[Network, ...],
        Setting(
            help="Networks that built-in zones and notifications may reach beyond the public internet.",
            read=values.network,
            metavar="CIDR",
            shape=Shape.MANY,
        ),
    ] = ()
    agent_names: Annotated[
        tuple[str, ...],
        Setting(
            help="Further names and addresses in the server's own certificates.",
            read=values.name,
            metavar="NAME",
            shape=Shape.MANY,
        ),
    ] = ()
    database: Annotated[
        str | None,
        Setting(
            help="sqlite, in the data directory, or postgresql://USER:PASSWORD@HOST/NAME; keep a password in the "
            "environment or the file.",
            read=values.database,
            metavar="DSN",
            is_secret=True,
        ),
    ] = field(default=None, repr=False)
    keys: Annotated[
        str | None,
        Setting(
            help="Secret keys in place of DATA_DIR/keys: VERSION:HEX of 64 digits, several separated by commas.",
            read=values.keys,
            is_secret=True,
            has_flag=False,
            in_file=False,
        ),
    ] = field(default=None, repr=False)
    metrics_url: Annotated[
        str | None,
        Setting(
            help="Metric store that speaks Prometheus' protocols: what comes before /api/v1 in its urls.",
            read=values.store_url,
            metavar="URL",
            is_secret=True,
        ),
    ] = None
    metrics_write_url: Annotated[
        str | None,
        Setting(
            help="Where that store takes remote write, if it is not METRICS_URL/api/v1/write.",
            read=values.store_url,
            metavar="URL",
            is_secret=True,
        ),
    ] = None
    metrics_token_file: Annotated[
        Path | None,
        Setting(help="File with the bearer token of that store.", read=values.path, metavar="FILE"),
    ] = None
    remote_write: Annotated[
        str | None,
        Setting(
            help="Another system that gets every point too: the url of its Prometheus remote write.",
            read=values.store_url,
            metavar="URL",
            is_secret=True,
        ),
    ] = None
    remote_write_token_file: Annotated[
        Path | None,
        Setting(help="File with the bearer token of that system.", read=values.path, metavar="FILE"),
    ] = None
    spool_size: Annotated[
        int,
        Setting(
            help="How much waits on disk for each of the two while it does not answer; then the oldest is given up.",
            read=values.size,
            metavar="SIZE",
            default_shown="1G",
        ),
    ] = DEFAULT_SPOOL
    history_size: Annotated[
        int,
        Setting(
            help="How much disk observations may take: of checks with alarms they are kept 30 days for back-tests, and "
            "beyond this size the oldest go first, but not those of the last two days.",
            read=values.size,
            metavar="SIZE",
            default_shown="10G",
        ),
    ] = DEFAULT_HISTORY
    log_format: Annotated[
        str,
        Setting(
            help="auto is human on a terminal, json otherwise.", read=values.one_of(*LOG_FORMATS), metavar="FORMAT"
        ),
    ] = "auto"
    log_level: Annotated[
        str,
        Setting(help="The mildest that is logged.", read=values.one_of(*LOG_LEVELS), metavar="LEVEL"),
    ] = "info"
    zones: Annotated[
        tuple[Zone, ...],
        Setting(
            help="Built-in monitoring zones: [[zones]] tables with id, label, country_code and source_ips.",
            read=values.zone,
            shape=Shape.TABLES,
            has_flag=False,
        ),
    ] = DEFAULT_ZONES

    @property
    def sqlite_file(self) -> Path:
        return self.data_dir / "vedette.db"

    @property
    def database_shown(self) -> str:
        """The database for logs and messages: without password and parameters."""
        if self.database is None:
            return f"sqlite {self.sqlite_file}"
        parts = urlsplit(self.database)
        user = f"{parts.username}@" if parts.username else ""
        port = f":{parts.port}" if parts.port else ""
        return f"postgresql://{user}{parts.hostname or ''}{port}{parts.path}"

    @property
    def confirm_after_ms(self) -> int:
        return round(self.confirm_after * 1000)

    @property
    def has_tls(self) -> bool:
        """Whether the API's listener speaks TLS."""
        return self.tls is not None or self.tls_cert is not None

    def takes_plain_http_from(self, peer: IPv4Address | IPv6Address) -> bool:
        """Plain HTTP is for loopback and trusted proxies, for others only with `--insecure-http`."""
        if self.insecure_http or peer.is_loopback:
            return True
        return any(peer in network for network in self.trusted_proxy)


def _declared() -> tuple[Setting, ...]:
    hints = get_type_hints(Config, include_extras=True)
    return tuple(replace(get_args(hints[one.name])[1], key=one.name, default=one.default) for one in fields(Config))


SETTINGS = _declared()
"""Every setting, in the order of the reference."""

"""Agent check types of hosts and services (reference: agent check types).

Names, types and units of metrics are what stock agents send; where the reference spells a name otherwise, it is noted.
Nothing is taken for an absent detail: agents have defaults of their own.
"""

from __future__ import annotations

from vedette.domain.attributes import Attribute, Boolean, Host, Text, Url
from vedette.domain.check_types.agent_mysql import MYSQL_METRICS
from vedette.domain.check_types.declaration import CheckType
from vedette.domain.check_types.declaration import KnownMetric as Known
from vedette.domain.details import LIMIT_MS, PORT, Arguments

_EVERYWHERE = ("Linux", "Windows")
_LINUX = ("Linux",)


def _target(description: str) -> Attribute:
    return Attribute("target", Text(1, 512), description, optional=False)


_APACHE = CheckType(
    id="agent.apache",
    summary="Reads the status page of an Apache HTTP server.",
    supported_platforms=_EVERYWHERE,
    attributes=(
        Attribute("url", Url(), "URL of the status page in its `?auto` form (default: the one of 127.0.0.1)"),
        Attribute("timeout", LIMIT_MS, "Time limit in milliseconds"),
    ),
    metrics=(
        Known("busy_workers", "uint64", "", "Workers serving requests"),
        Known("bytes_per_request", "uint64", "", "Average size of an answer"),
        Known("bytes_per_second", "uint64", "", "Average bytes served a second"),
        Known("closing", "uint64", "", "Workers closing a connection"),
        Known("cpu_load", "double", "", "Share of the CPU that all workers use"),
        Known("dns", "uint64", "", "Workers looking a name up"),
        Known("gracefully_finishing", "uint64", "", "Workers finishing gracefully", "gracefully_fishing"),
        Known("idle", "uint64", "", "Workers cleaning up while idle"),
        Known("idle_workers", "uint64", "", "Workers without work"),
        Known("keepalive", "uint64", "", "Workers kept alive, reading"),
        Known("logging", "uint64", "", "Workers writing logs"),
        Known("open", "uint64", "", "Places without a process"),
        Known("reading", "uint64", "", "Workers reading a request"),
        Known("requests_per_second", "double", "", "Requests a second"),
        Known("sending", "uint64", "", "Workers sending an answer"),
        Known("starting", "uint64", "", "Workers starting up"),
        Known("total_accesses", "gauge", "", "Requests served in all", "total_access"),
        Known("total_kbytes", "uint64", "", "Kilobytes served in all"),
        Known("uptime", "uint64", "", "Time since the server started"),
        Known("waiting", "uint64", "", "Workers waiting for a connection"),
    ),
)

_CPU = CheckType(
    id="agent.cpu",
    summary="Measures how the CPUs of the host are used.",
    supported_platforms=_EVERYWHERE,
    metrics=(
        Known("idle_percent_average", "double", "percent", "Time spent idle"),
        Known("irq_percent_average", "double", "percent", "Time spent on hardware interrupts"),
        Known("max_cpu_usage", "double", "percent", "Use of the busiest CPU"),
        Known("min_cpu_usage", "double", "percent", "Use of the least busy CPU"),
        Known("stolen_percent_average", "double", "percent", "Time taken by other virtual CPUs"),
        Known("sys_percent_average", "double", "percent", "Time spent in the kernel"),
        Known("usage_average", "double", "percent", "Time used by all processes"),
        Known("user_percent_average", "double", "percent", "Time used by processes in user mode"),
        Known("wait_percent_average", "double", "percent", "Time spent waiting for I/O"),
    ),
)

_DISK = CheckType(
    id="agent.disk",
    summary="Measures what a disk does.",
    supported_platforms=_EVERYWHERE,
    attributes=(_target("The disk to check (eg '/dev/xvda1')"),),
    metrics=(
        Known("queue", "int64", "seconds", "Length of the queue"),
        Known("qtime", "int64", "milliseconds", "Time spent on I/O, weighted by how much was waiting"),
        Known("read_bytes", "int64", "bytes", "Bytes read"),
        Known("reads", "int64", "reads", "Reads"),
        Known("rtime", "int64", "milliseconds", "Time spent reading"),
        Known("write_bytes", "int64", "bytes", "Bytes written"),
        Known("writes", "int64", "writes", "Writes"),
        Known("wtime", "int64", "milliseconds", "Time spent writing"),
    ),
)

_FILESYSTEM = CheckType(
    id="agent.filesystem",
    summary="Measures how full a file system is.",
    supported_platforms=_EVERYWHERE,
    attributes=(_target("The mount point to check (eg '/var' or 'C:\\')"),),
    metrics=(
        Known("avail", "int64", "kilobytes", "Free for the user that runs the agent"),
        Known("free", "int64", "kilobytes", "Free, reserved space included"),
        Known("options", "string", "options", "Mount options; `rw` among them when it can be written"),
        Known("total", "int64", "kilobytes", "Size, reserved space included"),
        Known("used", "int64", "kilobytes", "Used: `total` less `free`"),
        Known("files", "int64", "files", "Inodes; not on Windows"),
        Known("free_files", "int64", "free_files", "Free inodes; not on Windows"),
    ),
)

_FILESYSTEM_STATE = CheckType(
    id="agent.filesystem_state",
    summary="Counts file systems that can be written and that cannot.",
    supported_platforms=_LINUX,
    metrics=(
        Known("total_ro", "int64", "total", "How many are mounted read-only"),
        Known("total_rw", "int64", "total", "How many are mounted read-write"),
        Known("devices_ro", "string", "devices", "Those mounted read-only, with commas between them"),
        Known("devices_rw", "string", "devices", "Those mounted read-write, with commas between them"),
    ),
)

_LOAD_AVERAGE = CheckType(
    id="agent.load_average",
    summary="Reads the load average of the host.",
    supported_platforms=_LINUX,
    metrics=tuple(
        Known(name, "double", "", f"Load average of {words} minutes") for name, words in
        (("1m", "one"), ("5m", "five"), ("15m", "fifteen"))
    ),
)  # fmt: skip

_MEMORY = CheckType(
    id="agent.memory",
    summary="Measures how the memory of the host is used.",
    supported_platforms=_EVERYWHERE,
    metrics=(
        Known("actual_free", "gauge", "bytes", "Free, with what the kernel could give back"),
        Known("actual_used", "gauge", "bytes", "Used, without what the kernel could give back"),
        Known("free", "gauge", "bytes", "Free"),
        Known("ram", "gauge", "megabytes", "Memory built in"),
        Known("swap_free", "gauge", "bytes", "Free swap space"),
        Known("swap_page_in", "gauge", "bytes", "Pages swapped in"),
        Known("swap_page_out", "gauge", "bytes", "Pages swapped out"),
        Known("swap_total", "gauge", "bytes", "Swap space"),
        Known("swap_used", "gauge", "bytes", "Used swap space"),
        Known("total", "gauge", "bytes", "All memory"),
        Known("used", "gauge", "bytes", "Used, with what the kernel keeps"),
    ),
)

_MYSQL = CheckType(
    id="agent.mysql",
    summary="Reads the status variables of a MySQL server.",
    supported_platforms=_LINUX,
    attributes=(
        Attribute("host", Host(), "MySQL server hostname (default: 127.0.0.1)"),
        Attribute("mycnf", Boolean(), "Should my.cnf be loaded"),
        Attribute("password", Text(1, 255), "Server password", secret=True),
        Attribute("port", PORT, "MySQL server port (default: 3306)"),
        Attribute("socket", Text(1, 255), "Path to the domain socket"),
        Attribute("timeout", LIMIT_MS, "Time limit in milliseconds"),
        Attribute("username", Text(1, 16), "Username"),
    ),
    metrics=MYSQL_METRICS,
)

_NETWORK = CheckType(
    id="agent.network",
    summary="Measures what passes through a network interface.",
    supported_platforms=_EVERYWHERE,
    attributes=(_target("The network device to check (eg 'eth0')"),),
    metrics=(
        Known("rx_bytes", "gauge", "bytes", "Bytes received"),
        Known("rx_dropped", "gauge", "packets", "Packets received and dropped"),
        Known("rx_errors", "gauge", "errors", "Errors while receiving"),
        Known("rx_packets", "gauge", "packets", "Packets received"),
        Known("speed", "gauge", "", "Speed of the interface; not on Linux"),
        Known("tx_bytes", "gauge", "bytes", "Bytes sent"),
        Known("tx_dropped", "gauge", "packets", "Packets to be sent and dropped"),
        Known("tx_errors", "gauge", "errors", "Errors while sending", "tx_error"),
        Known("tx_packets", "gauge", "packets", "Packets sent"),
    ),
)

_PLUGIN = CheckType(
    id="agent.plugin",
    summary="Runs a program on the host; its metrics are what it prints, at most fifty.",
    supported_platforms=_EVERYWHERE,
    attributes=(
        Attribute(
            "file",
            Text(1, 255, r"[a-zA-Z0-9.\- _]+", "a file name of letters, digits, blanks and . - _"),
            "Name of the plugin file",
            optional=False,
        ),
        Attribute("args", Arguments(Text(1, 4096), 10), "Command-line arguments which are passed to the plugin"),
        Attribute("timeout", LIMIT_MS, "Time limit in milliseconds"),
    ),
)

_REDIS = CheckType(
    id="agent.redis",
    summary="Reads the counters of a Redis server.",
    supported_platforms=_EVERYWHERE,
    attributes=(
        Attribute("hostname", Host(), "Redis server hostname", optional=False),
        Attribute("password", Text(1, 255), "Optional Redis server password", secret=True),
        Attribute("port", PORT, "Redis server port", optional=False),
        Attribute("timeout", LIMIT_MS, "Connection time limit in milliseconds"),
    ),
    metrics=(
        Known("bgrewriteaof_in_progress", "uint32", "", "Whether the append-only file is being rewritten"),
        Known("bgsave_in_progress", "uint32", "", "Whether a dump is being saved"),
        Known("blocked_clients", "uint32", "", "Clients that wait in a blocking call"),
        Known("changes_since_last_save", "uint32", "", "Changes since the last dump"),
        Known("connected_clients", "uint32", "", "Connections of clients"),
        Known("evicted_keys", "uint32", "", "Keys evicted because memory was full"),
        Known("pubsub_patterns", "uint32", "", "Patterns that clients subscribe to"),
        Known("total_commands_processed", "gauge", "", "Commands processed in all"),
        Known("total_connections_received", "gauge", "", "Connections accepted in all"),
        Known("uptime_in_seconds", "uint32", "", "Seconds since the server started"),
        Known("used_memory", "uint64", "", "Bytes allocated by Redis"),
        Known("version", "string", "", "Version of the server"),
    ),
)

HOST_TYPES = (
    _APACHE, _CPU, _DISK, _FILESYSTEM, _FILESYSTEM_STATE, _LOAD_AVERAGE, _MEMORY, _MYSQL, _NETWORK, _PLUGIN, _REDIS,
)  # fmt: skip

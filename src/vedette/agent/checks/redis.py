"""`agent.redis`: the counters of a Redis server (wire protocol, 10)."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import Mapping
from typing import Any

from vedette.agent.reading import Reading, unavailable
from vedette.wire.metrics import WireMetric, number_of

DEFAULT_HOST, DEFAULT_PORT = "localhost", 6379
LONGEST_ANSWER = 1024 * 1024
_NAMES = {
    "aof_rewrite_in_progress": ("bgrewriteaof_in_progress", "uint32"),
    "bgrewriteaof_in_progress": ("bgrewriteaof_in_progress", "uint32"),
    "rdb_bgsave_in_progress": ("bgsave_in_progress", "uint32"),
    "bgsave_in_progress": ("bgsave_in_progress", "uint32"),
    "blocked_clients": ("blocked_clients", "uint32"),
    "rdb_changes_since_last_save": ("changes_since_last_save", "uint32"),
    "changes_since_last_save": ("changes_since_last_save", "uint32"),
    "connected_clients": ("connected_clients", "uint32"),
    "evicted_keys": ("evicted_keys", "uint32"),
    "pubsub_patterns": ("pubsub_patterns", "uint32"),
    "total_commands_processed": ("total_commands_processed", "gauge"),
    "total_connections_received": ("total_connections_received", "gauge"),
    "uptime_in_seconds": ("uptime_in_seconds", "uint32"),
    "used_memory": ("used_memory", "uint64"),
    "redis_version": ("version", "string"),
}
"""What servers of any age say -> the metric and its type."""


class RefusedError(Exception):
    """The server said no; the text is its reason."""


async def run(details: Mapping[str, Any]) -> Reading:
    """Of the server at the details `host` (or `hostname`) and `port`, with the detail `password`. Raises `OSError`."""
    host = str(details.get("host") or details.get("hostname") or DEFAULT_HOST)
    reader, writer = await asyncio.open_connection(host, int(details.get("port") or DEFAULT_PORT))
    try:
        if details.get("password"):
            await _asked(reader, writer, "AUTH", str(details["password"]))
        return reading_of((await _asked(reader, writer, "INFO")).decode("utf-8", "replace"))
    except RefusedError as error:
        return unavailable(str(error))
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
        return unavailable("the server's answer makes no sense: expected a Redis server")
    finally:
        writer.close()


async def _asked(reader: StreamReader, writer: StreamWriter, *words: str) -> bytes:
    """Raises `RefusedError`, and `ValueError` where nothing is spoken that Redis speaks."""
    encoded = [word.encode() for word in words]
    writer.write(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in encoded))
    line = (await reader.readuntil(b"\r\n"))[:-2]
    kind, rest = line[:1], line[1:]
    if kind == b"-":
        raise RefusedError(rest.decode("utf-8", "replace"))
    if kind == b"+":
        return rest
    length = int(rest) if kind == b"$" else -1
    if not 0 <= length <= LONGEST_ANSWER:
        raise ValueError(line)
    return (await reader.readexactly(length + 2))[:-2]


def reading_of(info: str) -> Reading:
    """Only what the server reports."""
    pairs = [line.partition(":") for line in info.splitlines()]
    found = [(*_NAMES[key], value.strip()) for key, colon, value in pairs if colon and key in _NAMES]
    return Reading(
        metrics={
            name: WireMetric(kind, value)
            for name, kind, value in found
            if kind == "string" or number_of(value) is not None
        }
    )

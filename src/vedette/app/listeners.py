"""Listening sockets, bound before work is started, so that a taken port is told at once."""

from __future__ import annotations

import socket

from vedette.config import HostPort

_BACKLOG = 2048
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - read, not bound


def listen(setting: str, where: HostPort) -> socket.socket:
    """A bound, listening socket. Raises `OSError` whose file name is the flag and the address."""
    found = socket.getaddrinfo(where.host, where.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise OSError(error.errno, error.strerror, f"--{setting} {where}") from error
    return listener


def bound(listener: socket.socket) -> HostPort:
    """Where it listens, with the port the system chose."""
    host, port = listener.getsockname()[:2]
    return HostPort(host, port)


def reachable(where: HostPort) -> HostPort:
    """What a client on this machine connects to: a wildcard address is no destination."""
    return HostPort(_WILDCARDS.get(where.host, where.host), where.port)

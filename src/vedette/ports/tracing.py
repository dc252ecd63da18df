"""Traceroutes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from vedette.ports.probing import Address


class Hop(msgspec.Struct, frozen=True, kw_only=True):
    """A router on the way, or the target; numbers repeat where the route splits."""

    number: int  # from 1
    ip: str  # `*` where nobody answered
    hostname: str | None = None  # not looked up
    rtts: tuple[float, ...] = ()  # milliseconds


Trace = Callable[[Address], Awaitable[Sequence[Hop]]]
"""The way to an address from this machine, nearest first. Raises `OSError` when nothing can be sent there."""

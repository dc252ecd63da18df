"""What peers may use of us."""

from __future__ import annotations

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What peers may use of us."""

    most_connections: int = 12_000  # in their TLS handshake or beyond it
    tls_handshake_s: float = 10.0
    tls_shutdown_s: float = 5.0
    drain_s: float = 10.0  # how long a stop waits for accepted work, and then again for the closing
    heartbeat_interval_ms: int = 30_000

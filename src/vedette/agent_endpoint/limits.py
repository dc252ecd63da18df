"""What peers may use of us."""

from __future__ import annotations

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What peers may use of us."""

    most_connections: int = 12_000  # in their TLS handshake or beyond it
    tls_handshake_s: float = 10.0
    handshakes_at_once: int = 128  # one takes about a millisecond of ours; those that stall do not count for long
    handshake_turn_s: float = 1.0
    patience_s: float = 4.5  # from accept to the TLS handshake: with it, an agent is answered before its 6 s are over
    tls_shutdown_s: float = 5.0
    drain_s: float = 10.0  # how long a stop waits for accepted work, and then again for the closing
    heartbeat_interval_ms: int = 30_000
    own_collectors_interval_ms: int = 5_000  # of collectors of our kind: what tells how soon a zone is known to be down

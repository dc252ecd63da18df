"""Keys: sealing what must be read again, indexing what must only be recognised."""

from __future__ import annotations

from typing import Protocol


class Keyring(Protocol):
    """Holds the server's keys. During a rotation look-ups try both keys, so `indexes` may give two."""

    def index(self, purpose: str, secret: str) -> bytes:
        """A keyed hash (32 bytes) under the newest key, for finding a secret without keeping it.

        `purpose` separates uses: `agent_token`, `identity_token`, `api_key`.
        """
        ...

    def indexes(self, purpose: str, secret: str) -> tuple[bytes, ...]:
        """The same under every key still in use, the newest first."""
        ...

    def seal(self, plain: bytes, context: str) -> bytes:
        """AES-GCM under the newest key; opens only with the same `context` (e.g. `agent_token:<public id>`)."""
        ...

    def open(self, sealed: bytes, context: str) -> bytes:
        """Raises `ValueError` when the text was damaged, moved to another context, or its key is gone."""
        ...

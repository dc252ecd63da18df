"""Keys: sealing what must be read again, indexing what must only be recognised."""

from __future__ import annotations

from typing import Protocol


class Keyring(Protocol):
    """Holds the server's keys. During a rotation look-ups try all keys, so `indexes` may give several.

    The first byte of an index and the second byte of what is sealed are the version of the key.
    """

    @property
    def current(self) -> int:
        """The version of the key that seals and indexes: the newest that every process knows."""
        ...

    def index(self, purpose: str, secret: str) -> bytes:
        """A keyed hash (32 bytes) under the current key, for finding a secret without keeping it.

        `purpose` separates uses: `agent_token`, `identity_token`, `api_key`.
        """
        ...

    def indexes(self, purpose: str, secret: str) -> tuple[bytes, ...]:
        """The same under every key there is, the current one first."""
        ...

    def seal(self, plain: bytes, context: str) -> bytes:
        """AES-GCM under the current key; opens only with the same `context` (e.g. `agent_token:<public id>`)."""
        ...

    def open(self, sealed: bytes, context: str) -> bytes:
        """Raises `ValueError` when the text was damaged, moved to another context, or its key is gone."""
        ...

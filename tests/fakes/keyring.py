"""A keyring that shows what it sealed, and still refuses another context."""

from __future__ import annotations

from hashlib import sha256


class FakeKeyring:
    current = 1

    def index(self, purpose: str, secret: str) -> bytes:
        return sha256(f"{purpose}:{secret}".encode()).digest()

    def indexes(self, purpose: str, secret: str) -> tuple[bytes, ...]:
        return (self.index(purpose, secret),)

    def seal(self, plain: bytes, context: str) -> bytes:
        return context.encode() + b"|" + plain[::-1]

    def open(self, sealed: bytes, context: str) -> bytes:
        found, _, mirrored = sealed.partition(b"|")
        if found != context.encode():
            raise ValueError("sealed for another context")
        return mirrored[::-1]

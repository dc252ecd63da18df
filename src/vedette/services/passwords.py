"""Passwords: only a scrypt hash is kept. Hashing costs time and memory, so two at once, in a thread."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from typing import NamedTuple

from vedette.domain.faults import Fault
from vedette.ports.clock import Entropy

_LOG_N, _R, _P = 14, 8, 5  # 16 MiB and about a fifth of a second
_AT_ONCE = 2
_MAX_WAITING = 32  # log-ins; more are turned away rather than piled up
_SALT_BYTES = 16


class _Hash(NamedTuple):
    log_n: int
    r: int
    p: int
    salt: bytes
    digest: bytes

    @classmethod
    def decode(cls, stored: bytes) -> _Hash:
        _, log_n, r, p, salt, digest = stored.split(b"$")
        return cls(int(log_n), int(r), int(p), bytes.fromhex(salt.decode()), bytes.fromhex(digest.decode()))

    def encode(self) -> bytes:
        """`scrypt$LOG_N$R$P$SALT$DIGEST`: the costs stay with the hash, so that they can grow."""
        return f"scrypt${self.log_n}${self.r}${self.p}${self.salt.hex()}${self.digest.hex()}".encode()


class Passwords:
    """Makes and checks hashes of passwords."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0
        self._nobodys = _Hash(_LOG_N, _R, _P, entropy(_SALT_BYTES), entropy(32)).encode()

    async def hash(self, password: str) -> bytes:
        salt = self._entropy(_SALT_BYTES)
        digest = await self._derive(password, _Hash(_LOG_N, _R, _P, salt, b""))
        return _Hash(_LOG_N, _R, _P, salt, digest).encode()

    async def fits(self, password: str, stored: bytes | None) -> bool:
        """With no stored hash (no such user, no password) the answer is no after the same work."""
        expected = _Hash.decode(stored or self._nobodys)
        digest = await self._derive(password, expected)
        return hmac.compare_digest(digest, expected.digest) and stored is not None

    async def _derive(self, password: str, costs: _Hash) -> bytes:
        if self._waiting >= _MAX_WAITING:
            raise Fault(
                "systemFailureError", "Too many log-ins at once", "Try again later", headers={"Retry-After": "5"}
            )
        self._waiting += 1
        try:
            async with self._at_once:
                return await asyncio.to_thread(_scrypt, password.encode("utf-8", "surrogatepass"), costs)
        finally:
            self._waiting -= 1


def _scrypt(password: bytes, costs: _Hash) -> bytes:
    n = 1 << costs.log_n
    memory = 128 * n * costs.r + 1024 * 1024
    return hashlib.scrypt(password, salt=costs.salt, n=n, r=costs.r, p=costs.p, maxmem=memory, dklen=32)

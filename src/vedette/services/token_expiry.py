"""Expiry: a rotated token whose overlap has ended is removed. One that merely expired stays, refused, until deleted."""

from __future__ import annotations

from vedette.domain.tokens import AgentToken, Reason
from vedette.ports.clock import Clock
from vedette.ports.unit import Conflict
from vedette.services.token_store import TokenStore

_BITE = 100


class TokenExpiry:
    """A worker; where several processes run it, the first one wins by the token's revision."""

    def __init__(self, store: TokenStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def step(self) -> bool:
        """Removes those that are due; whether there were any."""
        due = await self._store.tokens.expired(self._clock(), _BITE)
        removed = [await self._is_removed(token) for token in due]
        return any(removed)

    async def _is_removed(self, token: AgentToken) -> bool:
        now_ms = self._clock()
        try:
            await self._store.commit(
                self._store.removal(token, Reason.EXPIRED, now_ms), *await self._store.released(token, now_ms)
            )
        except Conflict:  # somebody else has it, or its successor: the next step looks again
            return False
        return True

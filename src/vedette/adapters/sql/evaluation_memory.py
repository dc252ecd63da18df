"""What evaluation remembers of zones, processes and agents.

No key refers to the tenant: what is remembered of an agent that is gone must not fail the observations it came with.
"""

from __future__ import annotations

import msgspec

from vedette.adapters.sql.database import Database, Params, SqlWrite, Statement
from vedette.domain.ids import AgentId, TenantId
from vedette.engine.presence import Presence
from vedette.engine.surroundings import Surroundings

FIND = "SELECT value FROM evaluation_memory WHERE name = :name"

KEEP = """
INSERT INTO evaluation_memory (name, value) VALUES (:name, :value)
ON CONFLICT (name) DO UPDATE SET value = excluded.value"""

PRESENCE = "SELECT value FROM agent_presence WHERE tenant_id = :tenant_id AND agent_id = :agent_id"

KEEP_PRESENCE = """
INSERT INTO agent_presence (tenant_id, agent_id, at_ms, value) VALUES (:tenant_id, :agent_id, :at_ms, :value)
ON CONFLICT (tenant_id, agent_id) DO UPDATE SET at_ms = excluded.at_ms, value = excluded.value"""

# Nothing may have happened for months to an agent that is connected.
FORGET_PRESENCES = """
DELETE FROM agent_presence WHERE at_ms < :before_ms AND NOT EXISTS (
    SELECT 1 FROM agent_connection c
    WHERE c.tenant_id = agent_presence.tenant_id AND c.agent_id = agent_presence.agent_id)"""

_SURROUNDINGS = "surroundings"

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Surroundings).decode
_decode_presence = msgspec.msgpack.Decoder(Presence).decode


class SqlEvaluationMemory:
    """See `ports.silence.EvaluationMemory`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def surroundings(self) -> Surroundings:
        row = await self._database.fetch_one(FIND, {"name": _SURROUNDINGS})
        return Surroundings() if row is None else _decode(row[0])

    async def presence(self, tenant_id: TenantId, agent_id: AgentId) -> Presence | None:
        row = await self._database.fetch_one(PRESENCE, {"tenant_id": tenant_id, "agent_id": agent_id})
        return None if row is None else _decode_presence(row[0])

    def keep(self, surroundings: Surroundings) -> SqlWrite:
        return SqlWrite((Statement(KEEP, {"name": _SURROUNDINGS, "value": _encode(surroundings)}),))

    def keep_presence(self, presence: Presence, at_ms: int) -> SqlWrite:
        params: Params = {
            "tenant_id": presence.tenant_id,
            "agent_id": presence.agent_id,
            "at_ms": at_ms,
            "value": _encode(presence),
        }
        return SqlWrite((Statement(KEEP_PRESENCE, params),))

    def forget_presences(self, before_ms: int) -> SqlWrite:
        return SqlWrite((Statement(FORGET_PRESENCES, {"before_ms": before_ms}),))

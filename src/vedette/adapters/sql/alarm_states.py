"""What the engine remembers of each alarm; goes with its alarm."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from vedette.adapters.sql.database import Database, Row, SqlWrite, Statement, Value
from vedette.adapters.sql.lists import spelt_out
from vedette.domain.ids import TenantId
from vedette.engine.states import AlarmState, LatestState

FIND = "SELECT revision, value FROM alarm_state WHERE alarm_id = :alarm_id"

LIST = "SELECT revision, value FROM alarm_state WHERE tenant_id = :tenant_id ORDER BY alarm_id"

# The tenant is judged by the reader of the rows: in the statement it would lead SQLite to all the tenant's alarms.
LATEST = """
SELECT d.tenant_id, s.value FROM document d JOIN alarm_state s ON s.alarm_id = d.id WHERE d.kind = 'al'"""

HELD = "SELECT revision, value FROM alarm_state WHERE tenant_id = :tenant_id AND is_held = 1 ORDER BY alarm_id"

TENANTS_HELD = "SELECT DISTINCT tenant_id FROM alarm_state WHERE is_held = 1 ORDER BY tenant_id"

HAS_ALARM = "SELECT 1 FROM document WHERE id = :alarm_id AND tenant_id = :tenant_id AND kind = 'al'"

ADD = """
INSERT INTO alarm_state (alarm_id, tenant_id, revision, value, is_held)
VALUES (:alarm_id, :tenant_id, 1, :value, :is_held)
ON CONFLICT (alarm_id) DO NOTHING"""

UPDATE = """
UPDATE alarm_state SET revision = revision + 1, value = :value, is_held = :is_held
WHERE alarm_id = :alarm_id AND revision = :revision"""

_decode_latest = msgspec.msgpack.Decoder(LatestState).decode
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(AlarmState).decode


class SqlAlarmStates:
    """See `ports.observations.AlarmStates`. The revision that counts is the column's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, alarm_id: str) -> AlarmState | None:
        row = await self._database.fetch_one(FIND, {"alarm_id": alarm_id})
        return None if row is None else _state(row)

    async def list(self, tenant_id: TenantId) -> list[AlarmState]:
        return [_state(row) for row in await self._database.fetch(LIST, {"tenant_id": tenant_id})]

    async def latest(self, tenant_id: TenantId, entity_ids: Sequence[str]) -> Sequence[LatestState]:
        if not entity_ids:
            return []
        inside, ids = spelt_out("entity", entity_ids)
        rows = await self._database.fetch(f"{LATEST} AND d.entity_id IN ({inside})", ids)
        return sorted([_decode_latest(row[1]) for row in rows if row[0] == tenant_id], key=_bytewise)

    async def held(self, tenant_id: TenantId) -> Sequence[AlarmState]:
        return [_state(row) for row in await self._database.fetch(HELD, {"tenant_id": tenant_id})]

    async def tenants_held(self) -> Sequence[TenantId]:
        return [row[0] for row in await self._database.fetch(TENANTS_HELD, {})]

    def put(self, state: AlarmState, revision: int) -> SqlWrite:
        of_alarm: dict[str, Value] = {"alarm_id": state.alarm_id}
        of_tenant = {**of_alarm, "tenant_id": state.tenant_id}
        value: dict[str, Value] = {"value": _encode(state), "is_held": int(state.is_held)}
        if revision == 0:
            write = Statement(ADD, {**of_tenant, **value}, expect=1, guard="alarm_state")
        else:
            params = {**of_alarm, **value, "revision": revision}
            write = Statement(UPDATE, params, expect=1, guard="alarm_state")
        return SqlWrite((Statement(HAS_ALARM, of_tenant, expect=1, guard="alarm"), write))


def _bytewise(state: LatestState) -> bytes:
    return state.alarm_id.encode()


def _state(row: Row) -> AlarmState:
    return msgspec.structs.replace(_decode(row[1]), revision=row[0])

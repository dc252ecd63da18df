"""What the engine remembers of each alarm; goes with its alarm."""

from __future__ import annotations

import msgspec

from vedette.adapters.sql.database import Database, Row, SqlWrite, Statement, Value
from vedette.domain.ids import TenantId
from vedette.engine.states import AlarmState

FIND = "SELECT revision, value FROM alarm_state WHERE alarm_id = :alarm_id"

LIST = "SELECT revision, value FROM alarm_state WHERE tenant_id = :tenant_id ORDER BY alarm_id"

HAS_ALARM = "SELECT 1 FROM document WHERE id = :alarm_id AND tenant_id = :tenant_id AND kind = 'al'"

ADD = """
INSERT INTO alarm_state (alarm_id, tenant_id, revision, value) VALUES (:alarm_id, :tenant_id, 1, :value)
ON CONFLICT (alarm_id) DO NOTHING"""

UPDATE = """
UPDATE alarm_state SET revision = revision + 1, value = :value WHERE alarm_id = :alarm_id AND revision = :revision"""

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

    def put(self, state: AlarmState, revision: int) -> SqlWrite:
        of_alarm: dict[str, Value] = {"alarm_id": state.alarm_id}
        of_tenant = {**of_alarm, "tenant_id": state.tenant_id}
        value = _encode(state)
        if revision == 0:
            write = Statement(ADD, {**of_tenant, "value": value}, expect=1, guard="alarm_state")
        else:
            params = {**of_alarm, "revision": revision, "value": value}
            write = Statement(UPDATE, params, expect=1, guard="alarm_state")
        return SqlWrite((Statement(HAS_ALARM, of_tenant, expect=1, guard="alarm"), write))


def _state(row: Row) -> AlarmState:
    return msgspec.structs.replace(_decode(row[1]), revision=row[0])

"""Changelogs: the state changes of alarms, with their evidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from vedette.adapters.sql.database import Database, Row, SqlWrite, Statement, Value
from vedette.adapters.sql.spans import page
from vedette.domain.history import StateChange
from vedette.domain.ids import TenantId
from vedette.domain.states import State
from vedette.ports.history import Span

_COLUMNS = (
    "key, tenant_id, entity_id, check_id, alarm_id, at_ms, state, previous_state, status, reason, analyzed_by, votes"
)

LIST = f"SELECT {_COLUMNS} FROM changelog WHERE tenant_id = :tenant_id"

LIST_OF_ENTITY = f"{LIST} AND entity_id = :entity_id"

LIST_OF_ALARM = f"{LIST_OF_ENTITY} AND alarm_id = :alarm_id"

ADD = f"""
INSERT INTO changelog ({_COLUMNS})
VALUES (:key, :tenant_id, :entity_id, :check_id, :alarm_id, :at_ms, :state, :previous_state, :status, :reason,
        :analyzed_by, :votes)"""

FORGET = "DELETE FROM changelog WHERE key IN (SELECT key FROM changelog WHERE key < :key ORDER BY key LIMIT :limit)"

_encode_votes = msgspec.msgpack.Encoder().encode
_decode_votes = msgspec.msgpack.Decoder(dict[str, Any]).decode


class SqlChangelogs:
    """See `ports.history.Changelogs`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self, tenant_id: TenantId, entity_id: str | None, span: Span) -> list[StateChange]:
        sql, params = page(LIST if entity_id is None else LIST_OF_ENTITY, span)
        params["tenant_id"] = tenant_id
        if entity_id is not None:
            params["entity_id"] = entity_id
        return [_change(row) for row in await self._database.fetch(sql, params)]

    async def of_alarm(self, tenant_id: TenantId, entity_id: str, alarm_id: str, span: Span) -> Sequence[StateChange]:
        sql, params = page(LIST_OF_ALARM, span)
        params |= {"tenant_id": tenant_id, "entity_id": entity_id, "alarm_id": alarm_id}
        return [_change(row) for row in await self._database.fetch(sql, params)]

    def add(self, change: StateChange) -> SqlWrite:
        params: dict[str, Value] = {
            "key": change.key,
            "tenant_id": change.tenant_id,
            "entity_id": change.entity_id,
            "check_id": change.check_id,
            "alarm_id": change.alarm_id,
            "at_ms": change.at_ms,
            "state": change.state.value,
            "previous_state": change.previous_state.value,
            "status": change.status,
            "reason": change.reason,
            "analyzed_by": change.analyzed_by,
            "votes": _encode_votes(change.votes),
        }
        return SqlWrite((Statement(ADD, params, expect=1, guard="tenant"),))

    def forget_before(self, key: bytes, limit: int) -> SqlWrite:
        return SqlWrite((Statement(FORGET, {"key": key, "limit": limit}),))


def _change(row: Row) -> StateChange:
    (key, tenant_id, entity_id, check_id, alarm_id, at_ms, state, previous, status, reason, analyzed_by, votes) = row
    return StateChange(
        key=key,
        tenant_id=tenant_id,
        entity_id=entity_id,
        check_id=check_id,
        alarm_id=alarm_id,
        at_ms=at_ms,
        state=State(state),
        previous_state=State(previous),
        status=status,
        reason=reason,
        analyzed_by=analyzed_by,
        votes=_decode_votes(votes),
    )

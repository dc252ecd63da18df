"""Suppression logs: changes of which nobody was told."""

from __future__ import annotations

import msgspec

from vedette.adapters.sql.database import Database, Row, SqlWrite, Statement, Value
from vedette.adapters.sql.spans import page
from vedette.domain.history import SuppressionLog
from vedette.domain.ids import TenantId
from vedette.domain.states import State
from vedette.ports.history import Span

_COLUMNS = "key, tenant_id, entity_id, check_id, alarm_id, plan_id, suppressions, state, at_ms, transaction_id"
_FIELDS = _COLUMNS.split(", ")

LIST = f"SELECT {_COLUMNS} FROM suppression_log WHERE tenant_id = :tenant_id"

ADD = f"""
INSERT INTO suppression_log ({_COLUMNS})
VALUES (:key, :tenant_id, :entity_id, :check_id, :alarm_id, :plan_id, :suppressions, :state, :at_ms, :transaction_id)"""

FORGET = """
DELETE FROM suppression_log WHERE key IN (
    SELECT key FROM suppression_log WHERE key < :key ORDER BY key LIMIT :limit)"""

_decode_ids = msgspec.json.Decoder(tuple[str, ...]).decode


class SqlSuppressionLogs:
    """See `ports.history.SuppressionLogs`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self, tenant_id: TenantId, span: Span) -> list[SuppressionLog]:
        sql, params = page(LIST, span)
        return [_log(row) for row in await self._database.fetch(sql, params | {"tenant_id": tenant_id})]

    def add(self, log: SuppressionLog) -> SqlWrite:
        params: dict[str, Value] = {name: getattr(log, name) for name in _FIELDS}
        params |= {"suppressions": msgspec.json.encode(log.suppressions).decode(), "state": log.state.value}
        return SqlWrite((Statement(ADD, params, expect=1, guard="tenant"),))

    def forget_before(self, key: bytes, limit: int) -> SqlWrite:
        return SqlWrite((Statement(FORGET, {"key": key, "limit": limit}),))


def _log(row: Row) -> SuppressionLog:
    values = dict(zip(_FIELDS, row, strict=True))
    values["suppressions"] = _decode_ids(values["suppressions"])
    values["state"] = State(values["state"])
    return SuppressionLog(**values)

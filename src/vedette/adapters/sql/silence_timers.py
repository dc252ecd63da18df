"""When to look whether an agent is silent; goes with its check."""

from __future__ import annotations

from collections.abc import Sequence

from vedette.adapters.sql.database import Database, Params, Row, SqlWrite, Statement
from vedette.domain.ids import AgentId, CheckId, TenantId
from vedette.ports.silence import SilenceTimer

DUE = """
SELECT check_id, tenant_id, agent_id, reported_ms, due_ms FROM silence_timer
WHERE due_ms <= :at_ms ORDER BY due_ms LIMIT :limit"""

FIND = "SELECT check_id, tenant_id, agent_id, reported_ms, due_ms FROM silence_timer WHERE check_id = :check_id"

START = """
INSERT INTO silence_timer (check_id, tenant_id, agent_id, reported_ms, due_ms)
SELECT d.id, CAST(:tenant_id AS TEXT), CAST(:agent_id AS TEXT), CAST(:reported_ms AS BIGINT), CAST(:due_ms AS BIGINT)
FROM document d WHERE d.id = :check_id
ON CONFLICT (check_id) DO UPDATE SET
    tenant_id = excluded.tenant_id, agent_id = excluded.agent_id,
    reported_ms = excluded.reported_ms, due_ms = excluded.due_ms"""

MOVE = """
UPDATE silence_timer SET agent_id = :agent_id, reported_ms = :reported_ms, due_ms = :due_ms
WHERE check_id = :check_id AND COALESCE(due_ms, -1) = :before_ms"""

HASTEN = """
UPDATE silence_timer SET due_ms = :due_ms WHERE tenant_id = :tenant_id AND agent_id = :agent_id AND due_ms > :due_ms"""

GUARD = "silence_timer"


class SqlSilenceTimers:
    """See `ports.silence.SilenceTimers`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(self, at_ms: int, limit: int) -> Sequence[SilenceTimer]:
        return [_timer(row) for row in await self._database.fetch(DUE, {"at_ms": at_ms, "limit": limit})]

    async def find(self, check_id: CheckId) -> SilenceTimer | None:
        row = await self._database.fetch_one(FIND, {"check_id": check_id})
        return None if row is None else _timer(row)

    def start(self, timer: SilenceTimer) -> SqlWrite:
        return SqlWrite((Statement(START, {**_times(timer), "tenant_id": timer.tenant_id}),))

    def move(self, before: SilenceTimer, after: SilenceTimer) -> SqlWrite:
        params: Params = {**_times(after), "before_ms": -1 if before.due_ms is None else before.due_ms}
        return SqlWrite((Statement(MOVE, params, expect=1, guard=GUARD),))

    def hasten(self, tenant_id: TenantId, agent_id: AgentId, due_ms: int) -> SqlWrite:
        return SqlWrite((Statement(HASTEN, {"tenant_id": tenant_id, "agent_id": agent_id, "due_ms": due_ms}),))


def _times(timer: SilenceTimer) -> Params:
    return {
        "check_id": timer.check_id,
        "agent_id": timer.agent_id,
        "reported_ms": timer.reported_ms,
        "due_ms": timer.due_ms,
    }


def _timer(row: Row) -> SilenceTimer:
    check_id, tenant_id, agent_id, reported_ms, due_ms = row
    return SilenceTimer(
        check_id=check_id, tenant_id=tenant_id, agent_id=agent_id, reported_ms=reported_ms, due_ms=due_ms
    )

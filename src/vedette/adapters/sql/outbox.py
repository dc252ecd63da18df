"""The outbox: deliveries on their way, and their attempts.

`attempts` is the fence: each claim raises it by one, so whoever lost a lease finds another number and changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from vedette.adapters.sql.database import Database, Row, SqlWrite, Statement, Value
from vedette.adapters.sql.lists import spelt_out
from vedette.adapters.sql.spans import page
from vedette.domain.history import Attempt, Delivery, DeliveryState
from vedette.domain.ids import TenantId
from vedette.domain.states import State
from vedette.ports.history import Span

_COLUMNS = (
    "key, tenant_id, entity_id, check_id, alarm_id, plan_id, notification_id, event_id, state, previous_state, status, "
    "transaction_id, at_ms, payload, delivery_state, attempts, next_at_ms, message"
)
_FIELDS = _COLUMNS.split(", ")

# The oldest pending one of its alarm and notification: what an earlier change has not told yet goes first.
_FIRST_OF_ITS_PAIR = """
delivery_state = 'pending' AND NOT EXISTS (
    SELECT 1 FROM delivery earlier
    WHERE earlier.delivery_state = 'pending' AND earlier.alarm_id = delivery.alarm_id
      AND earlier.notification_id = delivery.notification_id AND earlier.key < delivery.key)"""

DUE = f"SELECT {_COLUMNS} FROM delivery WHERE next_at_ms <= :now AND {_FIRST_OF_ITS_PAIR}"

NEXT_DUE = f"SELECT next_at_ms FROM delivery WHERE {_FIRST_OF_ITS_PAIR} ORDER BY next_at_ms LIMIT 1"

# Deliveries of one entry have keys that differ in their last two bytes only.
_OF_ALARM = "FROM delivery WHERE tenant_id = :tenant_id AND alarm_id = :alarm_id"

HISTORY = f"SELECT {_COLUMNS} {_OF_ALARM} AND substr(key, 1, 14) IN"

ENTRIES = f"SELECT DISTINCT substr(key, 1, 14) AS entry {_OF_ALARM}"

HISTORY_CHECKS = f"SELECT DISTINCT check_id {_OF_ALARM} ORDER BY check_id"

ATTEMPTS = "SELECT delivery_key, number, started_ms, finished_ms, success, message FROM attempt WHERE delivery_key IN"
_ATTEMPTS_AT_ONCE = 500

ADD = f"""
INSERT INTO delivery ({_COLUMNS})
VALUES (:key, :tenant_id, :entity_id, :check_id, :alarm_id, :plan_id, :notification_id, :event_id, :state,
        :previous_state, :status, :transaction_id, :at_ms, :payload, :delivery_state, :attempts, :next_at_ms, :message)
"""

CLAIM = """
UPDATE delivery SET attempts = :number, next_at_ms = :until
WHERE key = :key AND delivery_state = 'pending' AND attempts = :attempts AND next_at_ms = :next_at_ms"""

ADD_ATTEMPT = """
INSERT INTO attempt (delivery_key, number, started_ms, finished_ms, success, message)
VALUES (:delivery_key, :number, :started_ms, :finished_ms, :success, :message)"""

FINISH = """
UPDATE delivery SET delivery_state = :delivery_state, next_at_ms = :next_at_ms, message = :message
WHERE key = :key AND delivery_state = 'pending' AND attempts = :number"""

FINISH_ATTEMPT = """
UPDATE attempt SET finished_ms = :finished_ms, success = :success, message = :message
WHERE delivery_key = :delivery_key AND number = :number"""

# A claimed one is told from one that waits for its next attempt by its attempt, which has not ended.
RELEASE = """
UPDATE delivery SET next_at_ms = :now
WHERE delivery_state = 'pending' AND next_at_ms > :now AND EXISTS (
    SELECT 1 FROM attempt
    WHERE attempt.delivery_key = delivery.key AND attempt.number = delivery.attempts AND attempt.finished_ms IS NULL)"""

FORGET = """
DELETE FROM delivery WHERE key IN (
    SELECT key FROM delivery WHERE key < :key AND delivery_state <> 'pending' ORDER BY key LIMIT :limit)"""


class SqlOutbox:
    """See `ports.history.Outbox`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(self, now_ms: int, limit: int, without: Collection[str] = ()) -> list[Delivery]:
        sql = DUE
        params: dict[str, Value] = {"now": now_ms, "limit": limit}
        if without:
            inside, ids = spelt_out("without", sorted(without))
            sql += f" AND tenant_id NOT IN ({inside}) AND notification_id NOT IN ({inside})"
            params |= ids
        # In the order of the index on what is pending: in that of the key, SQLite would go through all that is kept.
        rows = await self._database.fetch(f"{sql} ORDER BY next_at_ms, key LIMIT :limit", params)
        return [_delivery(row) for row in rows]

    async def next_due_ms(self) -> int | None:
        row = await self._database.fetch_one(NEXT_DUE, {})
        return None if row is None else int(row[0])

    async def history(self, tenant_id: TenantId, alarm_id: str, check_id: str | None, span: Span) -> list[Delivery]:
        params: dict[str, Value] = {"tenant_id": tenant_id, "alarm_id": alarm_id}
        only = ""
        if check_id is not None:
            only = " AND check_id = :check_id"
            params["check_id"] = check_id
        entries, of_page = page(ENTRIES + only, _whole_entries(span), "entry")
        direction = "DESC" if span.reverse else "ASC"
        sql = f"{HISTORY} (SELECT entry FROM ({entries}) entries){only} ORDER BY key {direction}"
        return [_delivery(row) for row in await self._database.fetch(sql, params | of_page)]

    async def history_checks(self, tenant_id: TenantId, alarm_id: str) -> list[str]:
        params: dict[str, Value] = {"tenant_id": tenant_id, "alarm_id": alarm_id}
        return [row[0] for row in await self._database.fetch(HISTORY_CHECKS, params)]

    async def attempts(self, delivery_keys: Sequence[bytes]) -> list[Attempt]:
        found: list[Attempt] = []
        for begin in range(0, len(delivery_keys), _ATTEMPTS_AT_ONCE):
            inside, params = spelt_out("key", delivery_keys[begin : begin + _ATTEMPTS_AT_ONCE])
            rows = await self._database.fetch(f"{ATTEMPTS} ({inside}) ORDER BY delivery_key, number", params)
            found += [_attempt(row) for row in rows]
        return found

    def add(self, delivery: Delivery) -> SqlWrite:
        return SqlWrite((Statement(ADD, _params(delivery), expect=1, guard="tenant"),))

    def claim(self, delivery: Delivery, until_ms: int, attempt: Attempt) -> SqlWrite:
        params: dict[str, Value] = {
            "key": delivery.key,
            "attempts": delivery.attempts,
            "next_at_ms": delivery.next_at_ms,
            "number": attempt.number,
            "until": until_ms,
        }
        return SqlWrite(
            (
                Statement(CLAIM, params, expect=1, guard="claim"),
                Statement(ADD_ATTEMPT, _attempt_params(attempt), expect=1, guard="claim"),
            )
        )

    def finish(self, delivery: Delivery, attempt: Attempt) -> SqlWrite:
        params: dict[str, Value] = {
            "key": delivery.key,
            "number": attempt.number,
            "delivery_state": delivery.delivery_state.value,
            "next_at_ms": delivery.next_at_ms,
            "message": delivery.message,
        }
        attempt_params = _attempt_params(attempt)
        del attempt_params["started_ms"]
        return SqlWrite(
            (
                Statement(FINISH, params, expect=1, guard="claim"),
                Statement(FINISH_ATTEMPT, attempt_params, expect=1, guard="claim"),
            )
        )

    def release(self, now_ms: int) -> SqlWrite:
        return SqlWrite((Statement(RELEASE, {"now": now_ms}),))

    def forget_before(self, key: bytes, limit: int) -> SqlWrite:
        return SqlWrite((Statement(FORGET, {"key": key, "limit": limit}),))


def _whole_entries(span: Span) -> Span:
    """The marker, an entry's key, is the lowest of its deliveries' keys; backwards it is to be the highest."""
    if span.marker is None or not span.reverse:
        return span
    return msgspec.structs.replace(span, marker=span.marker[:-2] + b"\xff\xff")


def _params(delivery: Delivery) -> dict[str, Value]:
    params: dict[str, Value] = {name: getattr(delivery, name) for name in _FIELDS}
    return params | {
        "state": delivery.state.value,
        "previous_state": delivery.previous_state.value,
        "delivery_state": delivery.delivery_state.value,
    }


def _delivery(row: Row) -> Delivery:
    values = dict(zip(_FIELDS, row, strict=True))
    values["state"] = State(values["state"])
    values["previous_state"] = State(values["previous_state"])
    values["delivery_state"] = DeliveryState(values["delivery_state"])
    return Delivery(**values)


def _attempt_params(attempt: Attempt) -> dict[str, Value]:
    return {
        "delivery_key": attempt.delivery_key,
        "number": attempt.number,
        "started_ms": attempt.started_ms,
        "finished_ms": attempt.finished_ms,
        "success": None if attempt.success is None else int(attempt.success),
        "message": attempt.message,
    }


def _attempt(row: Row) -> Attempt:
    delivery_key, number, started_ms, finished_ms, success, message = row
    return Attempt(
        delivery_key=delivery_key,
        number=number,
        started_ms=started_ms,
        finished_ms=finished_ms,
        success=None if success is None else bool(success),
        message=message,
    )

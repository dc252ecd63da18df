"""The durable observation log.

A row is one entry. Of an observation, what it is found by is in columns and the rest in one compact msgpack array.
There is no row for a metric (ten would cost ten index entries): points are read out of the payloads. Nothing here
refers to the check by key, for an observation of a check that was just deleted must not fail the group it came with.
Whatever else happened is a row of no check, all of it in the payload; its place is the kind, to be found by.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from vedette.adapters.sql.database import Bulk, Database, Row, SqlWrite, Statement, Value
from vedette.domain.happenings import (
    AgentClosed,
    AgentConnected,
    AgentFetched,
    Happening,
    ProcessTurned,
    Tick,
    ZoneTurned,
)
from vedette.domain.ids import AgentId, EntityId, TenantId
from vedette.domain.metrics import Metric
from vedette.domain.observations import Entry, Logged, Observation

AFTER = """
SELECT seq, check_id, place, at_ms, arrival_ms, payload FROM observation
WHERE seq > :seq ORDER BY seq LIMIT :limit"""

APPEND = """
INSERT INTO observation (check_id, place, at_ms, arrival_ms, payload)
VALUES (:check_id, :place, :at_ms, :arrival_ms, :payload)"""

LATEST = """
SELECT seq, check_id, place, at_ms, arrival_ms, payload FROM observation
WHERE seq = (SELECT MAX(seq) FROM observation WHERE check_id = :check_id AND place = :place AND seq + 0 <= :up_to)"""

CURSOR = "SELECT seq FROM reader_cursor WHERE name = :name"

START_CURSOR = """
INSERT INTO reader_cursor (name, seq) VALUES (:name, :new)
ON CONFLICT (name) DO UPDATE SET seq = excluded.seq WHERE reader_cursor.seq = 0"""

LEAVE = "DELETE FROM reader_cursor WHERE name = :name"

ADVANCE_CURSOR = "UPDATE reader_cursor SET seq = :new WHERE name = :name AND seq = :old"

# Looks at no more than the oldest `limit` rows: arrival follows `seq` so nearly that an index of it would not pay.
FORGET = """
DELETE FROM observation WHERE seq IN (
    SELECT seq FROM (SELECT seq, arrival_ms FROM observation ORDER BY seq LIMIT :limit) AS oldest
    WHERE arrival_ms < :arrival_ms AND seq <= (SELECT MIN(seq) FROM reader_cursor))"""

LOCK = "observations"
"""Held from before a `seq` is drawn until it is committed, so that none appears below one already read."""


class Payload(msgspec.Struct, frozen=True, array_like=True):
    """What of an observation is no column. New members go to the end and have a default."""

    metrics: dict[str, Metric]  # first, so that points can be read without the rest
    tenant_id: TenantId
    entity_id: EntityId
    check_type: str
    agent_id: AgentId | None
    sender: str
    check_revision: int
    available: bool
    status: str
    target: str | None
    is_blind: bool
    buffers: bool
    took_ms: int | None = None
    round_id: str = ""


OF_NO_CHECK = ""
"""The check of a row that is no observation."""

_places: dict[type, str] = {
    ZoneTurned: "zone",
    ProcessTurned: "zone",
    AgentConnected: "agent",
    AgentClosed: "agent",
    AgentFetched: "agent",
    Tick: "tick",
}

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Payload).decode
_decode_happening = msgspec.msgpack.Decoder(Happening).decode


class Chunked(Protocol):
    """Where observations go from the log."""

    async def latest(self, check_id: str, place: str, up_to: int) -> Observation | None:
        """As `Observations.latest`, of what has left the log."""
        ...


class SqlObservations:
    """See `ports.observations.Observations`."""

    def __init__(self, database: Database, chunked: Chunked) -> None:
        self._database = database
        self._chunked = chunked

    async def after(self, seq: int, limit: int) -> list[Logged]:
        return [logged(row) for row in await self._database.fetch(AFTER, {"seq": seq, "limit": limit})]

    async def latest(self, check_id: str, place: str, up_to: int) -> Observation | None:
        row = await self._database.fetch_one(LATEST, {"check_id": check_id, "place": place, "up_to": up_to})
        if row is None:
            return await self._chunked.latest(check_id, place, up_to)
        entry = logged(row).entry
        return entry if isinstance(entry, Observation) else None

    async def cursor(self, name: str) -> int:
        row = await self._database.fetch_one(CURSOR, {"name": name})
        return 0 if row is None else int(row[0])

    def append(self, entries: Sequence[Entry]) -> SqlWrite:
        rows = [_params(entry) if isinstance(entry, Observation) else _happening_params(entry) for entry in entries]
        return SqlWrite((Bulk(APPEND, rows),), (LOCK,))

    def advance(self, name: str, old: int, new: int) -> SqlWrite:
        params: dict[str, Value] = {"name": name, "new": new}
        if old == 0:
            return SqlWrite((Statement(START_CURSOR, params, expect=1, guard="cursor"),))
        return SqlWrite((Statement(ADVANCE_CURSOR, {**params, "old": old}, expect=1, guard="cursor"),))

    def leave(self, name: str) -> SqlWrite:
        return SqlWrite((Statement(LEAVE, {"name": name}),))

    def forget_before(self, arrival_ms: int, limit: int) -> SqlWrite:
        return SqlWrite((Statement(FORGET, {"arrival_ms": arrival_ms, "limit": limit}),))


def _params(observation: Observation) -> dict[str, Value]:
    payload = Payload(
        observation.metrics,
        observation.tenant_id,
        observation.entity_id,
        observation.check_type,
        observation.agent_id,
        observation.sender,
        observation.check_revision,
        observation.available,
        observation.status,
        observation.target,
        observation.is_blind,
        observation.buffers,
        observation.took_ms,
        observation.round_id,
    )
    return {
        "check_id": observation.check_id,
        "place": observation.place,
        "at_ms": observation.at_ms,
        "arrival_ms": observation.arrival_ms,
        "payload": _encode(payload),
    }


def _happening_params(happening: Happening) -> dict[str, Value]:
    return {
        "check_id": OF_NO_CHECK,
        "place": _places[type(happening)],
        "at_ms": happening.at_ms,
        "arrival_ms": happening.at_ms,
        "payload": _encode(happening),
    }


def logged(row: Row) -> Logged:
    """A row of `AFTER`."""
    seq, check_id, place, at_ms, arrival_ms, data = row
    if check_id == OF_NO_CHECK:
        return Logged(seq, _decode_happening(data))
    payload = _decode(data)
    observation = Observation(
        tenant_id=payload.tenant_id,
        entity_id=payload.entity_id,
        check_id=check_id,
        check_type=payload.check_type,
        zone_id=place or None,
        agent_id=payload.agent_id,
        sender=payload.sender,
        check_revision=payload.check_revision,
        at_ms=at_ms,
        arrival_ms=arrival_ms,
        available=payload.available,
        status=payload.status,
        metrics=payload.metrics,
        target=payload.target,
        is_blind=payload.is_blind,
        buffers=payload.buffers,
        took_ms=payload.took_ms,
        round_id=payload.round_id,
    )
    return Logged(seq, observation)

"""The collectors connected to each server process."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from vedette.adapters.sql.database import Bulk, Database, Params, Row, SqlWrite, Statement, Value
from vedette.ports.collectors import Seated

_COLUMNS = "process_id, zone_id, name, agent_id, since_ms, types, is_blind, can_confirm"

ELSEWHERE = f"""
SELECT {_COLUMNS} FROM collector_seat
WHERE process_id <> :process_id AND process_id IN (SELECT id FROM server_process WHERE at_ms >= :alive_since_ms)
ORDER BY zone_id, name, process_id"""

LEAVE = "DELETE FROM collector_seat WHERE process_id = :process_id"

SIT = f"""
INSERT INTO collector_seat ({_COLUMNS})
VALUES (:process_id, :zone_id, :name, :agent_id, :since_ms, :types, :is_blind, :can_confirm)"""

_encode_types = msgspec.json.Encoder().encode
_decode_types = msgspec.json.Decoder(tuple[str, ...]).decode


class SqlCollectorRoll:
    """See `ports.collectors.CollectorRoll`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def elsewhere(self, process_id: str, alive_since_ms: int) -> Sequence[Seated]:
        params: Params = {"process_id": process_id, "alive_since_ms": alive_since_ms}
        return [_seated(row) for row in await self._database.fetch(ELSEWHERE, params)]

    def seated(self, process_id: str, seats: Sequence[Seated]) -> SqlWrite:
        return SqlWrite((Statement(LEAVE, {"process_id": process_id}), Bulk(SIT, [_params(seat) for seat in seats])))


def _params(seat: Seated) -> dict[str, Value]:
    plain = {name: getattr(seat, name) for name in Seated.__struct_fields__}
    are_so = {"is_blind": int(seat.is_blind), "can_confirm": int(seat.can_confirm)}
    return plain | are_so | {"types": _encode_types(seat.types).decode()}


def _seated(row: Row) -> Seated:
    values = dict(zip(Seated.__struct_fields__, row, strict=True))
    are_so = {name: bool(values[name]) for name in ("is_blind", "can_confirm")}
    return Seated(**values | are_so | {"types": _decode_types(values["types"])})

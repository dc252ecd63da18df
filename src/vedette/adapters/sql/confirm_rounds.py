"""The latest confirm round of each check.

No key refers to the check: a round of one that was just deleted must not fail the observations it came with, and is
removed in its time like any other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from vedette.adapters.sql.database import Database, Params, SqlWrite, Statement
from vedette.engine.confirm import Round
from vedette.ports.confirming import KeptRound

ALL = "SELECT revision, value FROM confirm_round ORDER BY check_id"

ADD = """
INSERT INTO confirm_round (check_id, revision, value) VALUES (:check_id, 1, :value)
ON CONFLICT (check_id) DO NOTHING"""

UPDATE = """
UPDATE confirm_round SET revision = revision + 1, value = :value
WHERE check_id = :check_id AND revision = :revision"""

REMOVE = "DELETE FROM confirm_round WHERE check_id = :check_id AND revision = :revision"

GUARD = "confirm_round"

_TURN = 1_000

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Round).decode


class SqlConfirmRounds:
    """See `ports.confirming.ConfirmRounds`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> Sequence[KeptRound]:
        kept: list[KeptRound] = []
        for revision, value in await self._database.fetch(ALL, {}):
            kept.append(KeptRound(_decode(value), revision))
            if len(kept) % _TURN == 0:  # in an outage of much there are many, and others get their turn
                await asyncio.sleep(0)
        return kept

    def put(self, latest: Round, revision: int) -> SqlWrite:
        params: Params = {"check_id": latest.check_id, "value": _encode(latest)}
        if revision == 0:
            return SqlWrite((Statement(ADD, params, expect=1, guard=GUARD),))
        return SqlWrite((Statement(UPDATE, {**params, "revision": revision}, expect=1, guard=GUARD),))

    def remove(self, kept: KeptRound) -> SqlWrite:
        params: Params = {"check_id": kept.round.check_id, "revision": kept.revision}
        return SqlWrite((Statement(REMOVE, params, expect=1, guard=GUARD),))

"""What goes over PostgreSQL's NOTIFY between processes: one line of JSON, below its limit of 8,000 bytes.

A body that makes the line too long goes through a row, in the same transaction. Bodies are sealed: what agents are
asked holds passwords, and the database alone gives none.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum

import msgspec

from vedette.adapters.sql.database import SqlWrite, Statement

LONGEST_BYTES = 7_900

NOTIFY = "SELECT pg_notify(:channel, :notice)"
PUT = "INSERT INTO process_message (id, at_ms, body) VALUES (:id, :at_ms, :body)"
TAKE = "DELETE FROM process_message WHERE id = :id RETURNING body"
FORGET = "DELETE FROM process_message WHERE at_ms < $1"


class Kind(StrEnum):
    """What is said."""

    ASK = "ask"
    ALIVE = "alive"  # still at work on it
    ANSWER = "answer"
    FAILED = "failed"


class Notice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message."""

    kind: Kind
    id: str  # of the question
    sender: str  # a process
    body: bytes | None = None  # sealed; None: there is none, or it waits in a row
    has_row: bool = False

    @property
    def place(self) -> str:
        """The key of its row, and what its body is sealed for."""
        return f"{self.kind}:{self.id}"


_encode = msgspec.json.Encoder().encode
_notice = msgspec.json.Decoder(Notice)


def channel_of(process_id: str) -> str:
    """Where a process listens: a name of any length, as an identifier."""
    return "vedette_" + hashlib.sha256(process_id.encode()).hexdigest()[:40]


def write_of(process_id: str, notice: Notice, now_ms: int) -> SqlWrite:
    """What sends it to a process."""
    text = _encode(notice)
    statements: list[Statement] = []
    if len(text) > LONGEST_BYTES:
        statements.append(Statement(PUT, {"id": notice.place, "at_ms": now_ms, "body": notice.body}))
        text = _encode(msgspec.structs.replace(notice, body=None, has_row=True))
    statements.append(Statement(NOTIFY, {"channel": channel_of(process_id), "notice": text.decode()}))
    return SqlWrite(tuple(statements))


def read(text: object) -> Notice | None:
    """None where it is nothing of ours."""
    try:
        return _notice.decode(str(text))
    except msgspec.MsgspecError:
        return None

"""What comes of asking an agent by one of its connections."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Outcome(StrEnum):
    """How it ended."""

    ANSWERED = "answered"
    REFUSED = "refused"  # the agent says that it cannot
    UNANSWERED = "unanswered"  # nothing came in time: a client that does not know a method never answers
    LOST = "lost"  # the connection ended while we waited
    NOT_CONNECTED = "not_connected"  # nothing was sent
    BUSY = "busy"  # nothing was sent: too much is unanswered already


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """Of one request to one agent."""

    outcome: Outcome
    result: msgspec.Raw = msgspec.Raw(b"null")  # JSON, of an answer
    message: str = ""  # of a refusal


NOT_CONNECTED = Reply(outcome=Outcome.NOT_CONNECTED)
BUSY = Reply(outcome=Outcome.BUSY)

"""Sending a notification."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from vedette.domain.states import State


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What a notifier sends, with the receiver's details opened."""

    event_id: str
    state: State
    payload: bytes  # the documented webhook event, JSON
    details: Mapping[str, Any]  # of the notification
    webhook_token: str | None  # of the account


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """How it went. `permanent`: trying again cannot help."""

    success: bool
    message: str  # as notification history shows it; never holds a secret
    permanent: bool = False


class Notify(Protocol):
    """One attempt; keeps its own time-out and never raises for what the receiver does."""

    async def __call__(self, message: Message) -> Sent: ...

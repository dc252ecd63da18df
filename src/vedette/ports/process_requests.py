"""Requests between the server processes of one installation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

AnswerProcess = Callable[[bytes], Awaitable[bytes]]
"""Answers what another process asks; raises nothing that the asker could mend."""


class ProcessGone(Exception):
    """The process asked has ended, or says nothing any more. It may have begun to work on the question."""


class AskProcess(Protocol):
    """Asks another process, and gives what it answers: a few MiB each way at most.

    Raises `ProcessGone` within seconds when nobody is there, `TimeoutError` when the process lives and has no answer in
    time, `StoreUnavailable` while nobody can be reached.
    """

    async def __call__(self, process_id: str, question: bytes, limit_s: float, /) -> bytes: ...

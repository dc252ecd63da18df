"""Group commit of appends: one transaction, one lock and one sync of the disk for all that wait.

An append is a commit of rows without guards, so it cannot conflict and can share its fate with others. Without this
every report of every agent would wait in a line for the lock that keeps `seq` in the order of commits.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain

from vedette.adapters.sql.database import Bulk, Params
from vedette.ports.unit import StoreUnavailable

_GROUP_ROWS = 10_000

Transact = Callable[[Sequence[Bulk], Sequence[str]], Awaitable[None]]
"""Makes the rows one transaction under the locks."""


class _Append:
    """One commit call that waits."""

    __slots__ = ("bulks", "done", "locks")

    def __init__(self, bulks: Sequence[Bulk], locks: Sequence[str], done: asyncio.Future[None]) -> None:
        self.bulks = bulks
        self.locks = locks
        self.done = done


class Appends:
    """Commits what has come meanwhile as soon as the group before it is on disk."""

    def __init__(self, transact: Transact) -> None:
        self._transact = transact
        self._waiting: deque[_Append] = deque()
        self._running: asyncio.Task[None] | None = None

    async def commit(self, bulks: Sequence[Bulk], locks: Sequence[str]) -> None:
        """Returns when the rows are on disk; raises what the transaction raised."""
        append = _Append(bulks, locks, asyncio.get_running_loop().create_future())
        self._waiting.append(append)
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        await append.done

    async def _run(self) -> None:
        while self._waiting:
            group = self._take()
            outcome = await self._outcome(group)
            if outcome is None or isinstance(outcome, StoreUnavailable) or len(group) == 1:
                for append in group:
                    _tell(append, outcome)
            else:  # a mistake in one of them is of no concern to the others
                for append in group:
                    _tell(append, await self._outcome([append]))

    def _take(self) -> list[_Append]:
        group: list[_Append] = []
        rows = 0
        while self._waiting and rows < _GROUP_ROWS:
            append = self._waiting.popleft()
            group.append(append)
            rows += sum(len(bulk.rows) for bulk in append.bulks)
        return group

    async def _outcome(self, group: Sequence[_Append]) -> BaseException | None:
        rows: dict[str, list[Params]] = {}
        for bulk in chain.from_iterable(append.bulks for append in group):
            rows.setdefault(bulk.sql, []).extend(bulk.rows)
        locks = sorted({lock for append in group for lock in append.locks})
        transaction = self._transact([Bulk(sql, lines) for sql, lines in rows.items()], locks)
        (outcome,) = await asyncio.gather(transaction, return_exceptions=True)
        return outcome


def _tell(append: _Append, outcome: BaseException | None) -> None:
    if append.done.done():  # its caller has gone
        return
    if outcome is None:
        append.done.set_result(None)
    elif isinstance(outcome, StoreUnavailable):
        append.done.set_exception(StoreUnavailable(*outcome.args))  # one each: a traceback belongs to one raise
    else:
        append.done.set_exception(outcome)

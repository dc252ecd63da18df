"""Requests between processes over PostgreSQL's LISTEN and NOTIFY.

Each process listens on a channel of its own, by a connection of its own: a pooler that shares connections between
transactions cannot carry it. Who is asked says every second that it is still at work, so a process that died is told
from one that takes its time.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import asyncpg
import structlog

from vedette.adapters.postgres.errors import UNREACHABLE
from vedette.adapters.postgres.notices import FORGET, TAKE, Kind, Notice, channel_of, read, write_of
from vedette.adapters.sql.database import Database
from vedette.ports.clock import Clock, Entropy
from vedette.ports.process_requests import AnswerProcess, ProcessGone
from vedette.ports.secrets import Keyring
from vedette.ports.unit import StoreUnavailable

ALIVE_S = 1.0
SILENCE_S = 4.0
MOST_ANSWERED = 128
"""Questions of others that are worked on at a time."""
KEEP_S = 10.0
RETRY_S = 1.0
APPLICATION = "vedette processes"
"""What the connection that listens is called in PostgreSQL's own lists."""
_FORGOTTEN_MS = 600_000
_CONNECT_S = 5.0
_COMMAND_S = 10.0
_DEAF = "PostgreSQL: other processes cannot be heard now"
log = structlog.get_logger("vedette.processes")


@dataclass(frozen=True)
class Means:
    """What it stands on."""

    dsn: str = field(repr=False)  # it may hold a password
    database: Database
    keyring: Keyring
    entropy: Entropy
    clock: Clock


@dataclass
class _Waiting:
    answer: asyncio.Future[bytes]
    is_heard: bool = False


class PostgresRequests:
    """See `ports.process_requests`: asks, and answers what this process is asked, from `start` to `stop`."""

    def __init__(self, means: Means, process_id: str, answer: AnswerProcess) -> None:
        self._means = means
        self._process_id = process_id
        self._answer = answer
        self._waiting: dict[str, _Waiting] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._listening = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns when it listens, or when that takes too long: then it goes on trying."""
        self._keeper = asyncio.create_task(self._keep(), name="process_requests")
        try:
            async with asyncio.timeout(_CONNECT_S):
                await self._listening.wait()
        except TimeoutError:
            log.warning("processes.not_listening_yet")

    async def stop(self) -> None:
        """What is not answered yet stays so. Safe to call twice."""
        tasks = [*self._tasks, *([] if self._keeper is None else [self._keeper])]
        self._keeper = None
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    # -- asking

    async def __call__(self, process_id: str, question: bytes, limit_s: float, /) -> bytes:
        if not self._listening.is_set():
            raise StoreUnavailable(_DEAF)
        key = self._means.entropy(16).hex()
        waiting = self._waiting[key] = _Waiting(asyncio.get_running_loop().create_future())
        try:
            await self._send(process_id, Kind.ASK, key, question)
            return await self._answered(waiting, process_id, limit_s)
        finally:
            del self._waiting[key]

    async def _answered(self, waiting: _Waiting, process_id: str, limit_s: float) -> bytes:
        loop = asyncio.get_running_loop()
        until = loop.time() + limit_s
        while True:
            waiting.is_heard = False
            await asyncio.wait([waiting.answer], timeout=max(min(SILENCE_S, until - loop.time()), 0))
            if waiting.answer.done():
                return waiting.answer.result()
            if loop.time() >= until:
                raise TimeoutError
            if not waiting.is_heard:
                raise ProcessGone(process_id)

    async def _send(self, process_id: str, kind: Kind, key: str, body: bytes | None = None) -> None:
        notice = Notice(kind=kind, id=key, sender=self._process_id)
        if body is not None:
            sealed = self._means.keyring.seal(body, f"process_message:{notice.place}")
            notice = Notice(kind=kind, id=key, sender=self._process_id, body=sealed)
        await self._means.database.commit(write_of(process_id, notice, self._means.clock()))

    # -- hearing

    def _notified(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        notice = read(payload)
        if notice is None:
            return
        waiting = self._waiting.get(notice.id)
        if notice.kind is Kind.ASK:
            self._work(notice)
        elif waiting is None or waiting.answer.done():
            return
        elif notice.kind is Kind.FAILED:
            waiting.answer.set_exception(StoreUnavailable(f"The server process {notice.sender} cannot answer now"))
        else:
            waiting.is_heard = True
            if notice.kind is Kind.ANSWER:
                self._work(notice)

    def _work(self, notice: Notice) -> None:
        task = asyncio.create_task(self._worked(notice))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _worked(self, notice: Notice) -> None:
        try:
            await (self._take(notice) if notice.kind is Kind.ANSWER else self._serve(notice))
        except (StoreUnavailable, ValueError) as error:  # ValueError: sealed by a key that is not known here
            log.warning("processes.failed", kind=str(notice.kind), other=notice.sender, problem=str(error))
            waiting = self._waiting.get(notice.id)
            if waiting is not None and not waiting.answer.done():
                waiting.answer.set_exception(StoreUnavailable("PostgreSQL: an answer could not be read"))

    async def _take(self, notice: Notice) -> None:
        body = await self._body(notice)
        waiting = self._waiting.get(notice.id)
        if waiting is not None and not waiting.answer.done():
            waiting.answer.set_result(body)

    async def _serve(self, notice: Notice) -> None:
        """Answers, and says meanwhile that it is at work."""
        try:
            if len(self._tasks) > MOST_ANSWERED:
                raise ValueError(f"{MOST_ANSWERED} questions are worked on already")
            question = await self._body(notice)
        except ValueError:
            await self._send(notice.sender, Kind.FAILED, notice.id)
            raise
        work = asyncio.ensure_future(self._answer(question))
        try:
            while not work.done():
                await asyncio.wait([work], timeout=ALIVE_S)
                if not work.done():
                    await self._send(notice.sender, Kind.ALIVE, notice.id)
            if (problem := work.exception()) is not None:
                log.error("processes.answer_failed", other=notice.sender, exc_info=problem)
                await self._send(notice.sender, Kind.FAILED, notice.id)
                return
            await self._send(notice.sender, Kind.ANSWER, notice.id, work.result())
        finally:
            work.cancel()

    async def _body(self, notice: Notice) -> bytes:
        sealed = notice.body or b""
        if notice.has_row:
            row = await self._means.database.fetch_one(TAKE, {"id": notice.place})
            sealed = b"" if row is None else row[0]
        return self._means.keyring.open(sealed, f"process_message:{notice.place}")

    # -- the connection that listens

    async def _keep(self) -> None:
        while True:
            try:
                await self._listen()
            except (*UNREACHABLE, asyncpg.PostgresError) as error:
                log.warning("processes.not_listening", problem=type(error).__name__)
            self._lose()
            await asyncio.sleep(RETRY_S)

    async def _listen(self) -> None:
        connection = await asyncpg.connect(
            self._means.dsn,
            timeout=_CONNECT_S,
            command_timeout=_COMMAND_S,
            server_settings={"application_name": APPLICATION},
        )
        ended = asyncio.Event()
        connection.add_termination_listener(lambda _connection: ended.set())
        try:
            await connection.add_listener(channel_of(self._process_id), self._notified)
            self._listening.set()
            while not ended.is_set():
                await connection.execute(FORGET, self._means.clock() - _FORGOTTEN_MS)  # and shows that it is alive
                await _until(ended, KEEP_S)
        finally:
            self._listening.clear()
            connection.terminate()

    def _lose(self) -> None:
        """Answers may have come meanwhile that nobody heard."""
        for waiting in self._waiting.values():
            if not waiting.answer.done():
                waiting.answer.set_exception(StoreUnavailable(_DEAF))


async def _until(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return

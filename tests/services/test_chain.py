"""From observation to a received webhook, over a real SQLite file and a real connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from tests.doors.notifiers.receivers import Receiver, Resolver, answer, listening
from tests.fakes.chain import ALICE, ZONES, alarm, all_up, check, entity, notification, observation, plan
from tests.fakes.chance import FakeClock, FakeEntropy
from tests.fakes.keyring import FakeKeyring
from vedette.adapters.sql.stores import Stores, stores
from vedette.adapters.sqlite.database import SqliteDatabase
from vedette.app.loops import Loop
from vedette.notifiers.webhook import Webhook
from vedette.ports.accounts import Tenant
from vedette.services import dispatch, evaluate
from vedette.services.dispatch import Dispatcher
from vedette.services.evaluate import Evaluator
from vedette.services.ingest import Ingest
from vedette.services.watched import WatchedChecks


@asynccontextmanager
async def database(path: Path) -> AsyncIterator[Stores]:
    opened = SqliteDatabase(path)
    await opened.start()
    try:
        yield stores(opened)
    finally:
        await opened.stop()


async def configure(kept: Stores, port: int) -> None:
    token = FakeKeyring().seal(b"token12345", f"webhook_token:{ALICE}")
    await kept.commit(kept.accounts.add_tenant(Tenant(id=ALICE, created_at=0, webhook_token=token)))
    for stored in (notification(url=f"http://h:{port}/notify"), plan(), entity(), check(), alarm()):
        await kept.commit(kept.documents.add(stored))
    await kept.commit(kept.memory.keep(all_up()))


@asynccontextmanager
async def running(kept: Stores) -> AsyncIterator[Ingest]:
    """The services as a server runs them; only time stands still."""

    def wake_dispatching() -> None:
        dispatching.wake()

    keyring, entropy = FakeKeyring(), FakeEntropy()
    evaluator = Evaluator(
        evaluate.Stores(
            observations=kept.observations,
            past=kept.past,
            alarm_states=kept.alarm_states,
            memory=kept.memory,
            silence_timers=kept.silence_timers,
            changelogs=kept.changelogs,
            suppression_logs=kept.suppression_logs,
            outbox=kept.outbox,
            documents=kept.documents,
            commit=kept.commit,
        ),
        WatchedChecks(kept.documents, keyring),
        entropy,
        wake_dispatching,
        FakeClock(),
    )
    dispatcher = Dispatcher(
        dispatch.Stores(
            outbox=kept.outbox,
            documents=kept.documents,
            accounts=kept.accounts,
            keyring=keyring,
            commit=kept.commit,
        ),
        {"webhook": Webhook(Resolver())},
        FakeClock(),
        entropy,
        wake_dispatching,
    )
    evaluating, dispatching = Loop("evaluate", evaluator.step, 1), Loop("dispatch", dispatcher.step, 1)
    for loop in (evaluating, dispatching):
        loop.start()
    try:
        yield Ingest(kept.observations, kept.commit, evaluating.wake)
    finally:
        for loop in (evaluating, dispatching):
            await loop.stop()
        await dispatcher.stop(deadline_s=5)


async def test_a_failing_check_becomes_one_webhook_and_its_recovery_another(tmp_path: Path) -> None:
    receiver = Receiver(answer("200 OK"))
    now = FakeClock().now_ms
    async with listening(receiver) as port, database(tmp_path / "vedette.db") as kept:
        await configure(kept, port)
        async with running(kept) as ingest:
            for minute, code in enumerate(("200", "503", "200")):
                at = now + 60_000 * minute
                await ingest([observation(zone, code, at + n) for n, zone in enumerate(ZONES)])
                if minute > 0:
                    await receiver.taken.wait()
                    receiver.taken.clear()
        [critical, ok] = [msgspec.json.decode(request.partition(b"\r\n\r\n")[2]) for request in receiver.requests]
    assert (critical["previous_state"], critical["details"]["state"]) == ("OK", "CRITICAL")
    assert (ok["previous_state"], ok["details"]["state"]) == ("CRITICAL", "OK")
    assert receiver.headers["x-rackspace-webhook-token"] == "token12345"


async def test_what_was_accepted_before_the_process_died_is_told_by_the_next_one(tmp_path: Path) -> None:
    receiver = Receiver(answer("200 OK"))
    now = FakeClock().now_ms
    async with listening(receiver) as port:
        async with database(tmp_path / "vedette.db") as kept:
            await configure(kept, port)
            ingest = Ingest(kept.observations, kept.commit, lambda: None)
            await ingest([observation(zone, "503", now + n) for n, zone in enumerate(ZONES)])
        async with database(tmp_path / "vedette.db") as kept, running(kept):
            await receiver.taken.wait()
    assert msgspec.json.decode(receiver.body)["details"]["state"] == "CRITICAL"

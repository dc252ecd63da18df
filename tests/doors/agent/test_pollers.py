"""Collectors against the endpoint, over real TLS: a stock poller's lines, and our own process's parts."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.core.wire.stock_poller import StockPoller
from tests.doors.agent.conftest import Client, World, request, until
from tests.fakes.agents import ALICE, ALICE_TOKEN, entity, remote_check, zone
from vedette.agent import clock
from vedette.app.collector_process import TokenInFile
from vedette.collector.remote import Place, RemoteCollector, Server, UnreadableToken
from vedette.domain.faults import Fault
from vedette.domain.ids import CheckId, EntityId, TenantId, ZoneId
from vedette.domain.metrics import Metric
from vedette.domain.observations import Observation
from vedette.domain.tokens import Policy, Reason
from vedette.ports.probing import Assignment, Confirmation, ProbeResult
from vedette.services.collector_trials import CollectorTrials
from vedette.wire.moment import Moment

ZONE = "pzAttic"
POLLER = {"name": "poller", "disabled": False}
NEW_TOKEN = "b" * 64 + ".550123"


class Placing:
    """Runs the placement as the server's loop does, when it is woken."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._woken = asyncio.Event()
        world.account.agents.collectors.wake = self._woken.set

    async def run(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            await self._world.account.agents.collectors.step(self._world.steady())


@pytest.fixture
async def attic(world: World) -> AsyncIterator[World]:
    """Alice's zone with two checks."""
    for document in (zone(ZONE), entity("enRemote", None), remote_check("chA", ZONE), remote_check("chB", ZONE)):
        world.account.put(document)
    task = asyncio.create_task(Placing(world).run())
    yield world
    task.cancel()


def seen_of(world: World) -> dict[str, bool]:
    """Of each zone with a collector that beats: whether one of them sees."""
    beats = world.account.agents.collectors.standing(world.steady())
    return {zone_id: beat.sees for zone_id, beat in beats.items()}


class Poller:
    """A stock poller on a connection: it beats never, and takes every list."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.stock = StockPoller()

    @classmethod
    async def connected(cls, world: World, name: str = "rack7-poller") -> Poller:
        client = await world.client()
        hello = {"token": ALICE_TOKEN, "agent_id": name, "zone_ids": [ZONE], "features": [POLLER]}
        await client.send(request("handshake.hello", hello, 1, name))
        reply = await client.receive()
        assert reply["result"] == {"heartbeat_interval": 30_000, "channel": "stable"}
        return cls(client)

    async def take(self) -> None:
        """One line of the endpoint's, and what a stock poller answers to it."""
        for answer in self.stock.receive(json.dumps(await self.client.receive()).encode()):
            await self.client.send(answer)

    async def runs(self, *check_ids: str) -> None:
        while set(self.stock.running) != set(check_ids):
            await self.take()

    async def serve(self) -> None:
        while True:
            await self.take()

    async def post(self, check_id: str, id: int = 9) -> dict[str, Any]:
        params = {"check_id": check_id, "check_type": "remote.tcp", "state": "available", "status": "success",
                  "metrics": [[None, {"duration": {"t": "int64", "v": "3", "u": "MILLISECONDS"}}]],
                  "timestamp": 1_718_000_400_999}  # fmt: skip
        return await self.client.ask("check_metrics.post_multi", params, id)


async def test_a_poller_is_handed_its_checks_and_what_it_sees_is_stored_before_it_is_told(attic: World) -> None:
    poller = await Poller.connected(attic)
    await poller.runs("chA", "chB")
    assert poller.stock.running["chA"] == {
        "id": "chA", "check_id": "chA", "type": "remote.tcp", "entity_id": "enRemote", "zone_id": ZONE, "period": 60,
        "timeout": 30, "disabled": False, "ip_addresses": {}, "target_alias": None,
        "target_hostname": "www.example.com", "target_resolver": None, "details": {"port": 80, "ssl": False},
    }  # fmt: skip
    attic.account.may_store.clear()
    posting = asyncio.create_task(poller.post("chA"))
    await until(lambda: attic.account.storing == 1)
    assert not posting.done()
    attic.account.may_store.set()
    reply = await posting
    assert (reply["id"], reply["result"]) == (9, {})
    (seen,) = attic.account.observed
    assert (seen.zone_id, seen.check_id, seen.metrics) == (ZONE, "chA", {"duration": Metric("l", 3, "MILLISECONDS")})


async def test_a_change_reaches_it_and_what_it_has_no_longer_is_not_taken_from_it(attic: World) -> None:
    poller = await Poller.connected(attic)
    await poller.runs("chA", "chB")
    attic.account.put(remote_check("chA", ZONE, disabled=True))
    attic.account.put(remote_check("chC", ZONE))
    await attic.follow()
    await poller.runs("chB", "chC")
    reply = await poller.post("chA")
    assert (reply["error"]["code"], reply["error"]["type"]) == (400, "badRequest")
    assert "no enabled check" in reply["error"]["message"]
    assert attic.account.observed == []


async def test_two_pollers_share_the_zone_and_one_takes_over_when_the_other_falls_silent(attic: World) -> None:
    for number in range(20):
        attic.account.put(remote_check(f"ch{number}", ZONE))
    await attic.follow()
    everything = {"chA", "chB", *(f"ch{number}" for number in range(20))}
    one, two = await Poller.connected(attic, "one"), await Poller.connected(attic, "two")
    serving = [asyncio.create_task(poller.serve()) for poller in (one, two)]
    await until(lambda: one.stock.running and sorted([*one.stock.running, *two.stock.running]) == sorted(everything))
    assert two.stock.running
    serving[1].cancel()
    two.client.close()
    await until(lambda: one.stock.running.keys() == everything)
    serving[0].cancel()


async def test_a_poller_that_says_nothing_for_three_intervals_is_cut_and_the_zone_has_none(attic: World) -> None:
    poller = await Poller.connected(attic)
    await attic.pass_time(89_999)
    assert seen_of(attic) == {ZONE: True}
    await attic.pass_time(1)
    assert seen_of(attic) == {}
    await poller.client.rest()


async def test_a_poller_of_another_account_s_zone_is_told_why_and_closed(attic: World) -> None:
    client = await attic.client()
    reply = await client.hello(zone_ids=["pzCellar"], features=[POLLER])
    assert reply["error"]["message"] == "zone_ids: this token's account has no private monitoring zone pzCellar"
    assert await client.rest() == b""


async def test_a_revoked_token_cuts_a_poller_like_any_other(attic: World) -> None:
    poller = await Poller.connected(attic)
    attic.account.remove_token("atAlice0001")
    await attic.follow()
    await poller.client.rest()
    assert attic.account.agents.cuts == {Reason.REVOKED: 1}
    assert seen_of(attic) == {}


async def test_a_list_longer_than_what_a_connection_holds_arrives_whole(attic: World) -> None:
    for number in range(400):
        attic.account.put(remote_check(f"ch{number}", ZONE))
    poller = await Poller.connected(attic)
    await poller.runs("chA", "chB", *(f"ch{number}" for number in range(400)))


# -- our own collector


class Runs:
    """What a `RemoteCollector` is served by: remembers."""

    def __init__(self) -> None:
        self.is_blind = False
        self.assigned: dict[str, Assignment] = {}
        self.asked: list[Confirmation] = []

    def assign(self, assignments: Sequence[Assignment]) -> None:
        self.assigned = {assignment.check_id: assignment for assignment in assignments}

    def confirm(self, asked: Confirmation) -> None:
        self.asked.append(asked)


async def probe(assignment: Assignment) -> ProbeResult:
    if assignment.target == "broken.example.com":
        raise ArithmeticError("a fault of ours")
    metrics = {"duration": Metric("I", 7, "milliseconds"), "banner": Metric("s", assignment.target or "")}
    return ProbeResult(available=False, status="no banner", metrics=metrics)


class Ours:
    """Our collector's process without probes."""

    def __init__(self, world: World, directory: Path, *servers: Server) -> None:
        self.token_file = directory / "token"
        self.token_file.write_text(f"{ALICE_TOKEN}\n")
        self.runs = Runs()
        place = Place(
            servers=(*servers, Server("127.0.0.1", world.port)),
            zone_id=ZONE,
            agent_id="ours",
            guid="guid-ours",
            version="1",
        )
        tls = world.certificates.client_context()
        self.remote = RemoteCollector(
            place, tls, TokenInFile(self.token_file), {"remote.tcp": probe},
            lambda: Moment(world.clock(), clock.now().steady_ms), lambda: 0.0,
        )  # fmt: skip
        self.remote.serve(self.runs)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Ours]:
        task = asyncio.create_task(self.remote.run())
        try:
            yield self
        finally:
            self.remote.stop()
            await task

    async def gets(self, *check_ids: str) -> None:
        await until(lambda: set(self.runs.assigned) == set(check_ids))


@pytest.fixture
def ours(attic: World, tmp_path: Path) -> Ours:
    return Ours(attic, tmp_path)


def seen(check_id: str = "chA", at_ms: int = 1_718_000_400_000, **more: Any) -> Observation:
    members: dict[str, Any] = {
        "tenant_id": TenantId(""), "entity_id": EntityId("enRemote"), "check_id": CheckId(check_id),
        "check_type": "remote.tcp", "zone_id": ZoneId(ZONE), "agent_id": None, "sender": "x", "check_revision": 1,
        "at_ms": at_ms, "arrival_ms": at_ms, "available": True, "status": "fine", "buffers": True, "took_ms": 40,
        "metrics": {"duration": Metric("I", 7, "milliseconds"), "tt": Metric("D", 0.1, "seconds")},
        "target": "192.0.2.1",
    }  # fmt: skip
    return Observation(**members | more)


async def test_ours_gets_its_checks_with_revisions_and_what_it_reports_is_what_it_saw(attic: World, ours: Ours) -> None:
    async with ours.running():
        await ours.gets("chA", "chB")
        assert ours.runs.assigned["chA"] == Assignment(
            tenant_id=TenantId(""), entity_id=EntityId("enRemote"), check_id=CheckId("chA"), check_type="remote.tcp",
            revision=1, period_s=60, timeout_s=30, target="www.example.com", resolver=None,
            details={"port": 80, "ssl": False},
        )  # fmt: skip
        await ours.remote.report([seen(is_blind=True, round_id="r1"), seen("chB", available=False, metrics={})])
    first, second = attic.account.observed
    assert (first.tenant_id, first.sender, first.buffers) == (ALICE, "ours:guid-ours", True)
    assert (first.check_revision, first.took_ms, first.round_id, first.is_blind) == (1, 40, "r1", True)
    assert (first.target, first.metrics) == ("192.0.2.1", seen().metrics)
    assert (second.available, second.metrics) == (False, {})


async def test_ours_beats_every_five_seconds_and_says_at_once_when_it_is_blind(attic: World, ours: Ours) -> None:
    async with ours.running():
        await ours.gets("chA", "chB")
        await attic.pass_time(14_999)
        assert seen_of(attic) == {ZONE: True}
        ours.runs.is_blind = True
        ours.remote.looked(0.0, True)
        await until(lambda: seen_of(attic) == {ZONE: False})


async def test_ours_is_asked_to_confirm(attic: World, ours: Ours) -> None:
    async with ours.running():
        await ours.gets("chA", "chB")
        asked = Confirmation(check_id=CheckId("chA"), round_id="r1", in_ms=5_000)
        attic.account.agents.collectors.confirm(ZONE, asked)
        await until(lambda: ours.runs.asked == [asked])


def described(target: str = "www.example.com", check_type: str = "remote.tcp") -> Assignment:
    return Assignment(
        tenant_id=ALICE, entity_id=EntityId("enRemote"), check_id=CheckId("chTest"), check_type=check_type, revision=0,
        period_s=60, timeout_s=10, target=target, resolver=None, details={"port": 80},
    )  # fmt: skip


async def test_ours_runs_a_check_once_when_it_is_asked_to(attic: World, ours: Ours) -> None:
    trials = CollectorTrials(attic.account.agents.collectors)
    async with ours.running():
        await ours.gets("chA", "chB")
        assert await trials(ZONE, described()) == await probe(described())
        with pytest.raises(Fault, match="could not run the test") as refused:
            await trials(ZONE, described("broken.example.com"))
        assert refused.value.details == "the collector could not run it: ArithmeticError"
    assert attic.account.observed == []


async def test_nobody_runs_a_check_of_a_type_or_from_a_zone_that_no_collector_here_has(
    attic: World, ours: Ours
) -> None:
    trials = CollectorTrials(attic.account.agents.collectors)
    async with ours.running():
        await ours.gets("chA", "chB")
        for zone_id, check_type in ((ZONE, "remote.ssh"), ("pzCellar", "remote.tcp")):
            with pytest.raises(Fault, match=f"No test of {check_type} from {zone_id}") as refused:
                await trials(zone_id, described(check_type=check_type))
            assert refused.value.kind == "notImplementedError"


async def test_a_stock_poller_runs_a_check_once_and_its_silence_has_an_end(attic: World) -> None:
    poller = await Poller.connected(attic)
    await poller.runs("chA", "chB")
    trials = CollectorTrials(attic.account.agents.collectors)
    asking = asyncio.create_task(trials(ZONE, described()))
    asked = await poller.client.receive()
    check = json.loads(asked["params"]["checkParams"])
    assert (asked["method"], check["id"], check["details"]) == ("check.test", "chTest", {"port": 80})
    result = {"state": "available", "status": "success", "check_id": "chTest", "timestamp": 1718000200123,
              "metrics": [[None, {"duration": {"t": "int64", "v": "3", "u": "MILLISECONDS"}}]]}  # fmt: skip
    answer = {"v": "1", "id": asked["id"], "target": "endpoint", "source": "x", "result": result}
    await poller.client.send(json.dumps(answer).encode() + b"\r\n")
    assert (await asking).metrics == {"duration": Metric("l", 3, "MILLISECONDS")}
    mute = asyncio.create_task(trials(ZONE, described()))
    await poller.client.receive()
    await attic.pass_time(15_000)
    with pytest.raises(Fault, match="did not answer in time"):
        await mute


async def test_ours_comes_back_after_its_connection_is_cut_and_reports_what_had_no_answer(
    attic: World, ours: Ours
) -> None:
    async with ours.running():
        await ours.gets("chA", "chB")
        attic.account.may_store.clear()
        reporting = asyncio.create_task(ours.remote.report([seen()]))
        await until(lambda: attic.account.storing == 1)
        for live in attic.account.agents.connections.of_token("atAlice0001"):
            live.close("a test")
        with pytest.raises(ConnectionError):
            await reporting
        attic.account.may_store.set()
        await ours.remote.report([seen()])
    first, again = attic.account.observed
    assert (first.sender, first.at_ms) == (again.sender, again.at_ms)


async def test_what_cannot_be_stored_is_raised_and_only_that_is_sent_again(attic: World, ours: Ours) -> None:
    async with ours.running():
        await ours.gets("chA", "chB")
        attic.account.database.is_available = False
        with pytest.raises(ConnectionError, match="cannot store"):
            await ours.remote.report([seen()])
        attic.account.database.is_available = True
        await ours.remote.report([seen()])
        assert len(attic.account.observed) == 1


async def test_what_is_not_taken_is_told_in_the_log_and_not_sent_again(attic: World, ours: Ours) -> None:
    async with ours.running():
        await ours.gets("chA", "chB")
        with structlog.testing.capture_logs() as logs:
            await ours.remote.report([seen("chNone"), seen("chA")])
    assert [entry["check_id"] for entry in logs if entry["event"] == "observation_not_taken"] == ["chNone"]
    assert [one.check_id for one in attic.account.observed] == ["chA"]


async def test_a_rotated_token_is_stored_and_used_from_then_on(attic: World, ours: Ours) -> None:
    async with ours.running():
        await ours.gets("chA", "chB")
        attic.account.add_token(ALICE, NEW_TOKEN, "atNew", rotated_from="atAlice0001")
        until_ms = attic.clock.now_ms + 600_000
        attic.account.change_token("atAlice0001", rotated_to="atNew", policy=Policy(expires_at=until_ms))
        await attic.follow()
        await until(lambda: attic.account.agents.connections.of_token("atNew"))
    assert ours.token_file.read_text().strip() == NEW_TOKEN


async def test_a_token_put_into_the_file_is_used_at_the_next_connection(attic: World, ours: Ours) -> None:
    attic.account.add_token(ALICE, NEW_TOKEN, "atNew")
    async with ours.running():
        await ours.gets("chA", "chB")
        ours.token_file.write_text(NEW_TOKEN)
        for live in attic.account.agents.connections.of_token("atAlice0001"):
            live.close("a test")
        await until(lambda: attic.account.agents.connections.of_token("atNew"))


async def test_a_server_that_is_not_there_or_has_no_address_is_tried_again(
    attic: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name resolves at last; waiting is cut short."""
    monkeypatch.setattr("vedette.wire.backoff.FIRST_S", 0.01)
    loop = asyncio.get_running_loop()
    create, tries = loop.create_connection, 0

    async def fails_at_first(factory: Callable[[], Any], host: str, *rest: Any, **more: Any) -> Any:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise OSError(-2, "Name or service not known")
        return await create(factory, host, *rest, **more)

    monkeypatch.setattr(loop, "create_connection", fails_at_first, raising=False)
    async with Ours(attic, tmp_path).running() as ours:
        await ours.gets("chA", "chB")
    assert tries == 3


async def test_the_next_server_is_tried_when_one_does_not_answer(attic: World, tmp_path: Path) -> None:
    async with Ours(attic, tmp_path, Server("127.0.0.1", 1)).running() as ours:
        await ours.gets("chA", "chB")


async def test_a_refused_collector_says_why_without_its_token(ours: Ours) -> None:
    ours.token_file.write_text("f" * 64 + ".550123")
    with structlog.testing.capture_logs() as logs:
        async with ours.running():
            await until(lambda: any(entry["event"] == "refused" for entry in logs))
    (refused,) = [entry for entry in logs if entry["event"] == "refused"]
    assert (refused["reason"], refused["token"]) == ("The agent token is unknown", "ffffffff...")


async def test_a_server_that_is_not_trusted_gets_no_token(attic: World, tmp_path: Path) -> None:
    ours = Ours(attic, tmp_path)
    ours.remote._tls = ssl.create_default_context()  # noqa: SLF001 - another set of authorities
    with structlog.testing.capture_logs() as logs:
        async with ours.running():
            await until(lambda: any(entry["event"] == "no_connection" for entry in logs))
    assert "certificate is not trusted" in logs[0]["reason"]
    assert attic.account.agents.handshakes == {}


@pytest.mark.parametrize("text", ["", "two words", "a\nb", "x" * 513])
def test_a_token_file_with_anything_else_in_it_is_told_so(tmp_path: Path, text: str) -> None:
    file = tmp_path / "token"
    file.write_text(text)
    with pytest.raises(UnreadableToken, match="expected a token in one line"):
        TokenInFile(file).read()


def test_a_token_file_that_somebody_has_changed_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("third.1\n")
    with pytest.raises(UnreadableToken, match="somebody has changed it"):
        TokenInFile(file).replace("old.1", "new.1")
    assert file.read_text() == "third.1\n"


def test_a_new_token_keeps_the_file_s_owner_and_mode_and_a_link_a_link(tmp_path: Path) -> None:
    file, link = tmp_path / "token", tmp_path / "link"
    file.write_text("old.1\n")
    file.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(file, 12_345, 23_456)
    before = file.stat()
    link.symlink_to(file)
    TokenInFile(link).replace("old.1", "new.1")
    TokenInFile(link).replace("old.1", "new.1")
    assert (file.stat().st_uid, file.stat().st_gid) == (before.st_uid, before.st_gid)
    assert sorted(tmp_path.iterdir()) == [link, file]
    assert (link.is_symlink(), file.read_text(), file.stat().st_mode & 0o777) == (True, "new.1\n", 0o640)

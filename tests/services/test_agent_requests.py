"""Asking agents in this process and in others, and every way in which that can end."""

from __future__ import annotations

import asyncio
import json
from contextlib import nullcontext
from typing import Any

import msgspec
import pytest

from tests.fakes.chance import FakeClock
from vedette.domain.faults import Fault
from vedette.domain.ids import CheckId, EntityId, TenantId
from vedette.domain.metrics import Metric
from vedette.domain.tokens import Reason
from vedette.ports.agents import Connection
from vedette.ports.probing import Assignment, ProbeResult
from vedette.ports.process_requests import ProcessGone
from vedette.ports.unit import StoreUnavailable
from vedette.services.agent_connections import AgentConnections, Identity
from vedette.services.agent_inquiries import MOST_OF_AN_AGENT, Inquiries
from vedette.services.agent_replies import NOT_CONNECTED, Outcome, Reply
from vedette.services.agent_requests import AgentRequests
from vedette.wire.messages import BUFFERS

ALICE, CHARLIE = TenantId("alice"), TenantId("charlie")
NOW = 1_718_000_000_000


def answer(result: Any) -> Reply:
    return Reply(outcome=Outcome.ANSWERED, result=msgspec.Raw(json.dumps(result).encode()))


class FakeLive:
    """A live connection with an answer ready."""

    def __init__(self, identity: Identity, reply: Reply) -> None:
        self.identity = identity
        self.reply = reply
        self.asked: list[tuple[str, dict[str, Any], int]] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def ask(self, method: str, params: dict[str, Any], limit_ms: int) -> Reply:
        self.asked.append((method, params, limit_ms))
        await self.may_answer.wait()
        return self.reply

    def tell_schedule_changed(self) -> bool:
        raise NotImplementedError

    def hand_token(self, token: str) -> bool:
        raise NotImplementedError

    def cut(self, reason: Reason, *, with_notice: bool) -> bool:
        raise NotImplementedError

    def close(self, reason: str) -> None:
        raise NotImplementedError


class Site:
    """Processes `here` and `there`; who asks is `here`."""

    def __init__(self) -> None:
        self.processes = {name: AgentConnections() for name in ("here", "there")}
        self.inquiries = {name: Inquiries(connections) for name, connections in self.processes.items()}
        self.trouble: Exception | None = None  # of asking another process
        self.limits: list[float] = []
        self.requests = AgentRequests(self.inquiries["here"], "here", self.ask_process, FakeClock(NOW))

    async def ask_process(self, process_id: str, question: bytes, limit_s: float, /) -> bytes:
        self.limits.append(limit_s)
        if self.trouble is not None:
            raise self.trouble
        if process_id not in self.inquiries:
            raise ProcessGone(process_id)
        return await self.inquiries[process_id].answer(question)

    def connect(
        self, key: str, reply: Reply, process: str = "here", tenant_id: TenantId = ALICE, **more: Any
    ) -> tuple[Connection, FakeLive]:
        features = more.pop("features", ())
        connection = row(key, process, tenant_id, features=features, **more)
        identity = Identity(
            connection_id=key, since_ms=1, tenant_id=tenant_id, token_public_id="atA", agent_id="web", entity_id=None,
            guid=key, ip="192.0.2.1", port=1, endpoint="e:1", process_version="1", bundle_version="1",
            features=frozenset(features),
        )  # fmt: skip
        live = FakeLive(identity, reply)
        self.processes[process].add(live, 0)
        return connection, live


def row(
    key: str, process: str = "here", tenant_id: TenantId = ALICE, since_ms: int = 1, features: tuple[str, ...] = ()
) -> Connection:
    return Connection(
        id=key, process_id=process, tenant_id=tenant_id, token_public_id="atA", agent_id="web", guid=key,
        ip="192.0.2.1", port=1, since_ms=since_ms, endpoint="e:1", process_version="1", bundle_version="1",
        features=features,
    )  # fmt: skip


@pytest.fixture
def site() -> Site:
    return Site()


MEMORY = {"timestamp": 5_000_000_000_000, "metrics": {"total": 7}}


@pytest.mark.parametrize("process", ["here", "there"])
async def test_host_info_is_what_the_agent_says_whichever_process_has_it(site: Site, process: str) -> None:
    connection, live = site.connect("cnA", answer(MEMORY), process)
    found = await site.requests.host_info([connection], "memory")
    assert msgspec.json.decode(msgspec.json.encode(found)) == {
        "timestamp": 5_000_000_000_000, "info": {"total": 7}, "error": None
    }  # fmt: skip
    assert live.asked == [("host_info.get", {"type": "MEMORY"}, 30_000)]
    assert site.limits == ([] if process == "here" else [35.0])


@pytest.mark.parametrize(
    ("type_", "wire"),
    [("cpus", "CPU"), ("disks", "DISK"), ("filesystems", "FILESYSTEM"), ("network_interfaces", "NETWORK"),
     ("processes", "PROCS"), ("nil", "NIL"), ("cpu", "CPU"), ("kernel_modules", "KERNEL_MODULES")],
)  # fmt: skip
async def test_the_reference_s_names_become_the_protocol_s(site: Site, type_: str, wire: str) -> None:
    connection, live = site.connect("cnA", answer(MEMORY))
    await site.requests.host_info([connection], type_)
    assert live.asked[0][1] == {"type": wire}


async def test_what_takes_an_agent_long_is_waited_for(site: Site) -> None:
    connection, live = site.connect("cnA", answer(MEMORY))
    await site.requests.host_info([connection], "packages")
    assert live.asked[0][2] == 90_000


async def test_the_system_is_shown_as_an_object_and_without_a_time_it_is_now(site: Site) -> None:
    connection, _ = site.connect("cnA", answer({"timestamp": 0, "metrics": [{"name": "Linux"}]}))
    found = await site.requests.host_info([connection], "system")
    assert (found.info, found.timestamp) == ({"name": "Linux"}, NOW)


async def test_what_an_agent_could_not_gather_is_its_error(site: Site) -> None:
    connection, _ = site.connect("cnA", answer({"timestamp": 5, "metrics": [], "error": "not on this platform"}))
    assert (await site.requests.host_info([connection], "lshw")).error == "not on this platform"


async def test_types_have_the_reference_s_names(site: Site) -> None:
    connection, _ = site.connect("cnA", answer({"types": ["CPU", "PROCS", "WHO"]}))
    found = await site.requests.host_info_types([connection])
    assert (found.info, found.timestamp) == ({"types": ["cpus", "processes", "who"]}, NOW)


async def test_targets_are_asked_for_by_check_type(site: Site) -> None:
    connection, live = site.connect("cnA", answer({"targets": ["/", "/var"]}))
    assert await site.requests.targets([connection], "agent.filesystem") == ["/", "/var"]
    assert live.asked == [("check.targets", {"type": "agent.filesystem"}, 30_000)]


def assignment(type_: str = "agent.redis", **details: Any) -> Assignment:
    return Assignment(
        tenant_id=ALICE, entity_id=EntityId("en1"), check_id=CheckId("chTest"), check_type=type_, revision=0,
        period_s=60, timeout_s=20, target=None, resolver=None, details=details,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("version", "features", "is_asked"),
    [
        ("2.5.5", (), False),
        ("2.5.8", ("upgrades",), False),
        ("1.9.12.0-3", (), False),
        ("", (), False),
        ("2.5.9", (), True),
        ("2.6.23-1", (), True),
        ("10.0", (), True),
        ("0.3.1", (BUFFERS,), True),
    ],
)
async def test_a_stock_agent_is_not_asked_to_try_a_type_that_it_may_not_know_for_that_ends_it(
    site: Site, version: str, features: tuple[str, ...], is_asked: bool
) -> None:
    connection, live = site.connect("cnA", answer({"metrics": []}), features=features)
    connection = msgspec.structs.replace(connection, bundle_version=version)
    told = nullcontext() if is_asked else pytest.raises(Fault)
    with told as raised:
        await site.requests.run([connection], assignment("agent.filesystem_state"))
    assert bool(live.asked) == is_asked
    if raised is not None:
        assert raised.value.kind == "notImplementedError"
        assert raised.value.details == "Agent web is too old for agent.filesystem_state; expected 2.5.9 or later"


async def test_a_check_is_described_completely_and_in_the_agent_s_words(site: Site) -> None:
    metrics = [[None, {"version": {"t": "string", "v": "7"}}]]
    connection, live = site.connect("cnA", answer({"state": "available", "status": "ok", "metrics": metrics}))
    found = await site.requests.run([connection], assignment(hostname="db"))
    assert found == ProbeResult(available=True, status="ok", metrics={"version": Metric("s", "7", "unknown")})
    [(method, params, limit_ms)] = live.asked
    assert (method, limit_ms) == ("check.test", 30_000)
    assert json.loads(params["checkParams"]) == {
        "id": "chTest", "type": "agent.redis", "period": 60, "timeout": 20, "disabled": False,
        "details": {"hostname": "db", "host": "db"},
    }  # fmt: skip


async def test_an_upgrade_is_asked_only_of_who_announces_it(site: Site) -> None:
    plain, _ = site.connect("cnA", answer([]))
    able, live = site.connect("cnB", answer([]), features=("upgrades",))
    await site.requests.upgrade([plain, able])
    assert live.asked == [("upgrade.request", {}, 30_000)]
    assert (await fault(site.requests.upgrade([plain]))).kind == "notImplementedError"


async def test_a_poller_is_not_asked_what_it_would_never_answer(site: Site) -> None:
    poller, live = site.connect("cnA", answer(MEMORY), features=("poller",))
    for refused in (
        site.requests.host_info([poller], "who"),
        site.requests.host_info_types([poller]),
        site.requests.targets([poller], "agent.disk"),
        site.requests.run([poller], assignment("agent.memory")),
    ):
        assert (await fault(refused)).kind == "notImplementedError"
    assert live.asked == []
    await site.requests.host_info([poller], "processes")
    assert len(live.asked) == 1


async def test_our_own_connections_come_first_and_then_the_newest(site: Site) -> None:
    old, _ = site.connect("cnA", answer(MEMORY), "there", since_ms=1)
    new, lives = site.connect("cnB", answer(MEMORY), "there", since_ms=9)
    await site.requests.host_info([old, new], "memory")
    assert len(lives.asked) == 1
    own, mine = site.connect("cnC", answer(MEMORY), since_ms=1)
    await site.requests.host_info([old, new, own], "memory")
    assert (len(mine.asked), len(lives.asked)) == (1, 1)


@pytest.mark.parametrize("gone", [row("cnGone"), row("cnGone", "there"), row("cnGone", "dead")])
async def test_a_connection_that_went_meanwhile_is_passed_over(site: Site, gone: Connection) -> None:
    gone = msgspec.structs.replace(gone, since_ms=99)
    live, _ = site.connect("cnA", answer(MEMORY), gone.process_id if gone.process_id != "dead" else "there")
    assert (await site.requests.host_info([gone, live], "memory")).error is None
    refused = await fault(site.requests.host_info([gone], "memory"))
    assert (refused.kind, refused.details) == ("agentNotConnected", "Agent web is not connected")


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(outcome=Outcome.REFUSED, message="Unknown method"),
         ("notImplementedError", 501, "Agent web refused host_info.get: Unknown method")),
        (Reply(outcome=Outcome.UNANSWERED),
         ("requestTimeout", 500, "Agent web did not answer host_info.get within 30 s")),
        (Reply(outcome=Outcome.LOST), ("agentNotConnected", 400, "Agent web went before it answered host_info.get")),
        (Reply(outcome=Outcome.BUSY),
         ("systemFailureError", 503, "Agent web has not answered what it was asked before")),
        (NOT_CONNECTED, ("agentNotConnected", 400, "Agent web is not connected")),
        (answer([]), ("systemFailureError", 503, "result: Expected `object`, got `array`")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("process", ["here", "there"])
async def test_every_other_end_is_a_fault_of_its_own(
    site: Site, reply: Reply, expected: tuple[str, int, str], process: str
) -> None:
    connection, _ = site.connect("cnA", reply, process)
    refused = await fault(site.requests.host_info([connection], "memory"))
    assert (refused.kind, refused.code, refused.details) == expected


async def test_what_was_sent_is_not_sent_again(site: Site) -> None:
    first, _ = site.connect("cnA", Reply(outcome=Outcome.LOST), since_ms=9)
    second, live = site.connect("cnB", answer(MEMORY))
    assert (await fault(site.requests.host_info([first, second], "memory"))).kind == "agentNotConnected"
    assert live.asked == []


async def test_a_process_that_lives_and_says_nothing_in_time_is_a_time_out(site: Site) -> None:
    connection, _ = site.connect("cnA", answer(MEMORY), "there")
    site.trouble = TimeoutError()
    assert (await fault(site.requests.host_info([connection], "memory"))).kind == "requestTimeout"


async def test_while_nobody_can_be_reached_it_is_the_store_s_fault(site: Site) -> None:
    connection, _ = site.connect("cnA", answer(MEMORY), "there")
    site.trouble = StoreUnavailable("away")
    with pytest.raises(StoreUnavailable):
        await site.requests.host_info([connection], "memory")


async def test_one_agent_is_asked_only_so_much_at_a_time(site: Site) -> None:
    connection, live = site.connect("cnA", answer(MEMORY))
    live.may_answer.clear()
    asking = [asyncio.create_task(site.requests.host_info([connection], "memory")) for _ in range(MOST_OF_AN_AGENT)]
    while len(live.asked) < MOST_OF_AN_AGENT:  # noqa: ASYNC110 - the tasks begin one after the other
        await asyncio.sleep(0)
    refused = await fault(site.requests.host_info([connection], "memory"))
    assert (refused.kind, refused.headers) == ("systemFailureError", {"Retry-After": "1"})
    live.may_answer.set()
    await asyncio.gather(*asking)
    assert (await site.requests.host_info([connection], "memory")).error is None


async def test_another_tenant_s_agent_of_the_same_name_is_not_asked(site: Site) -> None:
    _, theirs = site.connect("cnA", answer(MEMORY), tenant_id=CHARLIE)
    forged = row("cnA")
    assert (await fault(site.requests.host_info([forged], "memory"))).kind == "agentNotConnected"
    assert theirs.asked == []


async def fault(asking: Any) -> Fault:
    with pytest.raises(Fault) as caught:
        await asking
    return caught.value

"""A house with a private zone, and collectors that connect to it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

import msgspec

from tests.fakes.agents import ALICE_TOKEN, Account, entity, zone
from tests.services.test_agents import HERE, NOW, FakeConnection, post
from vedette.domain.documents import Document
from vedette.domain.ids import CheckId, TenantId, ZoneId
from vedette.ports.probing import Assignment, Confirmation
from vedette.services.collectors import Collectors
from vedette.services.handshakes import Refusal
from vedette.services.not_taken import NotTaken
from vedette.wire.deliveries import Step
from vedette.wire.events import Answered, Unanswered
from vedette.wire.messages import BUFFERS, Hello
from vedette.wire.moment import Moment
from vedette.wire.poller import BLOCK, COMMIT, CONFIRM, POLLER, PREPARE, PROBES, SIGHT, CollectorPost

COLLECTOR_TOKENS = {"mzdfw": "d" * 64 + ".mzdfw", "mzord": "e" * 64 + ".mzord"}
STOCK = frozenset({POLLER})
OURS = frozenset({POLLER, BUFFERS, SIGHT, CONFIRM, f"{PROBES}remote.tcp"})


class Poller(FakeConnection):
    """A collector's live connection; it takes every list unless it is mute."""

    numbers = count(1_000_000_000)

    def __init__(self, identity: Any, collectors: Collectors) -> None:
        super().__init__(identity)
        self.collectors = collectors
        self.steps: list[Step] = []
        self.running: dict[str, Any] = {}
        self.is_mute = self.is_full = False
        self._waiting: list[tuple[int, Step]] = []
        self._offered: dict[str, Any] = {}

    def hand(self, step: Step) -> int | None:
        if self.is_full:
            return None
        self.steps.append(step)
        number = next(self.numbers)
        if step.limit_ms is not None:
            self._waiting.append((number, step))
        if step.method == BLOCK:
            self._offered |= {check.id: check for check in step.params["block"]}
        return number

    def answer(self, steady_ms: int = 0) -> None:
        """Until nothing is asked any more."""
        while self._waiting and not self.is_mute:
            number, step = self._waiting.pop(0)
            if step.method == PREPARE:
                self._manifest = [entry.check_id for entry in step.params["manifest"]]
            if step.method == COMMIT:
                self.running = {key: self._offered[key] for key in self._manifest if key in self._offered}
            status = b"committed" if step.method == COMMIT else b"prepared"
            result = b'{"status":"%s","version":%d,"details":""}' % (status, step.params["version"])
            self.collectors.answered(self, Answered(number, step.method, result, None), steady_ms)

    @property
    def outstanding(self) -> int:
        """The number of the request that waits for its answer the longest."""
        return self._waiting[0][0]

    def fail(self, steady_ms: int) -> None:
        """Nothing was answered in time."""
        for number, step in self._waiting:
            self.collectors.answered(self, Unanswered(number, step.method), steady_ms)
        self._waiting.clear()


class Here:
    """A collector in this process."""

    def __init__(self, zone_id: str) -> None:
        self.zone_id = ZoneId(zone_id)
        self.is_blind = False
        self.assigned: dict[str, Assignment] = {}
        self.asked: list[Confirmation] = []

    def assign(self, assignments: Sequence[Assignment]) -> None:
        self.assigned = {assignment.check_id: assignment for assignment in assignments}

    def put(self, assignment: Assignment) -> None:
        self.assigned[assignment.check_id] = assignment

    def drop(self, check_id: CheckId) -> None:
        self.assigned.pop(check_id, None)

    def confirm(self, asked: Confirmation) -> None:
        self.asked.append(asked)


def host(address: str) -> Document:
    public = msgspec.json.encode({"ip_addresses": {"a": address}})
    return msgspec.structs.replace(entity("enRemote", None), public=public)


class House:
    """Alice's private zone with checks, and the collectors that connect."""

    def __init__(self) -> None:
        self.account = Account()
        self.collectors = self.account.agents.collectors
        for zone_id, token in COLLECTOR_TOKENS.items():
            self.account.add_token(TenantId(""), token, f"at{zone_id}", zone_id=zone_id)
        self.account.put(host("192.0.2.8"))
        self.account.put(zone("pzAttic"))
        self.pollers: list[Poller] = []
        self.steady_ms = 0
        self._followed = self.account.last_change().seq

    def put(self, *documents: Document) -> None:
        for document in documents:
            self.account.put(document)

    async def refused(self, hello: Hello) -> Refusal:
        found = await self.account.agents.authenticate(hello, HERE, NOW)
        assert isinstance(found, Refusal), found
        return found

    async def connect(self, name: str, *zones: str, features: frozenset[str] = STOCK, guid: str = "") -> Poller:
        token = COLLECTOR_TOKENS.get(zones[0], ALICE_TOKEN)
        hello = Hello(token=token, agent_id=name, guid=guid or f"guid-{name}", features=features, zone_ids=zones)
        identity = await self.account.agents.authenticate(hello, HERE, NOW)
        assert not isinstance(identity, Refusal), identity
        poller = Poller(identity, self.collectors)
        self.account.agents.connected(poller, self.steady_ms)
        self.collectors.connected(poller)
        self.pollers.append(poller)
        await self.settle()
        return poller

    async def disconnect(self, poller: Poller) -> None:
        self.account.agents.gone(poller, self.steady_ms)
        self.collectors.gone(poller)
        self.pollers.remove(poller)
        await self.settle()

    async def settle(self) -> None:
        """Places, and lets everybody answer."""
        await self.collectors.step(self.steady_ms)
        for poller in self.pollers:
            poller.answer(self.steady_ms)

    async def follow(self) -> None:
        changes = await self.account.documents.changes(self._followed, 500)
        self._followed = changes[-1].seq if changes else self._followed
        await self.collectors.follow(changes, self.steady_ms)
        for poller in self.pollers:
            poller.answer(self.steady_ms)

    async def post(self, poller: Poller, check_id: str, **more: Any) -> NotTaken | None:
        extras = {key: more.pop(key) for key in ("took_ms", "round_id", "is_blind", "target") if key in more}
        reported = CollectorPost(post=post(check_id, check_type="remote.tcp", **more), **extras)
        (verdict,) = await self.collectors.post(poller, [reported], Moment(NOW, self.steady_ms))
        return verdict

"""Two server processes with collectors of one zone: each works out the same, and a collector is told by one of them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.fakes.agents import ALICE, ALICE_TOKEN, remote_check, zone
from tests.fakes.collector_roll import FakeCollectorRoll
from tests.services.collector_cast import OURS, STOCK, House, Poller
from tests.services.test_agents import HERE, NOW
from vedette.domain.ids import CheckId
from vedette.engine.confirm import Round
from vedette.ports.confirming import KeptRound
from vedette.ports.unit import Write
from vedette.services.agents import Agents
from vedette.services.collector_neighbours import KnownNeighbours
from vedette.services.confirm_asking import ConfirmAsking
from vedette.services.handshakes import Refusal
from vedette.wire.messages import Hello
from vedette.wire.moment import Moment
from vedette.wire.poller import CONFIRM, POLLER, PREPARE

CHECKS = {f"ch{number}" for number in range(20)}


class Site:
    """The house, and a second process over its stores."""

    def __init__(self) -> None:
        self.house = House()
        self.roll = FakeCollectorRoll(self.house.account.database)
        self.here = self.house.account.agents
        self.there = self.house.account.process("prTwo")
        for process, name in ((self.here, "prOne"), (self.there, "prTwo")):
            process.collectors.neighbours = KnownNeighbours(
                self.roll, self.house.account.database.commit, name, lambda: NOW
            )
        self.house.put(*(remote_check(key, "pzAttic") for key in CHECKS))
        self.pollers: list[Poller] = []

    async def connect(
        self, process: Agents, name: str, since_ms: int = NOW, features: frozenset[str] = STOCK
    ) -> Poller:
        hello = Hello(token=ALICE_TOKEN, agent_id=name, guid=f"guid-{name}", features=features,
                      zone_ids=("pzAttic",))  # fmt: skip
        identity = await process.authenticate(hello, HERE, since_ms)
        assert not isinstance(identity, Refusal), identity
        poller = Poller(identity, process.collectors)
        process.collectors.connected(poller)
        self.pollers.append(poller)
        await self.settle()
        return poller

    async def settle(self) -> None:
        """Some seconds pass."""
        for _ in range(3):
            for process in (self.here, self.there):
                await process.collectors.step(0)
                for poller in self.pollers:
                    poller.answer()


@pytest.fixture
def site() -> Site:
    return Site()


async def test_the_checks_of_a_zone_are_shared_by_the_collectors_of_both(site: Site) -> None:
    one, two = await site.connect(site.here, "one"), await site.connect(site.there, "two")
    assert one.running.keys() | two.running.keys() == CHECKS
    assert not one.running.keys() & two.running.keys()
    assert one.running
    assert two.running
    site.there.collectors.gone(two)
    await site.settle()
    assert one.running.keys() == CHECKS


async def test_a_blind_collector_of_the_other_process_is_known_to_be_blind(site: Site) -> None:
    one, two = await site.connect(site.here, "one"), await site.connect(site.there, "two")
    site.there.collectors.heard(two, NOW, is_blind=True, now=Moment(NOW, 0))
    await site.settle()
    assert one.running.keys() == CHECKS
    assert not two.running


async def test_a_collector_with_connections_to_both_is_told_by_the_one_it_came_to_last(site: Site) -> None:
    first = await site.connect(site.here, "one", NOW)
    second = await site.connect(site.there, "one", NOW + 5)
    told = len(first.steps)
    assert second.running.keys() == CHECKS
    site.house.put(remote_check("chNew", "pzAttic"))
    changes = await site.house.account.documents.changes(site.house.account.last_change().seq - 1, 10)
    for process in (site.here, site.there):
        await process.collectors.follow(changes, 0)
    await site.settle()
    assert len(first.steps) == told
    assert second.running.keys() == CHECKS | {"chNew"}
    site.there.collectors.gone(second)
    await site.settle()
    assert first.running.keys() == CHECKS | {"chNew"}
    last = [step for step in first.steps if step.method == PREPARE][-1]
    assert {str(entry.action) for entry in last.params["manifest"]} == {"start"}


async def test_the_limit_of_collectors_holds_over_both(site: Site) -> None:
    site.house.put(zone("pzAttic", maximum_agents=1))
    await site.connect(site.here, "one")
    hello = Hello(token=ALICE_TOKEN, agent_id="two", guid="g", features=frozenset({POLLER}), zone_ids=("pzAttic",))
    await site.there.collectors.step(0)
    found = await site.there.authenticate(hello, HERE, NOW)
    assert isinstance(found, Refusal)
    assert "maximum_agents" in found.message


async def test_nothing_is_written_while_nothing_changes_and_all_is_after_a_pause(site: Site) -> None:
    await site.connect(site.here, "one")
    writes = site.roll.writes
    await site.settle()
    assert site.roll.writes == writes
    neighbours = site.here.collectors.neighbours
    assert isinstance(neighbours, KnownNeighbours)
    neighbours.tell_again()
    await site.settle()
    assert site.roll.writes == writes + 1


async def test_a_zone_whose_collector_is_connected_to_another_process_is_asked_to_confirm(site: Site) -> None:
    """The one that evaluates knows that it can be, and the one that it is connected to reads of the round and asks."""
    poller = await site.connect(site.there, "one", features=OURS)
    assert site.here.collectors.can_confirm() == site.there.collectors.can_confirm() == {"pzAttic"}
    rounds = KeptRounds()
    rounds.begin("ch1", NOW, answered=())
    rounds.begin("ch2", NOW - 100_000, answered=())  # its time is up
    rounds.begin("ch3", NOW, answered=("pzAttic",))
    for process in (site.here, site.there):
        await ConfirmAsking(rounds, process.collectors.confirm, lambda: NOW + 2_000).step()
    asks = [step.params for step in poller.steps if step.method == CONFIRM]
    assert asks == [{"check_id": "ch1", "round_id": "ch1:1", "in_ms": 3_000}]


async def test_a_zone_is_not_asked_to_confirm_where_one_of_its_collectors_anywhere_cannot(site: Site) -> None:
    await site.connect(site.there, "ours", features=OURS)
    await site.connect(site.here, "stock")
    assert site.here.collectors.can_confirm() == site.there.collectors.can_confirm() == frozenset()


class KeptRounds:
    """What another process wrote down."""

    def __init__(self) -> None:
        self.kept: list[KeptRound] = []

    def begin(self, check_id: str, at_ms: int, answered: tuple[str, ...]) -> None:
        latest = Round(
            id=f"{check_id}:1", tenant_id=ALICE, check_id=CheckId(check_id), began_ms=at_ms, after_ms=5_000,
            until_ms=at_ms + 40_000, rests_until_ms=at_ms + 60_000, asked=("pzAttic",), answered=answered,
        )  # fmt: skip
        self.kept.append(KeptRound(latest, 1))

    async def all(self) -> Sequence[KeptRound]:
        return self.kept

    def put(self, latest: Round, revision: int) -> Write:
        raise NotImplementedError

    def remove(self, kept: KeptRound) -> Write:
        raise NotImplementedError

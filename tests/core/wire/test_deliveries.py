"""A collector's list is brought in step, version by version, whatever the collector answers or does not."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.core.wire.conversation import assert_harmless
from tests.core.wire.stock_poller import GUID, StockPoller
from vedette.wire.deliveries import BLOCK_SIZE, FIRST_RETRY_MS, LAST_RETRY_MS, Delivery, Stage, Step
from vedette.wire.envelope import Response, asked, read
from vedette.wire.poller import BLOCK, COMMIT, END, METHODS, PREPARE, PolledCheck, Verdict, verdict_of

ZONE = "pzA1b2C3d4"


def check(key: str = "chR1", period: int = 60, **more: Any) -> PolledCheck:
    members: dict[str, Any] = {
        "id": key, "check_id": key, "type": "remote.ping", "entity_id": "enZ8kQ2w1X", "zone_id": ZONE, "period": period,
        "timeout": 30, "disabled": False, "ip_addresses": {"default": "192.0.2.10"}, "target_alias": "default",
        "target_hostname": None, "target_resolver": "IPv4", "details": {"count": 5},
    }  # fmt: skip
    return PolledCheck(**members | more)


def delivery() -> Delivery:
    return Delivery(ZONE, count(41).__next__)


class Wire:
    """Numbers requests as a connection does."""

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery
        self.numbers = count(1_000_000_100)
        self.sent: list[tuple[int, Step]] = []

    def pump(self, now_ms: int = 0) -> list[Step]:
        steps = []
        while (step := self.delivery.take(now_ms)) is not None:
            number = next(self.numbers)
            self.delivery.sent(step, number if step.limit_ms is not None else 0)
            self.sent.append((number, step))
            steps.append(step)
        return steps

    def number_of(self, method: str) -> int:
        return next(number for number, step in reversed(self.sent) if step.method == method)

    def answer(self, method: str, status: str, now_ms: int = 0) -> None:
        self.delivery.answered(self.number_of(method), Verdict(status, self.delivery.version, ""), now_ms)


def methods(steps: list[Step]) -> list[str]:
    return [step.method for step in steps]


def actions(step: Step) -> dict[str, str]:
    return {entry.check_id: str(entry.action) for entry in step.params["manifest"]}


def committed(*checks: PolledCheck) -> Wire:
    wire = Wire(delivery())
    wire.delivery.want(checks)
    wire.pump()
    wire.answer(PREPARE, "prepared")
    wire.pump()
    wire.answer(COMMIT, "committed")
    assert wire.delivery.running == {one.id: one for one in checks}
    return wire


def test_a_list_is_prepared_defined_ended_and_committed_only_when_it_is_prepared() -> None:
    wire = Wire(delivery())
    assert wire.pump() == []
    wire.delivery.want([check("chR1"), check("chR2")])
    assert methods(wire.pump()) == [PREPARE, BLOCK, END]
    assert wire.pump() == []
    wire.answer(PREPARE, "prepared")
    assert methods(wire.pump()) == [COMMIT]
    wire.answer(COMMIT, "committed")
    assert wire.pump() == []
    assert wire.delivery.running == {"chR1": check("chR1"), "chR2": check("chR2")}


def test_the_lines_of_a_delivery_are_the_described_ones() -> None:
    wire = Wire(delivery())
    wire.delivery.want([check()])
    lines = [asked(number, step.method, step.params, "endpoint", GUID)
             for number, step in zip(count(1_000_000_100), wire.pump(), strict=False)]  # fmt: skip
    assert [json.loads(line) for line in lines] == [
        envelope(1_000_000_100, "poller.prepare", zone_id=ZONE, version=41, manifest=[
            {"action": "start", "check_id": "chR1", "id": "chR1", "type": "remote.ping", "entity_id": "enZ8kQ2w1X",
             "zone_id": ZONE}]),
        envelope(1_000_000_101, "poller.prepare.block", zone_id=ZONE, version=41, block=[
            {"id": "chR1", "check_id": "chR1", "type": "remote.ping", "entity_id": "enZ8kQ2w1X", "zone_id": ZONE,
             "period": 60, "timeout": 30, "disabled": False, "ip_addresses": {"default": "192.0.2.10"},
             "target_alias": "default", "target_hostname": None, "target_resolver": "IPv4", "details": {"count": 5}}]),
        envelope(1_000_000_102, "poller.prepare.end", zone_id=ZONE, version=41, directive="prepare"),
    ]  # fmt: skip
    for line in lines:
        assert_harmless(line)
    wire.answer(PREPARE, "prepared")
    (commit,) = wire.pump()
    assert commit.params == {"zone_id": ZONE, "version": 41}


def envelope(id: int, method: str, **params: Any) -> dict[str, Any]:
    return {"v": "1", "id": id, "source": "endpoint", "target": GUID, "method": method, "params": params}


def test_what_runs_goes_on_what_changed_begins_again_and_what_is_gone_is_left_out() -> None:
    wire = committed(check("same"), check("changed"), check("gone"))
    wire.delivery.want([check("same"), check("changed", period=90), check("new")])
    prepare, block, _ = wire.pump()
    assert actions(prepare) == {"same": "continue", "changed": "restart", "new": "start"}
    assert [one.id for one in block.params["block"]] == ["changed", "new"]


def test_the_same_list_again_is_not_told() -> None:
    wire = committed(check("same"))
    wire.delivery.want([check("same")])
    assert wire.pump() == []


def test_an_empty_list_stops_everything_and_needs_no_block() -> None:
    wire = committed(check())
    wire.delivery.want([])
    assert methods(wire.pump()) == [PREPARE, END]


def test_a_collector_that_may_run_something_is_told_an_empty_list_too() -> None:
    wire = Wire(delivery())
    wire.delivery.want([])
    assert methods(wire.pump()) == [PREPARE, END]


def test_many_definitions_come_in_blocks_and_leave_more_time() -> None:
    wire = Wire(delivery())
    wire.delivery.want([check(f"ch{number}") for number in range(2 * BLOCK_SIZE + 1)])
    prepare, *blocks, _ = wire.pump()
    assert [len(block.params["block"]) for block in blocks] == [BLOCK_SIZE, BLOCK_SIZE, 1]
    assert (prepare.limit_ms or 0) > 60_000


def test_a_change_while_a_version_is_under_way_waits_for_its_end() -> None:
    wire = Wire(delivery())
    wire.delivery.want([check("chR1")])
    wire.pump()
    wire.delivery.want([check("chR1"), check("chR2")])
    assert wire.pump() == []
    wire.answer(PREPARE, "prepared")
    assert methods(wire.pump()) == [COMMIT]
    wire.answer(COMMIT, "committed")
    prepare, *_ = wire.pump()
    assert actions(prepare) == {"chR1": "continue", "chR2": "start"}
    assert prepare.params["version"] == 42


def test_whatever_is_not_the_expected_answer_is_a_failure_and_all_is_started_with_a_higher_version() -> None:
    for status in ("failed", "ignored", "aborted", "committed", "nonsense"):
        wire = committed(check("chR1"))
        wire.delivery.want([check("chR1"), check("chR2")])
        wire.pump()
        version = wire.delivery.version
        wire.answer(PREPARE, status, now_ms=5_000)
        assert wire.pump(5_000) == []
        assert wire.delivery.due_ms == 5_000 + FIRST_RETRY_MS
        prepare, *_ = wire.pump(5_000 + FIRST_RETRY_MS)
        assert prepare.params["version"] > version
        assert set(actions(prepare).values()) == {"start"}


def test_no_answer_in_time_and_an_error_are_failures() -> None:
    wire = Wire(delivery())
    wire.delivery.want([check()])
    wire.pump()
    wire.delivery.answered(wire.number_of(PREPARE), None, 60_000)
    assert (wire.delivery.stage, wire.delivery.failures, wire.delivery.problem) == (Stage.IDLE, 1, "no answer")


def test_it_is_tried_less_and_less_often_but_always_again_and_a_success_forgives() -> None:
    wire = Wire(delivery())
    wire.delivery.want([check()])
    now_ms, pauses = 0, []
    for _ in range(12):
        assert wire.pump(now_ms)
        wire.answer(PREPARE, "failed", now_ms)
        due_ms = wire.delivery.due_ms
        assert due_ms is not None
        pauses.append(due_ms - now_ms)
        now_ms = due_ms
    assert pauses[:3] == [1_000, 2_000, 4_000]
    assert pauses[-1] == LAST_RETRY_MS
    wire.pump(now_ms)
    wire.answer(PREPARE, "prepared", now_ms)
    wire.pump(now_ms)
    wire.answer(COMMIT, "committed", now_ms)
    assert (wire.delivery.failures, wire.delivery.due_ms) == (0, None)


def test_answers_to_other_requests_and_of_other_versions_count_for_nothing() -> None:
    wire = Wire(delivery())
    wire.delivery.want([check()])
    wire.pump()
    wire.delivery.answered(5, Verdict("prepared", wire.delivery.version, ""), 0)
    assert wire.delivery.stage is Stage.OFFERED
    wire.delivery.answered(wire.number_of(PREPARE), Verdict("prepared", 7, ""), 0)
    assert wire.delivery.failures == 1


def test_a_second_failure_of_the_same_preparation_disturbs_nobody() -> None:
    wire = Wire(delivery())
    wire.delivery.want([check()])
    wire.pump()
    number = wire.number_of(PREPARE)
    wire.answer(PREPARE, "failed")
    wire.pump(FIRST_RETRY_MS)
    wire.delivery.answered(number, Verdict("failed", 41, "timer expired"), FIRST_RETRY_MS)
    assert wire.delivery.stage is Stage.OFFERED


def test_when_the_connection_in_charge_goes_and_others_stay_what_runs_is_known_still() -> None:
    wire = committed(check("chR1"))
    wire.delivery.want([check("chR1"), check("chR2")])
    wire.pump()
    wire.delivery.lost(is_last=False)
    prepare, *_ = wire.pump()
    assert actions(prepare) == {"chR1": "continue", "chR2": "start"}


def test_when_it_goes_during_a_commit_or_as_the_last_one_all_is_started_anew() -> None:
    during = committed(check("chR1"))
    during.delivery.want([check("chR1"), check("chR2")])
    during.pump()
    during.answer(PREPARE, "prepared")
    during.pump()
    during.delivery.lost(is_last=False)
    last = committed(check("chR1"))
    last.delivery.lost(is_last=True)
    for wire in (during, last):
        prepare, *_ = wire.pump()
        assert set(actions(prepare).values()) == {"start"}


checks = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(30, 33), max_size=8)


class AnyPoller(RuleBasedStateMachine):
    """A stock poller on up to two connections, which lose what is on its way, answer late, or are mute."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.poller = StockPoller()
        self.delivery = delivery()
        self.numbers = count(1_000_000_000)
        self.answers: list[bytes] = []
        self.versions: list[int] = []
        self.wanted: dict[str, int] = {}
        self.is_mute = False

    def _pump(self) -> None:
        while (step := self.delivery.take(self.now)) is not None:
            number = next(self.numbers)
            line = asked(number, step.method, step.params, "endpoint", GUID)
            assert_harmless(line)
            assert step.method in METHODS
            if step.method == PREPARE:
                self.versions.append(step.params["version"])
            self.delivery.sent(step, number if step.limit_ms is not None else 0)
            if not self.is_mute:
                self.answers += self.poller.receive(line)

    def _answer(self, line: bytes) -> None:
        response = read(line)
        assert isinstance(response, Response)
        assert isinstance(response.id, int)
        self.delivery.answered(response.id, verdict_of(response.result), self.now)

    @rule(wanted=checks)
    def want(self, wanted: dict[str, int]) -> None:
        self.wanted = wanted
        self.delivery.want([check(key, period=period) for key, period in wanted.items()])
        self._pump()

    @rule()
    def hear(self) -> None:
        answers, self.answers = self.answers, []
        for line in answers:
            self._answer(line)
        self._pump()

    @rule()
    def lose_the_answers(self) -> None:
        self.answers.clear()

    @rule(by_ms=st.integers(1, 70_000))
    def wait(self, by_ms: int) -> None:
        self.now += by_ms
        self._pump()

    @rule()
    def run_out_of_time(self) -> None:
        self.now += 60_000
        self.answers += self.poller.time_out()
        for number in [self.delivery._number]:  # noqa: SLF001 - what the connection would give up
            if number is not None:
                self.delivery.answered(number, None, self.now)
        self._pump()

    @rule()
    def lose_one_connection(self) -> None:
        self.answers.clear()
        self.poller.forget_preparation()
        self.delivery.lost(is_last=False)
        self._pump()

    @rule()
    def lose_all_and_come_back_empty(self) -> None:
        self.answers.clear()
        self.poller = StockPoller()
        self.delivery.lost(is_last=True)
        self._pump()

    @rule(mute=st.booleans())
    def fall_mute(self, mute: bool) -> None:
        self.is_mute = mute

    @invariant()
    def versions_only_grow(self) -> None:
        assert self.versions == sorted(set(self.versions))

    @invariant()
    def what_we_take_for_running_runs(self) -> None:
        running = self.delivery.running
        if running is not None and not self.is_mute and self.delivery.stage is Stage.IDLE:
            assert {key: one.period for key, one in running.items()} == {
                key: one["period"] for key, one in self.poller.running.items()
            }

    def teardown(self) -> None:
        """With a poller that answers, it always comes to run what is wanted."""
        self.is_mute = False
        self.poller.forget_preparation()
        self.delivery.lost(is_last=False)
        self.want(self.wanted)
        for _ in range(40):
            self.hear()
            self.wait(LAST_RETRY_MS)
        assert {key: one["period"] for key, one in self.poller.running.items()} == self.wanted
        assert self.delivery.stage is Stage.IDLE


TestAnyPoller = AnyPoller.TestCase
TestAnyPoller.settings = settings(max_examples=settings().max_examples // 2, stateful_step_count=30)

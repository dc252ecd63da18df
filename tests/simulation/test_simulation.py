"""Thousands of worlds in which everything breaks; and worlds with a planted fault, for a proof must be able to fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from tests.simulation.as_script import as_script
from tests.simulation.inline_sqlite import InlineSqlite
from tests.simulation.story import Story, problems, told
from tests.simulation.world import REMOTE
from vedette.domain.history import Attempt, Delivery, DeliveryState
from vedette.domain.observations import Observation
from vedette.engine import ballots
from vedette.engine.electorate import Electorate, electorate
from vedette.engine.script_reader import read_scripts
from vedette.ports.unit import Write
from vedette.services import evaluation_batch
from vedette.services.dispatch import Dispatcher
from vedette.services.ingest import Ingest
from vedette.services.silences import Silences

SEEDS, AT_ONCE = 2_000, 50
ENOUGH = range(60)
"""Seeds of which at least one must show a planted fault."""


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_no_page_is_lost_or_false_and_states_converge(first: int) -> None:
    for seed in range(first, first + AT_ONCE):
        story = told(seed)
        wrong = problems(story)
        assert not wrong, _report(story, wrong)


def _report(story: Story, wrong: list[str]) -> str:
    scripts = "\n".join(as_script(story, alarm_id) for alarm_id in story.states)
    return "\n".join([f"seed {story.seed}:", *wrong, str(story.truth), "", scripts])


def test_the_same_seed_is_the_same_world() -> None:
    assert told(7) == told(7)


def test_a_world_can_be_told_as_a_script() -> None:
    (script,) = read_scripts(as_script(told(3), REMOTE))

    assert len(script.lines) > 10


def _is_found() -> bool:
    return any(problems(told(seed)) for seed in ENOUGH)


Plant = Callable[[pytest.MonkeyPatch], None]


def _no_blindness(patch: pytest.MonkeyPatch) -> None:
    real = ballots.why_not_evaluated

    def blindly(terms: Any, last: Any, observation: Observation) -> Any:
        why = real(terms, last, observation)
        return None if why is ballots.Skip.BLIND else why

    patch.setattr(ballots, "why_not_evaluated", blindly)


def _one_vote_is_enough(patch: pytest.MonkeyPatch) -> None:
    def small(terms: Any, zones: Any) -> Electorate:
        return msgspec.structs.replace(electorate(terms, zones), need=1)

    patch.setattr(evaluation_batch, "electorate", small)


def _sent_before_it_is_sent(patch: pytest.MonkeyPatch) -> None:
    """Delivered as soon as it is claimed: who dies in between has told nobody."""
    claimed_by = Dispatcher._claim  # noqa: SLF001 - a fault is planted where it would be made

    async def claim(self: Any, delivery: Delivery) -> Delivery | None:
        claimed = await claimed_by(self, delivery)
        if claimed is not None:
            done = msgspec.structs.replace(claimed, delivery_state=DeliveryState.DELIVERED)
            attempt = Attempt(delivery_key=claimed.key, number=claimed.attempts, started_ms=self._clock())
            await self._stores.commit(self._stores.outbox.finish(done, attempt))
        return claimed

    patch.setattr(Dispatcher, "_claim", claim)


def _transactions_are_torn(patch: pytest.MonkeyPatch) -> None:
    """Who dies in the middle has changed the state and told nobody."""
    whole = InlineSqlite.commit

    async def commit(self: InlineSqlite, *writes: Write) -> None:
        for write in writes:
            await whole(self, write)

    patch.setattr(InlineSqlite, "commit", commit)


def _silence_is_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    async def look(*_: Any) -> None:
        """Nobody looks."""

    patch.setattr(Silences, "look", look)


def _acknowledged_before_it_is_kept(patch: pytest.MonkeyPatch) -> None:
    async def append(self: Any, observations: Any) -> None:
        del self, observations

    patch.setattr(Ingest, "_append", append)


@pytest.mark.parametrize(
    "plant",
    [
        _no_blindness,
        _one_vote_is_enough,
        _sent_before_it_is_sent,
        _transactions_are_torn,
        _silence_is_not_looked_at,
        _acknowledged_before_it_is_kept,
    ],
)
def test_a_planted_fault_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)

    assert _is_found()

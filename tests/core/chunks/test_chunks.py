"""Chunks give back what was put into them, or say that they are damaged."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contracts.histories import DAY, NAMES, observed, text
from vedette.adapters.sql.chunks import observed as chunk
from vedette.adapters.sql.chunks import rolled
from vedette.adapters.sql.chunks.frame import Damaged
from vedette.adapters.sql.chunks.rolled import Windows
from vedette.domain.observations import Logged, Observation
from vedette.rollups.folding import fold
from vedette.rollups.resolutions import Resolution


def made_up(seed: int, count: int) -> list[tuple[int, Observation]]:
    random = Random(seed)
    return [
        (random.randrange(10**9), observed(random, DAY + random.randrange(86_400_000), "mzdfw")) for _ in range(count)
    ]


def in_order(entries: list[tuple[int, Observation]]) -> list[Logged]:
    return [Logged(seq, one) for seq, one in sorted(entries, key=lambda entry: (entry[1].at_ms, entry[0]))]


@pytest.mark.parametrize("count", [1, 2, 3, 300])
def test_observations_come_back_whole(count: int) -> None:
    entries = made_up(count, count)
    found = chunk.entries_of(chunk.packed(entries), "chA", "mzdfw")
    assert [text(one) for one in found] == [text(one) for one in in_order(entries)]


def test_no_member_of_an_observation_is_left_out() -> None:
    """One that is new must get its place in the chunk."""
    kept = {*chunk.SELDOM, "check_id", "zone_id", "at_ms", "arrival_ms", "took_ms", "metrics"}
    assert kept == set(Observation.__struct_fields__)


@pytest.mark.parametrize("name", NAMES)
def test_the_points_of_one_metric_are_found(name: str) -> None:
    entries = made_up(7, 200)
    expected = [
        (one.entry.at_ms, one.seq, one.entry.metrics[name].value)
        for one in in_order(entries)
        if isinstance(one.entry, Observation) and name in one.entry.metrics
    ]
    assert repr(chunk.points_of(chunk.packed(entries), name)) == repr(expected)
    assert chunk.points_of(chunk.packed(entries), "none") == []


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_byte_that_changed_is_found(place: int, by: int) -> None:
    data = bytearray(chunk.packed(made_up(1, 5)))
    data[place % len(data)] ^= by
    with pytest.raises(Damaged):
        chunk.entries_of(bytes(data), "chA", "mzdfw")


@pytest.mark.parametrize("length", [0, 3, 5, 40])
def test_a_chunk_that_was_cut_is_damaged(length: int) -> None:
    data = chunk.packed(made_up(1, 5))[:length]
    with pytest.raises(Damaged):
        chunk.points_of(data, "whole")
    with pytest.raises(Damaged):
        rolled.rollups_of(data, "whole")


@pytest.mark.parametrize("numbers", [[1, 2.5, 4], [1.5, 2, 4.0], [1, 2.5, 4.0], [0.5, 1, 2**63], [3, 3.0], [7]])
def test_windows_of_integers_and_doubles_come_back(numbers: list[float]) -> None:
    metrics: dict[str, Windows] = {"a": {0: fold(numbers), 300_000: fold(numbers[::-1])}}
    assert shown(rolled.metrics_of(rolled.packed(metrics))) == shown(metrics)
    assert shown({"a": rolled.rollups_of(rolled.packed(metrics), "a")}) == shown(metrics)


NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.integers(-999, 999).map(lambda n: n / 10)
FOLDS = st.lists(NUMBERS, min_size=1, max_size=9).map(fold)
STEADY = st.lists(st.integers(-9, 9), min_size=1, max_size=9).map(fold)


@given(
    st.dictionaries(
        st.sampled_from("ab"),
        st.dictionaries(st.integers(0, 9).map(lambda n: n * 300_000), FOLDS, min_size=1)
        | st.dictionaries(st.integers(0, 9).map(lambda n: n * 300_000), STEADY, min_size=1),
    )
)
def test_windows_come_back_with_their_statistics(metrics: dict[str, Windows]) -> None:
    data = rolled.packed(metrics)
    assert shown(rolled.metrics_of(data)) == shown(metrics)
    for name in "ab":
        assert shown({name: rolled.rollups_of(data, name)}) == shown({name: metrics.get(name, {})})
    again = rolled.packed(rolled.metrics_of(data))
    assert shown(rolled.metrics_of(again)) == shown(metrics)


def shown(metrics: Any) -> dict[str, dict[int, str]]:
    return {
        name: {start: repr(rolled.rollup(start, one)) for start, one in windows.items()}
        for name, windows in metrics.items()
    }


def test_sums_of_small_numbers_stay_sums() -> None:
    """So that more can be folded into them; and nothing is stored that is all the same."""
    folds = {Resolution.MIN5.width_ms * place: fold([place, place + 1, 7]) for place in range(5)}
    kept = rolled.metrics_of(rolled.packed({"a": folds}))["a"]
    assert kept == folds
    assert rolled.metrics_of(rolled.packed({})) == {}

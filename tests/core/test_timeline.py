"""Ids of time series: UUIDs of version 1 that are kept as sortable keys."""

from __future__ import annotations

import random
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.domain.ids import Entropy
from vedette.domain.timeline import KEY_BYTES, at_of, key_at, key_of, new_key, uuid_of


def _entropy(seed: int) -> Entropy:
    return random.Random(seed).randbytes


_MOMENTS = st.integers(0, 2**46)


@given(at_ms=_MOMENTS, seed=st.integers(0, 1000))
def test_an_id_is_a_version_1_uuid_of_its_moment(at_ms: int, seed: int) -> None:
    key = new_key(at_ms, _entropy(seed))

    parsed = uuid.UUID(uuid_of(key))

    assert (parsed.version, parsed.variant, len(key)) == (1, uuid.RFC_4122, KEY_BYTES)
    assert parsed.time == at_ms * 10_000 + 0x01B21DD213814000
    assert at_of(key) == at_ms


@given(at_ms=_MOMENTS, seed=st.integers(0, 1000))
def test_the_key_is_found_again_from_its_id(at_ms: int, seed: int) -> None:
    key = new_key(at_ms, _entropy(seed))

    assert key_of(uuid_of(key)) == key
    assert key_of(uuid_of(key).upper()) == key


@given(first=_MOMENTS, second=_MOMENTS)
def test_keys_sort_by_time(first: int, second: int) -> None:
    earlier, later = sorted([first, second])
    key = new_key(later, bytes)

    assert key_at(earlier) <= key_at(later) <= key < key_at(later + 1)


def test_a_moment_before_the_epoch_begins_at_the_epoch() -> None:
    assert key_at(-5) == key_at(0)


@given(text=st.text(max_size=40))
def test_text_that_is_no_uuid_is_no_key(text: str) -> None:
    found = key_of(text)

    assert found is None or len(found) == KEY_BYTES


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "0" * 36,
        "g" * 8 + "-0000-1000-8000-000000000000",
        "00000000-0000-1000-8000-00000000000",
        "+0000000-0000-1000-8000-000000000000",
        " 0000000-0000-1000-8000-000000000000",
        "0_000000-0000-1000-8000-000000000000",
        "00000000-0000-1000-8 00-000000000000",
    ],
)
def test_what_only_looks_like_a_uuid_is_no_key(text: str) -> None:
    assert key_of(text) is None

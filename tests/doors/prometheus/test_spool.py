import os
import stat
import sys
from itertools import pairwise
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.adapters.prometheus.losses import MOST, Loss, with_loss
from vedette.adapters.prometheus.segments import Record
from vedette.adapters.prometheus.spool import LEAST_BYTES, Spool

MANY = 1_000_000


def record(at_ms: int, size: int = 100, points: int = 10) -> Record:
    return Record(points, at_ms, at_ms + 9, at_ms.to_bytes(8) * (size // 8))


def opened(folder: Path, most_bytes: int = MANY, segment_bytes: int = 1_000) -> Spool:
    return Spool(folder / "spool", most_bytes, segment_bytes)


def drained(spool: Spool, most_points: int = 10) -> list[int]:
    """The times of all records, in the order in which they are sent."""
    found = []
    while (batch := spool.oldest(most_points)) is not None:
        found += [one.first_ms for one in batch.records]
        spool.sent(batch, 0.0)
        spool.settle(0.0)
    return found


def segments(folder: Path) -> list[Path]:
    return sorted((folder / "spool").glob("*.spool"))


def test_records_come_out_in_the_order_they_went_in_and_leave_nothing_behind(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    for at_ms in range(100):
        spool.append(record(at_ms))

    assert spool.waiting.points == 1_000
    assert (spool.waiting.first_ms, spool.waiting.last_ms) == (0, 108)
    assert drained(spool) == list(range(100))
    assert spool.oldest(10) is None
    assert spool.waiting.points == 0
    spool.close()
    assert segments(tmp_path) == []


def test_small_records_are_sent_together_and_a_large_one_alone(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    for at_ms in range(5):
        spool.append(record(at_ms))
    spool.append(record(5, points=100))
    batch = spool.oldest(30)
    assert batch is not None
    assert [one.first_ms for one in batch.records] == [0, 1, 2]
    spool.sent(batch, 0.0)
    rest = spool.oldest(30)
    assert rest is not None
    spool.sent(rest, 0.0)
    large = spool.oldest(30)
    assert large is not None
    assert [one.first_ms for one in large.records] == [5]
    assert large.points == 100


def test_what_was_appended_is_there_again_and_what_was_sent_is_not(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    for at_ms in range(30):
        spool.append(record(at_ms))
    for _ in range(13):
        batch = spool.oldest(10)
        assert batch is not None
        spool.sent(batch, 0.0)
        spool.settle(0.0)

    again = opened(tmp_path)  # the first one was not closed: its process is thought of as killed

    assert again.waiting.points == 170
    assert drained(again) == list(range(13, 30))


def test_without_the_position_file_what_is_there_is_sent_again(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    for at_ms in range(3):
        spool.append(record(at_ms))
    assert drained(spool) == [0, 1, 2]
    (tmp_path / "spool" / "position").write_bytes(b"nonsense that is long enough")

    assert drained(opened(tmp_path)) == [0, 1, 2]


@given(keep=st.integers(0, 400), noise=st.binary(max_size=40))
def test_a_torn_end_costs_no_record_before_it(
    tmp_path_factory: pytest.TempPathFactory, keep: int, noise: bytes
) -> None:
    folder = tmp_path_factory.mktemp("torn")
    spool = opened(folder)
    sizes = []
    for at_ms in range(3):
        spool.append(record(at_ms))
        sizes.append(spool.waiting.size)
    (file,) = segments(folder)
    file.write_bytes(file.read_bytes()[:keep] + noise)
    whole = len([size for size in sizes if size <= keep])

    again = opened(folder)
    again.append(record(77))

    assert drained(again)[: whole + 1] == [*range(whole), 77]


def test_damage_in_the_middle_is_counted_and_what_follows_in_other_segments_is_sent(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    for at_ms in range(20):
        spool.append(record(at_ms))
    first, second, *_ = segments(tmp_path)
    in_first = first.stat().st_size // record(0).size
    data = bytearray(first.read_bytes())
    data[record(0).size + 40] ^= 1
    first.write_bytes(data)

    again = opened(tmp_path)

    assert again.damaged == 1
    assert drained(again) == [0, *range(in_first, 20)]
    assert second.name > first.name


def test_damage_under_a_running_server_is_a_loss_that_is_told(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    for at_ms in range(20):
        spool.append(record(at_ms))
    first = segments(tmp_path)[0]
    in_first = first.stat().st_size // record(0).size
    first.write_bytes(bytes(first.stat().st_size))

    assert drained(spool) == list(range(in_first, 20))
    assert spool.given_up == 10 * in_first
    assert list(spool.losses) == [Loss(0, in_first + 8, 10 * in_first)]


def test_a_full_spool_gives_up_its_oldest_and_says_how_many_of_when(tmp_path: Path) -> None:
    spool = opened(tmp_path, most_bytes=4_000)
    for at_ms in range(100):
        spool.append(record(at_ms))
        assert spool.waiting.size <= 4_000

    kept = spool.waiting.points // 10
    assert kept >= 20
    assert spool.given_up == 1_000 - spool.waiting.points
    assert sum(loss.points for loss in spool.losses) == spool.given_up
    assert (spool.losses[0].from_ms, spool.losses[-1].to_ms) == (0, 99 - kept + 9)
    again = opened(tmp_path, most_bytes=4_000)
    assert list(again.losses) == list(spool.losses)
    assert drained(again) == list(range(100 - kept, 100))


def test_a_batch_that_was_given_up_while_it_was_under_way_may_still_be_said_to_be_sent(tmp_path: Path) -> None:
    spool = opened(tmp_path, most_bytes=4_000)
    for at_ms in range(10):
        spool.append(record(at_ms))
    batch = spool.oldest(10)
    assert batch is not None
    for at_ms in range(10, 60):
        spool.append(record(at_ms))

    spool.sent(batch, 0.0)

    assert drained(spool)[-1] == 59


def test_a_segment_that_cannot_be_synced_is_left_and_the_record_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = opened(tmp_path)
    spool.append(record(0))
    real = os.fsync

    def failing(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(OSError, match="No space left"):
        spool.append(record(1))
    monkeypatch.setattr(os, "fsync", real)
    spool.append(record(2))

    assert drained(spool) == [0, 2]


def test_files_are_the_owners_only_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        spool = opened(tmp_path, most_bytes=4_000)
        for at_ms in range(100):
            spool.append(record(at_ms))
        drained(spool)
    finally:
        os.umask(before)
    spool.append(record(200))

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "spool").iterdir()}

    assert stat.S_IMODE((tmp_path / "spool").stat().st_mode) == 0o700
    assert set(modes.values()) == {0o600}
    assert {"position", "losses.json"} < modes.keys()


def test_a_damaged_list_of_losses_is_put_aside(tmp_path: Path) -> None:
    opened(tmp_path).close()
    (tmp_path / "spool" / "losses.json").write_bytes(b"[[1,")

    spool = opened(tmp_path)

    assert list(spool.losses) == []
    assert (tmp_path / "spool" / "losses.damaged").read_bytes() == b"[[1,"


@given(st.lists(st.builds(Loss, st.integers(0, 50), st.integers(50, 100), st.integers(1, 9)), max_size=20))
def test_losses_never_overlap_and_their_points_add_up(some: list[Loss]) -> None:
    known: list[Loss] = []
    for one in some:
        known = list(with_loss(known, one))

    assert sum(loss.points for loss in known) == sum(loss.points for loss in some)
    assert all(one.to_ms < other.from_ms for one, other in pairwise(known))


def test_of_too_many_losses_the_nearest_become_one() -> None:
    known: list[Loss] = []
    for number in range(MOST + 1):
        at = number * 10 + (5 if number > 500 else 0)
        known = list(with_loss(known, Loss(at, at + (8 if number == 300 else 1), 1)))

    assert len(known) == MOST
    assert Loss(3000, 3011, 2) in known


def test_a_small_spool_has_small_segments_and_never_gives_up_all_at_once(tmp_path: Path) -> None:
    spool = opened(tmp_path, most_bytes=2_000, segment_bytes=MANY)
    for at_ms in range(100):
        spool.append(record(at_ms))
        assert spool.waiting.size > 1_000 or at_ms < 20

    assert len(segments(tmp_path)) >= 3


def test_what_a_store_that_died_had_taken_last_is_sent_again(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    for at_ms in range(40):
        spool.append(record(at_ms))
    for now_s in range(30):
        batch = spool.oldest(10)
        assert batch is not None
        assert not batch.is_repeated
        spool.sent(batch, now_s)
        spool.settle(now_s - 20)
    assert spool.waiting.points == 100

    spool.rewind()

    assert spool.waiting.points == 300
    repeated = []
    for now_s in range(30, 60):
        batch = spool.oldest(10)
        assert batch is not None
        repeated += [one.first_ms for one in batch.records if batch.is_repeated]
        spool.sent(batch, now_s)
    assert repeated == list(range(10, 30))
    assert spool.oldest(10) is None
    spool.settle(60)
    spool.close()
    assert segments(tmp_path) == []
    assert spool.given_up == 0


def test_what_is_only_kept_for_a_while_is_given_up_without_a_loss(tmp_path: Path) -> None:
    spool = opened(tmp_path, most_bytes=4_000)
    for at_ms in range(100):
        spool.append(record(at_ms))
        batch = spool.oldest(10)
        assert batch is not None
        spool.sent(batch, 0.0)

    assert spool.given_up == 0
    assert spool.waiting.size <= 4_000
    spool.rewind()
    assert drained(spool)[-1] == 99


def test_what_waits_can_be_told_by_one_thread_while_another_appends(tmp_path: Path) -> None:
    spool = opened(tmp_path, segment_bytes=LEAST_BYTES // 1024)

    def append() -> None:
        for at_ms in range(500):
            spool.append(record(at_ms, size=1_000))

    appending = Thread(target=append)
    switch_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        appending.start()
        seen = [spool.waiting.points]
        while appending.is_alive():
            seen.append(spool.waiting.points)
    finally:
        sys.setswitchinterval(switch_s)
        appending.join()
    assert seen == sorted(seen)
    assert spool.waiting.points == 5_000
    spool.close()

from __future__ import annotations

import os
import random
import secrets
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from tests.doors.prometheus import spool_writer
from tests.doors.prometheus.small_disk import fill, small_disk
from vedette.adapters.prometheus import segments
from vedette.adapters.prometheus.segments import Record
from vedette.adapters.prometheus.spool import Spool

KILLS = int(os.environ.get("VEDETTE_TEST_KILLS", "8"))
SEED = int(os.environ.get("VEDETTE_TEST_SEED", "0")) or secrets.randbelow(10**6) + 1
GENEROUS = 64 * 1024 * 1024


def rest(folder: Path, most_bytes: int = GENEROUS) -> tuple[list[int], Spool]:
    """The times of all records that are still to be sent."""
    spool = Spool(folder, most_bytes, segment_bytes=20_000)
    found = []
    while (batch := spool.oldest(10)) is not None:
        found += [record.first_ms for record in batch.records]
        spool.sent(batch, 0.0)
    return found, spool


def lived(folder: Path, first: int, seconds: float, most_bytes: int) -> tuple[int, set[int]]:
    """One life of a writer: the last number it has said to be appended, and those that it has sent."""
    command = [sys.executable, spool_writer.__file__, str(folder), str(first), str(most_bytes)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        timer = threading.Timer(seconds, process.kill)
        lines = [process.stdout.readline()]  # the time counts from when it works
        timer.start()
        lines += process.stdout.readlines()
    said = [line.split() for line in lines if line.endswith("\n")]
    appended = [int(number) for what, number in said if what == "appended"]
    return max(appended, default=first - 1), {int(number) for what, number in said if what == "sent"}


@pytest.mark.parametrize("most_bytes", [GENEROUS, 30_000])
def test_kill_9_at_any_moment_loses_no_record_that_was_said_to_be_there(tmp_path: Path, most_bytes: int) -> None:
    chance = random.Random(SEED)
    folder, last, sent = tmp_path / "spool", -1, set[int]()
    for _ in range(KILLS):
        appended, done = lived(folder, last + 1, chance.uniform(0.0, 0.25), most_bytes)
        last, sent = max(last, appended), sent | done
        # The record that was under way may be there without having been said to be.
        last = max(last, newest(folder))

    found, spool = rest(folder, most_bytes)

    report = f"seed {SEED}, {last + 1} records, {len(sent)} sent, {spool.waiting.size} bytes left"
    assert found == list(range(found[0], last + 1)), report
    assert found[0] <= max(sent) + 1 or spool.losses, report
    assert spool.damaged == 0, report
    missing = set(range(found[0])) - sent
    given_up = sum(loss.points for loss in spool.losses)
    assert len(missing) <= given_up, report
    assert all(any(loss.from_ms <= one <= loss.to_ms for loss in spool.losses) for one in missing), report
    assert most_bytes != GENEROUS or not spool.losses, report


def newest(folder: Path) -> int:
    """The number of the newest whole record, -1 where there is none."""
    files = sorted(folder.glob("*.spool"))
    numbers = [placed.record.first_ms for path in files[-1:] for placed in segments.read(path, 0)]
    return max(numbers, default=-1)


def test_a_full_disk_refuses_records_spoils_none_and_takes_them_again_when_there_is_room(tmp_path: Path) -> None:
    def record(number: int) -> Record:
        return Record(1, number, number, bytes(3_000))

    with small_disk(tmp_path / "disk", "2m") as disk:
        spool = Spool(disk / "spool", GENEROUS, segment_bytes=100_000)
        for number in range(100):
            spool.append(record(number))
        ballast = fill(disk)
        taken = list(range(100))
        for number in range(100, 140):
            if number > 105:
                with pytest.raises(OSError, match="No space left on device"):
                    spool.append(record(number))
                continue
            with suppress(OSError):  # the last page of the last segment has room for a few
                spool.append(record(number))
                taken.append(number)
        ballast.unlink()
        for number in range(140, 160):
            spool.append(record(number))
            taken.append(number)

        found, again = rest(disk / "spool")

        assert found == taken
        again.settle(1.0)
        again.close()
        spool.close()


def test_on_a_full_disk_a_full_spool_still_gives_up_its_oldest_and_knows_what(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk:
        spool = Spool(disk / "spool", 400_000, segment_bytes=100_000)
        record = Record(1, 0, 0, bytes(3_900))
        while spool.waiting.size + record.size <= 400_000:
            spool.append(record)
        fill(disk)
        taken = []
        for number in range(1, 60):
            with suppress(OSError):  # once what was given up has made room for no more
                spool.append(record._replace(first_ms=number, last_ms=number))
                taken.append(number)
        kept, again = rest(disk / "spool", 400_000)
        assert len(taken) > 20
        assert kept[-len(taken) :] == taken
        assert spool.given_up > 0
        assert [(loss.from_ms, loss.points) for loss in spool.losses] == [(0, spool.given_up)]
        assert again.losses == spool.losses
        again.close()
        spool.close()

"""A process that appends to a spool and sends from it until it is killed; it says what it has done line by line."""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

from vedette.adapters.prometheus.segments import Record
from vedette.adapters.prometheus.spool import Spool


def main(folder: Path, first: int, most_bytes: int) -> None:
    """Appends records of times `first`, `first + 1`, ..., and sends half as many."""
    spool = Spool(folder, most_bytes, segment_bytes=20_000)
    for number in count(first):
        spool.append(Record(1, number, number, number.to_bytes(8) * (10 + number % 50)))
        sys.stdout.write(f"appended {number}\n")
        if number % 2:
            batch = spool.oldest(1)
            if batch is not None:
                sys.stdout.write(f"sent {batch.records[0].first_ms}\n")
                spool.sent(batch, number)
                spool.settle(number - 10)
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))

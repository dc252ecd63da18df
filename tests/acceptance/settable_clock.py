"""Vedette in a process whose wall clock a test can set: `settable_clock.py FILE serve ...`.

A process cannot have a wall clock of its own, so the calls that read it are replaced before anything of Vedette is
imported. FILE holds by how many nanoseconds it is off; what tells how time passes is left alone.
"""

from __future__ import annotations

import mmap
import runpy
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path

_OFFSET = struct.Struct("q")


class SettableClock:
    """The test's end of it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(0)

    @property
    def vedette(self) -> tuple[str, ...]:
        """What runs `vedette ...` by this clock."""
        return (sys.executable, __file__, str(self._file))

    def set(self, ahead_s: int) -> None:
        """At once, for every process that runs by it."""
        with self._file.open("r+b" if self._file.exists() else "xb") as file:
            file.write(_OFFSET.pack(ahead_s * 1_000_000_000))


def run_by(file: Path) -> None:
    """Never returns normally where `vedette` ends by `sys.exit`."""
    with file.open("rb") as opened:
        shared = mmap.mmap(opened.fileno(), _OFFSET.size, access=mmap.ACCESS_READ)

    def ahead_ns() -> int:
        found: int = _OFFSET.unpack(shared[:])[0]
        return found

    _replace_clocks(ahead_ns)
    runpy.run_module("vedette", run_name="__main__", alter_sys=True)


def _replace_clocks(ahead_ns: Callable[[], int]) -> None:
    true_ns, true_clock_ns = time.time_ns, time.clock_gettime_ns

    def clock_gettime_ns(clock: int, /) -> int:
        return true_clock_ns(clock) + (ahead_ns() if clock == time.CLOCK_REALTIME else 0)

    time.time_ns = lambda: true_ns() + ahead_ns()
    time.time = lambda: (true_ns() + ahead_ns()) / 1e9
    time.clock_gettime_ns = clock_gettime_ns
    time.clock_gettime = lambda clock, /: clock_gettime_ns(clock) / 1e9


if __name__ == "__main__":
    _, clock_file, *arguments = sys.argv
    sys.path.pop(0)  # the directory of this file, whose modules are no packages of Vedette's
    sys.argv = ["vedette", *arguments]
    run_by(Path(clock_file))

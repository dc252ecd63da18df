"""Which of our processes live, and when agents could not be heard: *Silence of an agent* of the alarm language.

A gap between ticks says that nothing could have been taken: the process stood still or was not there, its store took no
writes, it saw no canary, or a clock was set. Its end, the end of a *stretch*, starts every clock of silence again.
"""

from __future__ import annotations

import msgspec

from vedette.domain.happenings import Tick

GAP_MS = 10_000
DEAD_MS = 15_000
"""A process that has not ticked for so long has no word any more on how zones stand, and no connections."""
FORGOTTEN_MS = 3_600_000


class Sign(msgspec.Struct, frozen=True):
    """The last sign of life of one process, and its last tick if it ever ticked."""

    at_ms: int
    tick: Tick | None = None


class Ticks(msgspec.Struct, frozen=True):
    """The ticks so far."""

    processes: dict[str, Sign] = {}
    last_ms: int | None = None  # the latest tick in the order of the log of a process that takes agents' data
    stretch_ms: int = 0  # when the last stretch ended
    set_back_ms: int = 0  # what our clock had shown when it was last set back

    def after(self, tick: Tick) -> Ticks:
        processes = {**self.processes, tick.process_id: Sign(tick.at_ms, tick)}
        processes = {key: one for key, one in processes.items() if tick.at_ms - one.at_ms < FORGOTTEN_MS}
        if not tick.takes_agents:
            return msgspec.structs.replace(self, processes=processes)
        shown_ms, has_been_deaf = self.last_ms or 0, self._has_been_deaf(tick)
        return Ticks(
            processes,
            last_ms=tick.at_ms,
            stretch_ms=tick.at_ms if has_been_deaf else self.stretch_ms,
            set_back_ms=shown_ms if shown_ms - tick.at_ms > GAP_MS else self.set_back_ms,
        )

    def spoke(self, process_id: str, at_ms: int) -> Ticks:
        """A process spoke of something else: it lives."""
        before = self.processes.get(process_id)
        sign = Sign(at_ms, None if before is None else before.tick)
        return msgspec.structs.replace(self, processes={**self.processes, process_id: sign})

    def _has_been_deaf(self, tick: Tick) -> bool:
        """By its own last tick, by both clocks; and by the last tick of any process, for what it follows may be gone.

        A clock set back is a gap too: of what lies ahead of it nobody knows how long ago it was.
        """
        sign = self.processes.get(tick.process_id)
        if sign is not None and sign.tick is not None:
            own = sign.tick
            return abs(tick.at_ms - own.at_ms) > GAP_MS or tick.steady_ms - own.steady_ms > GAP_MS
        return self.last_ms is None or abs(tick.at_ms - self.last_ms) > GAP_MS

    def living(self, now_ms: int) -> frozenset[str]:
        """The processes that have given a sign lately."""
        return frozenset(key for key, one in self.processes.items() if now_ms - one.at_ms <= DEAD_MS)

    def died_ms(self, process_id: str) -> int:
        """The last sign of a process, 0 for one that is long forgotten."""
        last = self.processes.get(process_id)
        return 0 if last is None else last.at_ms

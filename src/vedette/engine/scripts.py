"""Alarm scripts: what zones report when, and what the alarm is expected to say.

    script  One zone alone does not page
    criteria
      if (metric['code'] regex '^[45]') { return new AlarmStatus(CRITICAL, 'HTTP #{code}'); }
    period 60s   zones mzdfw mzord mzlon
    at 0s    mzdfw code=200   mzord code=200   mzlon code=200   expect OK
    at 60s   mzdfw code=500                                     expect OK        because NO_QUORUM
    at 61s   mzord code=503                                     expect CRITICAL  status "HTTP 503"  tells CRITICAL

A file holds one script or more. `#` begins a comment, outside of quotes and criteria. Settings: `period TIME`,
`zones NAME...`, `type CHECK_TYPE` (default `remote.http`; an `agent.*` type has the one place `agent`), `plan ID`;
`confirm_after TIME` (no confirm rounds without it), `timeout TIME` (of the check, default 10s) and `stock NAME...`
(zones whose collectors cannot be asked to confirm).

After `at TIME` come reports and events, in order. A report is a place and what it saw: `name=value` for each metric (a
number, or text, quoted where it holds blanks), or `unavailable "why"`; then, where they matter, `blind`,
`stamped TIME` (the sender's own timestamp), `sent TIME` (the same, of a sender that stores and forwards), `from NAME`
(the sender), `revision N` (of the check it was made under), `took TIME` (the probe), `confirming` (the latest confirm
round asked for it). An event is `down ZONE`, `up ZONE`, `blinded ZONE` or `deleted ZONE`, `zones NAME...`,
`plan ID`, `change WHAT` (the check's target or details, as a word), `revise` (any other change of the check),
`disable` and `enable` (the alarm), `suppress ID` (from now on, of a plan, or of the entity, check or alarm `enOne`,
`chOne`, `alOne`) and `lift ID` (the suppression ends), or `criteria` on a line of its own with new criteria below it.

The server ticks every 5 s, and decides by it on the silence of an agent. Events of it are `connect ID` and `connect ID
fast` (a connection of the agent opens; it declares `fast_reconnect`), `close ID`, `dead ID TIME` (we close it, its last
byte came at that time), `fetch` (its schedule), `stop` and `start` (the ticks), `restart` (they go on as another
process's), `clock TIME` (our clock is set by so much, which may be negative) and `boottime TIME` (the clock that goes
on while the machine is suspended gains so much).

`expect STATE` may go on with `because REASON` (of a decision, or why an observation was not evaluated),
`status "TEXT"`, `tells nothing` or `tells [PLAN] STATE...` (what was told since the line before), and `asks nothing` or
`asks ZONE...` (by a confirm round that began since). A round whose time is up ends before the line, at its own time.
"""

from __future__ import annotations

import msgspec

from vedette.domain.metrics import Metric
from vedette.domain.states import State

AGENT = "agent"
"""How a script names the place of an agent's check."""


class ScriptError(Exception):
    """A script that cannot be read; says the line and what was expected there."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"line {line}: {message}")
        self.line = line


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What one place saw."""

    place: str
    metrics: dict[str, Metric] = {}
    unavailable: str | None = None
    is_blind: bool = False
    stamped_ms: int | None = None
    buffers: bool = False
    sender: str | None = None
    revision: int | None = None
    took_ms: int | None = None
    confirms: bool = False


class Event(msgspec.Struct, frozen=True):
    """Something else that happens."""

    verb: str
    words: tuple[str, ...] = ()


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """What is expected after a line; None where it does not matter."""

    state: State
    because: str | None = None
    status: str | None = None
    tells: tuple[tuple[str | None, State], ...] | None = None  # (plan, None for the alarm's own; state)
    asks: tuple[str, ...] | None = None  # zones


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One moment of a script."""

    number: int
    at_ms: int
    actions: tuple[Report | Event, ...]
    expectation: Expectation | None


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """A script as read."""

    title: str
    criteria: str
    period_ms: int
    zones: tuple[str, ...]
    check_type: str
    plan_id: str
    lines: tuple[Line, ...]
    confirm_after_ms: int | None = None
    timeout_ms: int = 10_000
    stock: tuple[str, ...] = ()
    criteria_line: int = 0  # of the word `criteria`; 0: there is none

"""What an alarm of a simulated world went through, as an alarm script: to be read, cut down, and run again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from tests.simulation.story import Story
from tests.simulation.truth import PERIOD_S, ZONES
from tests.simulation.world import CRITERIA, EPOCH_MS, OF_AGENT, REMOTE_CHECK, TIMEOUT_S
from vedette.domain.happenings import AgentClosed, AgentConnected, AgentFetched, Spell, ZoneTurned
from vedette.domain.observations import Entry, Observation

_SPELLS = {Spell.UP: "up", Spell.DOWN: "down", Spell.BLIND: "blinded", Spell.GONE: "deleted"}


def as_script(story: Story, alarm_id: str) -> str:
    """With what the alarm said where it changed."""
    truth, is_agent = story.truth, alarm_id == OF_AGENT
    head = [f"script  Seed {story.seed}", "criteria"]
    if is_agent:
        head += ["type agent.memory", f"period {PERIOD_S}s"]
    else:
        head += [
            f"  :set consistencyLevel={truth.consistency}",
            f"  :set consecutiveCount={truth.count}",
            f"  {CRITERIA}",
            f"period {PERIOD_S}s  zones {' '.join(ZONES)}  timeout {TIMEOUT_S}s",
        ]
        if truth.confirm_after_ms:
            head.append(f"confirm_after {truth.confirm_after_ms // 1000}s")
    entries = [one.entry for one in story.log if _concerns(one.entry, is_agent=is_agent)]
    changes = {one.at_ms: one for one in story.changes if one.alarm_id == alarm_id}
    lines = []
    for at_ms, together in groupby(sorted(entries, key=_at_ms), _at_ms):
        words = "  ".join(word for entry in together for word in _words(entry))
        change = changes.pop(at_ms, None)
        expected = f'  expect {change.state}  because {change.reason}  status "{change.status}"' if change else ""
        lines.append(f"at {(at_ms - EPOCH_MS) / 1000:g}s  {words}{expected}")
    lines += [f"# and at {(at_ms - EPOCH_MS) / 1000:g}s {one.state}: {one.status}" for at_ms, one in changes.items()]
    return "\n".join([*head, *lines]) + "\n"


def _concerns(entry: Entry, *, is_agent: bool) -> bool:
    if isinstance(entry, Observation):
        return (entry.check_id == REMOTE_CHECK) != is_agent
    kinds = AgentConnected | AgentClosed | AgentFetched if is_agent else ZoneTurned
    return isinstance(entry, kinds)


def _at_ms(entry: Entry) -> int:
    return entry.arrival_ms if isinstance(entry, Observation) else entry.at_ms


def _words(entry: Entry) -> Iterator[str]:
    if isinstance(entry, Observation):
        seen = f"code={entry.metrics['code'].value}" if "code" in entry.metrics else f'unavailable "{entry.status}"'
        yield entry.zone_id or "agent used=12"
        if entry.zone_id:
            yield seen
            yield f"sent {(entry.at_ms - EPOCH_MS) / 1000:g}s took {entry.took_ms}ms from {entry.sender}"
            if entry.is_blind:
                yield "blind"
            if entry.round_id:
                yield "confirming"
    elif isinstance(entry, ZoneTurned):
        yield f"{_SPELLS[entry.spell]} {entry.zone_id}"
    elif isinstance(entry, AgentConnected):
        yield f"connect {entry.connection_id}" + (" fast" if entry.is_fast else "")
    elif isinstance(entry, AgentClosed):
        yield f"close {entry.connection_id}"
    elif isinstance(entry, AgentFetched):
        yield "fetch"

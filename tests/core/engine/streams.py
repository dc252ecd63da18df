"""Random lives of an alarm: what its zones report in what order, and what happens to check, zones and clocks.

A step says what happens in terms of what went before (the third report from the end comes again, late by a period), so
that examples shrink well; `events` makes moments and observations of them. A life prints as an alarm script.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec
from hypothesis import strategies as st

from vedette.domain.ids import AgentId, CheckId, EntityId, TenantId, ZoneId
from vedette.domain.metrics import Metric
from vedette.domain.observations import Observation
from vedette.engine.script_runner import BEGIN_MS
from vedette.engine.terms import AGENT_PLACE

AGENT = AgentId("host")
PERIOD_MS = 60_000
SECOND_MS = 1_000

BY_CODE = """
  if (metric['code'] == 500) { return new AlarmStatus(CRITICAL, 'down #{n}') }
  if (metric['code'] == 404) { return new AlarmStatus(WARNING, 'odd #{n}') }
  return new AlarmStatus(OK, 'well #{n}')"""
BY_RATE = """
  if (metric['code'] == 500 && rate(metric['n']) > 0.1) { return new AlarmStatus(CRITICAL, 'fast at #{n}') }
  if (metric['code'] == 404) { return new AlarmStatus(WARNING, 'odd #{n}') }"""
BY_PREVIOUS = "\n  if (previous(metric['code']) != metric['code']) { return new AlarmStatus(WARNING, 'changed #{n}') }"
AVAILABILITY = ""


@dataclass(frozen=True)
class Setting:
    """What does not change in a life."""

    criteria: str  # with its settings
    zones: tuple[str, ...]
    check_type: str

    @property
    def is_agent(self) -> bool:
        return self.check_type.startswith("agent.")

    @property
    def places(self) -> tuple[str, ...]:
        return (AGENT_PLACE,) if self.is_agent else self.zones


@dataclass(frozen=True)
class Report:
    """A place reports; `late_s` of a sender that stores and forwards, `skew_s` of one that does not."""

    after_s: int
    place: int  # of all places there ever are
    code: int | None  # None: unavailable
    late_s: int | None = None
    skew_s: int = 0
    sender: str = "one"
    is_blind: bool = False
    revisions_ago: int | None = 0  # None: the sender cannot say
    lacks_metrics: bool = False
    is_bound: bool = True  # False: an agent that the entity is not bound to


@dataclass(frozen=True)
class Again:
    """An earlier report comes once more, as it was: soon, for the engine knows again the latest eight of a place."""

    after_s: int
    back: int


@dataclass(frozen=True)
class Event:
    """`down` and `up` of a place, `off` and `on` of a place of the check, `revise`, `change`."""

    after_s: int
    verb: str
    place: int = 0


Step = Report | Again | Event


@dataclass(frozen=True)
class Moment:
    at_ms: int
    what: Observation | Event


@dataclass(frozen=True)
class Life:
    setting: Setting
    steps: tuple[Step, ...]


def moments(life: Life) -> Iterator[Moment]:
    """The life with times and observations; `n` counts them, so that every status tells where it is from."""
    now_ms, revision = BEGIN_MS, 1
    sent: list[Observation] = []
    for number, step in enumerate(life.steps):
        now_ms += step.after_s * SECOND_MS
        if isinstance(step, Event):
            now_ms += 1  # never in the millisecond of a report: times alone then tell which was first
            revision += step.verb in {"revise", "change", "off", "on"}
            yield Moment(now_ms, step)
        elif isinstance(step, Again):
            if sent:
                again = sent[max(0, len(sent) - 1 - step.back)]
                yield Moment(now_ms, msgspec.structs.replace(again, arrival_ms=now_ms))
        else:
            made = _observation(life.setting, step, number, now_ms, revision)
            while any((made.place, made.sender, made.at_ms) == (one.place, one.sender, one.at_ms) for one in sent):
                made = msgspec.structs.replace(made, at_ms=made.at_ms + 1)  # only `Again` is to make duplicates
            sent.append(made)
            yield Moment(now_ms, made)


def _observation(setting: Setting, report: Report, number: int, now_ms: int, revision: int) -> Observation:
    places = setting.places
    place = places[report.place % len(places)]
    stamp_s = report.skew_s if report.late_s is None else -report.late_s
    code = Metric("l", report.code or 0)
    metrics = {} if report.lacks_metrics else {"n": Metric("l", number), "code": code}
    return Observation(
        tenant_id=TenantId("acOne"),
        entity_id=EntityId("enOne"),
        check_id=CheckId("chOne"),
        check_type=setting.check_type,
        zone_id=ZoneId(place) if place else None,
        agent_id=(AGENT if report.is_bound else AgentId("other")) if setting.is_agent else None,
        sender=report.sender,
        check_revision=0 if report.revisions_ago is None else max(1, revision - report.revisions_ago),
        at_ms=now_ms + stamp_s * SECOND_MS,
        arrival_ms=now_ms,
        available=report.code is not None,
        status=f"refused {number}" if report.code is None else f"said {number}",
        metrics=metrics,
        is_blind=report.is_blind,
        buffers=report.late_s is not None,
    )


# Strategies

# Half a period, a period and the windows of counts 1 to 3 (90, 180 and 270 s; 112.5 and 225 s of an agent) are met
# exactly and missed by a second; a clock may be set back by a little, or by more than a window.
_gaps_s = st.one_of(
    st.sampled_from([0, 0, 1, 1, 1, 2, 10]),
    st.sampled_from([15, 29, 30, 31, 45, 58, 60, 60, 60, 62]),
    st.sampled_from([89, 90, 91, 112, 113, 120, 180, 181, 270, 271, 450]),
    st.sampled_from([-1, -30, -600, 3_600, 86_340, 86_400]),
)
_short_gaps_s = st.sampled_from([0, 1, 1, 20, 30, 60])
_codes = st.sampled_from([200, 200, 404, 500, 500, None, None])
_plain_reports = st.builds(Report, after_s=_short_gaps_s, place=st.integers(0, 4), code=_codes)
_reports = st.builds(
    Report,
    after_s=_gaps_s,
    place=st.integers(0, 4),
    code=_codes,
    late_s=st.none() | st.sampled_from([0, 1, 30, 31, 60, 90, 3_600, 3_601, -5, -70]),
    skew_s=st.sampled_from([0, 0, 0, -1, 7, -7_200, 86_400]),
    sender=st.sampled_from(["one", "one", "two"]),
    is_blind=st.sampled_from([False] * 9 + [True]),
    revisions_ago=st.sampled_from([0, 0, 0, 1, None]),
    lacks_metrics=st.sampled_from([False] * 7 + [True]),
    is_bound=st.sampled_from([True] * 9 + [False]),
)
_repeats = st.builds(Again, after_s=st.sampled_from([0, 1, 15, 45, 60]), back=st.integers(0, 4))
_events = st.builds(
    Event,
    after_s=_short_gaps_s,
    verb=st.sampled_from(["down", "down", "up", "up", "off", "on", "revise", "change"]),
    place=st.integers(0, 4),
)
_steps = st.one_of(_plain_reports, _plain_reports, _plain_reports, _reports, _reports, _repeats, _events)
_calm_steps = st.one_of(_plain_reports, _plain_reports, _plain_reports, _plain_reports, _events)  # no clock is wrong

_all_zones = ("a", "b", "c", "d", "e")


def _lives(setting: Setting) -> st.SearchStrategy[Life]:
    # Left to themselves, lists are short; a long life meets more.
    several = st.tuples(st.integers(1, 40), st.sampled_from([_steps, _calm_steps])).flatmap(
        lambda drawn: st.lists(drawn[1], min_size=drawn[0], max_size=drawn[0])
    )
    return several.map(lambda steps: Life(setting, tuple(steps)))


def _with_settings(level: str | None, count: int | None, criteria: str) -> str:
    lines = [f"  :set consistencyLevel={level}"] if level else []
    lines += [f"  :set consecutiveCount={count}"] if count else []
    return "\n".join(lines) + criteria


_criteria = st.builds(
    _with_settings,
    st.sampled_from([None, "ONE", "QUORUM", "ALL"]),
    st.sampled_from([None, 1, 2, 2, 3, 4, 5]),
    st.sampled_from([BY_CODE, BY_CODE, BY_RATE, BY_PREVIOUS, AVAILABILITY]),
)
_remote = st.builds(
    Setting,
    _criteria,
    st.integers(1, 5).map(lambda count: _all_zones[:count]),
    st.sampled_from(["remote.http", "remote.http", "remote.ping"]),
)
_of_agents = st.builds(Setting, _criteria, st.just(()), st.sampled_from(["agent.memory", "agent.plugin"]))

lives = (_remote | _remote | _of_agents).flatmap(_lives)


# As a script


def as_script(life: Life) -> str:
    """The life in the script language (a place off the check is written as all zones but that)."""
    setting = life.setting
    lines = ["criteria", setting.criteria.strip("\n"), f"type {setting.check_type}  zones {' '.join(setting.zones)}"]
    return "\n".join([*lines, *_script_lines(setting, moments(life))])


def _script_lines(setting: Setting, happened: Iterable[Moment]) -> Iterator[str]:
    zones: Sequence[str] = setting.places
    for moment in happened:
        at = f"at {(moment.at_ms - BEGIN_MS) / SECOND_MS:g}s"
        if isinstance(moment.what, Observation):
            yield f"{at}  {_reported(moment.what)}"
            continue
        place = setting.places[moment.what.place % len(setting.places)]
        zones = after_event(zones, moment.what, place)
        polled = f"zones {' '.join(zones)}"
        words = {"off": polled, "on": polled, "change": "change target", "revise": "revise"}
        yield f"{at}  {words.get(moment.what.verb, f'{moment.what.verb} {place}')}"


def after_event(zones: Sequence[str], event: Event, place: str) -> tuple[str, ...]:
    """The zones of the check after an event."""
    if event.verb == "off":
        return tuple(zone for zone in zones if zone != place)
    return (*zones, place) if event.verb == "on" and place not in zones else tuple(zones)


def _reported(seen: Observation) -> str:
    words = [seen.zone_id or "agent", *(f"{name}={metric.value}" for name, metric in seen.metrics.items())]
    words += [] if seen.available else [f'unavailable "{seen.status}"']
    words += [f"{'sent' if seen.buffers else 'stamped'} {(seen.at_ms - BEGIN_MS) / SECOND_MS:g}s"]
    words += [f"from {seen.sender} revision {seen.check_revision}", *(["blind"] if seen.is_blind else [])]
    return " ".join(words)

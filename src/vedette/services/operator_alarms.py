"""The operator's own alarm: what keeps alarms from being decided, in the log and to be counted.

A zone that is blind or down for three minutes, or lags; and alarms of which too few zones are up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import structlog

from vedette.domain.happenings import NOT_THERE, Spell
from vedette.engine.surroundings import Surroundings

PATIENCE_MS = 180_000
_FORGOTTEN_MS = 2 * 3_600_000  # longer than any period: an alarm that was not decided since is gone

_log = structlog.get_logger("vedette.operator")

Raised = tuple[str, str]
"""About what (`zone_down`, `zone_blind`, `zone_lagging`, `electorate_too_small`), and the zone if it is about one."""


class OperatorAlarms:
    """What is raised is said once when it begins and once when it ends."""

    def __init__(self) -> None:
        self._too_small: dict[str, int] = {}  # alarms -> when they were last decided so
        self._raised: frozenset[Raised] = frozenset()
        self._zones: Counter[str] = Counter()

    def decided(self, is_too_small: Mapping[str, bool], at_ms: int) -> None:
        """Of alarms that were decided: whether too few zones were up."""
        for alarm_id, is_so in is_too_small.items():
            if is_so:
                self._too_small[alarm_id] = at_ms
            else:
                self._too_small.pop(alarm_id, None)

    def look(self, surroundings: Surroundings, now_ms: int) -> None:
        """At a tick."""
        self._too_small = {key: at_ms for key, at_ms in self._too_small.items() if now_ms - at_ms < _FORGOTTEN_MS}
        stands = surroundings.zones.stands
        self._zones = Counter(stand.spell.lower() for stand in stands.values() if stand.spell not in NOT_THERE)
        self._zones["lagging"] = len(surroundings.lagging)
        raised: set[Raised] = {("zone_lagging", zone) for zone in surroundings.lagging}
        for zone, stand in stands.items():
            if stand.spell in {Spell.DOWN, Spell.BLIND} and now_ms - stand.since_ms >= PATIENCE_MS:
                raised.add((f"zone_{stand.spell.lower()}", zone))
        if self._too_small:
            raised.add(("electorate_too_small", ""))
        self._say(frozenset(raised))

    def _say(self, raised: frozenset[Raised]) -> None:
        for about, zone in sorted(raised - self._raised):
            more = {"zone_id": zone} if zone else {"alarms": len(self._too_small)}
            _log.error("operator_alarm", about=about, **more)
        for about, zone in sorted(self._raised - raised):
            _log.info("operator_alarm_over", about=about, **({"zone_id": zone} if zone else {}))
        self._raised = raised

    @property
    def raised(self) -> Mapping[str, int]:
        """How many are raised, by what they are about."""
        abouts = ("zone_down", "zone_blind", "zone_lagging", "electorate_too_small")
        counted = Counter(about for about, _ in self._raised)
        return {about: counted[about] for about in abouts} | {"electorate_too_small": len(self._too_small)}

    @property
    def zones(self) -> Mapping[str, int]:
        """How many zones are `up`, `down` and `blind`; those `lagging` are up as well."""
        return {standing: self._zones[standing] for standing in ("up", "down", "blind", "lagging")}

"""Whether a zone's checks can be of a type: the same for the API and for files that agents upload."""

from __future__ import annotations

import pytest

from vedette.app.collecting import knows
from vedette.domain.ids import ZoneId
from vedette.services.zones import Zones


def test_built_in_zones_know_what_is_built_in_and_private_ones_what_their_collectors_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vedette.app.collecting.PROBES", {"remote.http": None})
    monkeypatch.setattr(Zones, "is_built_in", lambda _self, zone_id: zone_id == ZoneId("mzdfw"))
    known = knows(Zones(()), lambda zone, check_type: (zone, check_type) == ("pzOne", "remote.ssh"))

    assert known("mzdfw", "remote.http")
    assert not known("mzdfw", "remote.ssh")
    assert known("pzOne", "remote.ssh")
    assert not known("pzOne", "remote.http")

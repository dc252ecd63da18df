"""The clocks of agents: whatever these say, an observation has a time that there was."""

from __future__ import annotations

from vedette.domain.ids import TenantId
from vedette.services.agent_clocks import AgentClocks

ALICE = TenantId("550123")
NOW = 1_718_000_000_000


def test_an_observation_is_never_before_the_epoch_nor_after_now() -> None:
    clocks = AgentClocks()
    clocks.heard(ALICE, "ahead", 10**15, NOW)
    clocks.heard(ALICE, "behind", 1, NOW)
    assert clocks.corrected(ALICE, "ahead", 1, NOW) == 0
    assert clocks.corrected(ALICE, "behind", 10**15, NOW) == NOW

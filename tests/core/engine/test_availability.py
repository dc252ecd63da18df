"""Rule 8: what a sender says is available, and what counts as such."""

from __future__ import annotations

import pytest

from vedette.domain.ids import AgentId, CheckId, EntityId, TenantId, ZoneId
from vedette.domain.metrics import Metric
from vedette.domain.observations import Observation
from vedette.engine.ballots import is_available

SOME = {"a": Metric("L", 1)}


def seen(
    check_type: str, *, status: str = "", metrics: dict[str, Metric] | None = None, available: bool = True
) -> bool:
    is_agent = check_type.startswith("agent.")
    observation = Observation(
        tenant_id=TenantId("acOne"),
        entity_id=EntityId("enOne"),
        check_id=CheckId("chOne"),
        check_type=check_type,
        zone_id=None if is_agent else ZoneId("mzdfw"),
        agent_id=AgentId("host") if is_agent else None,
        sender="s",
        check_revision=1,
        at_ms=1,
        arrival_ms=1,
        available=available,
        status=status,
        metrics=metrics or {},
    )
    return is_available(observation)


@pytest.mark.parametrize(
    ("check_type", "status", "metrics", "expected"),
    [
        ("agent.memory", "", SOME, True),
        ("agent.memory", "", None, False),
        ("agent.plugin", "", None, True),
        ("agent.plugin", "Timeout in Run Check", None, False),
        ("agent.memory", "Timeout in Run Check", None, False),
        ("agent.plugin", "Timeout in Run Check", SOME, True),
        ("remote.tcp", "", None, True),
    ],
)
def test_an_agent_without_metrics_says_that_its_check_did_not_run(
    check_type: str, status: str, metrics: dict[str, Metric] | None, expected: bool
) -> None:
    assert seen(check_type, status=status, metrics=metrics) is expected


def test_what_is_said_to_be_unavailable_is() -> None:
    assert not seen("agent.memory", metrics=SOME, available=False)

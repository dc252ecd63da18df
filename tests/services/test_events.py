from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from tests.fakes.chain import Chain, changed, check, notification, observation
from vedette.domain.timeline import uuid_of


async def event_of(chain: Chain) -> dict[str, Any]:
    await chain.dispatch()
    return chain.receiver.events[-1]


async def an_outage() -> Chain:
    chain = Chain()
    chain.put_all()
    await chain.see("200", 0)
    await chain.see("503", 60)
    return chain


async def test_the_event_has_the_documented_members_in_the_documented_order() -> None:
    event = await event_of(await an_outage())
    documented = ["event_id", "log_entry_id", "details", "entity", "check", "alarm", "tenant_id"]
    assert list(event) == [*documented, "previous_state"]
    assert list(event["details"]) == [
        "target",
        "timestamp",
        "metrics",
        "state",
        "status",
        "txn_id",
        "collector_address_v4",
        "collector_address_v6",
        "observations",
    ]


async def test_the_ids_are_those_of_the_changelog_entry() -> None:
    chain = await an_outage()
    event = await event_of(chain)
    change = chain.changelogs.all()[-1]
    assert event["event_id"] == f"acAlice:enOne:alOne:chOne:{change.at_ms}:CRITICAL"
    assert event["log_entry_id"] == uuid_of(change.key)
    assert UUID(event["log_entry_id"]).version == 1
    assert event["details"]["txn_id"] == chain.outbox.all()[-1].transaction_id


async def test_the_details_are_those_of_the_observation_that_decided() -> None:
    chain = await an_outage()
    details = (await event_of(chain))["details"]
    assert (details["state"], details["status"], details["target"]) == ("CRITICAL", "HTTP 503", "127.0.0.1")
    assert details["timestamp"] == chain.clock.now_ms + 60_010
    assert details["metrics"] == {
        "code": {"type": "s", "data": "503", "unit": "unknown"},
        "duration": {"type": "I", "data": 12, "unit": "milliseconds"},
    }


async def test_every_zone_is_shown_with_what_it_last_said() -> None:
    chain = await an_outage()
    observations = (await event_of(chain))["details"]["observations"]
    now = chain.clock.now_ms
    assert observations == [
        {"monitoring_zone_id": "mzdfw", "state": "CRITICAL", "status": "HTTP 503", "timestamp": now + 60_000,
         "collectorState": "UP"},
        {"monitoring_zone_id": "mzlon", "state": "OK", "status": "fine", "timestamp": now + 20, "collectorState": "UP"},
        {"monitoring_zone_id": "mzord", "state": "CRITICAL", "status": "HTTP 503", "timestamp": now + 60_010,
         "collectorState": "UP"},
    ]  # fmt: skip


async def test_entity_check_and_alarm_are_shown_whole() -> None:
    event = await event_of(await an_outage())
    assert list(event["entity"]) == [
        "id",
        "label",
        "ip_addresses",
        "metadata",
        "managed",
        "uri",
        "agent_id",
        "created_at",
        "updated_at",
    ]
    assert (event["check"]["type"], event["check"]["active_suppressions"]) == ("remote.http", None)
    assert (event["alarm"]["check_id"], event["alarm"]["entity_id"]) == ("chOne", "enOne")
    assert event["alarm"]["notification_plan_id"] == "npOne"


async def test_no_secret_is_in_an_event() -> None:
    chain = Chain()
    chain.put_all()
    sealed = chain.keyring.seal(b'{"auth_password":"hunter2"}', "document:chOne")
    chain.put(msgspec.structs.replace(changed(check()), secrets=sealed))
    chain.put(changed(notification(), details={"url": "http://me:s3cret@h/"}))
    now = chain.clock.now_ms
    await chain.observe(*(observation(zone, "503", now, check_revision=2) for zone in ("mzdfw", "mzord")))
    await chain.dispatch()
    payload = chain.receiver.messages[0].payload
    assert b"hunter2" not in payload
    assert b"s3cret" not in payload


async def test_an_agent_s_event_names_no_zone() -> None:
    chain = Chain()
    chain.put_all()
    chain.put(
        changed(chain.database.table("documents")["enOne"], agent_id="host"),
        changed(check(), type="agent.memory", monitoring_zones_poll=None, target_alias=None),
    )
    seen = observation(None, "503", chain.clock.now_ms, check_type="agent.memory", check_revision=2, target=None)
    await chain.observe(seen)
    event = await event_of(chain)
    [shown] = event["details"]["observations"]
    assert (shown["monitoring_zone_id"], shown["state"], shown["collectorState"]) == (None, "CRITICAL", "UP")
    assert chain.changelogs.all()[0].analyzed_by is None

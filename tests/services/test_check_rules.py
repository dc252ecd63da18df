"""What a check must be beyond its attributes, and how its details reach who runs it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.fakes.chain import document
from tests.fakes.database import FakeDatabase
from tests.fakes.keyring import FakeKeyring
from tests.fakes.stores import FakeDocuments
from vedette.domain.attributes import parse_new
from vedette.domain.documents import Kind
from vedette.domain.faults import Fault
from vedette.domain.ids import TenantId
from vedette.domain.principals import Principal
from vedette.domain.resources import CHECK
from vedette.ports.probing import Assignment
from vedette.services.assignments import assignment
from vedette.services.checks import CheckRules
from vedette.services.requests import Request
from vedette.services.zones import Zone, Zones

KNOWN = {("mzdfw", "remote.tcp"), ("mzlon", "remote.tcp"), ("mzdfw", "remote.ping"), ("pzAttic", "remote.ping")}
ALICE = TenantId("alice")


def rules(documents: FakeDocuments) -> CheckRules:
    zones = Zones([Zone(id=key, label=key, country_code="XX") for key in ("mzdfw", "mzlon")])
    return CheckRules(documents, zones, lambda zone, check_type: (zone, check_type) in KNOWN)


async def completed(type_: str, zones: list[str] | None, details: dict[str, Any] | None = None) -> dict[str, Any]:
    database = FakeDatabase()
    documents = FakeDocuments(database)
    for zone in ("pzAttic", "pzCellar"):
        database.commit_now(documents.add(document(Kind.PRIVATE_ZONE, zone, {}, ALICE)))
    body = {"type": type_, "details": details or {}, "monitoring_zones_poll": zones, "target_hostname": "db1"}
    values = parse_new(CHECK.attributes_for(type_), body).values
    principal = Principal(user_id="u1", user_name="alice", tenant_id=ALICE, roles=("admin",), expires_at=1)
    request = Request(principal=principal, tenant_id=ALICE, now_ms=0, transaction_id="t", draft=None)
    return (await rules(documents).complete(request, None, values)).values


@pytest.mark.parametrize(
    ("type_", "zones"),
    [("remote.ping", ["mzdfw"]), ("remote.ping", ["mzdfw", "pzAttic"]), ("remote.tcp", ["mzlon", "mzdfw"])],
)
async def test_zones_that_know_the_type_are_taken(type_: str, zones: list[str]) -> None:
    details = {"port": 7} if type_ == "remote.tcp" else {}
    assert (await completed(type_, zones, details))["monitoring_zones_poll"] == zones


@pytest.mark.parametrize(
    ("type_", "zones", "unable"),
    [
        ("remote.ping", ["mzlon"], "mzlon"),
        ("remote.ping", ["mzdfw", "mzlon"], "mzlon"),
        ("remote.ping", ["mzlon", "pzCellar", "pzAttic"], "mzlon, pzCellar"),
        ("remote.ssh", ["mzdfw", "mzlon"], "mzdfw, mzlon"),
    ],
)
async def test_zones_that_do_not_know_the_type_are_named(type_: str, zones: list[str], unable: str) -> None:
    with pytest.raises(Fault) as refused:
        await completed(type_, zones)

    assert refused.value.code == 400
    assert refused.value.message == "Validation error for key 'monitoring_zones_poll'"
    assert refused.value.details == f"Expected zones whose collectors run {type_} checks; these do not: {unable}"


async def test_an_agents_check_asks_no_zone() -> None:
    assert (await completed("agent.cpu", ["mzlon"]))["monitoring_zones_poll"] is None


def assigned(type_: str, details: dict[str, Any], **more: Any) -> Assignment | None:
    public = {
        "type": type_, "details": details, "period": 60, "timeout": 30, "disabled": False, "target_alias": None,
        "target_hostname": "db1", "target_resolver": None,
    }  # fmt: skip
    entity = document(Kind.ENTITY, "enA", {"ip_addresses": {}})
    return assignment(FakeKeyring(), document(Kind.CHECK, "chA", public, entity_id="enA", **more), entity)


def sealed(secrets: dict[str, Any]) -> bytes:
    return FakeKeyring().seal(msgspec.json.encode(secrets), "document:chA")


@pytest.mark.parametrize(
    ("type_", "details", "told"),
    [
        ("remote.ping", {}, {"count": 6}),
        ("remote.ping", {"count": 3}, {"count": 3}),
        ("remote.smtp", {"port": 587, "starttls": True}, {"port": 587, "starttls": True}),
        ("remote.imap-banner", {"ssl": True}, {"port": 143, "ssl": True}),
    ],
)
def test_collectors_are_told_every_detail(type_: str, details: dict[str, Any], told: dict[str, Any]) -> None:
    found = assigned(type_, details)

    assert found is not None
    assert found.details == told


def test_collectors_are_told_secrets() -> None:
    found = assigned("remote.http", {"url": "http://db1/"}, secrets=sealed({"auth_password": "p"}))

    assert found is not None
    assert found.details == {"url": "http://db1/", "auth_password": "p"}


@pytest.mark.parametrize("type_", ["agent.cpu", "remote.telepathy"])
def test_what_no_collector_can_run_is_not_assigned(type_: str) -> None:
    assert assigned(type_, {}) is None

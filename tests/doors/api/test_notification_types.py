"""Notification types over HTTP, and what they mean for notifications."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doors.api.house import Cast

KEY = "abcd1234abcd1234abcd1234abcd1234"
UUID = "6f1b5ed7-2f6b-4c37-9a0e-5d0c2f1c7f3e"
DETAILS: dict[str, dict[str, Any]] = {
    "webhook": {"url": "https://systems.example.org/alert"},
    "email": {"address": "test@example.com"},
    "pagerduty": {"service_key": KEY},
    "sms": {"phone_number": "+15551234567"},
    "managed": {},
    "technicalContactsEmail": {},
    "atomHopper": {"category": "web"},
    "victorops": {"api_key": UUID, "routing_key": "ops"},
}


def test_the_list_has_every_type_with_its_fields(cast: Cast) -> None:
    answer = cast.bob.get("/notification_types")

    fields = {one["id"]: one["fields"] for one in answer["values"]}
    assert list(fields) == sorted(DETAILS)
    assert fields["managed"] is fields["technicalContactsEmail"] is None
    assert fields["email"] == [
        {"name": "address", "description": "Email address to send notifications to", "optional": False}
    ]
    assert answer["metadata"]["count"] == len(DETAILS)


def test_the_list_is_paged(cast: Cast) -> None:
    first = cast.bob.get("/notification_types", limit=3)
    second = cast.bob.get("/notification_types", limit=3, marker=first["metadata"]["next_marker"])

    ids = [one["id"] for one in (*first["values"], *second["values"])]
    assert ids == sorted(DETAILS)[:6]


@pytest.mark.parametrize("type_", DETAILS)
def test_one_type_is_shown_as_in_the_list(cast: Cast, type_: str) -> None:
    listed = {one["id"]: one for one in cast.bob.get("/notification_types")["values"]}

    assert cast.bob.get(f"/notification_types/{type_}") == listed[type_]


def test_a_type_that_is_none_is_not_found(cast: Cast) -> None:
    fault = cast.bob.refused("GET", "/notification_types/pigeon")

    assert fault["details"] == 'Object "NotificationType" with key "pigeon" does not exist'


@pytest.mark.parametrize("type_", DETAILS)
def test_a_notification_of_each_type_can_be_created(cast: Cast, type_: str) -> None:
    notification = cast.alice.create("/notifications", label="l", type=type_, details=DETAILS[type_])

    shown = cast.alice.get(f"/notifications/{notification}")
    assert (shown["type"], shown["details"]) == (type_, DETAILS[type_])


def test_details_may_be_absent_where_a_type_has_none(cast: Cast) -> None:
    notification = cast.alice.create("/notifications", label="l", type="technicalContactsEmail")

    assert cast.alice.get(f"/notifications/{notification}")["details"] == {}


@pytest.mark.parametrize(("type_", "secret"), [("pagerduty", KEY), ("victorops", UUID)])
def test_keys_are_for_those_who_may_see_them(cast: Cast, type_: str, secret: str) -> None:
    notification = cast.alice.create("/notifications", label="l", type=type_, details=DETAILS[type_])

    assert secret in cast.alice.call("GET", f"/notifications/{notification}").text
    assert secret not in cast.bob.call("GET", f"/notifications/{notification}").text
    assert secret not in cast.bob.call("GET", "/notifications").text
    assert secret not in cast.alice.call("GET", "/audits").text


def test_another_type_brings_details_of_its_own(cast: Cast) -> None:
    notification = f"/notifications/{cast.alice.notification()}"

    cast.alice.update(notification, type="pagerduty", details=DETAILS["pagerduty"])
    changed = cast.alice.get(notification)
    cast.alice.update(notification, type="email", details=DETAILS["email"])

    assert (changed["type"], changed["details"]) == ("pagerduty", DETAILS["pagerduty"])
    assert cast.alice.get(notification)["details"] == DETAILS["email"]


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"type": "email", "details": {}}, "details.address"),
        ({"type": "email"}, "details.url"),  # the details it has are no details of the new type
        ({"type": "email", "details": DETAILS["webhook"]}, "details.url"),
        ({"details": DETAILS["email"]}, "details.address"),
        ({"type": "pigeon"}, "type"),
    ],
)
def test_details_must_be_those_of_the_type(cast: Cast, change: dict[str, Any], key: str) -> None:
    notification = f"/notifications/{cast.alice.notification()}"
    before = cast.alice.get(notification)

    assert cast.alice.refused("PUT", notification, change)["message"] == f"Validation error for key '{key}'"
    assert cast.alice.get(notification) == before

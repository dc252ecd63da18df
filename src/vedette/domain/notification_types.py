"""The catalogue of notification types and the details of each (reference: notification types)."""

from __future__ import annotations

from typing import Any

import msgspec

from vedette.domain.attributes import Attribute, Details, Text, Url
from vedette.domain.details import EMAIL, UUID4, fields_of


class NotificationType(msgspec.Struct, frozen=True, kw_only=True):
    """A way to tell people, and the attributes that say where."""

    id: str
    summary: str
    attributes: tuple[Attribute, ...] = ()

    @property
    def details(self) -> Details:
        return Details(self.attributes)

    def shown(self) -> dict[str, Any]:
        """As the API answers it; a type without details has null for them."""
        return {"id": self.id, "fields": fields_of(self.attributes) or None}


_ATOM_HOPPER = NotificationType(
    id="atomHopper",
    summary="An entry in an event feed of the operator's.",
    attributes=(
        Attribute(
            "category",
            Text(1, 4096),
            "A category by which to identify this notification; it gets the prefix 'monitoring.alerts.'",
            optional=False,
        ),
    ),
)

_EMAIL = NotificationType(
    id="email",
    summary="A message to an address.",
    attributes=(Attribute("address", EMAIL, "Email address to send notifications to", optional=False),),
)

_MANAGED = NotificationType(id="managed", summary="A ticket for the staff that manages the account.")

_PAGERDUTY = NotificationType(
    id="pagerduty",
    summary="An incident at PagerDuty.",
    attributes=(
        Attribute(
            "service_key",
            Text(1, 32, "[A-Za-z0-9]+", "1 to 32 letters and digits"),
            "The PagerDuty service key to use",
            optional=False,
            secret=True,
        ),
        Attribute("service_endpoint", Url(4096), "The PagerDuty service endpoint to use"),
    ),
)

_SMS = NotificationType(
    id="sms",
    summary="A text message to a phone.",
    attributes=(
        Attribute(
            "phone_number",
            Text(7, 16, r"\+[0-9]{6,15}", "a phone number: + and 6 to 15 digits"),
            "Phone number to send the notification to, with leading + and country code (E.164 format)",
            optional=False,
        ),
    ),
)

_TECHNICAL_CONTACTS = NotificationType(
    id="technicalContactsEmail", summary="A message to every technical contact of the account."
)

_VICTOROPS = NotificationType(
    id="victorops",
    summary="An incident at VictorOps.",
    attributes=(
        Attribute("api_key", UUID4, "The VictorOps API key to use", optional=False, secret=True),
        Attribute(
            "routing_key",
            Text(1, 4096, r"[a-zA-Z0-9\-_.]+", "a routing key of letters, digits and - _ ."),
            "The VictorOps routing key to use",
        ),
    ),
)

_WEBHOOK = NotificationType(
    id="webhook",
    summary="A JSON document posted to a URL.",
    attributes=(Attribute("url", Url(4096), "An HTTP or HTTPS URL to POST to", optional=False),),
)

NOTIFICATION_TYPES: dict[str, NotificationType] = {
    one.id: one for one in (_ATOM_HOPPER, _EMAIL, _MANAGED, _PAGERDUTY, _SMS, _TECHNICAL_CONTACTS, _VICTOROPS, _WEBHOOK)
}

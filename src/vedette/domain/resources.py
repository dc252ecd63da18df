"""The resources of the configuration API: the attributes of each kind (reference: the attribute tables)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from vedette.domain.attributes import (
    Address,
    Array,
    Attribute,
    Boolean,
    Details,
    Hash,
    Host,
    Integer,
    OneOf,
    OrEmpty,
    Reference,
    Scalar,
    Text,
)
from vedette.domain.check_types import CHECK_TYPES
from vedette.domain.documents import Kind
from vedette.domain.faults import invalid
from vedette.domain.notification_types import NOTIFICATION_TYPES
from vedette.domain.scoped import Scoped
from vedette.domain.token_attributes import POLICY_ATTRIBUTES

LABEL = Text(1, 255)
_METADATA = Attribute("metadata", Hash(Text(1, 255), Text(1, 255), 256), "Arbitrary key/value pairs")


class AnyDetails(msgspec.Struct, frozen=True):
    """An object, taken as it comes: what is in it can be judged once the type is known."""

    @property
    def expected(self) -> str:
        return "Expected an object with between 0 and 256 items"

    def parse(self, value: Any, key: str) -> Any:
        if value != [] and (not isinstance(value, dict) or len(value) > 256):
            raise invalid(key, self.expected)
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "maxProperties": 256}


_ANY_DETAILS = AnyDetails()
_LOOSE_METADATA = Attribute("metadata", Hash(Text(1, 255), Scalar(), 256), "Arbitrary key/value pairs")


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of configuration object as the API shows it."""

    kind: Kind
    noun: str  # as faults name it
    plural: str  # as addresses name it
    attributes: tuple[Attribute, ...]
    details: Mapping[str, Details] = MappingProxyType({})  # by type: what the attribute `details` takes
    exclusive: tuple[str, ...] = ()  # setting one of them unsets the others
    is_suppressible: bool = False  # shows `active_suppressions` and `scheduled_suppressions`

    def attributes_for(self, type: Any) -> tuple[Attribute, ...]:
        """With `details` as that type has them; as they are declared when there is no such type."""
        details = self.details.get(type) if isinstance(type, str) else None
        if details is None:
            return self.attributes
        return tuple(
            msgspec.structs.replace(attribute, type=details) if attribute.name == "details" else attribute
            for attribute in self.attributes
        )


ENTITY = Resource(
    kind=Kind.ENTITY,
    noun="Entity",
    plural="entities",
    is_suppressible=True,
    attributes=(
        Attribute("label", LABEL, "Defines a name for the entity", optional=False),
        Attribute("agent_id", Text(1, 255, "[-.A-Za-z0-9_]{1,255}", "an agent id matching /^[-.\\w]{1,255}$/"),
                  "Agent to which this entity is bound"),
        Attribute("ip_addresses", Hash(Text(1, 64), Address(), 64), "Addresses that checks can refer to by alias",
                  default=dict),
        Attribute("managed", Boolean(), "Whether this entity is managed", default=False),
        _METADATA,
        Attribute("uri", Text(1, 1024), "Identifier of the entity elsewhere"),
    ),
)  # fmt: skip

CHECK = Resource(
    kind=Kind.CHECK,
    noun="Check",
    plural="checks",
    exclusive=("target_alias", "target_hostname"),
    is_suppressible=True,
    details=MappingProxyType({check_type.id: check_type.details for check_type in CHECK_TYPES.values()}),
    attributes=(
        Attribute("type", OneOf(tuple(CHECK_TYPES)), "The type of check", optional=False, immutable=True),
        Attribute("details", _ANY_DETAILS, "Details specific to the check type", default=dict),
        Attribute("disabled", Boolean(), "Disables the check", default=False),
        Attribute("label", LABEL, "A friendly label for the check"),
        _LOOSE_METADATA,
        Attribute("period", Integer(30, 1800), "The period in seconds", default=60),
        Attribute("timeout", Integer(2, 1800), "The time-out in seconds, less than the period"),
        Attribute(
            "monitoring_zones_poll",
            Array(Reference(("mz", "pz"), "a monitoring zone"), 64),
            "Monitoring zones to poll from",
        ),
        Attribute("target_alias", OrEmpty(Text(1, 64)), "A key in the entity's `ip_addresses`"),
        Attribute("target_hostname", OrEmpty(Host()), "The host name or address this check should target"),
        Attribute("target_resolver", OrEmpty(OneOf(("IPv4", "IPv6"))), "How to resolve the target: IPv4 or IPv6"),
    ),
)

ALARM = Resource(
    kind=Kind.ALARM,
    noun="Alarm",
    plural="alarms",
    is_suppressible=True,
    attributes=(
        Attribute("check_id", Reference(("ch",), "a check"), "The check to alert on", optional=False, immutable=True),
        Attribute(
            "notification_plan_id",
            Reference(("np",), "a notification plan"),
            "The plan to execute when the state changes",
            optional=False,
        ),
        Attribute("criteria", OrEmpty(Text(1, 16384)), "The alarm language that decides the state"),
        Attribute("disabled", Boolean(), "Disables the alarm", default=False),
        Attribute("label", LABEL, "A friendly label for the alarm"),
        _LOOSE_METADATA,
    ),
)

NOTIFICATION = Resource(
    kind=Kind.NOTIFICATION,
    noun="Notification",
    plural="notifications",
    details=MappingProxyType({one.id: one.details for one in NOTIFICATION_TYPES.values()}),
    attributes=(
        Attribute("label", LABEL, "Friendly name for the notification", optional=False),
        Attribute("type", OneOf(tuple(NOTIFICATION_TYPES)), "The notification type to send", optional=False),
        Attribute("details", _ANY_DETAILS, "Details specific to the notification type", default=dict),
        _METADATA,
    ),
)

_RECEIVERS = Array(Reference(("nt",), "a notification"), 256)

PLAN = Resource(
    kind=Kind.PLAN,
    noun="NotificationPlan",
    plural="notification_plans",
    attributes=(
        Attribute("label", LABEL, "Friendly name for the notification plan", optional=False),
        Attribute("critical_state", _RECEIVERS, "Whom to tell when the state is CRITICAL", default=list),
        Attribute("warning_state", _RECEIVERS, "Whom to tell when the state is WARNING", default=list),
        Attribute("ok_state", _RECEIVERS, "Whom to tell when the state is OK", default=list),
        _METADATA,
    ),
)

MOST_SUPPRESSED = 512
_MOMENT = Integer(0, 253_370_764_800_000)  # up to the year 9999, where calendars end

SUPPRESSION = Resource(
    kind=Kind.SUPPRESSION,
    noun="Suppression",
    plural="suppressions",
    attributes=(
        Attribute("notification_plans", Array(Reference(("np",), "a notification plan"), MOST_SUPPRESSED),
                  "Notification plans that are told nothing", default=list),
        Attribute("entities", Array(Reference(("en",), "an entity"), MOST_SUPPRESSED),
                  "Entities of whose alarms nobody is told", default=list),
        Attribute("checks", Array(Scoped("ch", "a check"), MOST_SUPPRESSED),
                  "Checks of whose alarms nobody is told, as `entityId:checkId`", default=list),
        Attribute("alarms", Array(Scoped("al", "an alarm"), MOST_SUPPRESSED),
                  "Alarms of which nobody is told, as `entityId:alarmId`", default=list),
        Attribute("start_time", _MOMENT, "When it begins, in milliseconds since the epoch; 0 is now", default=0),
        Attribute("end_time", _MOMENT, "When it ends, in milliseconds since the epoch; 0 is now", default=0),
        Attribute("label", LABEL, "A friendly label for the suppression"),
        Attribute("recurrence", Text(1, 255), "When it begins again, for as long each time: a rule of RFC 5545"),
        Attribute("timezone", Text(1, 64), "The time zone of `recurrence`; UTC without one"),
    ),
)  # fmt: skip

PRIVATE_ZONE = Resource(
    kind=Kind.PRIVATE_ZONE,
    noun="MonitoringZone",
    plural="monitoring_zones",
    attributes=(
        Attribute("label", LABEL, "Friendly name for the private monitoring zone", optional=False),
        Attribute("maximum_checks", Integer(0, 1_000_000), "How many checks it may have; null for any number"),
        Attribute("maximum_agents", Integer(0, 1_000_000), "How many collectors it may have; null for any number"),
        Attribute("disabled", Boolean(), "Disables the zone", default=False),
        _METADATA,
    ),
)

ACCOUNT_ATTRIBUTES = (
    _METADATA,
    Attribute("webhook_token", Text(10, 64), "Sent with every webhook", secret=True),
)

AGENT_TOKEN_ATTRIBUTES = (Attribute("label", Text(0, 255), "A name for the token"), *POLICY_ATTRIBUTES, _METADATA)

RESOURCES: dict[Kind, Resource] = {
    r.kind: r for r in (ENTITY, CHECK, ALARM, NOTIFICATION, PLAN, SUPPRESSION, PRIVATE_ZONE)
}

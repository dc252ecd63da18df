"""The catalogue of notification types (reference: notification types)."""

from __future__ import annotations

import msgspec

from vedette.domain.attributes import Attribute, Details, Url


class NotificationType(msgspec.Struct, frozen=True, kw_only=True):
    """A way to tell people, and the attributes that say where."""

    id: str
    attributes: tuple[Attribute, ...]

    @property
    def details(self) -> Details:
        return Details(self.attributes)


NOTIFICATION_TYPES: dict[str, NotificationType] = {
    notification_type.id: notification_type
    for notification_type in (
        NotificationType(
            id="webhook",
            attributes=(Attribute("url", Url(4096), "An HTTP or HTTPS URL to POST to", optional=False),),
        ),
    )
}

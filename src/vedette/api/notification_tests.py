"""Test notifications (reference: test a notification, test an existing notification)."""

from __future__ import annotations

from typing import Any

from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from vedette.api import answers, bodies, schemas
from vedette.api.answer import Answer
from vedette.api.visits import Call
from vedette.domain.attributes import object_schema
from vedette.domain.principals import Capability
from vedette.services.notification_tests import DESCRIBED, NotificationTests

_OPTIONS: dict[str, Any] = {
    "needs": Capability.CREATE,
    "app": "notifications",
    "rate": "test_notification",
    "gives": {
        "type": "object",
        "properties": {"status": {"type": "string", "enum": ["success", "error"]}, "message": schemas.TEXT},
        "required": ["status", "message"],
    },
}


def routes(service: NotificationTests) -> list[HTTPRouteHandler]:
    """Of a stored notification and of one that is only described."""

    @post("/v1.0/notifications/{key:str}/test", status_code=200, opt=_OPTIONS, operation_id="test_notification")
    async def of_stored(request: Call, key: FromPath[str]) -> Answer:
        """Sends to a notification that is there; the body does not matter."""
        return answers.encoded(await service.of_stored(request.asked, key))

    @post(
        ["/v1.0/test-notification", "/v1.0/test-notifications"],
        status_code=200,
        opt={**_OPTIONS, "takes": object_schema(DESCRIBED)},
        operation_id="test_described_notification",
    )
    async def of_described(request: Call) -> Answer:
        """Sends to a notification that is only described, before it is made."""
        return answers.encoded(await service.of_described(request.asked, bodies.optional_object(request.visit.body)))

    return [of_stored, of_described]

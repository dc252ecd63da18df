"""`Idempotency-Key`: a creation that a caller may send again without creating twice (api decisions: headers)."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from vedette.domain.faults import bad_request
from vedette.services.once import Keyed, Once

if TYPE_CHECKING:
    from vedette.api.visits import Call
    from vedette.services.requests import Created, Request

OPTIONS = {"repeatable": True}
"""Of a route that honours it."""
PATTERN = "^[!-~]{1,255}$"
_KEY = re.compile("[!-~]{1,255}")


async def create(
    call: Call, once: Once, body: Mapping[str, Any], create: Callable[[Request], Awaitable[Created]]
) -> Created:
    """Creates once for each key; without one, each time."""
    key = call.headers.get("Idempotency-Key")
    if key is None:
        return await create(call.asked)
    if not _KEY.fullmatch(key):
        raise bad_request("The Idempotency-Key header is not valid", "Expected 1 to 255 visible ASCII characters")
    return await once.run(call.asked, Keyed(key, call.visit.path, body), create)

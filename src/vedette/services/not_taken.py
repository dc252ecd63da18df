"""Posts that are not taken."""

from __future__ import annotations

import msgspec


class NotTaken(msgspec.Struct, frozen=True):
    """Why a post was not taken; nothing of it is stored."""

    message: str

"""Configuration objects as they are stored: a row holds the public JSON and, apart and sealed, the secrets.

Lists are served by joining the public bytes; only rows with secrets are ever decoded.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from vedette.domain.ids import TenantId


class Kind(StrEnum):
    """The kinds of configuration object; the value is the id's prefix."""

    ENTITY = "en"
    CHECK = "ch"
    ALARM = "al"
    NOTIFICATION = "nt"
    PLAN = "np"
    SUPPRESSION = "sp"
    PRIVATE_ZONE = "pz"


# Text and bytes only, so there are no cycles: the garbage collector would pause to look at thousands of rows a page.
class Document(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One configuration object of a tenant.

    `refs` name the objects it refers to (a plan's notifications, an alarm's plan, a check's zones): they are what
    "is it still in use" and "who uses it" are answered from.
    """

    tenant_id: TenantId
    kind: Kind
    id: str
    entity_id: str | None = None  # checks and alarms: goes with the entity
    check_id: str | None = None  # alarms: goes with the check
    agent_id: str | None = None  # entities: unique in a tenant
    label: str = ""
    refs: tuple[str, ...] = ()
    revision: int = 1  # grows by one at each change; compare-and-set and ETag
    created_at: int  # milliseconds
    updated_at: int
    public: bytes  # the JSON object as served, without secrets and without computed members
    secrets: bytes | None = None  # sealed JSON, see `services.secrets`

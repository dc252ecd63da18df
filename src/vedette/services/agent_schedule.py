"""What an agent is to run: the enabled agent checks of the entity bound to it (wire protocol, 6.1 and 9)."""

from __future__ import annotations

from typing import Any

import msgspec

from vedette.domain.documents import Document, Kind
from vedette.domain.ids import TenantId
from vedette.ports.documents import Documents, Filter
from vedette.ports.secrets import Keyring
from vedette.services.sealing import full_details
from vedette.wire.messages import ScheduledCheck

_PAGE = 1_000
AGENT_PREFIX = "agent."


class CheckBody(msgspec.Struct, frozen=True):
    """What counts here of a check's public JSON."""

    type: str
    period: int
    timeout: int | None = None
    disabled: bool | None = False

    @property
    def is_agents(self) -> bool:
        return self.type.startswith(AGENT_PREFIX)


_body = msgspec.json.Decoder(CheckBody)


def body_of(check: Document) -> CheckBody:
    """The members of a stored check that agents are concerned with."""
    return _body.decode(check.public)


class AgentSchedules:
    """Reads schedules out of the configuration."""

    def __init__(self, documents: Documents, keyring: Keyring) -> None:
        self._documents = documents
        self._keyring = keyring

    async def of_entity(self, tenant_id: TenantId, entity_id: str) -> list[Document]:
        """The entity's enabled agent checks."""
        found: list[Document] = []
        marker = None
        while True:
            page = await self._documents.list(tenant_id, Kind.CHECK, Filter(entity_id=entity_id), marker, _PAGE)
            found += page if marker is None else page[1:]
            if len(page) < _PAGE:
                return [check for check in found if is_run(check)]
            marker = page[-1].id

    def scheduled(self, check: Document, *, with_revision: bool) -> ScheduledCheck:
        """As handed out; the revision only to agents that give it back with what they post."""
        body = body_of(check)
        return ScheduledCheck(
            id=check.id,
            type=body.type,
            period=body.period,
            timeout=body.timeout or max(body.period - 1, 1),
            disabled=False,
            details=translated(body.type, full_details(self._keyring, check)),
            revision=check.revision if with_revision else None,
        )

    def fingerprint(self, check: Document, *, with_revision: bool) -> int:
        """Differs when an agent that has the one schedule must fetch the other."""
        return hash(msgspec.json.encode(self.scheduled(check, with_revision=with_revision), order="deterministic"))


def is_run(check: Document) -> bool:
    """Stock agents run disabled checks, so these are left out."""
    body = body_of(check)
    return body.is_agents and not body.disabled


def translated(check_type: str, details: dict[str, Any]) -> dict[str, Any]:
    """The API says `hostname` where stock agents read `host`."""
    if check_type == "agent.redis" and "hostname" in details:
        return details | {"host": details["hostname"]}
    return details

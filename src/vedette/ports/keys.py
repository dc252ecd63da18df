"""What is kept under the server's keys: who needs which, and sealing it anew."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

from vedette.domain.documents import Document
from vedette.ports.accounts import Tenant
from vedette.ports.unit import Write


class Kept(StrEnum):
    """Kinds of rows that need a key."""

    AGENT_TOKENS = "agent_tokens"  # sealed and indexed
    DOCUMENTS = "documents"  # checks and notifications with secrets, sealed
    WEBHOOK_TOKENS = "webhook_tokens"  # sealed
    API_KEYS = "api_keys"  # only indexed: nobody but their owner can give them again
    IDENTITY_TOKENS = "identity_tokens"  # only indexed, for a day


class KeyUse(msgspec.Struct, frozen=True):
    """How many rows of a kind need a version of the keys."""

    kept: Kept
    version: int
    rows: int


class Sealed(Protocol):
    """Looks at the versions in what is sealed and indexed (`ports.secrets.Keyring`), never at what it says."""

    async def uses(self, now_ms: int) -> Sequence[KeyUse]:
        """Where there are any; identity tokens that have expired need none."""
        ...

    async def api_key_owners(self, version: int, limit: int) -> Sequence[str]:
        """Names of users whose API keys need this version, in order."""
        ...

    async def documents(self, current: int, marker: str, limit: int) -> Sequence[Document]:
        """Over all tenants, those sealed under another key than `current`, the first id greater than `marker`."""
        ...

    async def tenants(self, current: int, marker: str, limit: int) -> Sequence[Tenant]:
        """The same of tenants with a webhook token."""
        ...

    def reseal_document(self, document: Document) -> Write:
        """Stores its sealed secrets; nothing else changes, its revision neither, and the feed says nothing.

        Guard `revision`: it was changed since, or is gone.
        """
        ...

    def reseal_tenant(self, tenant: Tenant) -> Write:
        """The same of its webhook token."""
        ...

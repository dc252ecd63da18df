"""What is kept under the server's keys. The second byte of what is sealed and the first of an index are the version."""

from __future__ import annotations

from collections.abc import Sequence

from vedette.adapters.sql import accounts, documents
from vedette.adapters.sql.database import Database, Params, Row, SqlWrite, Statement
from vedette.domain.documents import Document
from vedette.ports.accounts import Tenant
from vedette.ports.keys import Kept, KeyUse

USES = """
SELECT 'agent_tokens', substr(sealed, 2, 1), COUNT(*) FROM agent_token GROUP BY substr(sealed, 2, 1)
UNION ALL
SELECT 'documents', substr(secrets, 2, 1), COUNT(*) FROM document
WHERE secrets IS NOT NULL GROUP BY substr(secrets, 2, 1)
UNION ALL
SELECT 'webhook_tokens', substr(webhook_token, 2, 1), COUNT(*) FROM tenant
WHERE webhook_token IS NOT NULL GROUP BY substr(webhook_token, 2, 1)
UNION ALL
SELECT 'api_keys', substr(api_key_index, 1, 1), COUNT(*) FROM login GROUP BY substr(api_key_index, 1, 1)
UNION ALL
SELECT 'identity_tokens', substr(token_index, 1, 1), COUNT(*) FROM identity_token
WHERE expires_at > :now GROUP BY substr(token_index, 1, 1)"""

API_KEY_OWNERS = """
SELECT name FROM login WHERE substr(api_key_index, 1, 1) = :version ORDER BY name LIMIT :limit"""

DOCUMENTS = f"""
SELECT {documents.COLUMNS} FROM document
WHERE secrets IS NOT NULL AND substr(secrets, 2, 1) <> :current AND id > :marker ORDER BY id LIMIT :limit"""

TENANTS = f"""
SELECT {accounts.TENANT} FROM tenant
WHERE webhook_token IS NOT NULL AND substr(webhook_token, 2, 1) <> :current AND id > :marker ORDER BY id LIMIT :limit"""

RESEAL_DOCUMENT = "UPDATE document SET secrets = :secrets WHERE id = :id AND revision = :revision"

RESEAL_TENANT = "UPDATE tenant SET webhook_token = :webhook_token WHERE id = :id AND revision = :revision"


class SqlSealed:
    """See `ports.keys.Sealed`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def uses(self, now_ms: int) -> Sequence[KeyUse]:
        return [_use(row) for row in await self._database.fetch(USES, {"now": now_ms})]

    async def api_key_owners(self, version: int, limit: int) -> Sequence[str]:
        params: Params = {"version": bytes((version,)), "limit": limit}
        return [row[0] for row in await self._database.fetch(API_KEY_OWNERS, params)]

    async def documents(self, current: int, marker: str, limit: int) -> Sequence[Document]:
        params: Params = {"current": bytes((current,)), "marker": marker, "limit": limit}
        return [documents.document_of(row) for row in await self._database.fetch(DOCUMENTS, params)]

    async def tenants(self, current: int, marker: str, limit: int) -> Sequence[Tenant]:
        params: Params = {"current": bytes((current,)), "marker": marker, "limit": limit}
        return [accounts.tenant_of(row) for row in await self._database.fetch(TENANTS, params)]

    def reseal_document(self, document: Document) -> SqlWrite:
        params: Params = {"id": document.id, "revision": document.revision, "secrets": document.secrets}
        return SqlWrite((Statement(RESEAL_DOCUMENT, params, expect=1, guard="revision"),))

    def reseal_tenant(self, tenant: Tenant) -> SqlWrite:
        params: Params = {"id": tenant.id, "revision": tenant.revision, "webhook_token": tenant.webhook_token}
        return SqlWrite((Statement(RESEAL_TENANT, params, expect=1, guard="revision"),))


def _use(row: Row) -> KeyUse:
    kept, version, rows = row
    return KeyUse(Kept(kept), version[0] if version else 0, rows)

"""Audit entries that are written, sealed and checked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from tests.contracts.examples import ALICES, audit, key
from vedette.adapters.local.entropy import entropy
from vedette.adapters.local.keyring import Key, LocalKeyring
from vedette.adapters.sql.database import Database, SqlWrite, Statement, Value
from vedette.adapters.sql.stores import Stores
from vedette.domain.ids import TenantId
from vedette.ports.audit_chain import Head
from vedette.services.audit_sealing import Sealer
from vedette.services.audit_verification import Verdict, Verifier

OLD, NEW = Key(1, bytes(range(32))), Key(2, bytes(range(32, 64)))
Open = Callable[[], Awaitable[Database]]


def keyring(*keys: Key) -> LocalKeyring:
    return LocalKeyring(keys or [OLD], entropy)


async def write(store: Stores, *moments: int, tenant_id: TenantId = ALICES) -> None:
    for moment in moments:
        body = b'{"url":"/v1.0/entities","payload":"caf\xc3\xa9\\n"}'
        await store.commit(store.audits.add(audit(key(moment), tenant_id=tenant_id, at_ms=moment, body=body)))


async def seal(store: Stores, keys: LocalKeyring | None = None) -> None:
    sealer = Sealer(store.audit_chain, store.commit, keys or keyring())
    while await sealer.step():
        pass


async def checked(store: Stores, tenant_id: TenantId = ALICES, keys: LocalKeyring | None = None) -> Verdict:
    (verdict,) = await Verifier(store.audit_chain, keys or keyring()).verify([tenant_id])
    return verdict


async def seqs(store: Stores, tenant_id: TenantId = ALICES) -> list[int]:
    return [link.seq for link in await store.audit_chain.links(tenant_id, 0, 1000)]


async def head_of(store: Stores, tenant_id: TenantId = ALICES) -> Head:
    (head,) = await store.audit_chain.heads([tenant_id])
    return head


async def run(database: Database, sql: str, **params: Value) -> None:
    """What somebody with the database but without the keys does."""
    await database.commit(SqlWrite((Statement(sql, params),)))


async def moments(store: Stores, tenant_id: TenantId = ALICES) -> Sequence[int]:
    found = await store.audit_chain.links(tenant_id, 0, 1000)
    return [one.entry.at_ms for one in found if one.entry is not None]

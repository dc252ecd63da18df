"""`vedette audit`."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import click

from vedette.cli.at_hand import AtHand, on_stores
from vedette.cli.failures import REFUSED
from vedette.cli.options import store_options
from vedette.cli.show import show
from vedette.domain.faults import not_found
from vedette.domain.ids import TenantId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vedette.services.audit_verification import Verdict, Verifier

_COLUMNS = ("tenant", "state", "entries", "waiting", "broken", "reason")
_HEAD_COLUMNS = ("tenant", "entry", "entry_at", "chain")
_CHAIN = re.compile("[0-9a-f]{64}")
_tenant = click.option("--tenant", "tenant_id", metavar="ID", help="Only this tenant's; all by default.")


@click.group()
def audit() -> None:
    """Check that nobody has changed the audits, with a running server or without.

    Every entry is linked to the one before it within a second, with a secret key of the server. Who can write to the
    database but does not have the keys cannot change, remove or slip in an entry unseen.
    """


@audit.command()
@_tenant
@click.option(
    "--head", "kept", metavar="CHAIN", help="A value that `vedette audit head` has printed before: it must be there."
)
@store_options
def verify(tenant_id: str | None, kept: str | None, *, is_json: bool, **flags: Any) -> None:
    """Check every entry of the audits; ends with 1 and names the first one that does not hold.

    `waiting` are entries that are not linked yet: written within the last second, or since the last server stopped.
    """
    value = _value(tenant_id, kept)
    verdicts = on_stores(flags, lambda at_hand: _verified(at_hand, tenant_id, value))
    show([_row(verdict) for verdict in verdicts], _COLUMNS, is_json=is_json)
    broken = [verdict for verdict in verdicts if verdict.first_break is not None or not verdict.has_kept]
    for verdict in broken:
        print(f"vedette: {_told(verdict)}", file=sys.stderr)
    if broken:
        sys.exit(REFUSED)


@audit.command()
@_tenant
@store_options
def head(tenant_id: str | None, *, is_json: bool, **flags: Any) -> None:
    """Print where each tenant's chain ends, to be kept elsewhere.

    With it `vedette audit verify --tenant ID --head CHAIN` finds even what somebody with the keys, or an older copy of
    the database, has done to the entries up to there.
    """
    show(on_stores(flags, lambda at_hand: _heads(at_hand, tenant_id)), _HEAD_COLUMNS, is_json=is_json)


def _value(tenant_id: str | None, kept: str | None) -> bytes | None:
    if kept is None:
        return None
    if tenant_id is None:
        raise click.UsageError("--head is one tenant's: expected --tenant too")
    if not _CHAIN.fullmatch(kept.lower()):
        raise click.UsageError("expected --head to be 64 hex digits, as `vedette audit head` prints them")
    return bytes.fromhex(kept)


def _verifier(at_hand: AtHand) -> Verifier:
    from vedette.services.audit_verification import Verifier

    return Verifier(at_hand.stores.audit_chain, at_hand.keys)


async def _tenants(at_hand: AtHand, tenant_id: str | None) -> list[TenantId]:
    if tenant_id is None:
        return [one.id for one in await at_hand.stores.accounts.tenants()]
    tenant = await at_hand.stores.accounts.find_tenant(TenantId(tenant_id))
    if tenant is None:
        raise not_found("Tenant", tenant_id)
    return [tenant.id]


async def _verified(at_hand: AtHand, tenant_id: str | None, kept: bytes | None) -> Sequence[Verdict]:
    return await _verifier(at_hand).verify(await _tenants(at_hand, tenant_id), kept)


async def _heads(at_hand: AtHand, tenant_id: str | None) -> list[dict[str, Any]]:
    from vedette.domain.timeline import uuid_of

    tenants = await _tenants(at_hand, tenant_id)
    return [
        {
            "tenant": head.tenant_id,
            "entry": "" if entry is None else uuid_of(entry.key),
            "entry_at": None if entry is None else entry.at_ms,
            "chain": head.chain.hex(),
        }
        for head, entry in await _verifier(at_hand).heads(tenants)
    ]


def _row(verdict: Verdict) -> dict[str, Any]:
    found = verdict.first_break
    return {
        "tenant": verdict.tenant_id,
        "state": "whole" if found is None and verdict.has_kept else "broken",
        "entries": verdict.entries,
        "waiting": verdict.waiting,
        "broken": "" if found is None else found.what,
        "reason": "" if found is None else found.reason,
    }


def _told(verdict: Verdict) -> str:
    from vedette.services.audit_verification import broken

    if verdict.first_break is None:
        return f"The audit of {verdict.tenant_id} does not hold that value: it was changed, or it has expired since"
    fault = broken(verdict)
    return f"{fault.message}: {fault.details}"

"""`vedette tenant`."""

from __future__ import annotations

import sys
from typing import Any

import click

from vedette.cli.account_book import on_accounts
from vedette.cli.options import store_options
from vedette.cli.show import show
from vedette.ports.accounts import Tenant

_COLUMNS = ("id", "created_at")


@click.group()
def tenant() -> None:
    """Add, list and remove tenants, with a running server or without."""


@tenant.command()
@click.argument("tenant_id", metavar="ID")
@store_options
def add(tenant_id: str, *, is_json: bool, **flags: Any) -> None:
    """Add a tenant; ID is 1 to 64 of A-Z a-z 0-9 : _ -."""
    added = on_accounts(flags, lambda book: book.add_tenant(tenant_id))
    show(_shown(added), _COLUMNS, is_json=is_json)


@tenant.command(name="list")
@store_options
def list_(*, is_json: bool, **flags: Any) -> None:
    """List the tenants."""
    tenants = on_accounts(flags, lambda book: book.tenants())
    show([_shown(one) for one in tenants], _COLUMNS, is_json=is_json)


@tenant.command()
@click.argument("tenant_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask, where this runs on a terminal.")
@store_options
def remove(tenant_id: str, *, yes: bool, is_json: bool, **flags: Any) -> None:
    """Remove a tenant with its users, entities, checks, alarms, history and everything else of it."""
    if not yes and sys.stdin.isatty():
        click.confirm(f"Remove tenant {tenant_id} and everything that is its?", abort=True, err=True)
    on_accounts(flags, lambda book: book.remove_tenant(tenant_id))
    show({"removed": tenant_id}, ("removed",), is_json=is_json)


def _shown(one: Tenant) -> dict[str, Any]:
    return {"id": one.id, "created_at": one.created_at}

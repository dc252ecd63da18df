"""`vedette tenant`."""

from __future__ import annotations

import sys
from typing import Any

import click

from vedette.cli.account_book import on_accounts
from vedette.cli.options import store_options
from vedette.cli.show import show
from vedette.ports.accounts import Tenant
from vedette.services.accounts import LIMITS, MOST_LIMIT

_COLUMNS = ("id", "created_at")
_LIMIT_COLUMNS = ("limit", "value", "own")


@click.group()
def tenant() -> None:
    """Add, list and remove tenants and set their limits, with a running server or without."""


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
@click.argument("name", required=False)
@click.argument("value", required=False, metavar="[NUMBER|none|default]")
@store_options
def limit(tenant_id: str, name: str | None, value: str | None, *, is_json: bool, **flags: Any) -> None:
    """Show a tenant's limits, or set one: a number, `none` to lift it, `default` for everybody's.

    NAME is checks, alarms, rate.global, rate.test_check, rate.test_alarm, rate.test_notification or rate.traceroute;
    rates are requests in 24 hours. A running server takes it over within a second or two.
    """
    if name is None:
        tenants = on_accounts(flags, lambda book: book.tenant(tenant_id))
    else:
        wanted = _limit(name, value)
        tenants = on_accounts(flags, lambda book: book.set_limit(tenant_id, name, wanted))
    show(_limits(tenants), _LIMIT_COLUMNS, is_json=is_json)


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


def _limit(name: str, value: str | None) -> int | None:
    """None for everybody's."""
    if value == "default":
        return None
    if value == "none":
        return 0 if name.startswith("rate.") else MOST_LIMIT
    if value is None or not value.isascii() or not value.isdigit():
        raise click.UsageError("expected a number, `none` or `default` after the limit's name")
    if value == "0" and name.startswith("rate."):
        raise click.UsageError("0 would lift a rate limit; expected `none` for that, or a number from 1")
    return int(value)


def _limits(one: Tenant) -> list[dict[str, Any]]:
    return [
        {"limit": name, "value": _value(name, one.limits.get(name, everybodys)), "own": name in one.limits}
        for name, everybodys in LIMITS.items()
    ]


def _value(name: str, value: int) -> int | str:
    is_lifted = value == 0 if name.startswith("rate.") else value >= MOST_LIMIT
    return "none" if is_lifted else value


def _shown(one: Tenant) -> dict[str, Any]:
    return {"id": one.id, "created_at": one.created_at}

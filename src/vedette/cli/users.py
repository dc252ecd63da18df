"""`vedette user`."""

from __future__ import annotations

import sys
from typing import Any

import click
import msgspec

from vedette.cli.account_book import keep_in_credentials, on_accounts
from vedette.cli.options import store_options
from vedette.cli.show import show
from vedette.domain.principals import ROLES, User

_LOGIN = ("username", "api_key", "tenant_id", "roles")
_COLUMNS = ("username", "tenant_id", "roles", "created_at")


@click.group()
def user() -> None:
    """Add, list and remove users and change their API keys, with a running server or without."""


@user.command()
@click.argument("name")
@click.option("--tenant", "tenant_id", required=True, metavar="ID", help="The tenant it logs in to.")
@click.option(
    "--role", "roles", required=True, multiple=True, metavar="ROLE", help=f"One or more of {', '.join(ROLES)}."
)
@store_options
def add(name: str, tenant_id: str, roles: tuple[str, ...], *, is_json: bool, **flags: Any) -> None:
    """Add a user. Its API key is shown now and never again."""
    login = on_accounts(flags, lambda book: book.add_user(name, tenant_id, roles))
    show(msgspec.structs.asdict(login), _LOGIN, is_json=is_json)


@user.command(name="list")
@click.option("--tenant", "tenant_id", metavar="ID", help="Only of this tenant.")
@store_options
def list_(tenant_id: str | None, *, is_json: bool, **flags: Any) -> None:
    """List the users."""
    users = on_accounts(flags, lambda book: book.users(tenant_id))
    show([_shown(one) for one in users], _COLUMNS, is_json=is_json)


@user.command()
@click.argument("name")
@store_options
def remove(name: str, *, is_json: bool, **flags: Any) -> None:
    """Remove a user; its identity tokens end at once."""
    on_accounts(flags, lambda book: book.remove_user(name))
    show({"removed": name}, ("removed",), is_json=is_json)


@user.command(name="rotate-key")
@click.argument("name")
@store_options
def rotate_key(name: str, *, is_json: bool, **flags: Any) -> None:
    """Give a user a new API key; the old one and its identity tokens end at once.

    Where DATA_DIR/credentials.json is this user's it gets the new key.
    """
    login = on_accounts(flags, lambda book: book.rotate_key(name), afterwards=keep_in_credentials)
    show(msgspec.structs.asdict(login), _LOGIN, is_json=is_json)


@user.command(name="set-password")
@click.argument("name")
@store_options
def set_password(name: str, *, is_json: bool, **flags: Any) -> None:
    """Set a user's password, asked for on a terminal, else the first line of standard input."""
    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    on_accounts(flags, lambda book: book.set_password(name, password))
    show({"username": name, "password": "set"}, ("username", "password"), is_json=is_json)


def _shown(one: User) -> dict[str, Any]:
    return {"username": one.name, "tenant_id": one.tenant_id, "roles": one.roles, "created_at": one.created_at}

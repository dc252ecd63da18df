"""Accounts for the command line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec

from vedette.adapters.local.clock import now_ms
from vedette.adapters.local.data_directory import DataDirectory
from vedette.adapters.local.entropy import entropy
from vedette.cli.at_hand import AtHand, on_stores
from vedette.services.accounts import AccountBook, Login

Result = TypeVar("Result")


def on_accounts(
    flags: dict[str, Any],
    act: Callable[[AccountBook], Awaitable[Result]],
    *,
    afterwards: Callable[[DataDirectory, Result], None] | None = None,
) -> Result:
    """Runs `act` on the accounts that the flags lead to. Ends the process with one line when it cannot."""

    async def on(at_hand: AtHand) -> Result:
        stores = at_hand.stores
        book = AccountBook(stores.accounts, stores.commit, at_hand.keys, clock=now_ms, entropy=entropy)
        result = await act(book)
        if afterwards is not None:
            afterwards(at_hand.directory, result)
        return result

    return on_stores(flags, on)


def keep_in_credentials(directory: DataDirectory, login: Login) -> None:
    """A new API key also goes where the operator's scripts look for it."""
    saved = directory.read_credentials()
    if saved is not None and saved.username == login.username:
        directory.write_credentials(msgspec.structs.replace(saved, api_key=login.api_key))

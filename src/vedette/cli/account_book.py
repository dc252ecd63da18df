"""Accounts for the command line: straight on the database, beside a running server or without one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec

from vedette.adapters.local.clock import now_ms
from vedette.adapters.local.data_directory import DataDirectory, DataDirectoryError
from vedette.adapters.local.entropy import entropy
from vedette.cli.failures import told_in_one_line
from vedette.cli.options import store_config
from vedette.config import Config
from vedette.services.accounts import AccountBook, Login

Result = TypeVar("Result")


def on_accounts(
    flags: dict[str, Any],
    act: Callable[[AccountBook], Awaitable[Result]],
    *,
    afterwards: Callable[[DataDirectory, Result], None] | None = None,
) -> Result:
    """Runs `act` on the accounts that the flags lead to. Ends the process with one line when it cannot."""
    with told_in_one_line():
        config = store_config(flags)
        directory = DataDirectory(config.data_dir.absolute())
        result = asyncio.run(_act(config, directory, act))
        if afterwards is not None:
            afterwards(directory, result)
        return result


def keep_in_credentials(directory: DataDirectory, login: Login) -> None:
    """A new API key also goes where the operator's scripts look for it."""
    saved = directory.read_credentials()
    if saved is not None and saved.username == login.username:
        directory.write_credentials(msgspec.structs.replace(saved, api_key=login.api_key))


async def _act(config: Config, directory: DataDirectory, act: Callable[[AccountBook], Awaitable[Result]]) -> Result:
    from vedette.adapters.local import keyring
    from vedette.app.storage import open_stores

    try:
        keys = keyring.load(directory.key_file, config.keys, entropy, may_create=False)
    except FileNotFoundError:
        raise _no_server(directory) from None
    if config.database is None and not config.sqlite_file.is_file():
        raise _no_server(directory)
    async with open_stores(config) as stores:
        return await act(AccountBook(stores.accounts, stores.commit, keys, clock=now_ms, entropy=entropy))


def _no_server(directory: DataDirectory) -> DataDirectoryError:
    """A command never makes a database or keys: they would be a second set beside the server's."""
    return DataDirectoryError(
        f"{directory.path}: no server has started in this directory; expected --data-dir as of `vedette serve`"
    )

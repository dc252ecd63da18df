"""The stores for the command line: straight on the database, beside a running server or without one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from vedette.adapters.local.clock import now_ms
from vedette.adapters.local.data_directory import DataDirectory, DataDirectoryError
from vedette.adapters.local.entropy import entropy
from vedette.cli.failures import told_in_one_line
from vedette.cli.options import store_config
from vedette.config import Config

if TYPE_CHECKING:
    from vedette.adapters.local.keyring import LocalKeyring
    from vedette.adapters.sql.stores import Stores

Result = TypeVar("Result")


@dataclass(frozen=True)
class AtHand:
    """What a command works on."""

    config: Config
    directory: DataDirectory
    keys: LocalKeyring
    stores: Stores


def on_stores(
    flags: dict[str, Any], act: Callable[[AtHand], Awaitable[Result]], *, more: tuple[str, ...] = ()
) -> Result:
    """Runs `act` on the stores that the flags lead to. Ends the process with one line when it cannot.

    `more` names settings that are read beside those of the stores.
    """
    with told_in_one_line():
        config = store_config(flags, more)
        return asyncio.run(_act(config, DataDirectory(config.data_dir.absolute()), act))


async def _act(config: Config, directory: DataDirectory, act: Callable[[AtHand], Awaitable[Result]]) -> Result:
    from vedette.adapters.local import keyring
    from vedette.app.storage import open_stores
    from vedette.services.key_rotation import known_to_all

    try:
        keys = keyring.load(directory.key_file, config.keys, entropy, may_create=False)
    except FileNotFoundError:
        raise _no_server(directory) from None
    if config.database is None and not config.sqlite_file.is_file():
        raise _no_server(directory)
    async with open_stores(config) as stores:
        keys.begin(await known_to_all(stores.agents, keys.newest, now_ms()))
        return await act(AtHand(config, directory, keys, stores))


def _no_server(directory: DataDirectory) -> DataDirectoryError:
    """A command never makes a database or keys: they would be a second set beside the server's."""
    return DataDirectoryError(
        f"{directory.path}: no server has started in this directory; expected --data-dir as of `vedette serve`"
    )

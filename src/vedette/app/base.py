"""What every role stands on: the data directory, keys, certificates, the database."""

from __future__ import annotations

import ssl
from contextlib import AsyncExitStack
from dataclasses import dataclass

from vedette.adapters.local import keyring
from vedette.adapters.local.certificates import Authority, at
from vedette.adapters.local.clock import now_ms
from vedette.adapters.local.data_directory import DataDirectory, prepare
from vedette.adapters.local.entropy import entropy
from vedette.adapters.local.keyring import KeyFileError, LocalKeyring
from vedette.adapters.sql.database import Database
from vedette.adapters.sql.stores import Stores, stores
from vedette.api.server import Certificate
from vedette.app.storage import database_of
from vedette.config import Config
from vedette.services.key_rotation import known_to_all


@dataclass(frozen=True)
class Base:
    """Opened once a process."""

    config: Config
    directory: DataDirectory
    keys: LocalKeyring
    authority: Authority
    database: Database
    stores: Stores

    def api_certificate(self) -> Certificate | None:
        """Of the operator, of our own CA, or none: plain HTTP."""
        config = self.config
        if config.tls_cert is not None:
            return Certificate(config.tls_cert, config.tls_key or config.tls_cert)
        if config.tls is not None:
            own = self.authority.certificate("api", (*config.agent_names, config.http.host))
            return Certificate(own, own)
        return None

    def agent_tls(self) -> ssl.SSLContext:
        """TLS 1.2 or newer, with a certificate of our own CA: what agents trust by `certificate_path`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.authority.certificate("agent", (*self.config.agent_names, self.config.agent.host)))
        return context


async def open_base(config: Config, cleanup: AsyncExitStack) -> Base:
    """Raises what keeps it from being opened; `cleanup` closes it."""
    directory = cleanup.enter_context(prepare(config.data_dir))
    database = database_of(config)
    await database.start()
    cleanup.push_async_callback(database.stop)
    opened = stores(database)
    authority = Authority(directory.certificates, at(now_ms()))
    return Base(config, directory, await _keys(config, directory, opened), authority, database, opened)


async def _keys(config: Config, directory: DataDirectory, opened: Stores) -> LocalKeyring:
    """A database that is in use has its keys somewhere: a new one beside them could read nothing in it."""
    is_new = not await opened.accounts.tenants()
    try:
        keys = keyring.load(directory.key_file, config.keys, entropy, may_create=is_new)
    except FileNotFoundError:
        raise KeyFileError(
            f"{directory.key_file}: there is none, and {config.database_shown} is in use; expected the key file of the "
            "server that made it, or VEDETTE_KEYS"
        ) from None
    keys.begin(await known_to_all(opened.agents, keys.newest, now_ms()))
    return keys

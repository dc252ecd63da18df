"""`python -m benchmarks [NAME]`: runs one benchmark or all, and prints a table each."""

from __future__ import annotations

import sys
from collections.abc import Callable

from benchmarks import alert, api, crowd, evaluate, ingest, overview, plot, revoke, storage, year
from benchmarks.table import Table

BENCHMARKS: dict[str, Callable[[], Table]] = {
    "agents": crowd.run,
    "alert": alert.run,
    "api": api.run,
    "evaluate": evaluate.run,
    "ingest": ingest.run,
    "overview": overview.run,
    "plot": plot.run,
    "revoke": revoke.run,
    "storage": storage.run,
    "year": year.run,
}


def main(names: list[str]) -> int:
    """The exit code: 2 for a name that is none."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"no benchmark {unknown[0]}; expected one of: {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    for name in names or list(BENCHMARKS):
        print(BENCHMARKS[name]())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

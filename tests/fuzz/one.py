"""`python -m tests.fuzz.one TARGET OPTION...`: one target in this process, by libFuzzer's options until they end it."""

from __future__ import annotations

import sys
from time import process_time

import atheris

with atheris.instrument_imports(include=["vedette"]):
    from tests.fuzz.targets import TARGETS


SLOWEST_S = 5.0  # of one input, instrumented


def main() -> None:
    """Never returns: libFuzzer ends the process."""
    name, *options = sys.argv[1:]
    target = TARGETS[name]

    def once(data: bytes) -> None:
        began_s = process_time()
        try:
            target(data)
            if process_time() - began_s > SLOWEST_S:
                raise AssertionError(f"it took {process_time() - began_s:.1f} s")
        except Exception:
            sys.stdout.write(f"{name}: this input shows it: {data!r}\n")
            sys.stdout.flush()
            raise

    atheris.Setup([sys.argv[0], *options], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

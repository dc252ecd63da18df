"""`python -m tests.simulation`: more worlds than the tests take, or one of them as a script."""

from __future__ import annotations

import argparse
import sys
import time
from multiprocessing import Pool

from tests.simulation.as_script import as_script
from tests.simulation.story import problems, told
from tests.simulation.truth import planned


def main() -> int:
    """0 when every invariant held."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=20_000, help="how many")
    parser.add_argument("--show", type=int, metavar="SEED", help="only print the scripts of one seed")
    asked = parser.parse_args()
    if asked.show is not None:
        _say(_shown(asked.show))
        return 0
    began_s, failed, done = time.monotonic(), 0, 0
    with Pool() as pool:
        for seed, wrong in pool.imap_unordered(_wrong, range(asked.first, asked.first + asked.seeds), chunksize=20):
            done += 1
            if wrong:
                failed += 1
                _say("\n".join([f"seed {seed}:", *wrong, _shown(seed)]))
            if done % 1000 == 0:
                _say(f"{done:,} of {asked.seeds:,} worlds, {failed} failed, {time.monotonic() - began_s:.0f} s")
    _say(f"{asked.seeds:,} worlds, {failed} failed, {time.monotonic() - began_s:.0f} s")
    return 1 if failed else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _wrong(seed: int) -> tuple[int, list[str]]:
    return seed, problems(told(seed))


def _shown(seed: int) -> str:
    story = told(seed)
    return "\n".join([str(planned(seed)), *(as_script(story, alarm_id) for alarm_id in sorted(story.states))])


if __name__ == "__main__":
    sys.exit(main())

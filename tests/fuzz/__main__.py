"""`python -m tests.fuzz [--seconds N] [--folder F] [TARGET...]`: coverage-guided fuzzing of all targets at once.

Each runs in a process of its own and goes on from the corpus that earlier runs left in the folder. The exit code is 1
when something was found; it is printed with the input that shows it, which is kept in the folder as well.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

from tests.fuzz.seeds import WORDS, seeds
from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).parents[2]
_longest_bytes = 4_096
_hangs_s = 120  # of one input, by the wall; what is merely slow is found by CPU time
_most_memory_mb = 2_048


def main() -> int:
    """Runs the processes and waits for all of them."""
    reader = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    reader.add_argument("--seconds", type=int, default=3600)
    reader.add_argument("--folder", type=Path, default=ROOT / ".fuzz")
    reader.add_argument("targets", nargs="*", default=list(TARGETS), metavar="TARGET", help=", ".join(TARGETS))
    asked = reader.parse_args()
    unknown = [target for target in asked.targets if target not in TARGETS]
    if unknown:
        reader.error(f"no target {unknown[0]}; expected one of: {', '.join(TARGETS)}")
    if importlib.util.find_spec("atheris") is None:
        reader.exit(2, "atheris is not installed: it comes built for Linux on x86_64 only\n")
    running = {target: _start(target, asked.folder, asked.seconds) for target in asked.targets}
    found = [target for target, process in running.items() if process.wait() != 0]
    for target in running:
        result = "found something, see above" if target in found else "nothing found"
        sys.stdout.write(f"{target}: {result}; {_figures(asked.folder / target)}\n")
    return 1 if found else 0


def _figures(place: Path) -> str:
    """How much was tried, from the fuzzer's own log."""
    log = (place / "log").read_text(errors="replace")
    tried = re.search(r"number_of_executed_units: (\d+)", log)
    covered = re.findall(r"cov: (\d+)", log)
    kept = len(list((place / "corpus").iterdir()))
    return f"{int(tried[1]) if tried else 0:,} inputs, {covered[-1] if covered else '?'} edges, {kept:,} in the corpus"


def _start(target: str, folder: Path, seconds: int) -> subprocess.Popen[bytes]:
    place = folder / target
    for name in ("corpus", "found"):
        (place / name).mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(target)):
        (place / "corpus" / f"seed-{number}").write_bytes(seed)
    words = "\n".join(_quoted(word) for word in WORDS[target])
    (place / "words").write_text(words + "\n")
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={_longest_bytes}",
        f"-timeout={_hangs_s}",
        f"-rss_limit_mb={_most_memory_mb}",
        f"-dict={place / 'words'}",
        f"-artifact_prefix={place / 'found'}/",
        "-print_final_stats=1",
        str(place / "corpus"),
    ]
    with (place / "log").open("wb") as log:
        return subprocess.Popen([sys.executable, "-m", "tests.fuzz.one", target, *options], cwd=ROOT, stderr=log)


def _quoted(word: str) -> str:
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


if __name__ == "__main__":
    sys.exit(main())

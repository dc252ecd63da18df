"""`python -m tests.traces [--seed N] [--days N]`: who would be paged in a generated month, and what of it is right.

The exit code is 1 when three zones or an agent did not page as they must.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from tests.traces import judging
from tests.traces.host import Host
from tests.traces.judging import Judgement
from tests.traces.paging import ONE_ZONE, THREE_ZONES, Watch, of_host, of_target
from tests.traces.truth import Truth, month

COLUMNS = ("", "to be paged", "pages", "missed", "late", "false", "brief", "false clear", "stuck")
DELAYS = "delay: median, longest, promised"


def main() -> int:
    """Prints the month, and the same with faults that meet as chance has it."""
    reader = argparse.ArgumentParser(prog="python -m tests.traces", description=__doc__)
    reader.add_argument("--seed", type=int, default=1)
    reader.add_argument("--days", type=int, default=30)
    asked = reader.parse_args()
    apart, by_chance = (month(asked.seed, asked.days, is_apart=is_apart) for is_apart in (True, False))
    console = Console(width=150)
    console.print(judging.__doc__)
    ours, single = dict(_three_zones(apart)), dict(_one_zone(apart))
    hosts = {f"agent: {name}": judged for name, judged in _agents(apart)}
    promised = {rule.name: rule.delay_ms for rule in (*THREE_ZONES, *ONE_ZONE)}
    title = f"{asked.days} days, seed {asked.seed}: what no canary sees comes to one zone at a time"
    console.print(_table(title, ours | single, promised))
    console.print(_table("the host's agent", hosts, {f"agent: {name}": ms for name, ms in _promised(apart)}))
    chance = dict(_three_zones(by_chance)) | dict(_one_zone(by_chance))
    console.print(_table("beyond what can be promised: the same, as chance has it", chance, promised))
    console.print(_avoided(ours[THREE_ZONES[0].name], list(single.values())))
    return 0 if all(judged.is_right for judged in (*ours.values(), *hosts.values())) else 1


def _three_zones(truth: Truth) -> Iterator[tuple[str, Judgement]]:
    watch = Watch(truth)
    for rule in THREE_ZONES:
        yield rule.name, judging.of_target(truth, rule, of_target(watch, rule))


def _one_zone(truth: Truth) -> Iterator[tuple[str, Judgement]]:
    for rule in ONE_ZONE:
        told = of_target(Watch(truth, rule.zones, has_canaries=rule.has_canaries), rule)
        yield rule.name, judging.of_target(truth, rule, told)


def _agents(truth: Truth) -> Iterator[tuple[str, Judgement]]:
    for name, is_fast in (("ours", True), ("stock", False)):
        host = Host(truth, is_fast=is_fast)
        yield name, judging.of_host(truth, host, of_host(host.log()))


def _promised(truth: Truth) -> Iterator[tuple[str, int]]:
    for name, is_fast in (("ours", True), ("stock", False)):
        yield name, judging.host_delay_ms(Host(truth, is_fast=is_fast))


def _table(title: str, rows: dict[str, Judgement], promised: dict[str, int]) -> Table:
    table = Table(*COLUMNS, DELAYS, title=title)
    for name, judged in rows.items():
        counts = (judged.missed, judged.late, judged.false, judged.brief, judged.false_clears, judged.stuck)
        delays = [ms / 1000 for ms in judged.delays_ms] or [0.0]
        spread = f"{statistics.median(delays):.0f} s, {max(delays):.0f} s, {promised[name] / 1000:.0f} s"
        table.add_row(name, str(judged.due), str(judged.pages), *(str(len(found)) for found in counts), spread)
    return table


def _avoided(ours: Judgement, single: list[Judgement]) -> str:
    avoided = [len(one.false) + len(one.brief) - len(ours.false) - len(ours.brief) for one in single]
    return f"Pages avoided that one zone alone would have sent for nothing: {', '.join(str(one) for one in avoided)}"


if __name__ == "__main__":
    sys.exit(main())

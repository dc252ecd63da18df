"""`vedette alarm`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console, RenderableType

from vedette.adapters.local.clock import now_ms
from vedette.cli import alarm_scripts, alarm_texts
from vedette.cli.api_client import Api, access, logged_in, segment
from vedette.cli.client_options import Duration, Moment, client_options
from vedette.cli.failures import CANNOT_START, REFUSED, told_in_one_line
from vedette.cli.options import as_json
from vedette.cli.show import show

_PIPE_WIDTH = 160
_LONGEST_S = 600.0


class Past(click.ParamType[int]):
    """Milliseconds since the epoch: a moment, or a duration ago."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value)
        if text[-1:].isalpha() and text[:-1].isdecimal():
            return now_ms() - 1000 * Duration().convert(text, param, ctx)
        return Moment().convert(text, param, ctx)


@click.group()
def alarm() -> None:
    """Alarms: test scripts of them offline, explain them, try criteria on the past."""


@alarm.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@as_json
def test(files: tuple[Path, ...], *, is_json: bool) -> None:
    """Run alarm scripts: what zones report when, and what the alarm is to say. Needs no server.

    Ends with 0 when everything holds, 1 when something does not, 2 when a file cannot be read.
    """
    with told_in_one_line():
        tested = [alarm_scripts.test_file(path) for path in files]
    if is_json:
        show(msgspec.to_builtins({"files": tested}), (), is_json=True)
    else:
        for line in alarm_scripts.lines(tested):
            print(line)
    sys.exit(_code(tested))


def _code(tested: list[alarm_scripts.Tested]) -> int:
    if any(one.error is not None for one in tested):
        return CANNOT_START
    return REFUSED if any(one.failures for one in tested) else 0


@alarm.command()
@click.argument("entity", metavar="ENTITY")
@click.argument("alarm_id", metavar="ALARM")
@click.option("--at", type=Past(), metavar="TIME", help="A moment of the past: ISO 8601, or 90m, 2h, 3d ago.  [now]")
@click.option("--most", type=click.IntRange(1), default=20, help="Observations to list.  [default 20]")
@client_options
def explain(entity: str, alarm_id: str, at: int | None, most: int, *, is_json: bool, **flags: Any) -> None:
    """Tell why an alarm is, or was, as it is: what was seen, what counted, who was told."""
    query = {} if at is None else {"at": at}
    shown = _asked(flags, lambda api: api.get(f"{_address(entity, alarm_id)}/explain", query))
    if is_json:
        show(shown, (), is_json=True)
    else:
        _print(lambda _: alarm_texts.explained(shown, most))


@alarm.command()
@click.argument("entity", metavar="ENTITY")
@click.argument("alarm_id", metavar="ALARM")
@click.option("--from", "begin", type=Past(), required=True, metavar="TIME", help="ISO 8601, or 12h, 30d ago.")
@click.option("--to", "end", type=Past(), metavar="TIME", help="The same.  [now]")
@click.option(
    "--criteria",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Criteria to try.  [those that the alarm had]",
)
@client_options
def backtest(
    entity: str, alarm_id: str, begin: int, end: int | None, criteria: Path | None, *, is_json: bool, **flags: Any
) -> None:
    """Tell what an alarm would have done with what was seen, under other criteria or its own."""
    body: dict[str, Any] = {"from": begin} | ({} if end is None else {"to": end})
    if criteria is not None:
        body["criteria"] = _text(criteria)
    shown = _asked(flags, lambda api: api.ask(f"{_address(entity, alarm_id)}/backtest", body, _LONGEST_S))
    if is_json:
        show(shown, (), is_json=True)
    else:
        _print(lambda console: alarm_texts.backtested(shown, console))


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise click.BadParameter(f"{path}: cannot be read; expected criteria in UTF-8") from None


def _address(entity: str, alarm_id: str) -> str:
    return f"entities/{segment(entity)}/alarms/{segment(alarm_id)}"


def _asked(flags: dict[str, Any], ask: Callable[[Api], Any]) -> Any:
    """Ends the process with one line when it cannot."""
    with told_in_one_line(), logged_in(access(flags)) as api:
        return ask(api)


def _print(parts: Callable[[Console], Iterable[RenderableType]]) -> None:
    console = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH, markup=False, highlight=False)
    for part in parts(console):
        console.print(part)

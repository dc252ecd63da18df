"""`vedette metrics`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
import msgspec

from vedette.adapters.local.clock import now_ms
from vedette.adapters.local.files import LocalFailure
from vedette.adapters.prometheus import openmetrics
from vedette.adapters.prometheus.openmetrics import Line, Malformed
from vedette.cli.api_client import access, logged_in
from vedette.cli.at_hand import AtHand, on_stores
from vedette.cli.client_options import Moment, access_options
from vedette.cli.failures import REFUSED, told_in_one_line
from vedette.cli.metric_export import Export, Wanted
from vedette.cli.options import store_options
from vedette.cli.show import show
from vedette.cli.sorted_points import SortedPoints
from vedette.rollups.resolutions import Resolution

if TYPE_CHECKING:
    from vedette.cli.metric_import import Done

_COLUMNS = ("points", "added", "already_there", "not_numbers")
_MOST_GAPS = 5
STORE = ("metrics_url", "metrics_write_url", "metrics_token_file")


@click.group()
def metrics() -> None:
    """Take points out, and put points in, as OpenMetrics text.

    Names and labels are those by which a metric store knows the points: `vedette_duration{check="ch...",...}`.
    """


@metrics.command()
@click.option("--from", "from_ms", type=Moment(), metavar="TIME", help="ISO 8601, UTC.  [default as far as it goes]")
@click.option("--to", "to_ms", type=Moment(), metavar="TIME", help="ISO 8601, UTC.  [default now]")
@click.option(
    "--resolution",
    type=click.Choice([one.value for one in Resolution], case_sensitive=False),
    default=Resolution.FULL.value,
    help="FULL, or averages of so many minutes.  [default FULL]",
)
@click.option("--entity", "entities", multiple=True, metavar="ID", help="Only of this entity; repeatable.")
@click.option("--check", "checks", multiple=True, metavar="ID", help="Only of this check; repeatable.")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="[default standard output]"
)
@access_options
def export(from_ms: int | None, to_ms: int | None, resolution: str, output: Path | None, **flags: Any) -> None:
    """Write points of a tenant as OpenMetrics text, through the API.

    Text metrics are left out, for OpenMetrics has numbers only. What ends without `# EOF` is not whole.
    """
    finest, now = Resolution(resolution.upper()), now_ms()
    wanted = Wanted(
        from_ms=now - finest.kept_ms if from_ms is None else from_ms,
        to_ms=now if to_ms is None else to_ms,
        resolution=finest,
        entities=flags.pop("entities"),
        checks=flags.pop("checks"),
    )
    if wanted.from_ms >= wanted.to_ms:
        raise click.UsageError("expected --from to be before --to")
    with told_in_one_line(), logged_in(access(flags)) as api:
        done = Export(api, wanted)
        _write(done.lines(), output)
    for line in _notes(done):
        print(f"vedette: {line}", file=sys.stderr)


def _write(lines: Iterable[str], output: Path | None) -> None:
    if output is None:
        sys.stdout.writelines(lines)
        sys.stdout.flush()
        return
    beside = output.with_name(f".{output.name}.new")
    with beside.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(lines)
    beside.replace(output)


def _notes(done: Export) -> Iterator[str]:
    yield f"{done.points} points"
    if done.texts:
        yield f"{done.texts} text metrics are left out"
    if done.not_numbers:
        yield f"{done.not_numbers} points are left out, for they are no finite numbers"
    gaps = sorted(set(done.missing))
    for begin, end in gaps[:_MOST_GAPS]:
        yield f"points from {_shown(begin)} to {_shown(end)} are missing on the server"
    if len(gaps) > _MOST_GAPS:
        yield f"and {len(gaps) - _MOST_GAPS} more such gaps"


def _shown(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")


@metrics.command(name="import")
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option("--tenant", metavar="ID", help="Whose points these are, whatever the file says.")
@store_options
def import_(file: IO[str], tenant: str | None, *, is_json: bool, **flags: Any) -> None:
    """Add the points of an OpenMetrics FILE (- for standard input) to the history, on the stores of a server.

    The server may be running. Each point belongs to a check that there is, by the label `check`. Alarms are not
    evaluated and back-tests do not see these points; where there is a point of the same metric and time, that one
    stays. The whole file is read first: with one wrong line nothing is added. The same may be done again.
    """
    with closing(SortedPoints()) as points:
        left_out = _read(file, tenant, points)

        async def add(at_hand: AtHand) -> Done:
            from vedette.cli import metric_import

            return await metric_import.add(at_hand, points)

        done = on_stores(flags, add, more=STORE)
    result = {"points": done.points, "added": done.added, "already_there": done.points - done.added}
    show(result | {"not_numbers": left_out}, _COLUMNS, is_json=is_json)


def _read(file: IO[str], tenant: str | None, points: SortedPoints) -> int:
    """How many were no numbers. Ends the process where a line is wrong."""
    left_out = 0

    def numbers() -> Iterator[Line]:
        nonlocal left_out
        for line in openmetrics.read(file):
            if line is None:
                left_out += 1
            else:
                yield line

    with told_in_one_line():
        try:
            points.add(_of(tenant, numbers()))
        except Malformed as error:
            print(f"vedette: {file.name}: {error}; nothing was added", file=sys.stderr)
            sys.exit(REFUSED)
        except UnicodeDecodeError:
            raise LocalFailure(f"{file.name}: is not UTF-8; expected OpenMetrics text") from None
    return left_out


def _of(tenant: str | None, lines: Iterable[Line]) -> Iterator[Line]:
    for line in lines:
        if tenant is not None:
            yield msgspec.structs.replace(line, tenant_id=tenant)
        elif line.tenant_id:
            yield line
        else:
            raise Malformed(line.number, "label tenant is missing", "the label, or --tenant")

"""Options of commands that are clients of the API, and what people write in them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from vedette.cli.options import as_json

Command = TypeVar("Command", bound=Callable[..., Any])

_DURATION = re.compile(r"([0-9]{1,9})([smhdw]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


class FromEnvironment(click.Option):
    """A secret: it has no flag, for other users of the machine see the flags of a process."""

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Nothing to parse."""


def client_options(command: Command) -> Command:
    """Where the API is and who logs in, and how the answer is shown."""
    return access_options(as_json(command))


def access_options(command: Command) -> Command:
    """Where the API is and who logs in."""
    for add in (
        click.option(
            "--data-dir",
            type=click.Path(path_type=Path, file_okay=False),
            default=Path("var"),
            envvar="VEDETTE_DATA_DIR",
            metavar="DIR",
            help="Where credentials.json is.  [default var; env VEDETTE_DATA_DIR]",
        ),
        click.option(
            "--url", envvar="VEDETTE_URL", metavar="URL", help="The API of another server.  [env VEDETTE_URL]"
        ),
        click.option(
            "--username",
            envvar="VEDETTE_USERNAME",
            metavar="NAME",
            help="Who logs in; the API key is in VEDETTE_API_KEY.  [env VEDETTE_USERNAME]",
        ),
        click.option("--api-key", cls=FromEnvironment, envvar="VEDETTE_API_KEY", hidden=True),
        click.option(
            "--ca-file",
            type=click.Path(path_type=Path, dir_okay=False),
            envvar="VEDETTE_CA_FILE",
            metavar="FILE",
            help="CA of the API's certificate, PEM.  [env VEDETTE_CA_FILE]",
        ),
    )[::-1]:
        command = add(command)
    return command


class Duration(click.ParamType[int]):
    """Seconds, also as `90m`, `24h`, `30d`, `2w`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = _DURATION.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is no duration; expected seconds, or a number with s, m, h, d or w", param, ctx)
        return int(found[1]) * _SECONDS[found[2]]


class Moment(click.ParamType[int]):
    """Milliseconds since the epoch of an ISO 8601 date or time; without a zone it is UTC."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time; expected ISO 8601, such as 2030-01-31 or 2030-01-31T12:00Z", param, ctx)
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return round(aware.timestamp() * 1000)


def pairs(texts: tuple[str, ...]) -> dict[str, str]:
    """`KEY=VALUE` as a map."""
    wrong = [text for text in texts if "=" not in text]
    if wrong:
        raise click.UsageError(f"{wrong[0]!r} is no KEY=VALUE")
    return {key: value for key, _, value in (text.partition("=") for text in texts)}

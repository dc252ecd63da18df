"""`agent.plugin`: runs a program of the plugin directory (wire protocol, 12; reference: agent.plugin).

Without a shell, in a session of its own so that all of it can be ended, with closed input and bounded output.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any

from vedette.agent.checks.plugin_output import reading_of
from vedette.agent.reading import Reading, unavailable
from vedette.wire.messages import ScheduledCheck

MOST_PRINTED = 1024 * 1024
_MOST_COMPLAINED = 4_096
_MOST_ARGUMENTS = 10
_PIECE = 65_536
log = logging.getLogger("vedette.agent.plugin")


def plugins(directory: Path) -> list[str]:
    """The names of those that can be run; a directory that is not there is told instead, as stock agents do."""
    try:
        found = sorted(directory.iterdir())
    except OSError:
        return [f"Plugin Directory, {directory}, does not exist"]
    return [path.name for path in found if path.is_file() and os.access(path, os.X_OK)]


def limit_s(check: ScheduledCheck) -> float:
    """Of the detail `timeout` (milliseconds), else of the check."""
    given = check.details.get("timeout")
    return given / 1000 if isinstance(given, int | float) and given > 0 else float(check.timeout)


async def run(check: ScheduledCheck, directory: Path) -> Reading:
    """Keeps its own time limit. Raises `OSError` when it cannot be started."""
    name = str(check.details.get("file") or "")
    path = PurePath(name)
    program = directory / path
    if not name or path.is_absolute() or ".." in path.parts or not program.is_file():
        return unavailable(f"No such plugin: {name or 'the detail file is missing'}")
    process = await asyncio.create_subprocess_exec(
        program, *_arguments(check.details), stdin=DEVNULL, stdout=PIPE, stderr=PIPE,
        env={**os.environ, **_environment(check)}, start_new_session=True,
    )  # fmt: skip
    limit = limit_s(check)
    try:
        async with asyncio.timeout(limit):
            return await _finished(process, name)
    except TimeoutError:
        await _end(process)
        return unavailable(f"Plugin didn't finish in {limit:g} seconds")
    except BaseException:
        await _end(process)
        raise


async def _finished(process: Process, name: str) -> Reading:
    assert process.stdout is not None  # noqa: S101 - pipes were asked for
    assert process.stderr is not None  # noqa: S101
    printed, complained = await asyncio.gather(
        _read(process.stdout, MOST_PRINTED), _read(process.stderr, _MOST_COMPLAINED)
    )
    code = await process.wait()
    if complained:
        log.warning("plugin %s: %s", name, complained.decode("utf-8", "replace").strip())
    if len(printed) > MOST_PRINTED:
        return unavailable(f"Plugin printed more than {MOST_PRINTED} bytes")
    return reading_of(printed.decode("utf-8", "replace"), code)


async def _read(stream: asyncio.StreamReader, most: int) -> bytes:
    """To its end, and no more of it than says that it was too much."""
    kept = bytearray()
    while piece := await stream.read(_PIECE):
        kept += piece[: most + 1 - len(kept)]
    return bytes(kept)


async def _end(process: Process) -> None:
    """What it has started ends with it."""
    with suppress(ProcessLookupError):  # all of it has ended already
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _arguments(details: Mapping[str, Any]) -> list[str]:
    given = details.get("args") or []
    values = given.values() if isinstance(given, Mapping) else given
    return [str(value) for value in values][:_MOST_ARGUMENTS]


def _environment(check: ScheduledCheck) -> dict[str, str]:
    found = {
        "RAX_CHECK_ID": check.id,
        "RAX_CHECK_PERIOD": str(check.period),
        "RAX_CHECK_TYPE": check.type,
        **{f"RAX_DETAILS_{key.upper()}": str(value) for key, value in check.details.items() if _is_plain(value)},
    }
    return {key: value for key, value in found.items() if "\0" not in key + value and "=" not in key}


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float)

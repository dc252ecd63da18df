"""Putting a new token into the agent's configuration file: all of it or nothing, whatever happens meanwhile."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from vedette.agent.config import ConfigError, values_of

_KEY = "monitoring_token"
_LINE = re.compile(rf"(\s*{_KEY} \s*)(\S|\S.*\S)(\s*)", re.DOTALL)


def replace_token(file: Path, old: str, new: str) -> None:
    """Comments, order, line ends, owner and mode stay as they are. Raises `ConfigError`, without a token in its text.

    A file that holds a third token was changed by somebody since it was read, and is left alone.
    """
    target = file.resolve()  # a link stays a link
    try:
        with target.open(encoding="utf-8", newline="") as opened:
            text = opened.read()
        found = values_of(text).get(_KEY)
        if found is not None and found.text == new:
            return
        if found is None or found.text != old:
            raise ConfigError(
                f"{file}: {_KEY}: somebody has changed it since this agent started; expected it unchanged"
            )
        write_over(target, _with_token(text, found.line, new))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: the new token cannot be stored: {_problem(error)}") from None


def _with_token(text: str, line: int, new: str) -> str:
    lines = text.splitlines(keepends=True)
    found = _LINE.fullmatch(lines[line - 1])
    if found is None:
        raise ConfigError(f"line {line}: {_KEY}: expected a key, one blank and a value")
    lines[line - 1] = found[1] + new + found[3]
    return "".join(lines)


def write_over(target: Path, text: str) -> None:
    """A file that is there, with its owner and mode: written beside, made durable, and only then put in place."""
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as written:
            _dress_as(descriptor, target)
            written.write(text)
            written.flush()
            os.fsync(descriptor)
        os.replace(name, target)  # noqa: PTH105 - a name from mkstemp
    except BaseException:
        os.unlink(name)  # noqa: PTH108
        raise
    _make_durable(target.parent)


def _dress_as(descriptor: int, target: Path) -> None:
    """The owner first: giving a file away takes some of its mode."""
    kept, own = target.stat(), os.fstat(descriptor)
    if (own.st_uid, own.st_gid) != (kept.st_uid, kept.st_gid):
        os.fchown(descriptor, kept.st_uid, kept.st_gid)
    os.fchmod(descriptor, kept.st_mode & 0o7777)


def _make_durable(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _problem(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else "it is not UTF-8"

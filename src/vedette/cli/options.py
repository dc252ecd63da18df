"""Options that come from the declaration of the settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from vedette.config import SETTINGS, STORE_SETTINGS, Config, Setting, Shape, load

Command = TypeVar("Command", bound=Callable[..., Any])

as_json = click.option("--json", "is_json", is_flag=True, help="Print the object instead of a table.")


def serve_options(command: Command) -> Command:
    """Every setting that has a flag, and `--config`."""
    return _options(command, [setting for setting in SETTINGS if setting.has_flag])


def store_options(command: Command) -> Command:
    """Where the data is, and `--config`."""
    chosen = [setting for setting in SETTINGS if setting.has_flag and setting.key in STORE_SETTINGS]
    return as_json(_options(command, chosen))


def store_config(flags: dict[str, Any], more: tuple[str, ...] = ()) -> Config:
    """The settings of a command that works on the stores, and `more`; takes its flags out of `flags`.

    Raises `ConfigError`.
    """
    wanted = STORE_SETTINGS.union(more)
    keys = [key for key in flags if key in wanted]
    return load({key: flags.pop(key) for key in keys}, config_file=flags.pop("config_file"), only=wanted)


def default_text(setting: Setting) -> str:
    """The default as one would write it, empty where there is none."""
    if setting.default_shown:
        return setting.default_shown
    if setting.shape is Shape.TABLES:
        return ", ".join(zone.id for zone in setting.default) if isinstance(setting.default, tuple) else ""
    if isinstance(setting.default, tuple) and setting.shape is Shape.MANY:
        return ",".join(str(item) for item in setting.default)
    return "" if setting.default in (None, False) else str(setting.default)


def _options(command: Command, chosen: list[Setting]) -> Command:
    for setting in reversed(chosen):
        command = _option(setting)(command)
    return click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Settings in TOML; flags and the environment win over it.  [env VEDETTE_CONFIG]",
    )(command)


def _option(setting: Setting) -> Callable[[Command], Command]:
    default = default_text(setting)
    notes = [f"default {default}"] if default else []
    if setting.shape is Shape.MANY:
        notes.append("repeatable")
    notes.append(f"env {setting.variable}")
    text = f"{setting.help}  [{'; '.join(notes)}]"
    if setting.shape is Shape.SWITCH:
        return click.option(setting.flag, setting.key, is_flag=True, help=text)
    is_many = setting.shape is Shape.MANY
    return click.option(setting.flag, setting.key, metavar=setting.metavar, multiple=is_many, help=text)

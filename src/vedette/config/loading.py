"""Reads the settings: the only reader of the environment and of server files.

A flag wins over the environment, that over the file (`--config FILE`, TOML), that over the default.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from vedette.config.checks import check
from vedette.config.errors import ConfigError
from vedette.config.settings import PREFIX, SETTINGS, Config, Setting, Shape

STORE_SETTINGS = frozenset({"data_dir", "database", "keys"})
"""What a command that works on the stores, and serves nothing, needs to know."""


def load(
    flags: Mapping[str, Any],
    *,
    config_file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    only: Collection[str] | None = None,
) -> Config:
    """Reads every source; `flags` are by key, as text, None or empty where not given.

    `only` limits what is read, so that a command that serves nothing does not stumble over how to serve.
    Raises `ConfigError`.
    """
    environment = os.environ if environment is None else environment
    named = environment.get(PREFIX + "CONFIG")
    file = config_file or (Path(named) if named else None)
    values = _file_values(file) if file else {}
    for setting in SETTINGS:
        if only is not None and setting.key not in only:
            continue
        if environment.get(setting.variable):  # an empty one is none, as compose files write it
            values[setting.key] = _environment_value(setting, environment[setting.variable])
        if flags.get(setting.key) not in (None, (), False):
            values[setting.key] = _flag_value(setting, flags[setting.key])
    if only is not None:
        return Config(**{key: value for key, value in values.items() if key in only})
    config = Config(**values)
    check(config)
    return config


def _flag_value(setting: Setting, raw: object) -> object:
    if setting.shape is Shape.SWITCH:
        return True
    texts = [raw] if isinstance(raw, str) else [str(item) for item in cast("Iterable[object]", raw)]
    return _from_text(setting, setting.flag, texts)


def _environment_value(setting: Setting, raw: str) -> object:
    if setting.shape is Shape.TABLES:
        raise ConfigError(setting.variable, "is set", f"[[{setting.key}]] tables in the file of --config")
    if setting.shape is not Shape.SWITCH:
        return _from_text(setting, setting.variable, [raw])
    if raw.lower() in ("1", "true", "yes", "on"):
        return True
    if raw.lower() in ("0", "false", "no", "off"):
        return False
    raise _wrong(setting, setting.variable, raw, "true or false")


def _from_text(setting: Setting, name: str, texts: Sequence[str]) -> object:
    if setting.shape is Shape.MANY:
        words = [word.strip() for text in texts for word in text.split(",")]
        return _distinct(_read(setting, name, word) for word in words if word)
    return _read(setting, name, texts[-1])


def _read(setting: Setting, name: str, raw: object) -> object:
    try:
        return setting.read(raw)
    except ValueError as error:
        raise _wrong(setting, name, raw, str(error)) from None


def _wrong(setting: Setting, name: str, raw: object, expected: str) -> ConfigError:
    return ConfigError(name, "the value is not valid" if setting.is_secret else f"{raw!r} is not valid", expected)


def _distinct(values: Iterable[object]) -> tuple[object, ...]:
    return tuple(dict.fromkeys(values))


def _file_values(file: Path) -> dict[str, Any]:
    """Relative paths in the file are relative to its directory."""
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"--config {file}", f"cannot be read ({error.strerror})", "a TOML file") from None
    except ValueError as error:  # also bad UTF-8
        raise ConfigError(f"--config {file}", f"is not TOML ({error})", "a TOML file in UTF-8") from None
    known = {setting.key: setting for setting in SETTINGS if setting.in_file}
    unknown = [key for key in table if key not in known]
    if unknown:
        raise ConfigError(f"{file}: {unknown[0]}", "is no setting", "one of " + ", ".join(sorted(known)))
    values = {key: _file_value(known[key], f"{file}: {key}", raw) for key, raw in table.items()}
    return {key: file.parent / value if isinstance(value, Path) else value for key, value in values.items()}


def _file_value(setting: Setting, name: str, raw: object) -> object:
    if setting.shape is Shape.SWITCH:
        if not isinstance(raw, bool):
            raise _wrong(setting, name, raw, "true or false")
        return raw
    if setting.shape is Shape.ONE:
        if not isinstance(raw, str):
            raise _wrong(setting, name, raw, "text in quotes")
        return _read(setting, name, raw)
    kind, expected = (dict, "tables") if setting.shape is Shape.TABLES else (str, "a list of texts")
    if not isinstance(raw, list) or not all(isinstance(item, kind) for item in raw):
        raise _wrong(setting, name, raw, expected)
    return _distinct(_read(setting, name, item) for item in raw)

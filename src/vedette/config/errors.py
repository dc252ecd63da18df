"""What is said of a setting that does not fit."""

from __future__ import annotations


class ConfigError(Exception):
    """A setting that does not fit; `str()` names the key, what was wrong and what was expected."""

    def __init__(self, key: str, wrong: str, expected: str) -> None:
        super().__init__(f"{key}: {wrong}; expected {expected}")
        self.key = key

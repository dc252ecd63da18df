"""How secrets show where something is recorded or told: 8 characters and `...` (api decisions: agent tokens)."""

from __future__ import annotations

import re
from typing import Any

_SHORTEST = 32
_KEY = re.compile(r"([0-9a-f]{8})[0-9a-f]{24,}(?:\.[A-Za-z0-9:_-]{1,64})?", re.IGNORECASE)
_TOKEN = re.compile(r"([0-9a-f]{8})[0-9a-f]{56,}(?:\.[A-Za-z0-9:_-]{1,64})?", re.IGNORECASE)


def without_keys(text: str) -> str:
    """Without what looks like an agent or identity token (64 hex digits) or an API key (32)."""
    return _KEY.sub(r"\1...", text) if len(text) >= _SHORTEST else text


def without_tokens(text: str) -> str:
    """Without agent and identity tokens; for what people describe, where 32 hex digits are the id of something else."""
    return _TOKEN.sub(r"\1...", text) if len(text) >= 2 * _SHORTEST else text


def deep_without_keys(value: Any) -> Any:
    """A JSON value whose texts and names are `without_keys`."""
    if isinstance(value, str):
        return without_keys(value)
    if isinstance(value, list | tuple):
        return [deep_without_keys(item) for item in value]
    if isinstance(value, dict):
        return {without_keys(str(name)): deep_without_keys(item) for name, item in value.items()}
    return value

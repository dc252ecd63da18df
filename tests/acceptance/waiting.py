"""Waiting for what another process does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import pytest

T = TypeVar("T")
_pause = threading.Event()  # never set: its time-out is the pause between two looks


def until(look: Callable[[], T], what: str, within_s: float = 30.0, seen: Callable[[], object] | None = None) -> T:
    """The first true value of `look`; fails after `within_s`, with `seen` telling what there was instead."""
    end = time.monotonic() + within_s
    while not (found := look()):
        if time.monotonic() > end:
            shown = "" if seen is None else f": {seen()}"
            pytest.fail(f"not within {within_s:.0f} s: {what}{shown}")
        _pause.wait(0.02)
    return found

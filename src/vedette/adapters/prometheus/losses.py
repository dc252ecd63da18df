"""What never came to the metric store, kept in a file beside the spool: plots say so, however long ago it was."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from vedette.adapters.prometheus.segments import sync

MOST = 1_000


class Loss(msgspec.Struct, frozen=True, array_like=True):
    """Points that were given up, among others of the same time."""

    from_ms: int
    to_ms: int  # of the last one
    points: int


def read(file: Path) -> Sequence[Loss]:
    """Sorted by time. Raises `OSError`, and `msgspec.MsgspecError` where the file is damaged."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=list[Loss])
    except FileNotFoundError:
        return ()


def write(file: Path, losses: Sequence[Loss]) -> None:
    """Whole or not at all."""
    beside = file.with_name(f".{file.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(msgspec.json.encode(losses))
        opened.flush()
        os.fsync(descriptor)
    beside.replace(file)
    sync(file.parent)


def with_loss(losses: Sequence[Loss], loss: Loss) -> Sequence[Loss]:
    """Those that overlap are one; of too many the two with the shortest time between them become one."""
    merged: list[Loss] = []
    for one in sorted((*losses, loss), key=lambda one: one.from_ms):
        if merged and one.from_ms <= merged[-1].to_ms:
            merged[-1] = _both(merged[-1], one)
        else:
            merged.append(one)
    while len(merged) > MOST:
        at = min(range(1, len(merged)), key=lambda at: merged[at].from_ms - merged[at - 1].to_ms)
        merged[at - 1 : at + 1] = [_both(merged[at - 1], merged[at])]
    return merged


def _both(one: Loss, other: Loss) -> Loss:
    return Loss(one.from_ms, max(one.to_ms, other.to_ms), one.points + other.points)

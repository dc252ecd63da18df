"""The spool: points on their way to a metric store, on disk until the store has them.

Records go into segments; a segment goes when the store has all of it and is sure not to lose it any more. When the
spool is full its oldest segment is given up, counted and remembered. What `append` has returned from survives the end
of the process in any way; what was sent last may be sent again after it. Everything here blocks and is called from one
thread at a time, but for `waiting`, which any thread may ask for.
"""

from __future__ import annotations

import math
import os
import struct
import zlib
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from vedette.adapters.prometheus import losses, segments
from vedette.adapters.prometheus.losses import Loss
from vedette.adapters.prometheus.segments import Appender, Record

SEGMENT_BYTES = 4 * 1024 * 1024
FEWEST_SEGMENTS = 4  # what a full spool gives up at once is no more than this part of it
LEAST_BYTES = 1024 * 1024

_POSITION = struct.Struct("<QQI")


class _Segment(msgspec.Struct):
    """Points and times are of what has not been sent."""

    path: Path
    size: int
    points: int
    first_ms: int
    last_ms: int
    start: int = 0  # of what has not been sent
    kept_from: int = 0  # what is before it will not be sent again


class _Sent(NamedTuple):
    """A batch that the store has taken, and may still lose."""

    at_s: float
    segment: int
    start: int
    end: int
    points: int


class Batch(NamedTuple):
    """Records from the front of the spool."""

    records: Sequence[Record]
    segment: int
    end: int
    is_repeated: bool  # the store has had it before

    @property
    def points(self) -> int:
        return sum(record.points for record in self.records)


class Waiting(NamedTuple):
    """What is in the spool; times are 0 when nothing is."""

    points: int
    size: int  # bytes
    first_ms: int
    last_ms: int


class Spool:
    """One directory (0700) of files (0600)."""

    def __init__(self, folder: Path, most_bytes: int, segment_bytes: int = SEGMENT_BYTES) -> None:
        """Goes on where a spool of this directory ended. Raises `OSError`."""
        self._folder = folder
        self._most_bytes = most_bytes
        self._segment_bytes = min(segment_bytes, most_bytes // FEWEST_SEGMENTS)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._losses_file = folder / "losses.json"
        self.losses: Sequence[Loss] = _read_losses(self._losses_file)
        self.damaged = 0  # segments of which something could not be read back
        self.given_up = 0  # points, since the start
        self.untold: deque[Loss] = deque()  # for whoever tells of losses, and takes them out
        self._sent: deque[_Sent] = deque()
        self._repeated_to = (0, 0)
        self._segments = self._found()
        self._appender: Appender | None = None
        self._next = max(self._segments, default=0) + 1
        self._position = os.open(folder / "position", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._go_on()

    def append(self, record: Record) -> None:
        """Returns when the record is on disk. Raises `OSError`; then nothing of it is."""
        while self._segments and self.waiting.size + record.size > self._most_bytes:
            self._give_up_oldest()
        appender = self._appender_for(record)
        try:
            appender.append(segments.encoded(record))
        except OSError:
            self._end_segment()
            raise
        segment = self._segments[segments.number_of(appender.path)]
        if segment.size == 0:
            segment.first_ms, segment.last_ms = record.first_ms, record.last_ms
        segment.size += record.size
        segment.points += record.points
        segment.first_ms = min(segment.first_ms, record.first_ms)
        segment.last_ms = max(segment.last_ms, record.last_ms)

    def oldest(self, most_points: int) -> Batch | None:
        """As many records of one segment as have so many points, at least one; None when there is none."""
        for number in sorted(self._segments):
            segment = self._segments[number]
            if segment.start >= segment.size:
                continue  # kept for a while
            again, again_to = self._repeated_to
            is_repeated = (number, segment.start) < self._repeated_to
            records, end = _front(segment, most_points, again_to if is_repeated and number == again else segment.size)
            if records:
                return Batch(records, number, end, is_repeated)
            self._skip(number, segment)
        return None

    def sent(self, batch: Batch, now_s: float) -> None:
        """The store has taken the batch; it is kept until `settle`. It may have been given up meanwhile."""
        segment = self._segments.get(batch.segment)
        if segment is None:
            return
        self._sent.append(_Sent(now_s, batch.segment, segment.start, batch.end, batch.points))
        segment.start = batch.end
        segment.points = max(0, segment.points - batch.points)

    def settle(self, until_s: float) -> None:
        """What was sent until then is safe in the store and may go."""
        last = None
        while self._sent and self._sent[0].at_s <= until_s:
            last = self._sent.popleft()
            segment = self._segments.get(last.segment)
            if segment is not None:
                segment.kept_from = last.end
                self._remove_where_done(last.segment)
        if last is not None:
            data = struct.pack("<QQ", last.segment, last.end)
            with suppress(OSError):  # neither made durable nor insisted on: what is sent twice does no harm
                os.pwrite(self._position, data + zlib.crc32(data).to_bytes(4, "little"), 0)

    def rewind(self) -> None:
        """The store has died: what it had taken and was not settled is sent again."""
        if self._sent:
            self._repeated_to = max(self._repeated_to, (self._sent[-1].segment, self._sent[-1].end))
        while self._sent:
            sent = self._sent.pop()
            segment = self._segments.get(sent.segment)
            if segment is not None:
                segment.start = sent.start
                segment.points += sent.points

    @property
    def waiting(self) -> Waiting:
        kept = list(self._segments.values())  # at once: another thread may be adding one
        held = [segment for segment in kept if segment.points]
        return Waiting(
            points=sum(segment.points for segment in held),
            size=sum(segment.size for segment in kept),
            first_ms=min((segment.first_ms for segment in held), default=0),
            last_ms=max((segment.last_ms for segment in held), default=0),
        )

    def close(self) -> None:
        """Keeps what was not sent."""
        self.settle(math.inf)
        self._end_segment()
        os.close(self._position)

    def _found(self) -> dict[int, _Segment]:
        found = {}
        paths = sorted(self._folder.glob(f"*{segments.SUFFIX}"))
        for path in paths:
            placed = list(segments.read(path, 0))
            whole = placed[-1].end if placed else 0
            if path.stat().st_size > whole and path != paths[-1]:  # the last one's end is what a crash has cut off
                self.damaged += 1
            if not placed:
                path.unlink()
                continue
            records = [one.record for one in placed]
            found[segments.number_of(path)] = _Segment(
                path=path,
                size=whole,
                points=sum(record.points for record in records),
                first_ms=min(record.first_ms for record in records),
                last_ms=max(record.last_ms for record in records),
            )
        return found

    def _go_on(self) -> None:
        """Takes up what was sent, as far as that is known."""
        data = os.pread(self._position, _POSITION.size, 0)
        if len(data) < _POSITION.size:
            return
        number, end, checksum = _POSITION.unpack(data)
        if zlib.crc32(data[:16]) != checksum:
            return
        self._next = max(self._next, number + 1)
        for older in [older for older in self._segments if older < number]:
            self._remove(older)
        segment = self._segments.get(number)
        if segment is not None and end <= segment.size:
            before = [placed.record.points for placed in segments.read(segment.path, 0) if placed.end <= end]
            segment.start, segment.kept_from, segment.points = end, end, segment.points - sum(before)
            self._remove_where_done(number)

    def _appender_for(self, record: Record) -> Appender:
        if self._appender is not None and self._appender.size + record.size > self._segment_bytes:
            self._end_segment()
        if self._appender is None:
            path = self._folder / segments.name_of(self._next)
            self._appender = Appender(path)
            self._segments[self._next] = _Segment(path=path, size=0, points=0, first_ms=0, last_ms=0)
            self._next += 1
        return self._appender

    def _end_segment(self) -> None:
        if self._appender is None:
            return
        self._appender.close()
        number = segments.number_of(self._appender.path)
        self._appender = None
        self._remove_where_done(number)

    def _remove_where_done(self, number: int) -> None:
        segment = self._segments.get(number)
        if segment is not None and segment.kept_from >= segment.size and not self._is_open(number):
            self._remove(number)

    def _is_open(self, number: int) -> bool:
        return self._appender is not None and segments.number_of(self._appender.path) == number

    def _skip(self, number: int, segment: _Segment) -> None:
        """Past what cannot be read back."""
        if self._is_open(number):
            self._end_segment()
        self.damaged += 1
        self._lose(segment)
        self._segments.pop(number, None)
        segment.path.unlink(missing_ok=True)

    def _give_up_oldest(self) -> None:
        number = min(self._segments)
        if self._is_open(number):
            self._end_segment()
        segment = self._segments.get(number)
        if segment is not None:
            if segment.points:
                self._lose(segment)
            self._remove(number)

    def _lose(self, segment: _Segment) -> None:
        """Written down before it is done; on a full disk after, or with the next loss."""
        loss = Loss(segment.first_ms, segment.last_ms, segment.points)
        self.given_up += loss.points
        self.untold.append(loss)
        self.losses = losses.with_loss(self.losses, loss)
        try:
            losses.write(self._losses_file, self.losses)
        except OSError:
            os.truncate(segment.path, 0)
            with suppress(OSError):
                losses.write(self._losses_file, self.losses)

    def _remove(self, number: int) -> None:
        self._segments.pop(number).path.unlink(missing_ok=True)


def _front(segment: _Segment, most_points: int, until: int) -> tuple[list[Record], int]:
    """Records that end no later than at `until`, and where what follows them begins."""
    records: list[Record] = []
    points, end = 0, segment.start
    for placed in segments.read(segment.path, segment.start):
        points += placed.record.points
        if records and (points > most_points or placed.end > until):
            break
        records.append(placed.record)
        end = placed.end
    return records, end


def _read_losses(file: Path) -> Sequence[Loss]:
    """A damaged file is put aside: what it said is no reason to take no more points."""
    try:
        return losses.read(file)
    except msgspec.MsgspecError:
        file.replace(file.with_suffix(".damaged"))
        return ()

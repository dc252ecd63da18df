"""The files in which this host defines checks and alarms: read here, understood by the server (wire protocol, 15)."""

from __future__ import annotations

import asyncio
import logging
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from vedette.agent.threads import in_thread
from vedette.wire.envelope import Failure

MOST_BYTES = 3 * 1024 * 1024
"""Of all files together, as they go over the wire: a server ends a connection for a line that is too long."""
LOOK_S = 10.0
"""A file system whose server is away keeps nobody from connecting."""
Texts = Mapping[str, str | None]
"""File name -> text; None for one that cannot be read."""
log = logging.getLogger("vedette.agent")


class Files:
    """Uploaded once for each entity, and again when they are other ones at a later connection."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._texts: Texts | None = None
        self._sent: tuple[str, Texts] | None = None
        self._taken: tuple[str, Texts] | None = None

    async def look(self) -> None:
        """Reads them; without the directory there is nothing to say, not even that there are none."""
        try:
            async with asyncio.timeout(LOOK_S):
                self._texts = await in_thread(self._read)
        except OSError as error:
            problem = error.strerror or str(error) or type(error).__name__
            log.warning("the files in %s are not uploaded: %s", self._directory, problem)
            self._texts = None

    def _read(self) -> Texts | None:
        if not self._directory.is_dir():
            return None
        texts: dict[str, str | None] = {}
        left = MOST_BYTES
        for file in sorted(self._directory.iterdir()):  # not by glob, which takes what it may not read for empty
            if file.name.endswith(".yaml"):
                name = file.name.encode(errors="replace").decode()
                texts[name] = text = _text(file, name, left)
                left -= _size(name, text)
        return texts

    def due(self, entity_id: str | None) -> Texts | None:
        """What a welcomed connection has to upload, if anything."""
        if entity_id is None or self._texts is None or self._taken == (entity_id, self._texts):
            return None
        self._sent = (entity_id, self._texts)
        return self._texts

    def answered(self, outcomes: list[dict[str, Any]], failure: Failure | None) -> None:
        """What the server made of them."""
        if failure is not None:
            log.warning("the files in %s were not taken: %s", self._directory, failure.message)
            return
        self._taken = self._sent
        for outcome in outcomes:
            what = f"{outcome.get('type')} {outcome.get('handle')}"
            if outcome.get("success") is True:
                log.info("%s: %s", what, outcome.get("location"))
            else:
                log.error("%s: %s failed: %s", what, outcome.get("location"), _message(outcome.get("err")))


def _size(name: str, text: str | None) -> int:
    """On the wire, with what is between two of them."""
    return len(msgspec.json.encode({name: text or ""}))


def _text(file: Path, name: str, most_bytes: int) -> str | None:
    try:
        found = file.stat()
        if not stat.S_ISREG(found.st_mode):  # whoever opens a pipe may wait for ever
            log.error("%s is not uploaded: it is no file", name)
            return None
        text = file.read_text("utf-8") if found.st_size <= most_bytes else None
        if text is None or _size(name, text) > most_bytes:
            log.error("%s is not uploaded: all files together may have %d bytes", name, MOST_BYTES)
            return None
        return text
    except (OSError, UnicodeDecodeError) as error:
        log.error("%s cannot be read: %s", name, error)  # noqa: TRY400 - the text says it all
        return None


def _message(err: Any) -> Any:
    return err.get("message", err) if isinstance(err, dict) else err

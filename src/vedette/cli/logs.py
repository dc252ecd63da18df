"""Logs: for people on a terminal, JSON lines otherwise; everybody's, uvicorn's too, go the same way.

Nobody logs a secret; should it happen all the same, what looks like one is cut before it is written.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_SECRET_NAMES = re.compile(
    r"(?:^|[-_])(?:token|(?:api|service|access|private|secret|auth)_?key|password|passwd|passphrase|pwd|secret"
    r"|credential|authorization|cookie|dsn)s?$",
    re.IGNORECASE,
)
_IDS = frozenset({"transaction_id", "txn_id", "request_id"})  # hex digits, and none of them secret
_SHORTENED = re.compile(r"[0-9a-f]{8}\.\.\.")
_TEXTS = (
    (re.compile(r"([0-9a-fA-F]{8})[0-9a-fA-F]{56,}(?:\.[A-Za-z0-9:_-]{1,64})?"), r"\1..."),  # agent, identity tokens
    (re.compile(r"(?<![0-9a-fA-F])([0-9a-fA-F]{8})[0-9a-fA-F]{24,}(?!-)"), r"\1..."),  # API keys
    (re.compile(r"(://[^/\s:@]*):[^\s\"']*@"), r"\1:...@"),  # passwords in urls
    (
        re.compile(  # and in parameters, headers, JSON
            r"((?:token|key|password|passwd|secret|authorization|cookie)[\"']?\s*[=:]\s*(?:bearer\s+|basic\s+|[bB]?[\"'])?)"
            r"(?![0-9a-f]{8}\.\.\.)[^&\s\"',;}]+",
            re.IGNORECASE,
        ),
        r"\1...",
    ),
)


def set_up_logs(log_format: str, log_level: str, stream: TextIO | None = None) -> None:
    """Once, at the start of a process; `log_format` is `auto`, `human` or `json`; to standard error by default."""
    stream = stream or sys.stderr
    level = logging.getLevelNamesMapping()[log_level.upper()]
    is_human = log_format == "human" or (log_format == "auto" and stream.isatty())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(is_human=is_human, has_colors=is_human and stream.isatty()))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "asyncio"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Cuts what is named like a secret or looks like one, at any depth; 8 characters of a token remain."""
    return {name: _redacted(name, value) for name, value in event.items()}


def _formatter(*, is_human: bool, has_colors: bool) -> logging.Formatter:
    renderer: Processor = structlog.processors.JSONRenderer()
    if is_human:
        renderer = structlog.dev.ConsoleRenderer(colors=has_colors)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared(),
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,  # to text before it is redacted
            redact,
            renderer,
        ],
    )


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _redacted(name: str, value: Any) -> Any:
    if name in _IDS:
        return value
    if _SECRET_NAMES.search(name) and value is not None and not isinstance(value, bool | int):
        return _shortened(str(value))
    if isinstance(value, str):
        return _cut(value)
    if isinstance(value, Mapping):
        return {key: _redacted(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted("", item) for item in value]
    return value if value is None or isinstance(value, bool | int | float) else _cut(str(value))


def _shortened(text: str) -> str:
    """Of a token 8 characters remain, of anything else nothing."""
    cut = _cut(text)
    return cut if _SHORTENED.fullmatch(cut) else "..."


def _cut(text: str) -> str:
    for pattern, short in _TEXTS:
        text = pattern.sub(short, text)
    return text

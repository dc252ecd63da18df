"""The one exception of the alarm language (reference: faults, `alarmParseError`)."""

from __future__ import annotations

import re
from bisect import bisect_right

longest_criteria = 16_384
"""Characters (reference: create an alarm)."""

_longest_token_shown = 80
_line_break = re.compile(r"\r\n|\n|\r")


class CriteriaError(Exception):
    """Criteria that are not in the language; carries what the fault `alarmParseError` shows.

    `position` is 0-based, `line` and `column` are 1-based, all in characters. `input` and `token`
    are cut (16,384 and 80 characters), so that a fault never echoes more than that.
    """

    def __init__(self, text: str, position: int, token: str, message: str) -> None:
        super().__init__(message)
        self.input = text[:longest_criteria]
        self.position = position
        self.line, self.column = LineMap(text[:position]).locate(position)
        self.token = token[:_longest_token_shown]
        self.message = message


class LineMap:
    """Where the lines of a text begin; a line ends by LF, CRLF or CR."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(found.end() for found in _line_break.finditer(text))]

    def locate(self, position: int) -> tuple[int, int]:
        """The 1-based line and column of a 0-based position."""
        line = bisect_right(self._starts, position)
        return line, position - self._starts[line - 1] + 1

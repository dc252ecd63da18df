"""Status messages: `#{name}` is replaced by the metric's value, then the whole is cut."""

from __future__ import annotations

import re
from collections.abc import Mapping

from vedette.criteria.numerals import shortest
from vedette.criteria.outcome import cut, longest_status
from vedette.domain.metrics import Metric

# The bound (that of metric names) keeps the search linear in a message full of "#{".
_placeholder = re.compile(r"(#\{[^}]{1,128}\})")


class MessageTemplate:
    """A message with placeholders, split once."""

    def __init__(self, message: str) -> None:
        pieces = _placeholder.split(message)
        self._beginning = pieces[0]
        # Each placeholder as written, the name in it, and the text up to the next one.
        self._rest = tuple((mark, mark[2:-1], text) for mark, text in zip(pieces[1::2], pieces[2::2], strict=True))

    @property
    def is_constant(self) -> bool:
        """Whether there is nothing to replace."""
        return not self._rest

    def render(self, metrics: Mapping[str, Metric]) -> str:
        """The message with the metrics' values, at most 128 characters; missing ones stay as written."""
        rendered = self._beginning
        for mark, name, text in self._rest:
            metric = metrics.get(name)
            rendered += f"{mark if metric is None else shortest(metric.value)}{text}"
            if len(rendered) >= longest_status:
                break
        return cut(rendered)

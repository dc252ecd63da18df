"""Known secret values, and looking for them in everything that was written."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from urllib.parse import quote

_HEX_SHOWN = 8
_HEX_NEEDLE = 24


class Secrets:
    """By name. `found_in` is what every place is asked; a token may show its first 8 characters."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def add(self, name: str, value: str) -> str:
        assert value not in ("", None)
        self._values[name] = value
        return value

    @property
    def values(self) -> Mapping[str, str]:
        return self._values

    def found_in(self, place: str, written: bytes) -> list[str]:
        """Which secrets are in it, whole or encoded, and what stands before each."""
        lower = written.lower()
        return [
            f"{name} in {place}: ...{written[max(0, at - 300) : at + 20].lstrip(bytes(1))!r}"
            for name, value in self._values.items()
            for needle in set(_needles(value))
            if (at := lower.find(needle.lower())) >= 0
        ]


def _needles(value: str) -> Iterator[bytes]:
    shown = value.partition(".")[0]
    if len(shown) >= 32 and all(letter in "0123456789abcdef" for letter in shown):
        yield shown[_HEX_SHOWN : _HEX_SHOWN + _HEX_NEEDLE].encode()
    else:
        yield value.encode()
    yield quote(value, safe="").encode()
    yield value.encode().hex().encode()
    for form in (value, f":{value}", f"x:{value}", f"ab:{value}"):  # a Basic header, however it is aligned
        yield base64.b64encode(form.encode())[4:-4]

"""Catalogues: what is the same for every tenant and comes with the server, such as check types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from vedette.domain.faults import not_found


class Catalogue:
    """Things by id, as they are shown."""

    def __init__(self, noun: str, shown: Mapping[str, Mapping[str, Any]]) -> None:
        """`noun`: as faults name one of them."""
        self._noun = noun
        in_order = sorted(shown.items(), key=lambda item: item[0].encode())
        self._shown = {key: msgspec.json.encode(one) for key, one in in_order}

    def show(self, key: str) -> bytes:
        found = self._shown.get(key)
        if found is None:
            raise not_found(self._noun, key)
        return found

    def all(self) -> list[bytes]:
        return list(self._shown.values())

    def page(self, marker: str | None, limit: int) -> tuple[list[bytes], str | None]:
        """(those from `marker` on, the id the next page begins with)."""
        ids = [key for key in self._shown if marker is None or key.encode() >= marker.encode()]
        return [self._shown[key] for key in ids[:limit]], ids[limit] if len(ids) > limit else None

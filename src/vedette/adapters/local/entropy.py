"""Chance, from the operating system."""

from __future__ import annotations

import os


def entropy(count: int) -> bytes:
    """`count` random bytes fit for secrets."""
    return os.urandom(count)

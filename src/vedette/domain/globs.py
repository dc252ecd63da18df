"""Globs over ids: `*` is any text, `?` one character. Linear in the text for each star, whatever a tenant writes."""

from __future__ import annotations


def matches(glob: str, text: str) -> bool:
    """Whether the whole text fits the glob; letters' case counts."""
    at, place = 0, 0  # in the glob, in the text
    star, resume = -1, 0  # the last star, and where in the text it is tried again
    while place < len(text):
        if at < len(glob) and glob[at] == "*":
            star, resume = at, place
            at += 1
        elif at < len(glob) and glob[at] in ("?", text[place]):
            at, place = at + 1, place + 1
        elif star >= 0:
            resume += 1
            at, place = star + 1, resume
        else:
            return False
    return all(rest == "*" for rest in glob[at:])

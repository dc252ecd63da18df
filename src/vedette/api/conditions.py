"""Conditional requests: the ETag of an object is its revision, `If-Match` keeps writers from undoing one another.

(RFC 9110, 8.8.3 and 13.1.1.)
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vedette.api.addresses import header
from vedette.api.answer import Answer
from vedette.api.faults import JSON
from vedette.domain.faults import bad_request

if TYPE_CHECKING:
    from vedette.api.visits import Call
    from vedette.services.requests import Revisions, Shown

OPTIONS = {"conditional": True}
"""Of a route that honours `If-Match`."""
_MOST = 1024
_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*+"[ \t]*+'
_TAGS = re.compile(rf"[ \t]*+(?:,[ \t]*+)*+{_TAG}(?:,[ \t]*+(?:{_TAG})?+)*+")  # possessive: linear in the header
_OURS = re.compile(r'(?<!W/)"([0-9]{1,18})"')


def etag(revision: int) -> str:
    """Over the row's revision, not over volatile members."""
    return f'"{revision}"'


def tagged(shown: Shown) -> Answer:
    """A single object with its ETag."""
    return Answer(shown.body, media_type=JSON, headers={"ETag": etag(shown.revision)})


def wanted(call: Call) -> Revisions:
    """The revisions that `If-Match` names; None without one, and for `*`.

    Weak tags and tags of others match nothing.
    """
    given = header(call.scope, b"if-match")
    if given is None or given.strip() == "*":
        return None
    if len(given) > _MOST or not _TAGS.fullmatch(given):
        raise bad_request("The If-Match header is not valid", 'Expected * or a list of ETags such as "3"')
    return frozenset(int(tag) for tag in _OURS.findall(given))

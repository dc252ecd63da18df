"""Answers: the shapes every resource shares."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import msgspec

from vedette.api.answer import Answer
from vedette.api.faults import JSON
from vedette.domain.faults import Fault, invalid
from vedette.domain.timeline import KEY_BYTES, key_at, key_of
from vedette.ports.history import Span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vedette.api.visits import Call
    from vedette.services.documents import Page
    from vedette.services.requests import Changed, Created

DEFAULT_LIMIT = 100
MOST_LIMIT = 1000
_WEEK_MS = 7 * 24 * 3600 * 1000
_IGNORED_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_MOST_IGNORED = 10
NONE: Mapping[str, Any] = MappingProxyType({})
_encode = msgspec.json.Encoder().encode


def created(call: Call, address: str, done: Created) -> Answer:
    """201 without a body; `Location` is absolute and ends in the id, `X-Object-ID` is the id.

    Where a new secret is the id but not shown again, the address has its public id.
    """
    place = quote(done.address or done.id, safe=":")
    headers = {"Location": f"{call.visit.root}{address}/{place}", "X-Object-ID": done.id}
    return Answer(b"", status_code=201, headers=headers | _ignored(done.ignored), media_type="text/plain")


def changed(call: Call, address: str, done: Changed) -> Answer:
    """204 with the `Location` of the object."""
    location = f"{call.visit.root}{address}" + (f"/{quote(done.id, safe=':')}" if done.id else "")
    return Answer(
        b"", status_code=204, headers={"Location": location} | _ignored(done.ignored), media_type="text/plain"
    )


def one(body: bytes) -> Answer:
    """A stored object, as it is."""
    return Answer(body, media_type=JSON)


def encoded(value: Any) -> Answer:
    """Any value as JSON."""
    return Answer(_encode(value), media_type=JSON)


def page(
    call: Call, items: Sequence[bytes], limit: int | None, next_marker: str | None, more: Mapping[str, Any] = NONE,
    before: bytes = b"",
) -> Answer:  # fmt: skip
    """A list: stored bytes joined; `metadata` always has all five members, and what a list adds to them.

    `before`: members that it has before the others, as JSON with a comma at the end.
    """
    marker = call.query_params.get("marker")
    metadata = _encode(
        {
            "count": len(items),
            "limit": limit,
            "marker": marker,
            "next_marker": next_marker,
            "next_href": None if next_marker is None else _next_href(call, limit, next_marker),
            **more,
        }
    )
    parts = (b"{", before, b'"values":[', b",".join(items), b'],"metadata":', metadata, b"}")
    return Answer(b"".join(parts), media_type=JSON)


def listed(call: Call, found: Page) -> Answer:
    """A page as services give it, of the length that was asked for."""
    return page(call, found.items, limit_of(call), found.next_marker)


def _next_href(call: Call, limit: int | None, next_marker: str) -> str:
    kept = [(name, value) for name, value in call.query_params.multi_items() if name not in {"marker", "limit"}]
    query = urlencode([*kept, ("limit", limit or DEFAULT_LIMIT), ("marker", next_marker)])
    return f"{call.visit.root}{quote(call.visit.path.removeprefix('/v1.0'), safe='/:%')}?{query}"


def _ignored(names: Sequence[str]) -> dict[str, str]:
    """Names the members that were not taken, so that a typing error is visible."""
    if not names:
        return {}
    shown = [name for name in names if _IGNORED_NAME.fullmatch(name)][:_MOST_IGNORED]
    rest = len(names) - len(shown)
    return {"X-Ignored-Attributes": ", ".join([*shown, f"+{rest}"] if rest else shown)}


def limit_of(call: Call) -> int:
    """The size of a page. Raises `invalidLimit`."""
    given = call.query_params.get("limit")
    if given is None:
        return DEFAULT_LIMIT
    if not given.isascii() or not given.isdigit() or len(given) > 9 or not 1 <= int(given) <= MOST_LIMIT:
        raise Fault(
            "invalidLimit", "Validation error for key 'limit'", f"Expected an integer between 1 and {MOST_LIMIT}"
        )
    return int(given)


def marker_of(call: Call) -> str | None:
    """The id of the first item of a page, None for the first page."""
    return text_of(call, "marker", "the id of the first item of a page") or None


def text_of(call: Call, name: str, meaning: str) -> str | None:
    """A text of the query; no store can hold a NUL."""
    given = texts_of(call, name, meaning)
    return given[0] if given else None


def texts_of(call: Call, name: str, meaning: str) -> tuple[str, ...]:
    """A parameter that may be repeated."""
    query: Any = call.query_params
    given: tuple[str, ...] = tuple(query.getall(name, ()))
    if any("\0" in text for text in given):
        raise invalid(name, f"Expected {meaning}")
    return given


def is_asked(call: Call, name: str) -> bool:
    """Whether a switch of the query is on: clients write `true`, `True` or `1`."""
    return call.query_params.get(name, "").lower() in {"true", "1"}


def milliseconds(call: Call, name: str) -> int | None:
    """A timestamp of the query, in milliseconds."""
    given = call.query_params.get(name)
    if given is None:
        return None
    if not re.fullmatch(r"-?[0-9]{1,15}", given, re.ASCII):
        raise invalid(name, "Expected a timestamp in milliseconds since the epoch")
    return int(given)


def span_of(call: Call) -> Span:
    """The page of a time series: `from`, `to`, `reverse`, `marker`, `limit`; by default the last 7 days.

    One more row than `limit` is asked for, so that the next marker is known.
    """
    to_ms, from_ms = milliseconds(call, "to"), milliseconds(call, "from")
    last = call.visit.now_ms + 1 if to_ms is None else to_ms
    marker = marker_of(call)
    key = None if marker is None else key_of(marker)
    if marker is not None and (key is None or len(key) != KEY_BYTES):
        raise invalid("marker", "Expected the id of the first item of a page")
    return Span(
        first=key_at(last - _WEEK_MS if from_ms is None else from_ms),
        last=key_at(last),
        marker=key,
        limit=limit_of(call) + 1,
        reverse=is_asked(call, "reverse"),
    )


def series(call: Call, rows: Sequence[tuple[str, bytes]]) -> Answer:
    """A page of a time series from one row more than it shows."""
    limit = limit_of(call)
    more = rows[limit][0] if len(rows) > limit else None
    return page(call, [body for _, body in rows[:limit]], limit, more)

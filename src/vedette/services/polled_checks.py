"""Checks as handed to collectors over the wire (wire protocol, 9 and 17).

What kills a stock poller is never handed to one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import structlog

from vedette.criteria.patterns import PatternError, groups_of
from vedette.domain.check_types import CHECK_TYPES
from vedette.ports.probing import Assignment
from vedette.wire.poller import PolledCheck

_NOT_THEIRS = re.compile(
    r"\\C|\(\?<|\(\?P<[^>]*[^\x00-\x7f>]|\(\?P<(\w+)>.*\(\?P<\1>"
    r"|\\[pP]\{(?!\^?(?:[A-Z][a-z]?|Any|Latin|Greek|Cyrillic|Han|Hangul|Hiragana|Katakana|Arabic|Hebrew|Thai)\})",
    re.DOTALL,
)
"""What our RE2 takes and that of stock pollers, which is Go's of 2019, may not: single bytes, groups named in another
way, in other letters or alike, younger scripts."""
log = structlog.get_logger(__name__)


def polled(assignment: Assignment, zone_id: str, *, is_ours: bool) -> PolledCheck | None:
    """None for a definition that a stock poller cannot be given."""
    details = assignment.details if is_ours else _for_stock(assignment)
    if details is None:
        return None
    alias = assignment.alias
    return PolledCheck(
        id=assignment.check_id,
        check_id=assignment.check_id,
        type=assignment.check_type,
        entity_id=assignment.entity_id,
        zone_id=zone_id,
        period=assignment.period_s,
        timeout=max(assignment.timeout_s, 1),
        disabled=False,
        ip_addresses={} if alias is None else {alias: assignment.target or alias},
        target_alias=alias,
        target_hostname=assignment.target if alias is None else None,
        target_resolver=assignment.resolver,
        details=details,
        revision=assignment.revision if is_ours else None,
    )


def _for_stock(assignment: Assignment) -> Mapping[str, Any] | None:
    """Its expressions are compiled by others' code, which dies of one that it refuses or that captures nothing."""
    attributes = CHECK_TYPES[assignment.check_type].attributes
    details = {one.name: one.default for one in attributes if one.default is not None} | dict(assignment.details)
    try:
        for name in ("body", "body_match", "banner_match"):
            if isinstance(details.get(name), str):
                _groups(details[name])
        matches: Mapping[str, str] = details.get("body_matches") or {}
        if matches:
            details["body_matches"] = {key: _capturing(pattern) for key, pattern in matches.items()}
    except PatternError as error:
        log.warning("collector.check_left_out", check_id=assignment.check_id, problem=str(error))
        return None
    return details


def _capturing(pattern: str) -> str:
    """What it reports is the first group."""
    return pattern if _groups(pattern) else f"({pattern})"


def _groups(pattern: str) -> int:
    """How many an expression captures. Raises `PatternError` for one that stock pollers refuse."""
    strange = _NOT_THEIRS.search(pattern.replace(r"\\", ""))
    if strange is not None:
        raise PatternError(f"stock pollers may not know {strange.group()[:16]}")
    return groups_of(pattern)

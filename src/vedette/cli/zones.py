"""`vedette zone`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import click

from vedette.adapters.local.clock import now_ms
from vedette.adapters.local.entropy import entropy
from vedette.cli.at_hand import AtHand, on_stores
from vedette.cli.options import store_options
from vedette.cli.show import show
from vedette.domain.tokens import AgentToken
from vedette.services.collector_tokens import CollectorTokens
from vedette.services.zones import Zones

Result = TypeVar("Result")

_LONGEST_OVERLAP_S = 30 * 86_400
_ADDED = ("zone", "id", "label", "token")
_COLUMNS = ("zone", "id", "begins", "label", "created_at")


@click.group()
def zone() -> None:
    """Monitoring zones: the collectors of built-in ones."""


@zone.group()
def token() -> None:
    """Add, list, rotate and revoke collector tokens, with a running server or without.

    A collector of a built-in zone connects with one. It is tied to its zone, and no tenant sees it.
    """


@token.command()
@click.argument("zone_id", metavar="ZONE")
@click.option("--label", metavar="TEXT", help="What it is for.")
@store_options
def add(zone_id: str, label: str | None, *, is_json: bool, **flags: Any) -> None:
    """Add a token for collectors of ZONE, a built-in zone (see --config). It is shown now and never again."""
    made = _on_tokens(flags, lambda tokens: tokens.add(zone_id, label))
    show(_shown(made.row) | {"token": made.secret}, _ADDED, is_json=is_json)


@token.command(name="list")
@store_options
def list_(*, is_json: bool, **flags: Any) -> None:
    """List the collector tokens."""
    show([_shown(row) for row in _on_tokens(flags, lambda tokens: tokens.list())], _COLUMNS, is_json=is_json)


@token.command()
@click.argument("key", metavar="TOKEN")
@click.option(
    "--overlap",
    type=click.IntRange(0, _LONGEST_OVERLAP_S),
    default=3_600,
    show_default=True,
    metavar="SECONDS",
    help="How long the old one works on.",
)
@store_options
def rotate(key: str, overlap: int, *, is_json: bool, **flags: Any) -> None:
    """Put a new token in the place of TOKEN: its id, or how it begins (8 characters).

    Connected collectors are handed the new one and store it in their files. It is shown now and never again.
    """
    made = _on_tokens(flags, lambda tokens: tokens.rotate(key, overlap))
    show(_shown(made.row) | {"token": made.secret}, _ADDED, is_json=is_json)


@token.command()
@click.argument("key", metavar="TOKEN")
@store_options
def revoke(key: str, *, is_json: bool, **flags: Any) -> None:
    """Revoke a token: its id, or how it begins (8 characters). Its collectors are cut off within two seconds."""
    show(_shown(_on_tokens(flags, lambda tokens: tokens.revoke(key))), _COLUMNS, is_json=is_json)


def _on_tokens(flags: dict[str, Any], act: Callable[[CollectorTokens], Awaitable[Result]]) -> Result:
    async def on(at_hand: AtHand) -> Result:
        stores = at_hand.stores
        zones = Zones(at_hand.config.zones)
        return await act(CollectorTokens(stores.tokens, stores.commit, at_hand.keys, zones, now_ms, entropy))

    return on_stores(flags, on, more=("zones",))


def _shown(row: AgentToken) -> dict[str, Any]:
    return {
        "zone": row.zone_id,
        "id": row.public_id,
        "begins": row.sort_key,
        "label": row.label or "",
        "created_at": row.created_at,
    }

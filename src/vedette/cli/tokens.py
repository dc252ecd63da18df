"""`vedette token`."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from vedette.cli import token_texts
from vedette.cli.api_client import Access, Api, access, logged_in, segment
from vedette.cli.client_options import Duration, Moment, client_options, pairs
from vedette.cli.failures import told_in_one_line
from vedette.cli.show import show
from vedette.cli.token_rotation import finish_rotation, follow_rotation
from vedette.domain.faults import bad_request, not_found

Result = TypeVar("Result")

_MOST_ASKED = 10
_FULL, _SHORTEST = 64, 8
_PUBLIC_PREFIX = "at"


@click.group()
def token() -> None:
    """Agent tokens: create, list, show, rotate and revoke them, and see who uses them.

    TOKEN is a token, its public id, or how it begins (8 characters or more). Credentials are those of --data-dir; of
    another server --url and --username, with the API key in VEDETTE_API_KEY.
    """


@token.command()
@click.option("--label", metavar="TEXT", help="A name for it.")
@click.option("--expires-at", type=Moment(), metavar="TIME", help="When it ends, ISO 8601 in UTC.")
@click.option("--allow-agent", "agents", multiple=True, metavar="GLOB", help="Only for these agent ids; repeatable.")
@click.option("--allow-network", "networks", multiple=True, metavar="CIDR", help="Only from there; repeatable.")
@click.option("--max-agents", type=click.IntRange(1), metavar="N", help="How many agents may use it at once.")
@click.option("--metadata", multiple=True, metavar="KEY=VALUE", help="Repeatable.")
@click.option("--agent-id", metavar="ID", help="For the printed configuration.  [default this host's name]")
@click.option("--agent-endpoint", metavar="HOST:PORT", help="For the printed configuration, where it is not known.")
@client_options
def create(agent_id: str | None, agent_endpoint: str | None, *, is_json: bool, **flags: Any) -> None:
    """Create a token; prints it and a configuration file for `vedette agent`."""
    body = _body(flags)

    def act(api: Api, used: Access) -> None:
        secret = api.post("agent_tokens", body)
        lines = token_texts.configuration(secret, agent_id or socket.gethostname(), agent_endpoint, used)
        if is_json:
            show({"token": secret, "configuration": lines}, (), is_json=True)
        else:
            print("\n".join([secret, "", *lines]))

    _with_api(flags, act)


def _body(flags: dict[str, Any]) -> dict[str, Any]:
    """The new token's attributes; takes them out of `flags`."""
    wanted = {
        "label": flags.pop("label"),
        "expires_at": flags.pop("expires_at"),
        "allowed_agents": list(flags.pop("agents")) or None,
        "allowed_networks": list(flags.pop("networks")) or None,
        "max_agents": flags.pop("max_agents"),
        "metadata": pairs(flags.pop("metadata")) or None,
    }
    return {name: value for name, value in wanted.items() if value is not None}


@token.command(name="list")
@client_options
def list_(*, is_json: bool, **flags: Any) -> None:
    """List the tokens; a table shows how they begin, --json shows them whole."""
    found = _with_api(flags, lambda api, _: list(api.all("agent_tokens")))
    show(found if is_json else [token_texts.row(one) for one in found], token_texts.COLUMNS, is_json=is_json)


@token.command(name="show")
@click.argument("key", metavar="TOKEN")
@client_options
def show_(key: str, *, is_json: bool, **flags: Any) -> None:
    """Show one token whole, with its policy and use."""
    found = _with_api(flags, lambda api, _: api.get(f"agent_tokens/{segment(_whole(api, key))}"))
    show(found if is_json else token_texts.members(found), ("attribute", "value"), is_json=is_json)


@token.command()
@click.argument("key", metavar="TOKEN")
@client_options
def agents(key: str, *, is_json: bool, **flags: Any) -> None:
    """List the agents that use a token."""
    found = _with_api(flags, lambda api, _: _agents(api, _whole(api, key)))
    show(found if is_json else [token_texts.agent(one) for one in found], token_texts.AGENT_COLUMNS, is_json=is_json)


@token.command()
@click.argument("key", metavar="TOKEN")
@click.option(
    "--overlap", type=Duration(), metavar="DURATION", help="How long the old one works: 90m, 24h, 30d.  [default 1h]"
)
@click.option("--wait", "waits", is_flag=True, help="Show how agents move, and end when all have or the old one ends.")
@click.option("--finish", "finishes", is_flag=True, help="With --wait: end the old one as soon as all have moved.")
@client_options
def rotate(key: str, overlap: int | None, *, waits: bool, finishes: bool, is_json: bool, **flags: Any) -> None:
    """Put a new token in the place of one that goes on working for a while.

    Connected agents that can are handed the new one and store it; the others must be given it. A rotation under way is
    followed with --wait, not begun again.
    """
    if finishes and not waits:
        raise click.UsageError("--finish needs --wait")

    def act(api: Api, _: Access) -> None:
        old = _whole(api, key)
        rotation = api.get(f"agent_tokens/{segment(old)}").get("rotation")
        new = rotation["to"] if waits and rotation else _begin_rotation(api, old, overlap)
        if rotation:
            old = rotation["from"] if waits else old
        if not is_json:
            print(new)
        moved = follow_rotation(api, old) if waits else None
        is_over = finishes and moved is not None and moved["old"] == 0 and finish_rotation(api, new)
        if is_json:
            agents = {} if moved is None else {"agents": moved, "finished": is_over}
            show({"token": new, "rotated": old} | agents, (), is_json=True)

    _with_api(flags, act)


def _begin_rotation(api: Api, old: str, overlap: int | None) -> str:
    return api.post(f"agent_tokens/{segment(old)}/rotate", {} if overlap is None else {"overlap": overlap})


@token.command()
@click.argument("key", metavar="TOKEN")
@click.option("--yes", is_flag=True, help="Do not ask.")
@client_options
def revoke(key: str, *, yes: bool, is_json: bool, **flags: Any) -> None:
    """Revoke a token: its agents are cut off within two seconds. Lists them and asks first."""

    def act(api: Api, _: Access) -> None:
        whole = _whole(api, key)
        hit = _agents(api, whole)
        print(token_texts.hit(whole, hit, _MOST_ASKED), file=sys.stderr)
        if not yes and not _is_sure():
            raise bad_request("Nothing was revoked", "Expected yes, or --yes where nobody can be asked")
        api.delete(f"agent_tokens/{segment(whole)}")
        connected = sum(one["connected"] for one in hit)
        show({"revoked": token_texts.short(whole), "agents": connected}, ("revoked", "agents"), is_json=is_json)

    _with_api(flags, act)


def _is_sure() -> bool:
    return sys.stdin.isatty() and click.confirm("Revoke it?", err=True)


def _with_api(flags: dict[str, Any], act: Callable[[Api, Access], Result]) -> Result:
    """Ends the process with one line when it cannot."""
    with told_in_one_line():
        used = access(flags)
        with logged_in(used) as api:
            return act(api, used)


def _agents(api: Api, whole: str) -> list[dict[str, Any]]:
    return list(api.all(f"agent_tokens/{segment(whole)}/agents"))


def _whole(api: Api, key: str) -> str:
    """The id of the token that is meant."""
    if len(key) >= _FULL or key.startswith(_PUBLIC_PREFIX):
        return key
    if len(key) < _SHORTEST:
        raise bad_request(f"'{key}' is too short", f"Expected {_SHORTEST} characters of a token or more")
    found: list[str] = [one["id"] for one in api.all("agent_tokens") if one["id"].startswith(key)]
    if len(found) > 1:
        raise bad_request(f"{len(found)} tokens begin with '{key}'", "Expected more of it")
    if not found:
        raise not_found("AgentToken", key)
    return found[0]

"""`vedette keys`."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import click

from vedette.adapters.local.clock import now_ms
from vedette.cli.at_hand import AtHand, on_stores
from vedette.cli.options import store_options
from vedette.cli.show import show
from vedette.domain.faults import bad_request

if TYPE_CHECKING:
    from vedette.services.audit_verification import Verifier
    from vedette.services.key_rotation import KeyRotation, Resealed

_ROWS = ("agent_tokens", "documents", "webhook_tokens", "api_keys", "identity_tokens")
_COLUMNS = ("version", "state", *_ROWS)
_MOST_NAMES = 5
_wait = click.option(
    "--wait",
    "limit_s",
    type=click.FloatRange(0, 3600),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the server processes to take the keys over.",
)


@click.group()
def keys() -> None:
    """List, rotate and retire the server's secret keys, with a running server or without.

    A key seals what must be read again (agent tokens, passwords of checks, keys of notifications, webhook tokens) and
    indexes what must only be recognised (agent tokens, API keys, identity tokens).
    """


@keys.command(name="list")
@store_options
def list_(*, is_json: bool, **flags: Any) -> None:
    """List the keys, and how many rows need each."""
    show(on_stores(flags, _standing), _COLUMNS, is_json=is_json)


@keys.command()
@_wait
@store_options
def rotate(limit_s: float, *, is_json: bool, **flags: Any) -> None:
    """Make a new key, and seal with it all that older keys have sealed, while the server runs.

    The new key is used when every server process knows it. Processes with a key file of their own must be given a copy;
    with VEDETTE_KEYS the new key is put there and the processes are started anew first, and this command seals with it.
    It can be ended at any time: the next one goes on where it was.

    API keys move to the new key when their owners log in, identity tokens end within 24 hours. Then `vedette keys
    retire` removes the old key.
    """
    show(on_stores(flags, lambda at_hand: _rotate(at_hand, limit_s)), _COLUMNS, is_json=is_json)


@keys.command()
@click.argument("version", type=click.IntRange(1, 255))
@click.option("--force", is_flag=True, help="Remove it although something still needs it.")
@_wait
@store_options
def retire(version: int, limit_s: float, *, force: bool, is_json: bool, **flags: Any) -> None:
    """Remove an old key that nothing needs any more from the key file."""
    show(on_stores(flags, lambda at_hand: _retire(at_hand, version, limit_s, force=force)), _COLUMNS, is_json=is_json)


def _rotation(at_hand: AtHand) -> KeyRotation:
    from vedette.services.key_rotation import KeyRotation

    return KeyRotation(at_hand.stores, at_hand.keys, now_ms, asyncio.sleep)


async def _standing(at_hand: AtHand) -> list[dict[str, Any]]:
    """A row for each key there is, and for each that is missing."""
    needs: dict[int, dict[str, int]] = {version: dict.fromkeys(_ROWS, 0) for version in at_hand.keys.versions}
    for use in await _rotation(at_hand).uses():
        needs.setdefault(use.version, dict.fromkeys(_ROWS, 0))[use.kept] = use.rows
    return [
        {"version": version, "state": _state(at_hand, version, any(needs[version].values()))} | needs[version]
        for version in sorted(needs, reverse=True)
    ]


def _state(at_hand: AtHand, version: int, is_needed: bool) -> str:  # noqa: FBT001 - what the row says
    if version not in at_hand.keys.versions:
        return "missing"
    if version == at_hand.keys.current:
        return "in use"
    if version > at_hand.keys.current:
        return "not known to every process"
    return "old" if is_needed else "not needed"


async def _rotate(at_hand: AtHand, limit_s: float) -> list[dict[str, Any]]:
    from vedette.adapters.local.key_file import KeyFile

    if at_hand.config.keys is not None:
        _say(f"keys are in VEDETTE_KEYS, so none was made; sealing with its newest, version {at_hand.keys.newest}")
        await _use_newest(at_hand, limit_s)
        return await _standing(at_hand)
    file = KeyFile(at_hand.directory.key_file)
    with file.changing():
        at_hand.keys.replace(file.read())
        if await _is_unfinished(at_hand):
            _say(f"going on with key {at_hand.keys.newest}, which an earlier rotation has made")
        else:
            at_hand.keys.replace(file.add(_entropy))
            _say(f"key {at_hand.keys.newest} is in {file.path}; keep a copy of it")
        await _use_newest(at_hand, limit_s)
    return await _standing(at_hand)


def _entropy(count: int) -> bytes:
    from vedette.adapters.local.entropy import entropy

    return entropy(count)


async def _is_unfinished(at_hand: AtHand) -> bool:
    """Whether the newest key was made by a rotation that did not end: nothing uses it, or not all that could."""
    from vedette.services.key_rotation import RESEALED

    newest = at_hand.keys.newest
    if len(at_hand.keys.versions) == 1:
        return False
    uses = await _rotation(at_hand).uses()
    return all(use.version != newest for use in uses) or any(
        use.version != newest and use.kept in RESEALED for use in uses
    )


async def _use_newest(at_hand: AtHand, limit_s: float) -> None:
    """Raises a fault while a process does not know the newest key."""
    rotation, newest = _rotation(at_hand), at_hand.keys.newest
    late = await rotation.wait_until_known(newest, limit_s)
    if late:
        raise bad_request(
            f"{len(late)} server processes do not know key {newest}, so it is not used yet",
            f"Waited for {', '.join(beat.id for beat in late[:_MOST_NAMES])}; expected every process to have the key "
            "(copy the key file to where each finds its own), then `vedette keys rotate` again, which goes on",
        )
    at_hand.keys.agree(newest)
    await _wait_until_used(rotation, limit_s)
    done = await rotation.reseal(_progress)
    await _verifier(at_hand).mark_anew(at_hand.stores.commit)
    _say(f"sealed with key {newest}: " + _counted(done))
    if done.unreadable:
        _say("cannot be opened with any key here: " + ", ".join(done.unreadable[:_MOST_NAMES]))


async def _wait_until_used(rotation: KeyRotation, limit_s: float) -> None:
    silent = await rotation.wait_until_used(limit_s)
    if silent:
        raise bad_request(
            "Server processes do not say whether they use the newest key",
            f"Waited for {', '.join(silent[:_MOST_NAMES])}; expected a sign of life each second. Try again: it goes on",
        )


def _progress(done: Resealed) -> None:
    if sys.stderr.isatty():
        print(f"\r{_counted(done)}", end="\r", file=sys.stderr)


def _counted(done: Resealed) -> str:
    counts = [f"{rows} {kept.replace('_', ' ')}" for kept, rows in done.rows.items() if rows]
    return ", ".join(counts) or "nothing was left to do"


async def _retire(at_hand: AtHand, version: int, limit_s: float, *, force: bool) -> list[dict[str, Any]]:
    from vedette.adapters.local.key_file import KeyFile

    if at_hand.config.keys is not None:
        raise bad_request(
            "Keys are in VEDETTE_KEYS", "Expected it to be removed there; `vedette keys list` says who needs it"
        )
    file = KeyFile(at_hand.directory.key_file)
    with file.changing():
        at_hand.keys.replace(file.read())
        _check_old(at_hand, version)
        await _wait_until_used(_rotation(at_hand), limit_s)
        needed = await _needed(at_hand, version)
        if needed and not force:
            raise bad_request(
                f"Key {version} is still needed by {needed}",
                "Expected nothing to need it; --force removes it all the same, and these stop working",
            )
        await _settle_audits(at_hand, version, force=force)
        before = file.read()
        at_hand.keys.replace(file.remove(version))
        if not force and await _needed(at_hand, version):
            file.restore(before)
            raise bad_request(f"Key {version} is needed again", "Expected nothing to need it; it is back in the file")
        if needed:
            _say(f"removed although it was needed by {needed}")
    return await _standing(at_hand)


def _verifier(at_hand: AtHand) -> Verifier:
    from vedette.services.audit_verification import Verifier

    return Verifier(at_hand.stores.audit_chain, at_hand.keys)


async def _settle_audits(at_hand: AtHand, version: int, *, force: bool) -> None:
    """Audit entries that were linked with the key are checked once more: nobody can do it afterwards."""
    from vedette.services.audit_verification import broken

    verifier = _verifier(at_hand)
    verdicts = await verifier.verify([one.id for one in await at_hand.stores.accounts.tenants()])
    wrong = [broken(verdict) for verdict in verdicts if verdict.first_break is not None]
    if wrong and not force:
        raise wrong[0]
    for fault in wrong:
        _say(f"{fault.message}: {fault.details}; this cannot be checked any more")
    whole = [verdict.tenant_id for verdict in verdicts if verdict.first_break is None]
    entries = await verifier.settle(whole, version, at_hand.stores.commit)
    if entries:
        _say(f"{entries} audit entries are as they were written; from now on the check begins after key {version}")


def _check_old(at_hand: AtHand, version: int) -> None:
    if version not in at_hand.keys.versions:
        raise bad_request(f"There is no key {version}", f"Expected one of {', '.join(map(str, at_hand.keys.versions))}")
    if version >= at_hand.keys.current:
        raise bad_request(f"Key {version} is in use", "Expected an old one; `vedette keys rotate` makes a new one")


async def _needed(at_hand: AtHand, version: int) -> str:
    """What needs a key, for people; empty when nothing does."""
    needs = [use for use in await _rotation(at_hand).uses() if use.version == version]
    words = [f"{use.rows} {use.kept.replace('_', ' ')}" for use in needs if use.kept != "api_keys"]
    owners = await at_hand.stores.sealed.api_key_owners(version, _MOST_NAMES + 1)
    if owners:
        shown = ", ".join(owners[:_MOST_NAMES]) + (", ..." if len(owners) > _MOST_NAMES else "")
        words.append(f"the API keys of {shown}, who have not logged in since")
    return ", ".join(words)


def _say(line: str) -> None:
    print(line, file=sys.stderr)

"""Who is to be told of an alarm's state: *Told* of the alarm language."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from vedette.domain.states import State


class Telling(msgspec.Struct, frozen=True):
    """A plan that is to be told the state now, and the state last told to it."""

    plan_id: str
    previous: State


class Tellings(msgspec.Struct, frozen=True):
    """Who is told now, and who will be when no suppression matches any more and nothing has changed by then."""

    now: tuple[Telling, ...] = ()
    held: tuple[Telling, ...] = ()


def tellings(told: Mapping[str, State], plan_id: str, state: State) -> tuple[Telling, ...]:
    """The plans to be told `state`: the alarm's plan when it was last told another one, and on an OK every plan that
    the alarm has left and that was last told WARNING or CRITICAL.

    A plan never told anything counts as told OK, so a first OK pages nobody.
    """
    if state is State.UNKNOWN:
        return ()
    last = told.get(plan_id, State.OK)
    own = () if last is state else (Telling(plan_id, last),)
    if state is not State.OK:
        return own
    left = (Telling(other, last) for other, last in sorted(told.items()) if other != plan_id and last is not State.OK)
    return (*own, *left)


def held_back(told: tuple[Telling, ...], is_suppressed: Callable[[str], bool]) -> Tellings:
    """The tellings sorted by whether a suppression matches the alarm and their plan."""
    held = tuple(telling for telling in told if is_suppressed(telling.plan_id))
    return Tellings(tuple(telling for telling in told if telling not in held), held)


def after_telling(told: Mapping[str, State], told_now: tuple[Telling, ...], state: State) -> dict[str, State]:
    """What was last told to each plan; OK is left out."""
    after = {**told, **{telling.plan_id: state for telling in told_now}}
    return {plan_id: last for plan_id, last in after.items() if last is not State.OK}

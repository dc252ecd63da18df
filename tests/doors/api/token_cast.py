"""The callers of the table: everybody a role can make, and those who have none."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from tests.doors.api.house import Caller, Cast, House
from vedette.adapters.local import keyring
from vedette.adapters.local.clock import now_ms
from vedette.adapters.local.entropy import entropy
from vedette.adapters.sql.stores import Stores
from vedette.app.storage import open_stores
from vedette.domain.principals import Principal

_DAY_MS = 24 * 3600 * 1000


class Callers(NamedTuple):
    """By the names of the table; where each calls, and with which identity token, if any."""

    cast: Cast
    by_name: dict[str, Caller]


def callers(house: House) -> Callers:
    """A new tenant with everybody in it."""
    cast = house.cast()
    plain = asyncio.run(_minted(house, cast))
    named = {name: house.caller(cast.alice.login, token) for name, token in plain.items()}
    # Charlie calls at Alice's address, and at his own.
    stranger = house.caller(cast.alice.login, cast.charlie.token)
    return Callers(
        cast,
        named
        | {"admin": cast.alice, "creator": cast.carol, "observer": cast.bob}
        | {"stranger": stranger, "stranger_at_home": cast.charlie},
    )


async def _minted(house: House, cast: Cast) -> dict[str, str]:
    """Identity tokens as no log-in gives them; `unknown` is known to nobody, `nobody` sends none."""
    async with open_stores(house.config) as stores:
        return {
            "no_role": await _mint(house, stores, cast.alice, ("somebody:else",), now_ms() + _DAY_MS),
            "expired": await _mint(house, stores, cast.alice, ("monitoring:admin",), now_ms() - 1),
            "unknown": entropy(32).hex(),
            "nobody": "",
        }


async def _mint(house: House, stores: Stores, of: Caller, roles: tuple[str, ...], expires_at: int) -> str:
    keys = keyring.load(house.config.data_dir / "keys", None, entropy, may_create=False)
    user = await stores.accounts.find_user(of.login.username)
    assert user is not None
    token = entropy(32).hex()
    principal = Principal(
        user_id=user.id, user_name=user.name, tenant_id=user.tenant_id, roles=roles, expires_at=expires_at
    )
    await stores.commit(stores.accounts.add_principal(keys.index("identity_token", token), principal))
    return token

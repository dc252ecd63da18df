import re
from collections.abc import Callable

import pytest

from tests.services.account_fakes import Counted, MemoryAccounts, SteadyClock, keyring
from vedette.domain.faults import Fault
from vedette.domain.principals import ROLES
from vedette.services.accounts import AccountBook


class Setting:
    def __init__(self) -> None:
        self.accounts = MemoryAccounts()
        self.entropy = Counted()
        self.keyring = keyring(self.entropy)
        self.book = AccountBook(
            self.accounts, self.accounts.commit, self.keyring, clock=SteadyClock(), entropy=self.entropy
        )


@pytest.fixture
def setting() -> Setting:
    return Setting()


def refused(kind: str, *words: str) -> Callable[[Fault], bool]:
    return lambda fault: fault.kind == kind and all(word in f"{fault.message} {fault.details}" for word in words)


@pytest.mark.parametrize("tenant_id", ["a", "Acme", "100001", "a:b_c-d", "x" * 64])
async def test_a_tenant_is_added_and_listed(tenant_id: str, setting: Setting) -> None:
    added = await setting.book.add_tenant(tenant_id)

    assert added.id == tenant_id
    assert await setting.book.tenants() == [added]


@pytest.mark.parametrize("tenant_id", ["", "x" * 65, "a/b", "a b", "é", "a.b", "a\n", "\udc80"])
async def test_a_tenants_id_is_made_of_few_characters(tenant_id: str, setting: Setting) -> None:
    with pytest.raises(Fault) as caught:
        await setting.book.add_tenant(tenant_id)

    assert refused("badRequest", "tenant_id", "1 to 64")(caught.value)


@pytest.mark.parametrize("tenant_id", ["entities", "Agent_Tokens", "VIEWS", "audits", "account", "limits", "private"])
async def test_no_tenant_is_called_like_a_collection(tenant_id: str, setting: Setting) -> None:
    with pytest.raises(Fault) as caught:
        await setting.book.add_tenant(tenant_id)

    assert refused("badRequest", "tenant_id", "collection")(caught.value)


async def test_tenants_differ_in_more_than_case(setting: Setting) -> None:
    await setting.book.add_tenant("Acme")

    with pytest.raises(Fault) as caught:
        await setting.book.add_tenant("aCME")

    assert refused("badRequest", "exists", "aCME")(caught.value)


async def test_a_removed_tenant_takes_its_users_along(setting: Setting) -> None:
    await setting.book.add_tenant("Acme")
    await setting.book.add_tenant("other")
    await setting.book.add_user("alice", "acme", ["admin"])
    await setting.book.add_user("charlie", "other", ["admin"])

    await setting.book.remove_tenant("ACME")

    assert [tenant.id for tenant in await setting.book.tenants()] == ["other"]
    assert [user.name for user in await setting.book.users()] == ["charlie"]


@pytest.mark.parametrize("tenant_id", ["none", "../x", "\udc80"])
async def test_a_tenant_that_is_not_there_is_not_found(tenant_id: str, setting: Setting) -> None:
    for call in (
        setting.book.remove_tenant(tenant_id),
        setting.book.users(tenant_id),
        setting.book.add_user("alice", tenant_id, ["admin"]),
    ):
        with pytest.raises(Fault) as caught:
            await call
        assert refused("notFoundError", "Tenant")(caught.value)


async def test_a_user_gets_an_api_key_of_which_only_an_index_is_stored(setting: Setting) -> None:
    await setting.book.add_tenant("acme")

    login = await setting.book.add_user("alice", "acme", ["monitoring:creator", "monitoring:creator"])

    (user,) = await setting.book.users("acme")
    assert re.fullmatch(r"[0-9a-f]{32}", login.api_key)
    assert (login.username, login.tenant_id, login.roles) == ("alice", "acme", ("monitoring:creator",))
    assert (user.name, user.tenant_id, user.roles) == ("alice", "acme", ("monitoring:creator",))
    assert user.api_key_index == setting.keyring.index("api_key", login.api_key)


async def test_a_user_belongs_to_the_tenant_as_it_is_spelt_in_the_store(setting: Setting) -> None:
    await setting.book.add_tenant("Acme")

    assert (await setting.book.add_user("alice", "acme", ["admin"])).tenant_id == "Acme"


@pytest.mark.parametrize("role", sorted(ROLES))
async def test_every_role_can_be_given(role: str, setting: Setting) -> None:
    await setting.book.add_tenant("acme")

    assert (await setting.book.add_user("bob", "acme", [role])).roles == (role,)


@pytest.mark.parametrize("roles", [[], ["king"], ["admin", "Admin"]])
async def test_an_unknown_role_is_refused_with_the_known_ones(roles: list[str], setting: Setting) -> None:
    await setting.book.add_tenant("acme")

    with pytest.raises(Fault) as caught:
        await setting.book.add_user("bob", "acme", roles)

    assert refused("badRequest", "roles", "monitoring:observer")(caught.value)
    assert await setting.book.users() == []


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "a/b", "é", "a\n"])
async def test_a_users_name_is_made_of_few_characters(name: str, setting: Setting) -> None:
    await setting.book.add_tenant("acme")

    with pytest.raises(Fault) as caught:
        await setting.book.add_user(name, "acme", ["admin"])

    assert refused("badRequest", "username")(caught.value)


async def test_a_users_name_is_unique_over_all_tenants(setting: Setting) -> None:
    await setting.book.add_tenant("acme")
    await setting.book.add_tenant("other")
    first = await setting.book.add_user("alice", "acme", ["admin"])

    with pytest.raises(Fault) as caught:
        await setting.book.add_user("alice", "other", ["admin"])

    assert refused("badRequest", "alice")(caught.value)
    (user,) = await setting.book.users()
    assert user.api_key_index == setting.keyring.index("api_key", first.api_key)


async def test_a_tenant_removed_meanwhile_is_not_found(setting: Setting) -> None:
    tenant = await setting.book.add_tenant("acme")

    def remove() -> None:
        setting.accounts.before_commit = lambda: None
        setting.accounts.remove_tenant(tenant.id)()  # type: ignore[operator]

    setting.accounts.before_commit = remove
    with pytest.raises(Fault) as caught:
        await setting.book.add_user("alice", "acme", ["admin"])

    assert refused("notFoundError", "Tenant", "acme")(caught.value)


async def test_a_new_key_takes_the_place_of_the_old_one(setting: Setting) -> None:
    await setting.book.add_tenant("acme")
    old = await setting.book.add_user("alice", "acme", ["admin"])

    new = await setting.book.rotate_key("alice")

    (user,) = await setting.book.users()
    assert new.api_key != old.api_key
    assert user.api_key_index == setting.keyring.index("api_key", new.api_key)
    assert (new.username, new.tenant_id, new.roles) == (old.username, old.tenant_id, old.roles)


@pytest.mark.parametrize("name", ["nobody", "\udc80"])
async def test_a_user_that_is_not_there_is_not_found(name: str, setting: Setting) -> None:
    for call in (
        setting.book.rotate_key(name),
        setting.book.remove_user(name),
        setting.book.set_password(name, "correct horse battery"),
    ):
        with pytest.raises(Fault) as caught:
            await call
        assert refused("notFoundError", "User")(caught.value)


async def test_a_removed_user_is_gone(setting: Setting) -> None:
    await setting.book.add_tenant("acme")
    await setting.book.add_user("alice", "acme", ["admin"])

    await setting.book.remove_user("alice")

    assert await setting.book.users() == []


@pytest.mark.parametrize("password", ["", "short", "x" * 1025])
async def test_a_password_has_a_length(password: str, setting: Setting) -> None:
    await setting.book.add_tenant("acme")
    await setting.book.add_user("alice", "acme", ["admin"])

    with pytest.raises(Fault) as caught:
        await setting.book.set_password("alice", password)

    assert refused("badRequest", "password", "12 to 1024")(caught.value)
    assert password not in str(caught.value.details) or not password


async def test_of_a_password_only_a_hash_is_stored(setting: Setting) -> None:
    await setting.book.add_tenant("acme")
    await setting.book.add_user("alice", "acme", ["admin"])

    await setting.book.set_password("alice", "correct horse battery")

    (user,) = await setting.book.users()
    assert user.password_hash is not None
    assert user.password_hash.startswith(b"scrypt$14$8$5$")
    assert b"horse" not in user.password_hash

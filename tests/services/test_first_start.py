import pytest

from tests.services.account_fakes import Counted, MemoryAccounts, SteadyClock, keyring
from vedette.ports.accounts import Tenant
from vedette.services.accounts import AccountBook, Login, new_login, user_of
from vedette.services.first_start import FIRST_ROLES, FIRST_TENANT, FIRST_USER, FirstStart
from vedette.services.identity import Identity


class Crash(Exception):
    """The process died."""


class Setting:
    def __init__(self) -> None:
        self.accounts = MemoryAccounts()
        self.saved: Login | None = None
        entropy, clock = Counted(), SteadyClock()
        ports = (self.accounts, self.accounts.commit, keyring(entropy))
        self.start = FirstStart(*ports, clock=clock, entropy=entropy)
        self.book = AccountBook(*ports, clock=clock, entropy=entropy)
        self.identity = Identity(*ports, clock=clock, entropy=entropy)

    def save(self, login: Login) -> None:
        self.saved = login

    async def run(self) -> Login | None:
        return await self.start.run(self.saved, self.save)


@pytest.fixture
def setting() -> Setting:
    return Setting()


async def test_a_fresh_database_gets_a_tenant_and_an_administrator_who_can_log_in(setting: Setting) -> None:
    login = await setting.run()

    assert login is not None
    assert login == setting.saved
    logged_in = await setting.identity.log_in(login.username, login.api_key, "127.0.0.1")
    assert (logged_in.principal.tenant_id, logged_in.principal.roles) == ("100001", ("admin",))


async def test_a_second_start_changes_nothing(setting: Setting) -> None:
    first = await setting.run()
    users = await setting.book.users()

    assert await setting.run() == first
    assert await setting.book.users() == users
    assert len(await setting.book.tenants()) == 1


async def test_a_crash_before_the_login_was_saved_leaves_nothing(setting: Setting) -> None:
    def crash(_: Login) -> None:
        raise Crash

    with pytest.raises(Crash):
        await setting.start.run(None, crash)

    assert await setting.start.is_due()
    assert await setting.run() is not None


async def test_a_crash_between_saving_and_storing_is_made_good_by_the_next_start(setting: Setting) -> None:
    def crash() -> None:
        raise Crash

    setting.accounts.before_commit = crash
    with pytest.raises(Crash):
        await setting.run()
    before = setting.saved
    setting.accounts.before_commit = lambda: None

    assert await setting.run() == before
    assert before is not None
    assert (await setting.identity.log_in(before.username, before.api_key, "127.0.0.1")).principal.user_name == "admin"


async def test_an_administrator_who_was_removed_stays_removed(setting: Setting) -> None:
    await setting.run()
    await setting.book.remove_user("admin")

    assert await setting.run() is None
    assert await setting.book.users() == []


async def test_a_saved_key_that_was_rotated_is_not_given_out_again(setting: Setting) -> None:
    await setting.run()
    new = await setting.book.rotate_key("admin")

    assert await setting.run() is None
    setting.save(new)
    assert await setting.run() == new


async def test_a_database_that_others_fill_is_left_alone(setting: Setting) -> None:
    await setting.book.add_tenant("acme")

    assert await setting.run() is None
    assert setting.saved is None
    assert [tenant.id for tenant in await setting.book.tenants()] == ["acme"]


async def test_of_two_first_starts_at_once_one_wins_and_the_other_gives_no_credentials_out(setting: Setting) -> None:
    entropy = Counted()
    entropy(1)  # so that the rival's key is another
    rival = new_login(FIRST_USER, FIRST_TENANT, FIRST_ROLES, entropy)
    stored = user_of(rival, keyring(entropy), entropy, 0)

    def rival_comes_first() -> None:
        setting.accounts.before_commit = lambda: None
        setting.accounts.add_tenant(Tenant(id=FIRST_TENANT, created_at=0))()  # type: ignore[operator]
        setting.accounts.add_user(stored)()  # type: ignore[operator]

    setting.accounts.before_commit = rival_comes_first

    assert await setting.run() is None
    assert await setting.book.users() == [stored]

import asyncio
import re

import msgspec
import pytest

from tests.services.account_fakes import Counted, MemoryAccounts, SteadyClock, keyring
from vedette.domain.faults import Fault
from vedette.services import passwords
from vedette.services.accounts import AccountBook, Login
from vedette.services.identity import TOKEN_LIFE_MS, Identity
from vedette.services.log_in_limits import ADDRESS_LIMIT, PAIR_LIMIT, WINDOW_MS

HOME, AWAY = "192.0.2.1", "198.51.100.7"
PASSWORD = "correct horse battery"


class Setting:
    """Alice owns the tenant `acme`; the delays of slowed log-ins are noted instead of waited for."""

    def __init__(self) -> None:
        self.accounts = MemoryAccounts()
        self.clock = SteadyClock()
        self.entropy = Counted()
        self.delays: list[float] = []
        self.identity = self.identity_with(1)
        self.book = AccountBook(
            self.accounts,
            self.accounts.commit,
            keyring(self.entropy, 1),
            clock=self.clock,
            entropy=self.entropy,
        )

    def identity_with(self, *versions: int) -> Identity:
        identity = Identity(
            self.accounts,
            self.accounts.commit,
            keyring(self.entropy, *versions),
            clock=self.clock,
            entropy=self.entropy,
        )
        identity.sleep = self._sleep
        return identity

    async def add_alice(self) -> Login:
        await self.book.add_tenant("acme")
        return await self.book.add_user("alice", "acme", ["admin"])

    async def _sleep(self, delay_s: float) -> None:
        self.delays.append(delay_s)

    async def fault_of(self, name: str, key: str, address: str = HOME) -> Fault:
        with pytest.raises(Fault) as caught:
            await self.identity.log_in(name, key, address)
        return caught.value


@pytest.fixture
def setting() -> Setting:
    return Setting()


async def test_an_api_key_gives_a_token_that_stands_for_its_user(setting: Setting) -> None:
    alice = await setting.add_alice()

    logged_in = await setting.identity.log_in("alice", alice.api_key, HOME)

    assert re.fullmatch(r"[0-9a-f]{64}", logged_in.token)
    assert logged_in.principal.expires_at == setting.clock.now_ms + TOKEN_LIFE_MS
    assert (logged_in.principal.user_name, logged_in.principal.tenant_id) == ("alice", "acme")
    assert await setting.identity.principal(logged_in.token) == logged_in.principal


async def test_of_a_token_only_an_index_is_stored(setting: Setting) -> None:
    alice = await setting.add_alice()

    token, _ = await setting.identity.log_in("alice", alice.api_key, HOME)

    (index,) = setting.accounts.principals
    assert index == keyring(setting.entropy, 1).index("identity_token", token)


async def test_each_log_in_gives_a_token_of_its_own(setting: Setting) -> None:
    alice = await setting.add_alice()

    one = await setting.identity.log_in("alice", alice.api_key, HOME)
    two = await setting.identity.log_in("alice", alice.api_key, HOME)

    assert one.token != two.token


@pytest.mark.parametrize("name", ["alice", "nobody", "", "Alice", "a\0b", "\udc80", "x" * 100_000])
async def test_a_wrong_name_and_a_wrong_key_get_the_same_answer(name: str, setting: Setting) -> None:
    await setting.add_alice()

    fault = await setting.fault_of(name, "0" * 32)

    assert (fault.kind, fault.code) == ("unauthorizedError", 401)
    assert fault.message == "Unable to authenticate user with credentials provided."
    assert setting.accounts.principals == {}


async def test_another_users_key_is_a_wrong_key(setting: Setting) -> None:
    await setting.add_alice()
    bob = await setting.book.add_user("bob", "acme", ["observer"])

    assert (await setting.fault_of("alice", bob.api_key)).code == 401


async def test_the_api_key_is_taken_for_a_password(setting: Setting) -> None:
    alice = await setting.add_alice()

    logged_in = await setting.identity.log_in_with_password("alice", alice.api_key, HOME)

    assert logged_in.principal.user_name == "alice"


async def test_a_password_logs_in_and_is_no_api_key(setting: Setting) -> None:
    await setting.add_alice()
    await setting.book.set_password("alice", PASSWORD)

    logged_in = await setting.identity.log_in_with_password("alice", PASSWORD, HOME)

    assert logged_in.principal.user_name == "alice"
    assert (await setting.fault_of("alice", PASSWORD)).code == 401


@pytest.mark.parametrize(("name", "password"), [("alice", "wrong"), ("bob", PASSWORD), ("nobody", PASSWORD)])
async def test_a_wrong_password_no_password_and_no_user_get_the_same_answer_after_the_same_work(
    name: str, password: str, setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    await setting.add_alice()
    await setting.book.add_user("bob", "acme", ["observer"])
    await setting.book.set_password("alice", PASSWORD)
    hashed: list[bytes] = []
    scrypt = passwords._scrypt  # noqa: SLF001 - the work is what is counted

    def counted(password: bytes, costs: passwords._Hash) -> bytes:
        hashed.append(password)
        return scrypt(password, costs)

    monkeypatch.setattr(passwords, "_scrypt", counted)
    with pytest.raises(Fault) as caught:
        await setting.identity.log_in_with_password(name, password, HOME)

    assert caught.value.code == 401
    assert hashed == [password.encode()]


async def test_too_many_waiting_passwords_are_turned_away_and_the_others_answered(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_scrypt", lambda *_: b"\0" * 32)

    calls = [setting.identity.log_in_with_password(f"user{n}", "x", f"192.0.2.{n}") for n in range(50)]
    answers = await asyncio.gather(*calls, return_exceptions=True)

    codes = [answer.code for answer in answers if isinstance(answer, Fault)]
    assert sorted(set(codes)) == [401, 503]
    assert codes.count(401) == 32


async def test_a_token_ends_after_24_hours(setting: Setting) -> None:
    alice = await setting.add_alice()
    token, principal = await setting.identity.log_in("alice", alice.api_key, HOME)

    setting.clock.now_ms = principal.expires_at - 1
    assert await setting.identity.principal(token) == principal
    setting.clock.now_ms = principal.expires_at
    assert await setting.identity.principal(token) is None


async def test_expired_tokens_are_forgotten_and_live_ones_kept(setting: Setting) -> None:
    alice = await setting.add_alice()
    await setting.identity.log_in("alice", alice.api_key, HOME)
    setting.clock.now_ms += TOKEN_LIFE_MS
    token, principal = await setting.identity.log_in("alice", alice.api_key, HOME)

    await setting.identity.forget_expired()

    assert list(setting.accounts.principals.values()) == [principal]
    assert await setting.identity.principal(token) == principal


async def test_a_revoked_token_is_none_at_once_and_revoking_again_is_fine(setting: Setting) -> None:
    alice = await setting.add_alice()
    token, _ = await setting.identity.log_in("alice", alice.api_key, HOME)
    other = await setting.identity.log_in("alice", alice.api_key, HOME)

    await setting.identity.revoke(token)
    await setting.identity.revoke(token)

    assert await setting.identity.principal(token) is None
    assert await setting.identity.principal(other.token) == other.principal


@pytest.mark.parametrize("token", ["", "0" * 64, "0" * 63, "F" * 64, "0" * 64 + "\n", "\udc80", "x" * 100_000])
async def test_what_is_no_token_stands_for_nobody(token: str, setting: Setting) -> None:
    await setting.add_alice()

    assert await setting.identity.principal(token) is None
    await setting.identity.revoke(token)


async def test_a_new_key_ends_the_tokens_of_the_old_one(setting: Setting) -> None:
    alice = await setting.add_alice()
    token, _ = await setting.identity.log_in("alice", alice.api_key, HOME)

    await setting.book.rotate_key("alice")

    assert await setting.identity.principal(token) is None
    assert (await setting.fault_of("alice", alice.api_key)).code == 401


async def test_a_log_in_that_meets_a_change_of_its_key_gives_no_token(setting: Setting) -> None:
    alice = await setting.add_alice()
    user = await setting.accounts.find_user("alice")
    assert user is not None

    def rotate() -> None:
        setting.accounts.before_commit = lambda: None
        setting.accounts.update_user(msgspec.structs.replace(user, api_key_index=b"new"))()  # type: ignore[operator]

    setting.accounts.before_commit = rotate

    assert (await setting.fault_of("alice", alice.api_key)).code == 401
    assert setting.accounts.principals == {}


async def test_a_log_in_that_meets_the_removal_of_its_user_gives_no_token(setting: Setting) -> None:
    alice = await setting.add_alice()

    def remove() -> None:
        setting.accounts.before_commit = lambda: None
        setting.accounts.remove_user("alice")()  # type: ignore[operator]

    setting.accounts.before_commit = remove

    assert (await setting.fault_of("alice", alice.api_key)).code == 401


async def test_in_a_key_rotation_old_keys_and_old_tokens_still_work(setting: Setting) -> None:
    alice = await setting.add_alice()
    old = await setting.identity.log_in("alice", alice.api_key, HOME)

    rotating = setting.identity_with(1, 2)
    new = await rotating.log_in("alice", alice.api_key, HOME)

    assert await rotating.principal(old.token) == old.principal
    await rotating.revoke(old.token)
    assert await rotating.principal(old.token) is None
    assert await setting.identity_with(2).principal(new.token) == new.principal


async def test_a_log_in_moves_the_api_key_to_the_newest_key_and_ends_no_token(setting: Setting) -> None:
    alice = await setting.add_alice()
    old = await setting.identity.log_in("alice", alice.api_key, HOME)
    rotating = setting.identity_with(1, 2)

    await rotating.log_in("alice", alice.api_key, HOME)

    found = await setting.accounts.find_user("alice")
    assert found is not None
    assert found.api_key_index == keyring(setting.entropy, 2).index("api_key", alice.api_key)
    assert await rotating.principal(old.token) == old.principal
    assert (await setting.identity_with(2).log_in("alice", alice.api_key, HOME)).principal.user_name == "alice"


async def test_the_api_key_given_as_a_password_moves_too_and_a_password_moves_nothing(setting: Setting) -> None:
    alice = await setting.add_alice()
    await setting.book.set_password("alice", PASSWORD)
    before = await setting.accounts.find_user("alice")
    rotating = setting.identity_with(1, 2)

    await rotating.log_in_with_password("alice", PASSWORD, HOME)
    assert await setting.accounts.find_user("alice") == before

    await rotating.log_in_with_password("alice", alice.api_key, HOME)
    after = await setting.accounts.find_user("alice")
    assert after is not None
    assert after.api_key_index[0] == 2


@pytest.mark.parametrize("secret", ["key", "password"])
async def test_a_log_in_that_meets_another_one_moving_the_api_key_succeeds(secret: str, setting: Setting) -> None:
    alice = await setting.add_alice()
    await setting.book.set_password("alice", PASSWORD)
    before = await setting.accounts.find_user("alice")
    assert before is not None
    rotating = setting.identity_with(1, 2)

    def move() -> None:
        setting.accounts.before_commit = lambda: None
        index = keyring(setting.entropy, 2).index("api_key", alice.api_key)
        setting.accounts.reindex_user(msgspec.structs.replace(before, api_key_index=index), before.api_key_index)()  # type: ignore[operator]

    setting.accounts.before_commit = move
    if secret == "key":
        logged_in = await rotating.log_in("alice", alice.api_key, HOME)
    else:
        logged_in = await rotating.log_in_with_password("alice", PASSWORD, HOME)

    assert await rotating.principal(logged_in.token) == logged_in.principal
    assert len(setting.accounts.principals) == 1


async def test_a_user_that_fails_too_often_from_an_address_waits_there_and_nowhere_else(setting: Setting) -> None:
    alice = await setting.add_alice()
    for _ in range(PAIR_LIMIT):
        assert (await setting.fault_of("alice", "wrong", AWAY)).code == 401
    setting.clock.now_ms += 1500

    fault = await setting.fault_of("alice", alice.api_key, AWAY)

    assert (fault.kind, fault.code) == ("rateLimitReached", 429)
    assert fault.headers == {"Retry-After": "299", "Reply-After": "299"}
    assert (await setting.identity.log_in("alice", alice.api_key, HOME)).principal.user_name == "alice"


async def test_the_wait_ends_with_its_window(setting: Setting) -> None:
    alice = await setting.add_alice()
    for _ in range(PAIR_LIMIT):
        await setting.fault_of("alice", "wrong", AWAY)

    setting.clock.now_ms += WINDOW_MS

    assert (await setting.identity.log_in("alice", alice.api_key, AWAY)).principal.user_name == "alice"


async def test_a_success_forgives_the_failures_before_it(setting: Setting) -> None:
    alice = await setting.add_alice()
    for _ in range(3):
        for _ in range(PAIR_LIMIT - 1):
            await setting.fault_of("alice", "wrong", AWAY)
        await setting.identity.log_in("alice", alice.api_key, AWAY)

    assert len(setting.accounts.principals) == 3


async def test_an_address_that_fails_with_many_names_waits(setting: Setting) -> None:
    alice = await setting.add_alice()
    for number in range(ADDRESS_LIMIT):
        assert (await setting.fault_of(f"user{number}", "wrong", AWAY)).code == 401

    assert (await setting.fault_of("alice", alice.api_key, AWAY)).code == 429
    assert (await setting.identity.log_in("alice", alice.api_key, HOME)).principal.user_name == "alice"


async def test_a_user_under_attack_from_everywhere_is_slowed_and_never_locked_out(setting: Setting) -> None:
    alice = await setting.add_alice()
    for number in range(200):
        assert (await setting.fault_of("alice", "wrong", f"198.51.100.{number}")).code == 401

    setting.delays.clear()
    logged_in = await setting.identity.log_in("alice", alice.api_key, HOME)

    assert logged_in.principal.user_name == "alice"
    assert setting.delays == [2.0]


async def test_a_user_with_few_failures_is_not_slowed(setting: Setting) -> None:
    alice = await setting.add_alice()
    for _ in range(5):
        await setting.fault_of("alice", "wrong", AWAY)

    await setting.identity.log_in("alice", alice.api_key, HOME)

    assert setting.delays == []

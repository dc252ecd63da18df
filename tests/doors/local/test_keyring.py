import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.adapters.local.entropy import entropy
from vedette.adapters.local.keyring import (
    Key,
    KeyFileError,
    LocalKeyring,
    create_key_file,
    key_line,
    load,
    parse_keys,
    read_key_file,
)

OLD, NEW = Key(1, bytes(range(32))), Key(2, bytes(range(32, 64)))


def keyring(*keys: Key) -> LocalKeyring:
    return LocalKeyring(keys, entropy)


@given(plain=st.binary(max_size=300), context=st.text(max_size=40))
def test_what_was_sealed_opens_in_its_context(plain: bytes, context: str) -> None:
    ring = keyring(OLD)

    assert ring.open(ring.seal(plain, context), context) == plain


def test_sealing_twice_gives_two_texts_that_do_not_show_the_secret() -> None:
    ring = keyring(OLD)
    sealed = {ring.seal(b"sesame", "c") for _ in range(100)}

    assert len(sealed) == 100
    assert not any(b"sesame" in text for text in sealed)


def test_what_was_sealed_does_not_open_in_another_context() -> None:
    ring = keyring(OLD)

    with pytest.raises(ValueError, match="another context"):
        ring.open(ring.seal(b"sesame", "agent_token:a"), "agent_token:b")


@given(data=st.data())
def test_a_damaged_text_does_not_open(data: st.DataObject) -> None:
    ring = keyring(OLD)
    sealed = bytearray(ring.seal(b"sesame", "c"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))

    with pytest.raises(ValueError, match="damaged"):
        ring.open(bytes(sealed), "c")


@pytest.mark.parametrize("length", [0, 1, 2, 13, 14, 15, 29])
def test_a_cut_text_does_not_open(length: int) -> None:
    ring = keyring(OLD)

    with pytest.raises(ValueError, match="damaged"):
        ring.open(ring.seal(b"sesame", "c")[:length], "c")


def test_in_a_rotation_the_newest_key_seals_and_both_open() -> None:
    before, meanwhile, after = keyring(OLD), keyring(OLD, NEW), keyring(NEW)
    sealed = before.seal(b"sesame", "c")

    assert meanwhile.open(sealed, "c") == b"sesame"
    assert after.open(meanwhile.seal(b"sesame", "c"), "c") == b"sesame"
    with pytest.raises(ValueError, match="key that is not there"):
        after.open(sealed, "c")


def test_in_a_rotation_look_ups_try_both_keys_the_newest_first() -> None:
    old, new = keyring(OLD).index("api_key", "k"), keyring(NEW).index("api_key", "k")

    assert keyring(OLD, NEW).indexes("api_key", "k") == (new, old)
    assert keyring(OLD, NEW).index("api_key", "k") == new


def test_what_is_sealed_and_indexed_says_which_key_it_needs() -> None:
    ring = keyring(OLD, NEW)

    assert ring.seal(b"sesame", "c")[1] == 2
    assert [index[0] for index in ring.indexes("api_key", "k")] == [2, 1]


def test_a_new_key_opens_at_once_and_is_used_when_everybody_knows_it() -> None:
    ring, ahead = keyring(OLD), keyring(NEW)
    ring.index("api_key", "k")
    ring.replace([OLD, NEW])

    assert (ring.newest, ring.current, ring.versions) == (2, 1, (2, 1))
    assert ring.open(ahead.seal(b"sesame", "c"), "c") == b"sesame"
    assert ring.indexes("api_key", "k") == (ring.index("api_key", "k"), ahead.index("api_key", "k"))
    assert ring.seal(b"sesame", "c")[1] == 1

    ring.agree(1)
    assert ring.current == 1
    ring.agree(2)
    assert ring.current == 2
    assert ring.index("api_key", "k") == ahead.index("api_key", "k")


def test_a_keyring_never_goes_back_to_an_older_key() -> None:
    ring = keyring(OLD, NEW)

    ring.agree(1)

    assert ring.current == 2


@pytest.mark.parametrize(("known_to_all", "current"), [(1, 1), (2, 2), (9, 2), (0, 2)])
def test_a_process_begins_with_the_newest_key_that_the_others_know(known_to_all: int, current: int) -> None:
    ring = keyring(OLD, NEW)

    ring.begin(known_to_all)

    assert ring.current == current


def test_a_key_that_is_gone_opens_nothing_any_more() -> None:
    ring = keyring(OLD, NEW)
    sealed = keyring(OLD).seal(b"sesame", "c")
    ring.replace([NEW])

    with pytest.raises(ValueError, match="key that is not there"):
        ring.open(sealed, "c")
    assert len(ring.indexes("api_key", "k")) == 1


def test_an_index_is_of_its_purpose_its_secret_and_its_key() -> None:
    ring = keyring(OLD)

    assert len(ring.index("api_key", "k")) == 32
    assert ring.index("api_key", "k") == ring.index("api_key", "k")
    assert len({ring.index("api_key", "k"), ring.index("agent_token", "k"), ring.index("api_key", "l")}) == 3
    assert ring.index("api_key", "k") != hashlib.sha256(b"k").digest()


def test_any_text_from_outside_can_be_looked_up() -> None:
    assert len(keyring(OLD).index("api_key", "\udc80\x00")) == 32


def test_a_new_key_file_is_for_its_owner_only_and_reads_back(tmp_path: Path) -> None:
    file = tmp_path / "keys"

    made = create_key_file(file, entropy)

    assert file.stat().st_mode & 0o777 == 0o600
    assert read_key_file(file) == made
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]


def test_a_key_file_is_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    made = create_key_file(file, entropy)

    with pytest.raises(FileExistsError):
        create_key_file(file, entropy)

    assert read_key_file(file) == made
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]


def test_what_a_crash_left_beside_the_key_file_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / ".keys.new").write_text("1:00")

    create_key_file(tmp_path / "keys", entropy)

    assert [path.name for path in tmp_path.iterdir()] == ["keys"]


def test_a_second_key_can_be_added_to_the_file(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    (first,) = create_key_file(file, entropy)

    with file.open("a", encoding="ascii") as lines:
        lines.write(key_line(NEW))

    assert read_key_file(file) == [first, NEW]


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_key_file_that_others_may_read_is_refused(mode: int, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    create_key_file(file, entropy)
    file.chmod(mode)

    with pytest.raises(KeyFileError, match="expected mode 0600"):
        read_key_file(file)


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda text: text[:-20],
        lambda text: text[: text.rindex(b":")] + b"\n",  # without its check
        lambda text: text.replace(b"\n1:", b"\n2:"),
        lambda text: text + text.splitlines()[-1],  # the same version twice
        lambda text: text.replace(b"\n1:", b"\n0:"),
        lambda text: b"\x00\xff" + text,
        lambda _: b"SQLite format 3\x00",
    ],
)
def test_a_damaged_key_file_is_refused_without_showing_a_key(damage: object, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    (key,) = create_key_file(file, entropy)
    assert callable(damage)
    file.write_bytes(damage(file.read_bytes()))

    with pytest.raises(KeyFileError, match=str(file)) as caught:
        read_key_file(file)

    assert "; expected " in str(caught.value)
    assert key.root.hex()[:16] not in str(caught.value)


def test_a_flipped_digit_of_a_key_is_found(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    (key,) = create_key_file(file, entropy)
    digit = key.root.hex()[-1]
    other = key.root.hex()[:-1] + ("0" if digit != "0" else "1")
    file.write_text(file.read_text().replace(key.root.hex(), other))

    with pytest.raises(KeyFileError, match="does not fit its check"):
        read_key_file(file)


def test_keys_may_come_from_the_environment() -> None:
    text = f"1:{OLD.root.hex()}, {key_line(NEW)}"

    assert parse_keys(text, "VEDETTE_KEYS") == [OLD, NEW]


@pytest.mark.parametrize("text", ["sesame", "1:00", "256:" + "0" * 64, "1:" + "g" * 64, ",", "1:" + "0" * 65])
def test_bad_keys_in_the_environment_are_refused_without_being_shown(text: str) -> None:
    with pytest.raises(KeyFileError, match=r"VEDETTE_KEYS: .*; expected ") as caught:
        parse_keys(text, "VEDETTE_KEYS")

    assert "sesame" not in str(caught.value)


def test_loading_makes_a_key_once_and_only_where_that_is_allowed(tmp_path: Path) -> None:
    file = tmp_path / "keys"

    with pytest.raises(FileNotFoundError):
        load(file, None, entropy, may_create=False)
    sealed = load(file, None, entropy).seal(b"sesame", "c")

    assert load(file, None, entropy, may_create=False).open(sealed, "c") == b"sesame"


def test_keys_in_the_environment_leave_the_key_file_alone(tmp_path: Path) -> None:
    ring = load(tmp_path / "keys", f"1:{OLD.root.hex()}", entropy)

    assert ring.index("api_key", "k") == keyring(OLD).index("api_key", "k")
    assert list(tmp_path.iterdir()) == []

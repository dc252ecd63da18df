from pathlib import Path

import pytest

from vedette.adapters.local.entropy import entropy
from vedette.adapters.local.key_file import KeyFile, KeyFollower
from vedette.adapters.local.keyring import Key, KeyFileError, LocalKeyring, create_key_file, key_line, read_key_file


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    create_key_file(tmp_path / "keys", entropy)
    return KeyFile(tmp_path / "keys")


def test_a_new_key_is_the_newest_and_the_others_stay(file: KeyFile) -> None:
    (first,) = file.read()

    keys = file.add(entropy)

    assert keys[0] == first
    assert [key.version for key in keys] == [1, 2]
    assert keys[0].root != keys[1].root
    assert read_key_file(file.path) == keys
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.path.parent.iterdir()] == ["keys"]


def test_a_removed_key_leaves_no_trace_in_the_file(file: KeyFile) -> None:
    (first,) = file.read()
    _, second = file.add(entropy)

    assert file.remove(1) == [second]
    assert first.root.hex() not in file.path.read_text()
    assert file.add(entropy)[-1].version == 3


def test_versions_end_at_255(file: KeyFile) -> None:
    file.path.write_text(key_line(Key(255, bytes(32))))

    with pytest.raises(KeyFileError, match="255"):
        file.add(entropy)


def test_two_commands_do_not_change_the_keys_at_once(file: KeyFile) -> None:
    with file.changing():
        with pytest.raises(KeyFileError, match="another command"), KeyFile(file.path).changing():
            pytest.fail("both are in")
        file.add(entropy)
    with KeyFile(file.path).changing():
        pass


def test_a_keyring_follows_the_file(file: KeyFile) -> None:
    keys = LocalKeyring(file.read(), entropy)
    follower = KeyFollower(file.path, keys)
    follower.follow()
    assert not follower.follow()

    file.add(entropy)

    assert follower.follow()
    assert (keys.versions, keys.current) == ((2, 1), 1)
    assert not follower.follow()
    file.remove(1)
    assert follower.follow()
    assert (keys.versions, keys.current) == ((2,), 2)


def test_a_file_that_cannot_be_used_is_told_once_and_the_keys_known_so_far_stay(file: KeyFile) -> None:
    keys = LocalKeyring(file.read(), entropy)
    follower = KeyFollower(file.path, keys)
    follower.follow()
    file.path.write_text("damaged")

    with pytest.raises(KeyFileError):
        follower.follow()

    assert not follower.follow()
    assert keys.versions == (1,)
    file.path.unlink()
    with pytest.raises(FileNotFoundError):
        follower.follow()
    assert keys.versions == (1,)

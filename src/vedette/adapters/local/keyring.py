"""The server's secret keys: AES-GCM for what is read again, HMAC-SHA256 for what is only recognised.

A key is a version (1 to 255) and 32 random bytes; every use has a key of its own, derived from it. The key file has one
line `VERSION:HEX:CHECK` for each, CHECK being the beginning of a hash, so that a damaged line is told from a wrong key.
Nonces are random: one key seals 2^32 secrets before chance meetings matter.

What is sealed and what is indexed both begin with the version of their key: so it can be counted who still needs one. A
new key is known first and used only when every process knows it (`agree`): nobody meets what it cannot open.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vedette.adapters.local.files import LocalFailure, create_whole
from vedette.ports.clock import Entropy

_FORMAT = 1  # first byte of what is sealed
_NONCE_BYTES = 12
_HEAD_BYTES = 2 + _NONCE_BYTES  # format, version, nonce
_INDEX_BYTES = 32  # version, then 248 bits of an HMAC
_LINE = re.compile(r"([1-9][0-9]{0,2}):([0-9A-Fa-f]{64})(?::([0-9a-f]{8}))?")
_EXPECTED = "VERSION:HEX with a version from 1 to 255 and 64 hex digits"
HEADER = "# Secret keys of this server. Who has this file and the database can read every secret in it. Keep a copy.\n"


class KeyFileError(LocalFailure):
    """The key file, or `VEDETTE_KEYS`, cannot be used; the message never shows a key."""


class Key(NamedTuple):
    """One root key; a higher version is newer."""

    version: int
    root: bytes  # 32 bytes


class LocalKeyring:
    """Implements `ports.secrets.Keyring` with keys in memory."""

    def __init__(self, keys: Sequence[Key], entropy: Entropy) -> None:
        self._entropy = entropy
        self._current = 0
        self.replace(keys)

    @property
    def newest(self) -> int:
        """The version of the newest key it knows."""
        return self._newest_first[0].version

    @property
    def current(self) -> int:
        return self._current

    @property
    def versions(self) -> tuple[int, ...]:
        """Of all keys it knows, the newest first."""
        return tuple(key.version for key in self._newest_first)

    def replace(self, keys: Sequence[Key]) -> None:
        """In place: who holds this keyring has the new keys. A newer one than is used now is used after `agree`."""
        self._newest_first = sorted(keys, key=lambda key: key.version, reverse=True)
        self._ciphers = {key.version: AESGCM(_derive(key.root, "seal")) for key in keys}
        known = self.versions
        self._use(self._current if self._current in known else known[0])

    def begin(self, known_to_all: int) -> None:
        """Which key a process uses first, where others run already; see `agree`."""
        shared = [version for version in self.versions if version <= known_to_all]
        self._use(shared[0] if shared else self.newest)

    def agree(self, known_to_all: int) -> None:
        """Uses the newest key that everybody knows; `known_to_all` is the least of what each knows as the newest.

        Never goes back to an older key: who comes later without the key in use must be given it.
        """
        shared = [version for version in self.versions if self._current < version <= known_to_all]
        if shared:
            self._use(shared[0])

    def _use(self, version: int) -> None:
        self._current = version
        self._index_keys: dict[str, tuple[tuple[bytes, hmac.HMAC], ...]] = {}

    def index(self, purpose: str, secret: str) -> bytes:
        return _index(self._keys_of(purpose)[0], _bytes_of(secret))

    def indexes(self, purpose: str, secret: str) -> tuple[bytes, ...]:
        plain = _bytes_of(secret)
        return tuple([_index(key, plain) for key in self._keys_of(purpose)])

    def seal(self, plain: bytes, context: str) -> bytes:
        head = bytes((_FORMAT, self._current)) + self._entropy(_NONCE_BYTES)
        return head + self._ciphers[self._current].encrypt(head[2:], plain, _bytes_of(context))

    def open(self, sealed: bytes, context: str) -> bytes:
        cipher = self._ciphers.get(sealed[1]) if len(sealed) > _HEAD_BYTES and sealed[0] == _FORMAT else None
        if cipher is None:
            raise ValueError("sealed with a key that is not there, or damaged")
        try:
            return cipher.decrypt(sealed[2:_HEAD_BYTES], sealed[_HEAD_BYTES:], _bytes_of(context))
        except InvalidTag:
            raise ValueError("sealed with another key or in another context, or damaged") from None

    def _keys_of(self, purpose: str) -> tuple[tuple[bytes, hmac.HMAC], ...]:
        """(version, an HMAC begun with its key) of the one in use, then of the others, the newest first.

        A copy of a begun one is cheaper than a new one, and does not give the interpreter away to another thread.
        """
        keys = self._index_keys.get(purpose)
        if keys is None:
            in_order = sorted(self._newest_first, key=lambda key: key.version != self._current)
            keys = tuple((bytes((key.version,)), _begun(key, f"index:{purpose}")) for key in in_order)
            self._index_keys[purpose] = keys
        return keys


def _begun(key: Key, use: str) -> hmac.HMAC:
    return hmac.new(_derive(key.root, use), digestmod="sha256")


def _index(key: tuple[bytes, hmac.HMAC], plain: bytes) -> bytes:
    version, begun = key
    digest = begun.copy()
    digest.update(plain)
    return version + digest.digest()[: _INDEX_BYTES - 1]


def load(key_file: Path, written: str | None, entropy: Entropy, *, may_create: bool = True) -> LocalKeyring:
    """The keys of `VEDETTE_KEYS` when `written` is given, else of the key file, else a new key in a new key file.

    Raises `KeyFileError`; `FileNotFoundError` when there are none and none may be made.
    """
    if written is not None:
        return LocalKeyring(parse_keys(written, "VEDETTE_KEYS"), entropy)
    try:
        keys = read_key_file(key_file)
    except FileNotFoundError:
        if not may_create:
            raise
        keys = create_key_file(key_file, entropy)
    return LocalKeyring(keys, entropy)


def parse_keys(text: str, origin: str, *, checked: bool = False) -> list[Key]:
    """Keys as written, separated by line ends or commas; `checked` demands the check of a key file's lines.

    `origin` names the text in errors. Raises `KeyFileError`.
    """
    keys: dict[int, Key] = {}
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for number, word in enumerate((word.strip() for line in lines for word in line.split(",") if word.strip()), 1):
        key = _parse_key(word, f"{origin}: key {number}", checked=checked)
        if key.version in keys:
            raise KeyFileError(f"{origin}: key {number} has version {key.version} again; expected each version once")
        keys[key.version] = key
    if not keys:
        raise KeyFileError(f"{origin}: holds no key; expected {_EXPECTED}")
    return list(keys.values())


def read_key_file(path: Path) -> list[Key]:
    """Raises `KeyFileError`, also where others than the owner may read it; `FileNotFoundError` when there is none."""
    try:
        if path.stat().st_mode & 0o077:
            raise KeyFileError(f"{path}: others than its owner may use it; expected mode 0600 (chmod 600 {path})")
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        raise
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be read ({error.strerror}); expected the server's key file") from None
    except UnicodeDecodeError:
        raise KeyFileError(f"{path}: is damaged; expected lines VERSION:HEX:CHECK") from None
    return parse_keys(text, str(path), checked=True)


def create_key_file(path: Path, entropy: Entropy) -> list[Key]:
    """A first key in a new file; raises `FileExistsError` rather than touch what is there."""
    key = Key(1, entropy(32))
    create_whole(path, (HEADER + key_line(key)).encode("ascii"), 0o600)
    return [key]


def key_line(key: Key) -> str:
    """A line of the key file."""
    return f"{key.version}:{key.root.hex()}:{_check(key)}\n"


def _parse_key(word: str, origin: str, *, checked: bool) -> Key:
    match = _LINE.fullmatch(word)
    if match is None or int(match[1]) > 255 or (checked and match[3] is None):
        raise KeyFileError(f"{origin} is damaged or not a key; expected {_EXPECTED}")
    key = Key(int(match[1]), bytes.fromhex(match[2]))
    if match[3] is not None and not hmac.compare_digest(match[3], _check(key)):
        raise KeyFileError(f"{origin} does not fit its check, so it is damaged; expected it as it was written")
    return key


def _check(key: Key) -> str:
    """32 bits of a hash of 256 random ones: finds damage, gives nothing away."""
    return hashlib.sha256(b"vedette key check:%d:" % key.version + key.root).hexdigest()[:8]


def _derive(root: bytes, use: str) -> bytes:
    return hmac.digest(root, b"vedette:" + use.encode(), "sha256")


def _bytes_of(text: str) -> bytes:
    """Any text, also what no UTF-8 can hold: a secret from outside is looked up, never an error."""
    return text.encode("utf-8", "surrogatepass")

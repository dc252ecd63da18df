"""The values of a chain of audit entries: `chain = HMAC(audit key, previous chain, entry)` (api decisions: audits)."""

from __future__ import annotations

import hmac

import msgspec

from vedette.ports.audit_chain import Head, Sequenced
from vedette.ports.secrets import Keyring

PURPOSE = "audit_chain"


def next_value(keyring: Keyring, before: bytes, one: Sequenced) -> bytes:
    """The value after an entry; its first byte is the version of the key, for keys change."""
    return keyring.index(PURPOSE, _entry_text(before, one))


def marked(keyring: Keyring, head: Head, before: Head | None) -> Head:
    """The head as it is to be kept, after `before`. A mark that did not fit is carried on: nothing mends it unseen."""
    if before is not None and fault_of_head(keyring, before) is not None:
        return msgspec.structs.replace(head, mark=before.mark)
    return msgspec.structs.replace(head, mark=keyring.index(PURPOSE, _head_text(head)))


def fault_of_entry(keyring: Keyring, before: bytes, one: Sequenced, chain: bytes) -> str | None:
    """What is wrong with the value after an entry, None when it fits."""
    return _fault(keyring, _entry_text(before, one), chain)


def fault_of_head(keyring: Keyring, head: Head) -> str | None:
    """The same of a head's mark."""
    return _fault(keyring, _head_text(head), head.mark)


def _fault(keyring: Keyring, text: str, value: bytes) -> str | None:
    indexes = keyring.indexes(PURPOSE, text)
    if any(hmac.compare_digest(index, value) for index in indexes):
        return None
    if value[:1] and value[:1] not in {index[:1] for index in indexes}:
        return f"it cannot be checked: key {value[0]} is not here"
    return "it does not fit"


def _entry_text(before: bytes, one: Sequenced) -> str:
    """Nothing but the body, which is last, can hold a line end."""
    entry = one.entry
    return (
        f"entry\n{entry.tenant_id}\n{before.hex()}\n{one.seq}\n{entry.key.hex()}\n{entry.at_ms}\n"
        f"{entry.body.decode('latin-1')}"
    )


def _head_text(head: Head) -> str:
    return f"head\n{head.tenant_id}\n{head.seq}\n{head.chain.hex()}\n{head.anchor_seq}\n{head.anchor.hex()}"

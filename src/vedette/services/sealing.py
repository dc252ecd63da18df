"""Secrets of configuration objects: split off before storing, sealed, and put back for those who may see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from vedette.domain.attributes import Attribute
from vedette.domain.documents import Document
from vedette.ports.secrets import Keyring


def document_context(key: str) -> str:
    """What a document's secrets are bound to when they are sealed."""
    return f"document:{key}"


def agent_token_context(public_id: str) -> str:
    """What an agent token is bound to when it is sealed."""
    return f"agent_token:{public_id}"


def webhook_token_context(tenant_id: str) -> str:
    """The same of a webhook token."""
    return f"webhook_token:{tenant_id}"


def split(attributes: Sequence[Attribute], details: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(what may be shown, what is sealed)."""
    secret = {attribute.name for attribute in attributes if attribute.secret}
    shown = {name: value for name, value in details.items() if name not in secret}
    return shown, {name: value for name, value in details.items() if name in secret}


def seal(keyring: Keyring, key: str, secrets: Mapping[str, Any]) -> bytes | None:
    """What is stored of secrets; None when there are none."""
    return keyring.seal(msgspec.json.encode(secrets), document_context(key)) if secrets else None


def open_secrets(keyring: Keyring, document: Document) -> dict[str, Any]:
    """The sealed details of a document, empty when it has none. Raises `ValueError` when the key is gone."""
    if document.secrets is None:
        return {}
    opened: dict[str, Any] = msgspec.json.decode(keyring.open(document.secrets, document_context(document.id)))
    return opened


def full_details(keyring: Keyring, document: Document) -> dict[str, Any]:
    """The details of a check or notification with its secrets, for probing and sending."""
    public: dict[str, Any] = msgspec.json.decode(document.public)
    details: dict[str, Any] = public.get("details") or {}
    return details | open_secrets(keyring, document)


def revealed(keyring: Keyring, document: Document) -> bytes:
    """The public JSON with the secrets in their places."""
    if document.secrets is None:
        return document.public
    public: dict[str, Any] = msgspec.json.decode(document.public)
    public["details"] = public.get("details", {}) | open_secrets(keyring, document)
    return msgspec.json.encode(public)

"""Keeping what is about to be changed or removed: statements of the change's own transaction.

A row for each revision that another one, or nothing, has followed; what holds now is in `document` alone.
"""

from __future__ import annotations

from vedette.adapters.sql.database import Params, Statement
from vedette.domain.documents import Document

# Secrets are not kept.
KEPT = "tenant_id, kind, id, entity_id, check_id, agent_id, label, refs, revision, created_at, updated_at, public"

# The kinds that evaluation and telling depend on.
_KEEP = f"""
INSERT INTO document_revision ({KEPT}, until_ms)
SELECT {KEPT}, CAST(:until_ms AS BIGINT) FROM document
WHERE tenant_id = :tenant_id AND kind IN ('en', 'ch', 'al', 'np', 'sp')"""

KEEP = f"{_KEEP} AND id = :id"

KEEP_WITH_ALL_THAT_BELONGS_TO_IT = f"{_KEEP} AND (id = :id OR entity_id = :id OR check_id = :id)"


def before_change(document: Document) -> Statement:
    """Keeps what is stored of an object that is about to become `document`."""
    return Statement(KEEP, _params(document))


def before_removal(document: Document) -> Statement:
    """Keeps what is stored of an object that is about to go at its `updated_at`, and of what goes with it."""
    return Statement(KEEP_WITH_ALL_THAT_BELONGS_TO_IT, _params(document))


def _params(document: Document) -> Params:
    return {"tenant_id": document.tenant_id, "id": document.id, "until_ms": document.updated_at}

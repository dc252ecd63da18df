"""The catalogue of check types: the details of each, and the metrics it is known to report (reference: check types)."""

from __future__ import annotations

from vedette.domain.check_types.agent import HOST_TYPES
from vedette.domain.check_types.agent_windows import WINDOWS_TYPES
from vedette.domain.check_types.declaration import CheckType, KnownMetric
from vedette.domain.check_types.remote import REMOTE_TYPES

CHECK_TYPES: dict[str, CheckType] = {
    one.id: one for one in sorted((*REMOTE_TYPES, *HOST_TYPES, *WINDOWS_TYPES), key=lambda one: one.id)
}

__all__ = ["CHECK_TYPES", "CheckType", "KnownMetric"]

"""What applies the files that agents upload: the services of checks and alarms, as the API has them."""

from __future__ import annotations

from vedette.adapters.local.entropy import entropy
from vedette.app.base import Base
from vedette.app.collecting import PROBES
from vedette.domain import resources
from vedette.ports.unit import Commit
from vedette.services.account import RESOURCE_LIMITS, ResourceLimits
from vedette.services.agent_files import AgentFiles
from vedette.services.alarms import AlarmRules
from vedette.services.audits import Auditor
from vedette.services.checks import CheckRules, settled
from vedette.services.documents import DocumentService, Store
from vedette.services.known_suppressions import KnownSuppressions
from vedette.services.zones import Zones


def agent_files(base: Base, commit: Commit) -> AgentFiles:
    """Over the stores of this process; what it changes goes through `commit`."""
    stores, zones = base.stores, Zones(base.config.zones)
    store = Store(
        documents=stores.documents,
        suppressions=KnownSuppressions(stores.documents),  # only forgotten here, never looked at
        commit=commit,
        auditor=Auditor(stores.audits, commit, entropy),
        keyring=base.keys,
        entropy=entropy,
        limits=ResourceLimits(stores.accounts, RESOURCE_LIMITS),
    )
    rules = CheckRules(
        stores.documents, zones, lambda zone, check_type: not zones.is_built_in(zone) or check_type in PROBES
    )
    return AgentFiles(
        DocumentService(resources.CHECK, rules, store, settle=settled),
        DocumentService(resources.ALARM, AlarmRules(stores.documents), store),
        stores.documents,
        base.keys,
        entropy,
    )

"""What applies the files that agents upload: the services of checks and alarms, as the API has them."""

from __future__ import annotations

from collections.abc import Callable

from vedette.adapters.local.entropy import entropy
from vedette.app.base import Base
from vedette.app.collecting import knows
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


def agent_files(base: Base, commit: Commit, runs: Callable[[str, str], bool]) -> AgentFiles:
    """Over the stores of this process; what it changes goes through `commit`. `runs`: see `collecting.knows`."""
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
    rules = CheckRules(stores.documents, zones, knows(zones, runs))
    return AgentFiles(
        DocumentService(resources.CHECK, rules, store, settle=settled),
        DocumentService(resources.ALARM, AlarmRules(stores.documents), store),
        stores.documents,
        base.keys,
        entropy,
    )

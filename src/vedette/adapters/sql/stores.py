"""All stores over one database."""

from __future__ import annotations

from dataclasses import dataclass

from vedette.adapters.sql.accounts import SqlAccounts
from vedette.adapters.sql.agent_tokens import SqlAgentTokens
from vedette.adapters.sql.agents import SqlAgents
from vedette.adapters.sql.alarm_states import SqlAlarmStates
from vedette.adapters.sql.audit_chain import SqlAuditChain
from vedette.adapters.sql.audits import SqlAudits
from vedette.adapters.sql.changelogs import SqlChangelogs
from vedette.adapters.sql.database import Database
from vedette.adapters.sql.documents import SqlDocuments
from vedette.adapters.sql.observations import SqlObservations
from vedette.adapters.sql.outbox import SqlOutbox
from vedette.adapters.sql.points import SqlMetricPoints
from vedette.adapters.sql.repeatable import SqlRepeatables
from vedette.adapters.sql.sealed import SqlSealed
from vedette.adapters.sql.suppression_logs import SqlSuppressionLogs
from vedette.ports.accounts import Accounts
from vedette.ports.agents import Agents
from vedette.ports.audit_chain import AuditChain
from vedette.ports.documents import Documents
from vedette.ports.history import Audits, Changelogs, Outbox, SuppressionLogs
from vedette.ports.keys import Sealed
from vedette.ports.observations import AlarmStates, MetricPoints, Observations
from vedette.ports.repeatable import Repeatables
from vedette.ports.tokens import AgentTokens
from vedette.ports.unit import Commit


@dataclass(frozen=True, slots=True)
class Stores:
    """What services get; the writes of any of them can be committed together."""

    accounts: Accounts
    agents: Agents
    alarm_states: AlarmStates
    audit_chain: AuditChain
    audits: Audits
    changelogs: Changelogs
    documents: Documents
    observations: Observations
    outbox: Outbox
    points: MetricPoints
    repeatables: Repeatables
    sealed: Sealed
    suppression_logs: SuppressionLogs
    tokens: AgentTokens
    commit: Commit


def stores(database: Database) -> Stores:
    """The stores of a database; it is started and stopped by whoever made it."""
    return Stores(
        accounts=SqlAccounts(database),
        agents=SqlAgents(database),
        alarm_states=SqlAlarmStates(database),
        audit_chain=SqlAuditChain(database),
        audits=SqlAudits(database),
        changelogs=SqlChangelogs(database),
        documents=SqlDocuments(database),
        observations=SqlObservations(database),
        outbox=SqlOutbox(database),
        points=SqlMetricPoints(database),
        repeatables=SqlRepeatables(database),
        sealed=SqlSealed(database),
        suppression_logs=SqlSuppressionLogs(database),
        tokens=SqlAgentTokens(database),
        commit=database.commit,
    )

"""All stores over one database."""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass

from vedette.adapters.sql.accounts import SqlAccounts
from vedette.adapters.sql.agent_tokens import SqlAgentTokens
from vedette.adapters.sql.agents import SqlAgents
from vedette.adapters.sql.alarm_states import SqlAlarmStates
from vedette.adapters.sql.audit_chain import SqlAuditChain
from vedette.adapters.sql.audits import SqlAudits
from vedette.adapters.sql.changelogs import SqlChangelogs
from vedette.adapters.sql.chunks.damage import Damages
from vedette.adapters.sql.chunks.importing import SqlPointImport
from vedette.adapters.sql.chunks.past import ChunkedPast
from vedette.adapters.sql.chunks.store import SqlChunks
from vedette.adapters.sql.collectors import SqlCollectorRoll
from vedette.adapters.sql.confirm_rounds import SqlConfirmRounds
from vedette.adapters.sql.database import Database
from vedette.adapters.sql.documents import SqlDocuments
from vedette.adapters.sql.evaluation_memory import SqlEvaluationMemory
from vedette.adapters.sql.observations import SqlObservations
from vedette.adapters.sql.outbox import SqlOutbox
from vedette.adapters.sql.past_observations import SqlPastObservations
from vedette.adapters.sql.points import SqlMetricPoints
from vedette.adapters.sql.repeatable import SqlRepeatables
from vedette.adapters.sql.revisions import SqlRevisions
from vedette.adapters.sql.sealed import SqlSealed
from vedette.adapters.sql.silence_timers import SqlSilenceTimers
from vedette.adapters.sql.suppression_logs import SqlSuppressionLogs
from vedette.ports.accounts import Accounts
from vedette.ports.agents import Agents
from vedette.ports.audit_chain import AuditChain
from vedette.ports.chunks import Chunks
from vedette.ports.collectors import CollectorRoll
from vedette.ports.confirming import ConfirmRounds
from vedette.ports.documents import Documents
from vedette.ports.history import Audits, Changelogs, Outbox, SuppressionLogs
from vedette.ports.importing import PointImport
from vedette.ports.keys import Sealed
from vedette.ports.observations import AlarmStates, Observations
from vedette.ports.past import PastObservations, Revisions
from vedette.ports.points import MetricPoints
from vedette.ports.repeatable import Repeatables
from vedette.ports.silence import EvaluationMemory, SilenceTimers
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
    chunks: Chunks
    collectors: CollectorRoll
    confirm_rounds: ConfirmRounds
    documents: Documents
    importing: PointImport
    memory: EvaluationMemory
    observations: Observations
    outbox: Outbox
    past: PastObservations
    points: MetricPoints
    repeatables: Repeatables
    revisions: Revisions
    sealed: Sealed
    silence_timers: SilenceTimers
    suppression_logs: SuppressionLogs
    tokens: AgentTokens
    damaged: Sized  # chunks that could not be read
    commit: Commit


def stores(database: Database) -> Stores:
    """The stores of a database; it is started and stopped by whoever made it."""
    damages = Damages()
    chunked = ChunkedPast(database, damages)
    return Stores(
        accounts=SqlAccounts(database),
        agents=SqlAgents(database),
        alarm_states=SqlAlarmStates(database),
        audit_chain=SqlAuditChain(database),
        audits=SqlAudits(database),
        changelogs=SqlChangelogs(database),
        chunks=SqlChunks(database, damages),
        collectors=SqlCollectorRoll(database),
        confirm_rounds=SqlConfirmRounds(database),
        documents=SqlDocuments(database),
        importing=SqlPointImport(database),
        memory=SqlEvaluationMemory(database),
        observations=SqlObservations(database, chunked),
        outbox=SqlOutbox(database),
        past=SqlPastObservations(database, chunked),
        points=SqlMetricPoints(database, damages),
        repeatables=SqlRepeatables(database),
        revisions=SqlRevisions(database),
        sealed=SqlSealed(database),
        silence_timers=SqlSilenceTimers(database),
        suppression_logs=SqlSuppressionLogs(database),
        tokens=SqlAgentTokens(database),
        damaged=damages,
        commit=database.commit,
    )

"""The metrics that check types are known to report, held against the metric tables of the reference."""

from __future__ import annotations

import pytest

from vedette.domain.check_types import CHECK_TYPES, KnownMetric
from vedette.domain.metrics import type_letters

CERTIFICATE = [
    "cert_end",
    "cert_end_in",
    "cert_error",
    "cert_issuer",
    "cert_start",
    "cert_subject",
    "cert_subject_alternative_names",
]

TABLES = {
    "remote.dns": ["answer", "rtt", "ttl"],
    "remote.ftp-banner": ["banner", "banner_match", "body_match", "duration", "tt_body", "tt_connect", "tt_firstbyte"],
    "remote.http": [
        *["body_match", "body_match_<key>", "bytes", "code", "duration", "truncated", "tt_connect", "tt_firstbyte"],
        *CERTIFICATE,
    ],
    "remote.ping": ["available", "average", "count", "maximum", "minimum"],
    "remote.smtp-banner": [
        *["banner", "banner_match", "bytes", "duration", "tt_connect", "tt_firstbyte"],
        *CERTIFICATE,
    ],
    "remote.ssh": ["duration", "fingerprint"],
    "remote.tcp": ["banner", "banner_match", "duration", "tt_connect", "tt_firstbyte"],
    "agent.apache": [
        "busy_workers",
        "bytes_per_request",
        "bytes_per_second",
        "closing",
        "cpu_load",
        "dns",
        "gracefully_fishing",
        "idle",
        "idle_workers",
        "keepalive",
        "logging",
        "open",
        "reading",
        "requests_per_second",
        "sending",
        "starting",
        "total_access",
        "total_kbytes",
        "uptime",
        "waiting",
    ],
    "agent.cpu": [
        "idle_percent_average",
        "irq_percent_average",
        "max_cpu_usage",
        "min_cpu_usage",
        "stolen_percent_average",
        "sys_percent_average",
        "usage_average",
        "user_percent_average",
        "wait_percent_average",
    ],
    "agent.disk": ["queue", "qtime", "read_bytes", "reads", "rtime", "write_bytes", "writes", "wtime"],
    "agent.filesystem": ["avail", "free", "options", "total", "used", "files", "free_files"],
    "agent.filesystem_state": ["total_ro", "total_rw", "devices_ro", "devices_rw"],
    "agent.load_average": ["1m", "5m", "15m"],
    "agent.memory": [
        "actual_free",
        "actual_used",
        "free",
        "ram",
        "swap_free",
        "swap_page_in",
        "swap_page_out",
        "swap_total",
        "swap_used",
        "total",
        "used",
    ],
    "agent.mysql": [
        "bytes_received",
        "bytes_sent",
        "core.aborted_clients",
        "core.connections",
        "core.queries",
        "core.uptime",
        "handler.commit",
        "handler.delete",
        "handler.read_first",
        "handler.read_key",
        "handler.read_next",
        "handler.read_prev",
        "handler.read_rnd",
        "handler.rollback",
        "handler.savepoint",
        "handler.savepoint_rollback",
        "handler.update",
        "handler.write",
        "innodb.buffer_pool_pages_data",
        "innodb.buffer_pool_pages_dirty",
        "innodb.buffer_pool_pages_flushed",
        "innodb.buffer_pool_pages_free",
        "innodb.buffer_pool_pages_total",
        "innodb.buffer_pool_read_requests",
        "innodb.buffer_pool_reads",
        "innodb.buffer_pool_size",
        "innodb.data_pending_fsyncs",
        "innodb.data_pending_reads",
        "innodb.data_pending_writes",
        "innodb.pages_created",
        "innodb.pages_read",
        "innodb.pages_written",
        "innodb.row_lock_time",
        "innodb.row_lock_time_avg",
        "innodb.row_lock_time_max",
        "innodb.row_lock_waits",
        "innodb.rows_deleted",
        "innodb.rows_inserted",
        "innodb.rows_read",
        "innodb.rows_updated",
        "key.buffer_size",
        "max.connections",
        "qcache.free_blocks",
        "qcache.free_memory",
        "qcache.hits",
        "qcache.inserts",
        "qcache.lowmem_prunes",
        "qcache.not_cached",
        "qcache.queries_in_cache",
        "qcache.size",
        "qcache.total_blocks",
        "replication.exec_master_log_pos",
        "replication.last_errno",
        "replication.last_io_error",
        "replication.max_relay_log_size",
        "replication.read_master_log_pos",
        "replication.relay_log_pos",
        "replication.seconds_behind_master",
        "replication.slave_io_running",
        "replication.slave_io_state",
        "replication.slave_open_temp_tables",
        "replication.slave_retried_transactions",
        "replication.slave_running",
        "replication.slave_sql_running",
        "thread.cache_size",
        "threads.connected",
        "threads.created",
        "threads.running",
    ],
    "agent.network": [
        "rx_bytes",
        "rx_dropped",
        "rx_errors",
        "rx_packets",
        "speed",
        "tx_bytes",
        "tx_dropped",
        "tx_error",
        "tx_packets",
    ],
    "agent.redis": [
        "bgrewriteaof_in_progress",
        "bgsave_in_progress",
        "blocked_clients",
        "changes_since_last_save",
        "connected_clients",
        "evicted_keys",
        "pubsub_patterns",
        "total_commands_processed",
        "total_connections_received",
        "uptime_in_seconds",
        "used_memory",
        "version",
    ],
    "agent.windows_perfos": [
        "AlignmentFixupsPersec",
        "ContextSwitchesPersec",
        "ExceptionDispatchesPersec",
        "FileControlBytesPersec",
        "FileControlOperationsPersec",
        "FileReadBytesPersec",
        "FileReadOperationsPersec",
        "FileWriteBytesPersec",
        "FloatingEmulationsPersec",
        "PercentRegistryQuotaInUse",
        "Processes",
        "ProcessorQueueLength",
        "SystemCallsPersec",
        "SystemUpTime",
        "Threads",
    ],
}

# Not in a table: `include_body` makes it.
BEYOND = {"remote.http": {"body"}}


def documented(metric: KnownMetric) -> str:
    return metric.documented_as or metric.name


@pytest.mark.parametrize("type_", CHECK_TYPES)
def test_a_type_reports_the_metrics_of_its_table(type_: str) -> None:
    known = [documented(metric) for metric in CHECK_TYPES[type_].metrics]

    assert len(known) == len(set(known))
    assert set(known) - BEYOND.get(type_, set()) == set(TABLES.get(type_, ()))


@pytest.mark.parametrize("type_", CHECK_TYPES)
def test_metrics_have_types_of_the_wire_and_say_what_they_are(type_: str) -> None:
    for metric in CHECK_TYPES[type_].metrics:
        assert metric.type in type_letters
        assert metric.description
        assert metric.unit == metric.unit.lower()


def test_where_stock_agents_spell_a_name_otherwise_theirs_is_the_name() -> None:
    otherwise = {
        metric.documented_as: metric.name
        for type_ in CHECK_TYPES.values()
        for metric in type_.metrics
        if metric.documented_as
    }

    assert otherwise == {
        "gracefully_fishing": "gracefully_finishing",
        "total_access": "total_accesses",
        "tx_error": "tx_errors",
        "bytes_received": "bytes.received",
        "bytes_sent": "bytes.sent",
        "replication.max_relay_log_size": "replication.relay_log_size",
    }

"""Agent check types of Windows (reference: agent check types)."""

from __future__ import annotations

from vedette.domain.attributes import Attribute, Host, Text
from vedette.domain.check_types.declaration import CheckType
from vedette.domain.check_types.declaration import KnownMetric as Known

_WINDOWS = ("Windows",)

_INSTANCE = Attribute("serverinstance", Text(1, 255), "MS SQL Server instance to query")
_COUNTERS = (Attribute("computer", Host(), "MS SQL Server computer name"), _INSTANCE)
_QUERY = (
    Attribute("hostname", Host(), "MS SQL Server hostname"),
    Attribute("password", Text(1, 255), "MS SQL Server password", secret=True),
    _INSTANCE,
    Attribute("username", Text(1, 255), "MS SQL Server username"),
)
_DATABASE = (Attribute("db", Text(1, 255), "MS SQL Server database name", optional=False), *_QUERY)


def _mssql(part: str, summary: str, attributes: tuple[Attribute, ...]) -> CheckType:
    return CheckType(id=f"agent.mssql_{part}", summary=summary, attributes=attributes, supported_platforms=_WINDOWS)


_PERFOS = CheckType(
    id="agent.windows_perfos",
    summary="Reads the performance counters of the Windows kernel.",
    supported_platforms=_WINDOWS,
    metrics=(
        Known("AlignmentFixupsPersec", "uint32", "", "Alignment faults mended a second"),
        Known("ContextSwitchesPersec", "uint32", "", "Context switches a second"),
        Known("ExceptionDispatchesPersec", "uint64", "", "Exceptions dispatched a second"),
        Known("FileControlBytesPersec", "uint32", "", "Bytes a second of file operations that neither read nor write"),
        Known("FileControlOperationsPersec", "int32", "", "File operations a second that neither read nor write"),
        Known("FileReadBytesPersec", "uint64", "", "Bytes read from file systems a second"),
        Known("FileReadOperationsPersec", "uint32", "", "Reads from file systems a second"),
        Known("FileWriteBytesPersec", "uint64", "", "Bytes written to file systems a second"),
        Known("FloatingEmulationsPersec", "uint32", "", "Floating-point emulations a second"),
        Known("PercentRegistryQuotaInUse", "uint32", "", "Share of the registry quota in use"),
        Known("Processes", "uint32", "", "Processes"),
        Known("ProcessorQueueLength", "uint32", "", "Threads that are ready and wait for a processor"),
        Known("SystemCallsPersec", "uint32", "", "System calls a second"),
        Known("SystemUpTime", "uint64", "", "Seconds since the system started"),
        Known("Threads", "uint32", "", "Threads"),
    ),
)

WINDOWS_TYPES = (
    _mssql("buffer_manager", "Reads the buffer manager's counters of a Microsoft SQL Server.", _COUNTERS),
    _mssql("database", "Reads the state of a database of a Microsoft SQL Server.", _DATABASE),
    _mssql("memory_manager", "Reads the memory manager's counters of a Microsoft SQL Server.", _COUNTERS),
    _mssql("plan_cache", "Reads the plan cache's counters of a Microsoft SQL Server.", _COUNTERS),
    _mssql("sql_statistics", "Reads the SQL statistics of a Microsoft SQL Server.", _COUNTERS),
    _mssql("version", "Reads the version of a Microsoft SQL Server.", _QUERY),
    _PERFOS,
)

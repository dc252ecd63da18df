"""What asyncpg's errors mean."""

from __future__ import annotations

import asyncpg

from vedette.ports.unit import StoreUnavailable

BROKEN_KEY = (asyncpg.UniqueViolationError, asyncpg.ForeignKeyViolationError)
"""An answer; another broken constraint is a mistake of ours."""

LOST_A_RACE = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
"""Nothing has happened, and doing the same again may go well."""

UNREACHABLE = (
    OSError,  # also TimeoutError
    asyncpg.InterfaceError,  # the connection is closed, or the pool is closing
    asyncpg.InternalClientError,  # the connection broke inside an exchange
    asyncpg.PostgresConnectionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientResourcesError,  # disk full, too many connections
    asyncpg.OperatorInterventionError,  # shutting down, starting up
    asyncpg.PostgresSystemError,  # I/O errors
    asyncpg.ReadOnlySQLTransactionError,  # a standby after a switch-over
)


def unavailable(error: BaseException) -> StoreUnavailable:
    """Names the error and not its text: a driver's text may quote the address it was given, with the password."""
    return StoreUnavailable(f"PostgreSQL: {type(error).__name__}")

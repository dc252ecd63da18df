"""What keeps a command from its work is told in one line on standard error, with an exit code for scripts."""

from __future__ import annotations

import errno
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from vedette.adapters.local.files import LocalFailure
from vedette.adapters.sql.migrations import SchemaTooNew
from vedette.config import ConfigError
from vedette.domain.faults import Fault
from vedette.ports.unit import StoreUnavailable

REFUSED, CANNOT_START = 1, 2

_SERVER_PACKAGES = frozenset(
    {"asyncpg", "cramjam", "cryptography", "litestar", "prometheus_client", "re2", "uvicorn", "uvloop"}
)  # fmt: skip
_ADDRESS_ERRORS = {
    errno.EADDRINUSE: "another process listens there; end it or choose another port (0 takes a free one)",
    errno.EADDRNOTAVAIL: "this machine has no such address; expected one of its own",
    errno.EACCES: "this user may not; ports below 1024 need a privilege, files their owner",
}
_DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EPERM})


@contextmanager
def told_in_one_line() -> Iterator[None]:
    """Ends the process with 1 for a refusal and 2 for what keeps it from starting; anything else is ours and shows."""
    try:
        yield
    except Fault as fault:
        _end(REFUSED, f"{fault.message}: {fault.details}" if fault.details else fault.message)
    except (ConfigError, LocalFailure) as error:
        _end(CANNOT_START, str(error))
    except (SchemaTooNew, StoreUnavailable) as error:
        _end(CANNOT_START, f"database: {error}")
    except ModuleNotFoundError as error:
        package = (error.name or "").split(".")[0]
        if package not in _SERVER_PACKAGES:
            raise
        _end(CANNOT_START, f"package {package} is missing; a server needs `pip install 'vedette[server]'`")
    except OSError as error:
        _end(CANNOT_START, _told(error))


def _told(error: OSError) -> str:
    """Raises the error again where it is none that an operator can mend."""
    if isinstance(error, socket.gaierror):
        return f"a host name to listen on cannot be resolved ({error.strerror})"
    if error.errno in _ADDRESS_ERRORS:
        return f"{_subject(error)}: {_ADDRESS_ERRORS[error.errno]}"
    if error.errno in _DISK_ERRORS:
        return _subject(error)
    raise error


def _subject(error: OSError) -> str:
    text = error.strerror or str(error)
    return f"{error.filename}: {text}" if error.filename else text


def _end(code: int, line: str) -> NoReturn:
    print(f"vedette: {line}", file=sys.stderr)
    sys.exit(code)

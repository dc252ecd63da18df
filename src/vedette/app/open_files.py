"""How many files and sockets this process may have open: each probe, agent and request holds one."""

from __future__ import annotations

import resource

_WANTED = 65_536


def allow_many_open_files() -> None:
    """Raises the soft limit as far as the hard one lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED if hard == resource.RLIM_INFINITY else min(_WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def open_files_allowed() -> int:
    """The limit in force, at most what anybody here needs."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _WANTED if soft == resource.RLIM_INFINITY else min(soft, _WANTED)

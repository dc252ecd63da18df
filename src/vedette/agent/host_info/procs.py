"""PROCS."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

_PROC = Path("/proc")


def procs() -> list[dict[str, Any]]:
    """Times in milliseconds, sizes in bytes; what may not be read of a process is absent, one that ended too."""
    found = [_proc(process) for process in psutil.process_iter()]
    return [one for one in found if one is not None]


def _proc(process: psutil.Process) -> dict[str, Any] | None:
    members: dict[str, Any] = {"pid": process.pid}
    try:
        with process.oneshot():
            for part in _PARTS:
                _add(members, part, process)
    except psutil.NoSuchProcess:
        return None
    return members


def _add(members: dict[str, Any], part: Callable[[psutil.Process], dict[str, Any]], process: psutil.Process) -> None:
    try:
        members |= part(process)
    except (psutil.AccessDenied, psutil.ZombieProcess, OSError):
        return  # of another user, or only its exit status is left


def _state(process: psutil.Process) -> dict[str, Any]:
    return {
        "state_name": process.name(),
        "state_ppid": process.ppid(),
        "state_nice": process.nice(),
        "state_threads": process.num_threads(),
    }


def _times(process: psutil.Process) -> dict[str, Any]:
    times = process.cpu_times()
    user, system = int(times.user * 1000), int(times.system * 1000)
    return {
        "time_start_time": int(process.create_time() * 1000),
        "time_user": user,
        "time_sys": system,
        "time_total": user + system,
    }


def _sizes(process: psutil.Process) -> dict[str, Any]:
    found = process.memory_info()
    return {"memory_size": found.vms, "memory_resident": found.rss, "memory_share": getattr(found, "shared", 0)}


def _faults(process: psutil.Process) -> dict[str, Any]:
    """Linux only: the tenth and later words of `/proc/PID/stat`, whose second may hold anything, in parentheses."""
    words = (_PROC / str(process.pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    minor, major, priority = (int(words[place]) for place in (7, 9, 15))
    return {
        "memory_minor_faults": minor,
        "memory_major_faults": major,
        "memory_page_faults": minor + major,
        "state_priority": priority,
    }


def _program(process: psutil.Process) -> dict[str, Any]:
    return {"exe_name": process.exe()}


def _directory(process: psutil.Process) -> dict[str, Any]:
    return {"exe_cwd": process.cwd(), "exe_root": str((_PROC / str(process.pid) / "root").readlink())}


_PARTS = (_state, _times, _sizes, _faults, _program, _directory)

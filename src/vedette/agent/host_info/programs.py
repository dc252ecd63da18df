"""What only a program of the host can tell: IPTABLES, IP6TABLES, SSHD and LSHW."""

from __future__ import annotations

import json
import subprocess
from typing import Any

_LIMIT_S = 50.0
_LONGEST_COMPLAINT = 200
_OPTIONS = {"-A": "append", "-N": "new", "-P": "policy"}


def printed(program: str, *arguments: str) -> str:
    """What a program prints that only reads. Raises `OSError` when it fails, with what it complained of."""
    try:
        done = subprocess.run(
            [program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=_LIMIT_S, check=True
        )
    except subprocess.TimeoutExpired:
        raise OSError(f"{program} did not finish in {_LIMIT_S:g} s") from None
    except subprocess.CalledProcessError as error:
        complaint = error.stderr.decode("utf-8", "replace").strip()[:_LONGEST_COMPLAINT]
        raise OSError(f"{program} failed: {complaint or error.returncode}") from None
    return done.stdout.decode("utf-8", "replace")


def iptables() -> list[dict[str, str]]:
    """The rules of the packet filter."""
    return _rules(printed("iptables", "-S"))


def ip6tables() -> list[dict[str, str]]:
    """The same for IPv6."""
    return _rules(printed("ip6tables", "-S"))


def _rules(text: str) -> list[dict[str, str]]:
    rows = [line.split(" ", 2) for line in text.splitlines()]
    return [
        {"type": row[0], "chain": row[1], **({"policy": row[2]} if len(row) > 2 else {})}
        for row in rows
        if len(row) > 1 and row[0] in _OPTIONS
    ]


def sshd() -> dict[str, str]:
    """The configuration that the SSH server would run with."""
    pairs = [line.partition(" ") for line in printed("sshd", "-T").splitlines()]
    return {name: value for name, _, value in pairs if name}


def lshw() -> dict[str, Any]:
    """The hardware. Raises `ValueError`."""
    return {"info": json.loads(printed("lshw", "-json"))}

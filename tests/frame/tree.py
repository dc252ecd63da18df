"""The checkout as the frame tests read it."""

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

_MADE_HERE = {"build", "dist", "node_modules", "var", "__pycache__"}
_HIDDEN_BUT_OURS = {".ci", ".gitignore"}


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def project_files() -> Iterator[Path]:
    """Every file that belongs to the project: neither hidden, nor made by the tools."""
    for folder, subfolders, names in os.walk(ROOT):
        subfolders[:] = [name for name in subfolders if _is_ours(name)]
        yield from (Path(folder, name) for name in names if _is_ours(name))


def modules(*folders: str) -> list[Path]:
    """The Python files beneath the named folders of the checkout."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def _is_ours(name: str) -> bool:
    return name in _HIDDEN_BUT_OURS or not (name.startswith(".") or name in _MADE_HERE or name.endswith(".egg-info"))

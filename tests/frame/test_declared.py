"""What the package imports is what `pyproject.toml` declares, so that a fresh installation has it."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]


def _imported() -> dict[str, str]:
    """Top-level module of others -> one file that imports it."""
    found: dict[str, str] = {}
    for file in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found.update({name.partition(".")[0]: str(file.relative_to(ROOT)) for name in names})
    return {name: file for name, file in found.items() if name not in {*sys.stdlib_module_names, "vedette", ""}}


def test_every_package_that_is_imported_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["server"]]
    declared = {re.split(r"[^A-Za-z0-9._-]", line)[0].lower().replace("_", "-") for line in lines}
    distributions = packages_distributions()
    missing = {
        f"{module} ({file})"
        for module, file in _imported().items()
        if not declared & {name.lower().replace("_", "-") for name in distributions.get(module, [module])}
    }
    assert not missing


def test_the_parser_that_the_http_server_is_built_on_is_declared() -> None:
    """uvicorn itself does not demand it."""
    lines = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]["server"]
    assert any(line.startswith("httptools") for line in lines)

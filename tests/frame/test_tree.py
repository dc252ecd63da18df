import os
import re
from pathlib import Path

from tests.frame.tree import ROOT, project_files, pyproject

# Written in pieces, so that this file does not name what it forbids.
REGISTRIES = tuple(".".join(parts) for parts in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org")))
PLACES = re.compile(r"(?<![\w./-])/(?:" + "|".join(("wo" + "rk", "ro" + "ot", "Use" + "rs")) + r")/")
AN_IGNORE = re.compile(r'^\s*"(?P<rule>[A-Z]+[0-9]*)",?\s*(?:#\s*(?P<reason>.*))?$')


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    assert not {
        str(path.relative_to(ROOT)): found for path in project_files() if (found := PLACES.findall(text_of(path)))
    }


def test_no_file_names_a_registry() -> None:
    assert not [
        (str(path.relative_to(ROOT)), host) for path in project_files() for host in REGISTRIES if host in text_of(path)
    ]


def test_the_scan_sees_source_hidden_scripts_and_locks() -> None:
    seen = {str(path.relative_to(ROOT)) for path in project_files()}

    assert {"src/vedette/__init__.py", ".ci/run", "requirements/dev.lock", "Makefile"} <= seen
    assert not [path for path in seen if path.startswith((".venv/", ".git/", "var/"))]


def test_every_rule_that_is_off_says_why() -> None:
    lint = pyproject()["tool"]["ruff"]["lint"]
    off = [*lint["ignore"], *(rule for rules in lint["per-file-ignores"].values() for rule in rules)]
    lines = (AN_IGNORE.match(line) for line in text_of(ROOT / "pyproject.toml").splitlines())
    explained = [match["rule"] for match in lines if match and match["reason"]]

    assert sorted(explained) == sorted(off)


def test_scripts_can_be_run() -> None:
    assert all(os.access(ROOT / script, os.X_OK) for script in (".ci/run", "tools/debian_packages"))

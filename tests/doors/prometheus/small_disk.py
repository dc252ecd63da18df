"""A small file system of its own that can be filled."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NEEDS_ROOT = "a full disk is tested on a small tmpfs, which only root can mount"


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A tmpfs for as long as the block lasts; the test is skipped where none can be mounted."""
    if os.geteuid() != 0:
        pytest.skip(NEEDS_ROOT)
    folder.mkdir()
    mount, umount = shutil.which("mount"), shutil.which("umount")
    assert mount is not None
    assert umount is not None
    mounted = subprocess.run(
        [mount, "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"{NEEDS_ROOT}, and here not even root: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run([umount, "--lazy", folder], check=True)


def fill(disk: Path) -> Path:
    """A file that takes all room that is left, to the last byte."""
    ballast = disk / "ballast"
    with ballast.open("ab", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1 << 6, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue
    return ballast

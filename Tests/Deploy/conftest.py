"""Fixtures of the tests of deploy/ and of what a release consists of. `make check-deploy` runs them.

The program is the end-to-end tests' and driven by their harness. A test whose tool is not on the machine, or that wants
root, is skipped by name.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "EndToEnd"))
sys.path.insert(0, os.path.dirname(__file__))

from harness.sidecar import PROGRAM, ROOT, clean_environment  # noqa: E402

pytest_plugins = ["harness.plugin"]


@pytest.fixture(scope="session")
def script(tmp_path_factory):
    """Runs one of Scripts on the program that is tested: `script("image-root", folder)` → its standard output."""

    def run(name, *arguments):
        environment = clean_environment(tmp_path_factory.mktemp("home"), {"PROGRAM": str(PROGRAM)})
        done = subprocess.run(
            [ROOT / "Scripts" / name, *arguments], env=environment, capture_output=True, text=True, timeout=150)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def image_root(script, tmp_path_factory):
    """The tree of Scripts/image-root."""
    folder = tmp_path_factory.mktemp("image") / "root"
    script("image-root", folder)
    return folder

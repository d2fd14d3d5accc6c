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

from harness.moto_server import MotoServer  # noqa: E402
from harness.sidecar import PROGRAM, ROOT, Sidecars, clean_environment  # noqa: E402
from harness.timeouts import time_limit  # noqa: E402

for name in [name for name in os.environ if name.startswith(("AWS_", "KINESIS_SIDECAR_"))]:
    del os.environ[name]
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "localhost,127.0.0.1,::1"


def pytest_sessionstart(session):
    if not PROGRAM.exists():
        pytest.exit(f"{PROGRAM} is missing: run `make build` first", returncode=3)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    marker = item.get_closest_marker("seconds")
    with time_limit(item.nodeid, marker.args[0] if marker else 60):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    with time_limit(item.nodeid, 120):
        return (yield)


@pytest.fixture
def sidecars(tmp_path):
    factory = Sidecars(tmp_path)
    yield factory
    factory.close()


@pytest.fixture
def sidecar(sidecars):
    """One sidecar with the embedded Kinesis in memory."""
    return sidecars.start()


@pytest.fixture(scope="module")
def moto(tmp_path_factory):
    server = MotoServer(tmp_path_factory.mktemp("moto"))
    yield server
    server.close()


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

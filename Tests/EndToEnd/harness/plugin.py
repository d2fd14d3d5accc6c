"""What every folder of tests that drive the built program shares (pytest's plugin): its environment, time limits, sidecars.

A folder's conftest.py puts this one's parent into the path and says `pytest_plugins = ["harness.plugin"]`.
"""

import os

import pytest

from .moto_server import MotoServer
from .sidecar import PROGRAM, Sidecars
from .timeouts import time_limit

# boto3 and the AWS CLI in this process and its children: no settings of this machine's user, no proxy on loopback.
for name in [name for name in os.environ if name.startswith(("AWS_", "KINESIS_SIDECAR_"))]:
    del os.environ[name]
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "localhost,127.0.0.1,127.0.0.2,::1"


def pytest_sessionstart(session):
    if not PROGRAM.exists():
        pytest.exit(f"{PROGRAM} is missing: run `make build` first", returncode=3)


def _seconds(item):
    marker = item.get_closest_marker("seconds")
    return marker.args[0] if marker else 60


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    # What is set up first for a whole module may take as long as its first test.
    with time_limit(item.nodeid, _seconds(item)):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    with time_limit(item.nodeid, _seconds(item)):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item):
    with time_limit(item.nodeid, 60):
        return (yield)


@pytest.fixture
def sidecars(tmp_path):
    """A factory: `sidecars.start("--option", …, local=True, data_dir=None, env={})`. All are ended after the test."""
    factory = Sidecars(tmp_path)
    yield factory
    factory.close()


@pytest.fixture
def sidecar(sidecars):
    """One sidecar with the embedded Kinesis in memory."""
    return sidecars.start()


@pytest.fixture(scope="session")
def moto(tmp_path_factory):
    """moto's server; it lives as long as the run, so a test names streams of its own."""
    server = MotoServer(tmp_path_factory.mktemp("moto"))
    yield server
    server.close()

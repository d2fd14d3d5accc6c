"""What the tests of examples/ share with the end-to-end tests: the harness that starts the built program."""

import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "EndToEnd"))
sys.path.insert(0, os.path.dirname(__file__))

from harness.sidecar import PROGRAM, Sidecars  # noqa: E402

# boto3 in this process, and the examples: no settings of this machine's user, no proxy on loopback.
for name in [name for name in os.environ if name.startswith(("AWS_", "KINESIS_SIDECAR_"))]:
    del os.environ[name]
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "localhost,127.0.0.1,::1"


def pytest_sessionstart(session):
    if not PROGRAM.exists():
        pytest.exit(f"{PROGRAM} is missing: run `make build` first", returncode=3)


@pytest.fixture
def sidecars(tmp_path):
    factory = Sidecars(tmp_path)
    yield factory
    factory.close()

"""Fixtures of the tests that drive the built program. `make build` comes first."""

import os
import subprocess
import sys

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

sys.path.insert(0, os.path.dirname(__file__))

from harness.ministack_server import MinistackServer  # noqa: E402
from harness.moto_server import MotoServer  # noqa: E402
from harness.sidecar import PROGRAM, Sidecars, boto3_kinesis, clean_environment  # noqa: E402
from harness.timeouts import time_limit  # noqa: E402

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
    with time_limit(item.nodeid, 60):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    with time_limit(item.nodeid, _seconds(item)):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item):
    with time_limit(item.nodeid, 60):
        return (yield)


@pytest.fixture(scope="module")
def chromium():
    """Headless Chromium, one for all tests of a module."""
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    yield driver
    driver.quit()


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


@pytest.fixture
def kinesis(sidecar):
    """boto3's client of the sidecar's embedded Kinesis."""
    return sidecar.boto3()


@pytest.fixture(scope="session")
def moto(tmp_path_factory):
    """moto's server; it lives as long as the run, so a test names streams of its own."""
    server = MotoServer(tmp_path_factory.mktemp("moto"))
    yield server
    server.close()


@pytest.fixture(scope="session")
def ministack(tmp_path_factory):
    """ministack's DynamoDB; it lives as long as the run, so a test names tables of its own."""
    server = MinistackServer(tmp_path_factory.mktemp("ministack"))
    yield server
    server.close()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]).returncode != 0:
        pytest.skip("mounting needs root")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def moto_kinesis(moto):
    return boto3_kinesis(moto.url)


@pytest.fixture
def aws_cli(tmp_path):
    """The AWS CLI on an endpoint: `aws_cli(url, "kinesis", "list-streams")` → CompletedProcess with text."""

    def run(endpoint, *arguments, **more):
        environment = clean_environment(tmp_path, {
            "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_PAGER": "", "AWS_EC2_METADATA_DISABLED": "true"})
        command = [sys.executable, "-m", "awscli", "--endpoint-url", endpoint, *arguments]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, **more)

    return run

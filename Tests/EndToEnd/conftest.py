"""Fixtures of the tests that drive the built program. `make build` comes first."""

import os
import subprocess
import sys

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

sys.path.insert(0, os.path.dirname(__file__))

from harness.ministack_server import MinistackServer  # noqa: E402
from harness.sidecar import boto3_kinesis, clean_environment  # noqa: E402

pytest_plugins = ["harness.plugin"]


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
def kinesis(sidecar):
    """boto3's client of the sidecar's embedded Kinesis."""
    return sidecar.boto3()


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

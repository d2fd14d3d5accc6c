"""The embedded Kinesis over TLS on its one port: boto3, the AWS CLI and curl, which trust the certificate that it wrote."""

import contextlib
import json
import os
import socket
import ssl
import subprocess
import sys

import boto3
import pytest
from botocore.config import Config

from harness.sidecar import clean_environment, fetch, run_program
from local_kinesis import Kinesis


@pytest.fixture
def authority(tmp_path):
    """The file that clients are to trust."""
    return tmp_path / "kinesis-ca.pem"


def url(sidecar, host="localhost"):
    return f"https://{host}:{sidecar.ports['kinesis']}"


def secure(url, authority):
    return boto3.client(
        "kinesis", endpoint_url=url, region_name="us-east-1", aws_access_key_id="local", aws_secret_access_key="local",
        verify=str(authority), config=Config(retries={"total_max_attempts": 1}))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_boto3_trusts_it_and_plain_clients_are_served_on_the_same_port(sidecars, authority, host):
    sidecar = sidecars.start("--local-tls", authority, "--local-stream", "s")
    kinesis = secure(url(sidecar, host), authority)
    put = kinesis.put_record(StreamName="s", Data=b"x" * 100_000, PartitionKey="k")
    assert [r["Data"] for r in Kinesis(sidecar.kinesis_url).read_shard("s", put["ShardId"], count=1)] == [b"x" * 100_000]
    # The sidecar itself asks it in the clear.
    assert sidecar.put("s", {"a": 1})["shardId"] == put["ShardId"]
    assert f"http and https://127.0.0.1:{sidecar.ports['kinesis']}" in sidecar.out_path.read_text()


def test_the_aws_cli_trusts_it(sidecars, authority, tmp_path):
    sidecar = sidecars.start("--local-tls", authority, "--local-stream", "s")
    environment = clean_environment(tmp_path, {
        "AWS_CA_BUNDLE": str(authority), "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1", "NO_PROXY": "*"})
    done = subprocess.run(
        [sys.executable, "-m", "awscli", "--endpoint-url", url(sidecar), "kinesis", "list-streams"], env=environment,
        capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["StreamNames"] == ["s"]


@pytest.mark.parametrize("arguments, version", [([], "2"), (["--http1.1"], "1.1")])
def test_curl_agrees_on_http2_by_alpn(sidecars, authority, arguments, version):
    sidecar = sidecars.start("--local-tls", authority, "--local-stream", "s")
    done = subprocess.run(
        ["curl", "-sS", "--noproxy", "*", "--cacert", authority, "-w", "\n%{http_version} %{http_code}", *arguments,
         "--aws-sigv4", "aws:amz:us-east-1:kinesis", "-u", "local:local", "-H", "Content-Type: application/x-amz-json-1.1",
         "-H", "X-Amz-Target: Kinesis_20131202.ListStreams", "-d", "{}", url(sidecar)],
        capture_output=True, text=True, timeout=30)
    body, _, facts = done.stdout.rpartition("\n")
    assert facts == f"{version} 200", done
    assert json.loads(body)["StreamNames"] == ["s"]


def test_a_certificate_stays_with_the_data_and_is_new_without(sidecars, authority, tmp_path):
    kept = sidecars.start("--local-tls", authority, data_dir=tmp_path / "data")
    first = authority.read_text()
    assert os.stat(authority).st_mode & 0o777 == 0o644 and "PRIVATE" not in first
    assert os.stat(tmp_path / "data/local-tls.pem").st_mode & 0o777 == 0o600
    kept.restart()
    assert authority.read_text() == first and secure(url(kept), authority).list_streams()["StreamNames"] == []
    passing = sidecars.start("--local-tls", tmp_path / "passing.pem")
    assert (tmp_path / "passing.pem").read_text() != first
    with pytest.raises(Exception, match="certificate verify failed"):
        secure(url(passing), authority).list_streams()


def test_another_name_makes_another_certificate(sidecars, authority, tmp_path):
    started = sidecars.start("--local-tls", authority, data_dir=tmp_path / "data")
    first = authority.read_text()
    started.terminate()
    named = sidecars.start(
        "--local", "--local-listen", "127.0.0.2:0", "--local-tls", authority, local=False, data_dir=tmp_path / "data",
        env={"KINESIS_SIDECAR_ALLOWED_HOSTS": "kinesis.example"})
    assert authority.read_text() != first
    context = ssl.create_default_context(cafile=str(authority))
    for host in ("localhost", "127.0.0.1", "::1", "127.0.0.2", "kinesis.example"):
        with socket.create_connection(("127.0.0.2", named.ports["kinesis"]), timeout=10) as plain:
            with context.wrap_socket(plain, server_hostname=host) as secured:
                assert secured.version() == "TLSv1.3"


def test_a_client_that_says_nothing_and_one_that_says_nonsense_leave_others_alone(sidecars, authority):
    sidecar = sidecars.start("--local-tls", authority, "--local-stream", "s")
    address = ("127.0.0.1", sidecar.ports["kinesis"])
    with socket.create_connection(address, timeout=10), socket.create_connection(address, timeout=10) as nonsense:
        nonsense.sendall(b"\x16nothing that TLS would begin with")
        # An alert may come before the end, and what was not read makes that a reset.
        with contextlib.suppress(ConnectionResetError):
            while nonsense.recv(100):
                pass
        assert fetch(sidecar.kinesis_url).status == 405
        assert secure(url(sidecar), authority).list_streams()["StreamNames"] == ["s"]


@pytest.mark.parametrize("arguments, told, code", [
    (["--local-tls", "/nowhere/ca.pem", "--local"], "--local-tls /nowhere/ca.pem cannot be written", 1),
    (["--local-tls", "ca.pem", "--region", "eu-west-1"], "needs --local", 64)])
def test_what_cannot_be_is_told(arguments, told, code):
    done = run_program("--local-port", "0", "--listen", "127.0.0.1:0", *arguments) if code == 1 else run_program(*arguments)
    assert done.returncode == code and told in done.stderr, done.stderr


def test_the_environment_names_it_too(sidecars, authority):
    sidecar = sidecars.start(env={"KINESIS_SIDECAR_LOCAL_TLS": str(authority)})
    assert secure(url(sidecar), authority).list_streams()["StreamNames"] == []

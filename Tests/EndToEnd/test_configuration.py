"""Flags, environment and file: every mistake is told at start, and what is accepted is in force."""

import json
import os
import socket
import stat

import pytest

from harness.sidecar import run_program
from harness.waiting import eventually

BAD_SETTINGS = [
    (["--local", "--listen", "nowhere"], {}, "", ["--listen", "nowhere"]),
    (["--local", "--log-level", "loud"], {}, "", ["--log-level", "critical"]),
    (["--s3-endpoint", "x"], {}, "", ["--s3-endpoint", "http://"]),
    (["--local", "--lissten", "x"], {}, "", ["--lissten", "--listen"]),
    (["--local"], {"KINESIS_SIDECAR_LIMIT": "0"}, "", ["environment KINESIS_SIDECAR_LIMIT", "1 to 10000"]),
    (["--local"], {"KINESIS_SIDECAR_POLL_DELYA": "1"}, "", ["KINESIS_SIDECAR_POLL_DELYA", "pollDelay"]),
    (["--local"], {}, "noRecordsPollDelay: 10\n", ["sidecar.yaml:1 noRecordsPollDelay", "250"]),
    (["--local"], {}, "consumers:\n  - {limit: 5}\n", ["sidecar.yaml:2 consumers[0]: the entry has no streamName"]),
    (["--local"], {}, "tokens:\n  - {name: app, verbs: [read]}\n",
     ['sidecar.yaml:2 tokens[0]: the entry "app" has no sha256; accepted: ']),
    (["--local"], {}, "a: *b\n", ["sidecar.yaml:1"]),
    (["--local"], {}, "useS3ForLargeItems: true\n", ["useS3ForLargeItems needs s3.endpoint with --local"]),
    (["--region", "Nowhere"], {}, "", ["--region"]),
    (["--local", "--dynamodb", "on"], {}, "", ["--dynamodb", "needs dynamoDb.endpoint with --local"]),
    (["--region", "eu-west-1"], {}, "leaseDuration: 4999\n", ["sidecar.yaml:1 leaseDuration", "5000"]),
    ([], {}, "", ["no region", "--region", "AWS_REGION"]),
    ([], {"AWS_REGION": "x y"}, "", ["x y"]),
    (["--region", "eu-west-1"], {"AWS_ENDPOINT_URL": "gopher://x"}, "", ["gopher"]),
]


@pytest.mark.parametrize("arguments, environment, file, names", BAD_SETTINGS)
def test_a_bad_setting_ends_the_start_with_64(tmp_path, arguments, environment, file, names):
    if file:
        path = tmp_path / "sidecar.yaml"
        path.write_text(file)
        arguments = [*arguments, "--config", path]
    ended = run_program(*arguments, env=environment, home=tmp_path)
    assert ended.returncode == 64, ended
    for name in names:
        assert name in ended.stderr, ended.stderr
    assert ended.stdout == ""


def test_every_mistake_is_told_in_a_line_of_its_own():
    ended = run_program("--local", "--log-level", "loud", "--nonsense", env={"KINESIS_SIDECAR_LIMIT": "x"})
    assert ended.returncode == 64
    assert len(ended.stderr.splitlines()) == 3


def test_a_missing_file_is_told(tmp_path):
    ended = run_program("--local", "--config", tmp_path / "none.yaml")
    assert ended.returncode == 64 and "none.yaml" in ended.stderr and "No such file" in ended.stderr


def test_help_and_version_need_nothing_else():
    assert "usage: kinesis-sidecar" in run_program("--help").stdout
    version = run_program("--version")
    assert version.returncode == 0 and version.stdout.startswith("kinesis-sidecar ")


def test_help_and_version_are_understood_without_dashes():
    assert run_program("help").stdout == run_program("--help").stdout
    assert run_program("version").stdout == run_program("--version").stdout


@pytest.mark.parametrize("arguments", [["-p", "8700"], ["--local=maybe", "--local-port", "5"]])
def test_one_mistake_is_one_line(arguments):
    ended = run_program(*arguments)
    assert ended.returncode == 64 and len(ended.stderr.splitlines()) == 1, ended


def test_a_port_file_that_cannot_be_written_is_told_before_it_listens(tmp_path):
    ended = run_program(
        "--local", "--local-port", "0", "--listen", "127.0.0.1:0", "--port-file", tmp_path / "none" / "ports")
    assert ended.returncode == 1, ended
    assert ended.stdout == ""
    [line] = ended.stderr.splitlines()
    assert "--port-file" in line and "No such file" in line


def test_a_port_alone_is_listened_on_at_both_loopbacks(sidecars):
    if not os.path.exists("/proc/net/if_inet6"):
        pytest.skip("no IPv6 here")
    sidecar = sidecars.start("--listen", "0")
    [line] = sidecar.out_path.read_text().splitlines()
    # Beside the harness's own.
    assert line.count("http://127.0.0.1:") == 3 and line.count("http://[::1]:") == 1, line


def test_a_host_below_an_allowed_one_is_served(sidecars):
    sidecar = sidecars.start(env={"KINESIS_SIDECAR_ALLOWED_HOSTS": "*.svc.cluster.local"})
    assert sidecar.get("/livez", headers={"Host": "sidecar.svc.cluster.local"}).status == 200
    refused = sidecar.get("/livez", headers={"Host": "svc.cluster.local"})
    assert refused.status == 421 and "KINESIS_SIDECAR_ALLOWED_HOSTS" in refused.json["detail"], refused


def test_check_config_prints_what_is_in_force_and_hides_secrets(tmp_path):
    path = tmp_path / "sidecar.yaml"
    path.write_text("region: eu-west-1\ncredentials: {accessKeyId: id, secretAccessKey: hush}\nlimit: 5\n")
    ended = run_program("--check-config", "--config", path, env={"KINESIS_SIDECAR_LIMIT": "7"})
    assert ended.returncode == 0, ended
    assert "•••" in ended.stdout and "hush" not in ended.stdout
    lines = [" ".join(line.split()) for line in ended.stdout.splitlines()]
    assert "limit: 7 # environment KINESIS_SIDECAR_LIMIT" in lines
    assert f"region: eu-west-1 # {path}:1" in lines
    assert "pollDelay: 250 # default" in lines


def test_check_config_says_where_the_groups_are(tmp_path):
    path = tmp_path / "sidecar.yaml"
    path.write_text("dynamoDb:\n  tags: {team: orders, cost-center: 7}\n  credentials: {accessKeyId: id, secretAccessKey: hush}\n")
    region = {"AWS_REGION": "eu-west-2"}
    ended = run_program("--check-config", "--config", path, env=region, home=tmp_path)
    assert ended.returncode == 0, ended
    lines = [" ".join(line.split()) for line in ended.stdout.splitlines()]
    assert "dynamoDb.enabled: true # default" in lines
    assert "dynamoDb.endpoint: https://dynamodb.eu-west-2.amazonaws.com/ # the region's" in lines
    assert "dynamoDb.tableName: lifion-kinesis-state # default" in lines
    assert f"dynamoDb.tags: ['cost-center=7', 'team=orders'] # {path}:2" in lines
    assert "leaseDuration: 40000 # default" in lines
    assert "hush" not in ended.stdout
    off = run_program("--check-config", "--dynamodb", "off", env=region, home=tmp_path).stdout
    assert [line for line in off.splitlines() if line.startswith("dynamoDb")] == [
        f"{'dynamoDb.enabled: false':44}# command line --dynamodb"]


def test_check_config_says_what_comes_from_the_environment_of_aws(tmp_path):
    variables = {
        "AWS_REGION": "eu-west-2", "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "hush"}
    ended = run_program("--check-config", env=variables, home=tmp_path)
    lines = [" ".join(line.split()) for line in ended.stdout.splitlines()]
    assert "region: eu-west-2 # environment AWS_REGION" in lines
    assert "kinesis.endpoint: http://127.0.0.1:1/ # environment AWS_ENDPOINT_URL" in lines
    assert "# credentials: the environment (AWS_ACCESS_KEY_ID)" in lines
    assert "hush" not in ended.stdout


CREDENTIALS = [
    ({"AWS_ACCESS_KEY_ID": "id"}, "", "the AWS credentials of the environment lack AWS_SECRET_ACCESS_KEY"),
    ({"AWS_PROFILE": "typo"}, "[default]\naws_access_key_id=a\naws_secret_access_key=b\n", 'profile "typo" is in none of'),
    ({}, "[default]\naws_access_key_id=a\n", 'the AWS credentials of profile "default" lack aws_secret_access_key'),
    ({}, "[default]\nrole_arn=arn:aws:iam::1:role/r\n", 'the AWS credentials of profile "default" lack source_profile'),
    ({"AWS_WEB_IDENTITY_TOKEN_FILE": "/t"}, "", "the AWS credentials of AWS_WEB_IDENTITY_TOKEN_FILE lack AWS_ROLE_ARN"),
    ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://x"}, "", "AWS_CONTAINER_CREDENTIALS_FULL_URI cannot be used"),
    ({}, "", "the instance's metadata (169.254.169.254)"),
    ({"AWS_EC2_METADATA_DISABLED": "true"}, "", "no AWS credentials found; tried the environment: AWS_ACCESS_KEY_ID"),
    ({}, "[default]\naws_access_key_id=a\naws_secret_access_key=b\n", 'profile "default" of the shared files'),
]


@pytest.mark.parametrize("variables, file, told", CREDENTIALS)
def test_check_config_says_what_will_sign_and_what_is_wrong_with_it(tmp_path, variables, file, told):
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/credentials").write_text(file)
    ended = run_program("--check-config", "--region", "eu-west-1", env=variables, home=tmp_path)
    assert ended.returncode == 0, ended
    [line] = [line for line in ended.stdout.splitlines() if line.startswith("# credentials: ")]
    assert told in line, line


def test_the_start_says_what_signs_and_that_a_group_ends_with_the_sidecar(sidecars, sidecar):
    remote = sidecars.start_against(sidecar.kinesis_url)
    eventually(lambda: "the environment (AWS_ACCESS_KEY_ID)" in remote.log)
    eventually(lambda: "another sidecar that names the same one gets every record too" in remote.log)
    half = sidecars.start_against(sidecar.kinesis_url, env={"AWS_SECRET_ACCESS_KEY": ""})
    eventually(lambda: "lack AWS_SECRET_ACCESS_KEY" in half.log)
    assert "another sidecar" not in sidecar.log


def test_check_config_refuses_what_the_start_would(tmp_path):
    ended = run_program("--check-config", home=tmp_path)
    assert ended.returncode == 64 and "no region" in ended.stderr and ended.stdout == "", ended


def test_a_port_that_is_taken_ends_the_start_with_1():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = run_program("--local", "--local-port", "0", "--listen", address)
    assert ended.returncode == 1 and address in ended.stderr and "in use" in ended.stderr, ended


def test_a_data_folder_has_one_process_at_a_time(sidecars, tmp_path):
    first = sidecars.start(data_dir=tmp_path / "data")
    ended = run_program("--local", "--local-port", "0", "--listen", "127.0.0.1:0", "--data-dir", tmp_path / "data")
    assert ended.returncode == 1 and "in use" in ended.stderr, ended
    assert f"process {first.process.pid} on host {socket.gethostname()}" in ended.stderr, ended
    first.kill()
    # The kernel gives the lock back, and what stood in it is the next one's.
    second = sidecars.start(data_dir=tmp_path / "data")
    assert (tmp_path / "data" / "lock").read_text().startswith(f"process {second.process.pid} on ")


def test_files_of_state_are_readable_by_their_owner_alone(sidecars, tmp_path):
    sidecar = sidecars.start(data_dir=tmp_path / "a" / "b")
    sidecar.follow("s")
    sidecar.put("s", 1)
    files = list((tmp_path / "a" / "b").iterdir())
    assert files
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_listed_consumers_start_with_the_program(sidecars, tmp_path):
    path = tmp_path / "sidecar.yaml"
    path.write_text("shardCount: 2\nconsumers:\n  - {streamName: orders, consumerGroup: billing, limit: 5}\n")
    sidecar = sidecars.start("--config", path)
    eventually(lambda: len(sidecar.get("/streams/orders/shards").json.get("shards", [])) == 2, 10)
    assert "billing" in json.dumps(sidecar.get("/streams").json)
    answer = sidecar.get("/streams/orders/records?consumerGroup=billing&limit=6")
    assert answer.status == 409 and answer.json["code"] == "optionConflict", answer


def test_in_aws_a_stream_that_only_a_url_names_is_not_created(sidecars, sidecar):
    remote = sidecars.start_against(sidecar.kinesis_url)
    assert remote.get("/streams/typo/records").status == 404
    assert remote.post("/streams/typo/put", {"data": 1}).status == 404
    assert sidecar.boto3().list_streams()["StreamNames"] == []


def test_the_limit_of_open_files_is_raised(sidecar):
    with open(f"/proc/{sidecar.process.pid}/limits") as limits:
        [line] = [line for line in limits if line.startswith("Max open files")]
    soft, hard = line.split()[3:5]
    assert soft == hard


def test_it_listens_on_every_address_it_is_given(sidecars):
    sidecar = sidecars.start("--listen", "[::1]:0") if os.path.exists("/proc/net/if_inet6") else None
    if sidecar is None:
        pytest.skip("no IPv6 here")
    [line] = sidecar.out_path.read_text().splitlines()
    assert "http://127.0.0.1:" in line and "http://[::1]:" in line

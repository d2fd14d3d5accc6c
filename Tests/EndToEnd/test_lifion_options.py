"""Every option of lifion-kinesis's readme: it is taken, refuses a bad value by its name, and is described.

The table is the readme's own (Tests/Vectors/lifion-options.md). A row has its entry in `VALUES`, or in `NOT_HERE` where it is
something else in a sidecar.
"""

import re

import pytest
import yaml

from harness.sidecar import ROOT, run_program

# A row of the table: values that are taken (in the notation of YAML), and one that is not.
VALUES = {
    "compression": (["LZ-UTF8"], "gzip"),
    "consumerGroup": (["billing"], "''"),
    "createStreamIfNeeded": (["true", "false"], "maybe"),
    "dynamoDb": (["{tableName: groups}", "{region: eu-west-1}"], "{table: groups}"),
    "dynamoDb.tableName": (["groups"], "a/b"),
    "dynamoDb.tags": (["{team: orders}", "[team=orders]"], "{'aws:team': orders}"),
    "encryption": (["{type: KMS, keyId: alias/aws/kinesis}"], "{type: KMS}"),
    "encryption.type": (["NONE"], "AES"),
    "encryption.keyId": (["k\nencryption.type: KMS"], "''"),
    "enhancedConsumerIdleTimeout": (["0", "60000"], "-1"),
    "initialPositionInStream": (["LATEST", "TRIM_HORIZON"], "AT_TIMESTAMP"),
    "leaseAcquisitionInterval": (["20000"], "0"),
    "leaseAcquisitionRecoveryInterval": (["5000"], "0"),
    "limit": (["1", "10000"], "10001"),
    "maxEnhancedConsumers": (["5"], "0"),
    "noRecordsPollDelay": (["1000"], "249"),
    "pollDelay": (["0", "250"], "-1"),
    "retryOptions": (["{forever: false, retries: 0}"], "{retries: many}"),
    "s3": (["{bucketName: large, endpoint: 'http://127.0.0.1:9'}"], "{bucket: large}"),
    "s3.bucketName": (["large-items"], "A"),
    "s3.largeItemThreshold": (["900"], "-1"),
    "s3.nonS3Keys": (["[id, type]"], "[]"),
    "s3.tags": (["{team: orders}"], "{'aws:team': orders}"),
    "shardCount": (["1"], "0"),
    "shardIds": (["[shardId-000000000000]", "shardId-000000000000"], "a/b"),
    "shouldDeaggregate": (["auto", "true", "false"], "perhaps"),
    "shouldParseJson": (["auto", "true", "false"], "perhaps"),
    "statsInterval": (["30000"], "999"),
    "supressThroughputWarnings": (["true", "false"], "maybe"),
    "tags": (["{team: orders}", "[team=orders]", "team=orders"], "{'aws:team': orders}"),
    "useAutoCheckpoints": (["true", "false"], "maybe"),
    "useAutoShardAssignment": (["true", "false"], "maybe"),
    "useEnhancedFanOut": (["true", "false"], "maybe"),
    "usePausedPolling": (["true", "false"], "maybe"),
    "useS3ForLargeItems": (["true", "false"], "maybe"),
}

# What is said in another place: what the refusal names.
NOT_HERE = {
    "streamName": "consumers lists it",
    "logger": "logLevel",
}

# Options of the constructor of the AWS SDK's client, which lifion-kinesis hands on: each has its place, under its own name or
# under the one that the refusal names.
OF_CLIENTS = {
    "region": ("eu-west-1", None),
    "endpoint": ("'http://127.0.0.1:9'", None),
    "credentials": ("{accessKeyId: a, secretAccessKey: b, sessionToken: c}", None),
    "accessKeyId": ("a", "credentials.accessKeyId"),
    "secretAccessKey": ("b", "credentials.secretAccessKey"),
    "sessionToken": ("c", "credentials.sessionToken"),
    "maxRetries": ("3", "retryOptions"),
    "maxAttempts": ("3", "retryOptions"),
    "sslEnabled": ("false", "endpoint"),
    "httpOptions": ("{timeout: 3}", "putTimeout"),
    "requestHandler": ("{connectionTimeout: 3}", "putTimeout"),
    "apiVersion": ("'2013-12-02'", "2013-12-02"),
}


def table():
    """The names of the readme's rows."""
    rows = (ROOT / "Tests/Vectors/lifion-options.md").read_text().splitlines()[2:]
    names = [re.match(r"\| \[?options\.?([\w.]*)\]? \|", row).group(1) for row in rows]
    assert names[0] == "", "the first row is the constructor's argument"
    return names[1:]


def check(tmp_path, text):
    path = tmp_path / "sidecar.yaml"
    path.write_text(text)
    return run_program("--check-config", "--region", "us-east-1", "--config", path, env={
        "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"})


def test_the_table_is_whole():
    names = table()
    assert len(names) > 30 and len(set(names)) == len(names)
    assert set(names) == set(VALUES) | set(NOT_HERE)


@pytest.mark.parametrize("name", sorted(VALUES))
def test_an_option_is_taken(tmp_path, name):
    for value in VALUES[name][0]:
        checked = check(tmp_path, f"{name}: {value}\n")
        assert checked.returncode == 0, checked
        shown = yaml.safe_load(checked.stdout)
        assert any(key == name or key.startswith(name + ".") for key in shown), checked.stdout
        if name in shown and value[0] not in "[{" and "\n" not in value:
            assert shown[name] == yaml.safe_load(value), checked.stdout


@pytest.mark.parametrize("name", sorted(VALUES))
def test_a_bad_value_is_refused_by_its_name(tmp_path, name):
    checked = check(tmp_path, f"{name}: {VALUES[name][1]}\n")
    assert checked.returncode == 64 and len(checked.stderr.splitlines()) == 1, checked
    assert name in checked.stderr, checked.stderr


@pytest.mark.parametrize("name", sorted(NOT_HERE))
def test_what_is_something_else_here_says_what(tmp_path, name):
    checked = check(tmp_path, f"{name}: orders\n")
    assert checked.returncode == 64 and name in checked.stderr and NOT_HERE[name] in checked.stderr, checked


@pytest.mark.parametrize("name", sorted(OF_CLIENTS))
def test_an_option_of_the_sdks_client_has_its_place(tmp_path, name):
    value, place = OF_CLIENTS[name]
    checked = check(tmp_path, f"{name}: {value}\n")
    if place is None:
        assert checked.returncode == 0, checked
    else:
        assert checked.returncode == 64 and name in checked.stderr and place in checked.stderr, checked


@pytest.mark.parametrize("name", sorted(set(VALUES) | set(NOT_HERE)))
def test_an_option_is_described(name):
    described = (ROOT / "docs/options.md").read_text()
    cells = {cell.strip() for row in described.splitlines() if row.startswith("|") for cell in row.split("|")[1:2]}
    names = {match for cell in cells for match in re.findall(r"`([\w.]+)`", cell)}
    assert any(known == name or known.startswith(name + ".") for known in names), name


@pytest.mark.parametrize("name", sorted(VALUES))
def test_the_contract_knows_an_option(name):
    """As a query parameter, or among those that only the configuration has."""
    contract = yaml.safe_load((ROOT / "openapi.yaml").read_text())
    parameters = {
        parameter["name"] for path in contract["paths"].values() for operation in path.values()
        if isinstance(operation, dict) for parameter in resolved(operation.get("parameters", []), contract)}
    configuration = set(re.findall(r"`([\w.]+)`", contract["info"]["description"]))
    known = parameters | configuration
    assert any(option == name or option.startswith(name + ".") for option in known), name


def resolved(parameters, contract):
    for parameter in parameters:
        if "$ref" in parameter:
            yield contract["components"]["parameters"][parameter["$ref"].rpartition("/")[2]]
        else:
            yield parameter

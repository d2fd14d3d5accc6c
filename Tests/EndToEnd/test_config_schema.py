"""`--config-schema`: the schema takes what the program takes, refuses what it refuses, and knows every option."""

import json
import re

import pytest
from jsonschema import Draft202012Validator

from harness.sidecar import ROOT, run_program
from harness.yaml_core import read


@pytest.fixture(scope="module")
def schema():
    printed = run_program("--config-schema")
    assert printed.returncode == 0 and printed.stderr == ""
    schema = json.loads(printed.stdout)
    Draft202012Validator.check_schema(schema)
    return schema


def faults(schema, text):
    return [error.message for error in Draft202012Validator(schema).iter_errors(read(text) or {})]


def is_accepted(tmp_path, text, arguments=("--local",)):
    file = tmp_path / "sidecar.yaml"
    file.write_text(text)
    checked = run_program(*arguments, "--config", file, "--check-config", home=tmp_path)
    assert checked.returncode in (0, 64), checked
    return checked.returncode == 0


def leaves(schema, prefix=""):
    """Each option's name and its schema."""
    for key, value in schema.get("properties", {}).items():
        if value.get("type") == "object" and "properties" in value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def documented():
    """The first cell's names of each row of the tables, and the rows."""
    for line in (ROOT / "docs/options.md").read_text().splitlines():
        if line.startswith("| `"):
            for name in re.findall(r"`([\w.]+)`", line.split("|")[1]):
                yield name, line


def test_every_option_is_in_it_and_described(schema):
    of_requests = {"tail", "lastEventId", "ordered", "partitionKey", "explicitHashKey", "results", "raw"}
    of_processors = {
        "command", "timeout", "shutdownGrace", "maxChildRestarts", "callProcessRecordsEvenForEmptyRecordList"}
    of_entries = of_processors | {"streamName", "streamArn", "name", "sha256", "streams", "verbs", "read", "checkpoint", "put", "admin"}
    of_lifion = {"logger"}
    known = dict(leaves(schema))
    rows = dict(documented())
    assert set(rows) - of_requests - of_entries - of_lifion - set(known) == set()
    assert set(known) - set(rows) - {"consumers", "processors"} == set()
    assert of_processors <= set(known["processors"]["items"]["properties"])
    for name, option in known.items():
        assert option["description"].strip(), name


def test_times_and_sizes_are_told_in_the_documentation(schema):
    rows = dict(documented())
    quantities = 0
    for name, option in leaves(schema):
        if option.get("type") == "array":
            continue  # of mappings, which have tables of their own
        pattern = json.dumps(option)
        for word, unit in (("time", "|h|d"), ("size", "|KiB|")):
            if unit in pattern:
                quantities += 1
                assert re.search(rf"\b{word}\b", rows[name].split("|")[-4]), (name, rows[name])
    assert quantities > 30


def blocks():
    for file in sorted((ROOT / "deploy").rglob("config.yaml")):
        yield pytest.param(file.read_text(), id=str(file.relative_to(ROOT)))
    for page in [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"]:
        for number, block in enumerate(re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.M | re.S)):
            # Those of Kubernetes and Prometheus say so.
            if not block.startswith("# of "):
                yield pytest.param(block, id=f"{page.name}-{number}")


@pytest.mark.parametrize("block", blocks())
def test_the_examples_of_the_documentation_are_valid(schema, block):
    assert faults(schema, block) == []


GOOD = [
    "limit: 500\n",
    "putTimeout: 1.5s\nmaxPutBytes: 64MiB\n",
    "idleTimeout: 90000\nheartbeatInterval: 250ms\nstatsInterval: 1h\n",
    "listen: '8700'\n", "listen: [127.0.0.1:8700, 'unix:/tmp/s']\n", "localLimits: off\n", "unixSocketMode: 0660\nlisten: unix:/tmp/s\n",
    "shouldParseJson: true\n", "shouldParseJson: auto\n", "tags: {team: orders, prod: true}\n", "tags: [team=orders]\n",
    "retryOptions: {retries: 3, factor: 1.5, maxTimeout: 5m}\n", "retryOptions.retries: 3\n",
    "consumers: []\n", "consumers: [{streamName: orders, pollDelay: 1s, retryOptions: {retries: 1}, shardIds: shardId-000000000000}]\n",
    "consumers: [{streamName: orders, retryOptions.retries: 1}]\n",
    "processors: [{command: python3 app.py, streamName: orders}]\n", "processors: []\n",
    "processors: [{command: [env, A=1, python3], streamName: a, timeout: 5m, shutdownGrace: 0, maxChildRestarts: 3, limit: 5}]\n",
    "s3: {itemExpiration: 7d, largeItemThreshold: 512KiB}\n", "s3.tags: {a: b}\n",
    "tokens: [{name: a, sha256: " + "ab" * 32 + ", verbs: [read]}]\n",
    "tokens: [{name: a, sha256: " + "ab" * 32 + ", streams: orders, verbs: admin}]\n",
]
BAD = [
    "limt: 500\n", "limit: 0\n", "limit: 10001\n", "limit: many\n", "limit: []\n",
    "putTimeout: 30sec\n", "putTimeout: 30 s\n", "putTimeout: 1.5\n", "maxPutBytes: 64mb\n", "maxPutBytes: 1s\n", "putTimeout: 64MiB\n",
    "retryOptions: {retrys: 3}\n", "retryOption: {retries: 3}\n", "retryOptions.retrys: 3\n", "useAutoCheckpoints: maybe\n",
    "logLevel: loud\n", "consumers: [{limit: 5}]\n", "consumers: [{streamName: orders, listen: '1'}]\n",
    "consumers: {streamName: orders}\n", "tokens: []\n", "tokens: [{name: a, verbs: [read]}]\n",
    "tokens: [{name: a, sha256: ab, verbs: [read]}]\n", "tls: {clientNames: [{name: a, sha256: b, verbs: [read]}]}\n",
    "processors: [{streamName: orders}]\n", "processors: [{command: a}]\n", "processors: [{command: [], streamName: a}]\n",
    "processors: [{command: a, streamName: a, useAutoCheckpoints: true}]\n", "processors: [{command: a, streamName: a, timeout: 0}]\n",
    "consumers: [{streamName: orders, timeout: 5s}]\n", "multilang: []\n",
    "listen: []\n", "tags: {}\n", "localPort: 65536\n",
]


@pytest.mark.parametrize("text", GOOD)
def test_what_the_program_takes_is_valid(schema, tmp_path, text):
    assert faults(schema, text) == []
    arguments = ("--local", "--local-limits", "on") if "s3" not in text else ("--region", "eu-west-1", "--dynamodb", "off")
    assert is_accepted(tmp_path, text, arguments), text


@pytest.mark.parametrize("text", BAD)
def test_what_the_program_refuses_is_not_valid(schema, tmp_path, text):
    assert faults(schema, text) != []
    assert not is_accepted(tmp_path, text)


def test_a_default_is_valid_where_it_stands(schema):
    for name, option in leaves(schema):
        if "default" in option:
            assert not list(Draft202012Validator(option).iter_errors(option["default"])), name


def test_what_check_config_prints_is_valid(schema, tmp_path):
    file = tmp_path / "sidecar.yaml"
    file.write_text(
        "tags: {team: orders}\nallowedHosts: [a.example, '*.b.example']\ndrainTimeout: 1m\n"
        "consumers: [{streamName: orders, statsInterval: 1m}]\n")
    printed = run_program("--local", "--config", file, "--check-config", home=tmp_path)
    assert printed.returncode == 0, printed
    assert faults(schema, printed.stdout) == []

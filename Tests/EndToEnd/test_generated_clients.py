"""Clients that are made from openapi.yaml: openapi-python-client's is made and used here; what has broken others is
refused. `make check-clients` makes and compiles Java's and Go's."""

import copy
import functools
import importlib
import json
import os
import re
import subprocess
import sys
from collections import Counter

import pytest
import yaml

from harness.sidecar import ROOT

CONTRACT = ROOT / "openapi.yaml"
# The generator knows JSON, forms, text and bytes; lines are bytes to it.
CONFIGURATION = {"content_type_overrides": {
    "application/x-ndjson": "application/octet-stream", "application/yaml": "text/plain"}}


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """The generated package's modules by name: `generated("api.put.put_to_stream")`."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "configuration.json").write_text(json.dumps(CONFIGURATION))
    # It formats what it makes with ruff, which stands beside Python.
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    made = subprocess.run(
        [sys.executable, "-m", "openapi_python_client", "generate", "--path", str(CONTRACT), "--meta", "none",
         "--config", str(folder / "configuration.json"), "--output-path", str(folder / "generated_client"),
         "--fail-on-warning"],
        capture_output=True, text=True, timeout=60, env={**os.environ, "PATH": path})
    assert made.returncode == 0, made.stdout + made.stderr
    sys.path.insert(0, str(folder))
    yield lambda name: importlib.import_module("generated_client." + name)
    sys.path.remove(str(folder))


@pytest.fixture
def client(generated, sidecar):
    return generated("client").Client(base_url=sidecar.url, timeout=30, httpx_args={"trust_env": False})


def test_every_operation_is_generated(generated):
    operations = [
        (operation["tags"][0], re.sub("(?<!^)(?=[A-Z])", "_", operation["operationId"]).lower())
        for path in contract()["paths"].values() for method, operation in path.items() if method in ("get", "post")]
    assert len(operations) > 15
    for tag, name in operations:
        assert hasattr(generated(f"api.{tag}.{name}"), "sync_detailed")


def test_a_generated_client_puts(generated, client):
    models = generated("models")
    one = generated("api.put.put_to_stream").sync("s", client=client, body=models.LoneRecord(data={"n": 1}))
    assert isinstance(one, models.PutOneAnswer) and one.shard_id == "shardId-000000000000"
    many = generated("api.put.put").sync(client=client, body=models.ManyRecordsWithStreamName(
        stream_name="s", records=[models.PutRecord(data="text", partition_key="k"), models.PutRecord(data=2)]))
    assert isinstance(many, models.PutManyAnswer) and len(many.records) == 2
    assert all(isinstance(record, models.WrittenRecord) for record in many.records)
    refused = generated("api.put.put_to_stream").sync(
        "s", client=client, body=models.LoneRecord(data=1, partition_key=""))
    assert isinstance(refused, models.Problem) and refused.code == models.ProblemCode.BADFIELD


def test_a_generated_client_follows_acknowledges_and_reads_stats(generated, client):
    models = generated("models")
    manual = {"consumer_group": "g", "use_auto_checkpoints": False,
              "initial_position_in_stream": models.FollowRecordsInitialPositionInStream.TRIM_HORIZON}
    generated("api.put.put_to_stream").sync("s", client=client, body=models.LoneRecord(data={"n": 1}))
    follow = generated("api.records.follow_records")
    # The generator reads responses to their end, and this one has none: its request, read as a stream.
    with client.get_httpx_client().stream(**follow._get_kwargs("s", **manual)) as events:
        assert events.status_code == 200
        identity, event = next_records(events)
        records = models.RecordsEvent.from_dict(event)
        assert records.shard_id == "shardId-000000000000" and records.records[0].data == {"n": 1}
        stored = generated("api.records.store_checkpoints").sync(
            "s", client=client, consumer_group="g", body=models.EventAcknowledgement(id=identity))
        assert isinstance(stored, models.StoredCheckpoints)
        [checkpoint] = stored.checkpoints
        assert checkpoint.sequence_number == records.records[0].sequence_number
        stats = generated("api.operating.stats").sync(client=client)
        assert isinstance(stats, models.Stats)
        of_stream = stats.streams.additional_properties["s"]
        assert of_stream.puts.records == 1 and of_stream.last_record_sent is not None
        assert [consumer.consumer_group for consumer in of_stream.consumers] == ["g"]
    # A second request that names nothing meets no option with another value.
    again = generated("api.streams.start_consumer").sync("s", client=client, consumer_group="g")
    assert isinstance(again, models.Consumer)


def next_records(response):
    """Id and data of the first event with records."""
    fields = {}
    for line in response.iter_lines():
        name, _, value = line.partition(": ")
        fields[name] = value
        if not line:
            if fields.get("event") == "records":
                return fields["id"], json.loads(fields["data"])
            fields = {}
    raise AssertionError("the stream ended")


# MARK: What has broken generators. Each rule names the one that it broke.

# Models of these names hide classes that Java's or Go's generated code uses.
TAKEN_NAMES = {"Record", "Object", "String", "Error", "Number", "Process", "Module", "Enum", "Iterable"}


@functools.cache
def parsed():
    return yaml.safe_load(CONTRACT.read_text())


def contract():
    """A copy to change: reading takes seconds."""
    return copy.deepcopy(parsed())


def nodes(node, path=""):
    """Every mapping of the document, with where it stands."""
    if isinstance(node, dict):
        yield path, node
        for key, value in node.items():
            yield from nodes(value, f"{path}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from nodes(value, f"{path}/{index}")


def faults(document):
    """Where a contract has what a generator cannot take."""
    for path, node in nodes(document):
        reference = node.get("$ref", "#/components/x/y")
        if reference.count("/") != 3:
            # openapi-python-client leaves the model out, and every route that needs it.
            yield f"{path}: {reference} is inside another schema"
        if {"type": "null"} in node.get("oneOf", []) + node.get("anyOf", []):
            # openapi-generator's Go and Java do not compile.
            yield f"{path}: null stands in a oneOf; `type: [string, \"null\"]`"
        if node.get("in") == "query" and "default" in node.get("schema", {}):
            # Generated clients send defaults, and a consumer may run with another value.
            yield f"{path}: the query parameter {node.get('name')} has a default"
        if "application/x-www-form-urlencoded" in node.get("content", {}):
            # Generated clients send a form.
            yield f"{path}: a form"
    schemas = document["components"]["schemas"]
    yield from (f"a model is called {name}" for name in TAKEN_NAMES.intersection(schemas))
    for name, schema in schemas.items():
        for part in schema.get("oneOf", []):
            if part.get("type") == "object":
                # Models without names: StatsOneOf1.
                yield f"{name}: an object inside of a oneOf"
    # Go makes constants of named enumerations, without a prefix.
    constants = Counter(value for schema in schemas.values() for value in schema.get("enum", []))
    yield from (f"two enumerations have {value}" for value, count in constants.items() if count > 1)


def test_the_contract_has_nothing_that_breaks_generators():
    assert list(faults(contract())) == []


@pytest.mark.parametrize("fault, change", [
    ("inside another schema", {"$ref": "#/components/schemas/Consumer/properties/phase"}),
    ("null stands in a oneOf", {"oneOf": [{"type": "string"}, {"type": "null"}]}),
    ("has a default", {"in": "query", "name": "limit", "schema": {"type": "integer", "default": 1}}),
    ("a form", {"content": {"application/x-www-form-urlencoded": {}}}),
    ("an object inside of a oneOf", {"oneOf": [{"type": "object"}]}),
    ("two enumerations have NONE", {"type": "string", "enum": ["NONE"]}),
])
def test_what_breaks_generators_is_found(fault, change):
    document = contract()
    document["components"]["schemas"]["New"] = change
    [found] = faults(document)
    assert fault in found


def test_a_model_that_hides_a_class_is_found():
    document = contract()
    document["components"]["schemas"]["Record"] = {"type": "object"}
    assert list(faults(document)) == ["a model is called Record"]

"""schemathesis reads openapi.yaml from the running program and holds every answer to it: statuses, types and bodies, for
good requests and bad ones. `/records`, whose answer has no end, and `/drain`, behind which there is little to be held to
anything, have tests of their own."""

import json

import jsonschema_rs
import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from harness.lines import LinesClient, NDJSON, line
from harness.sidecar import Sidecars
from harness.yaml_core import read

# Requests of each route and kind: the whole takes well under a minute.
EXAMPLES = 40


@schemathesis.serializer("application/x-ndjson")
def lines(_context, value):
    return value if isinstance(value, bytes) else str(value).encode()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    sidecars = Sidecars(tmp_path_factory.mktemp("contract"))
    sidecar = sidecars.start("--local-limits", "off")
    sidecar.put("s", 1)
    yield sidecar
    sidecars.close()


@pytest.fixture(scope="module")
def contract(running):
    schema = schemathesis.openapi.from_url(running.url + "/openapi.yaml")
    schema.config.seed = 8700
    return schema


schema = schemathesis.pytest.from_fixture("contract").exclude(path_regex="/(records|drain)$")


@pytest.mark.seconds(120)
@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_the_contract_says(case, running):
    # A good name is replaced by one stream's: with --local every other one would be created.
    if "streamName" in case.path_parameters and case.meta and case.meta.generation.mode.is_positive:
        case.path_parameters["streamName"] = "s"
    # What a put takes cannot all be said in a schema: hash keys below 2^128, data that is base64 where it says so, options
    # that belong to another kind of body. Nor which records there are, and that a moment has passed and has an option beside
    # it.
    is_more_than_said = case.path.endswith(("/put", "/seek")) or "initialTimestamp" in (case.query or {}) \
        or (case.query or {}).get("initialPositionInStream") == "AT_TIMESTAMP"
    excluded = [positive_data_acceptance] if is_more_than_said else []
    # A line that is no record is an answer's line, not a refusal.
    if case.media_type == "application/x-ndjson":
        excluded.append(negative_data_rejection)
    case.call_and_validate(base_url=running.url, timeout=30, excluded_checks=excluded)


def test_every_line_of_an_answer_to_lines_is_as_the_contract_says(running):
    contract = yaml.safe_load(running.get("/openapi.yaml").body)
    schema = {"$ref": "#/components/schemas/PutLineAnswer", "components": contract["components"]}
    body = line(1) + line(2, partitionKey="") + "no\n"
    whole = running.post("/streams/s/put?results=all", body, headers={"Content-Type": NDJSON})
    cut = LinesClient(running, "/streams/s/put")
    cut.send(body)
    cut.sock.shutdown(1)
    objects = [json.loads(text) for text in whole.body.splitlines()] + cut.read_answer().objects
    assert len(objects) == 4 + 3 and "problem" in objects[-1]
    for answered in objects:
        jsonschema_rs.validate(schema, answered)


def test_the_contract_as_json_is_the_same(running):
    answer = running.get("/openapi.json")
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/json"
    assert answer.json == read(running.get("/openapi.yaml").body)
    assert running.get("/openapi.json", method="HEAD").headers["Content-Length"] == str(len(answer.body))

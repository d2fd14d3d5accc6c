"""One contract, two services: the same boto3 scenarios run against the embedded Kinesis and against moto."""

import pytest

import local_kinesis_consumer_scenarios
import local_kinesis_error_scenarios
import local_kinesis_scenarios
from harness.sidecar import Sidecars
from local_kinesis import Kinesis, members

SCENARIOS = local_kinesis_scenarios.ALL + local_kinesis_consumer_scenarios.ALL + local_kinesis_error_scenarios.ALL

# Of the service's model, what moto never answers.
MOTO_LEAVES_OUT = {
    "PutRecord": {"[].EncryptionType: str"},
    "PutRecords": {"[].EncryptionType: str"},
    "DescribeStream": {"[].StreamDescription.StreamModeDetails.StreamMode: str"},
    "DescribeStreamSummary": {
        "[].StreamDescriptionSummary.MaxRecordSizeInKiB: int", "[].StreamDescriptionSummary.ConsumerCount: int"},
    "UpdateShardCount": {"[].StreamARN: str"},
}


@pytest.fixture(scope="module")
def services(tmp_path_factory, moto):
    sidecars = Sidecars(tmp_path_factory.mktemp("contract"))
    # Throttling has tests of its own.
    embedded = sidecars.start("--local-limits", "off")
    yield {"embedded": embedded.kinesis_url, "moto": moto.url}
    sidecars.close()


@pytest.fixture(scope="module")
def answers(services):
    """Runs a scenario against a service once and keeps its answers."""
    kept = {}

    def run(scenario, name):
        if (scenario, name) not in kept:
            kinesis = Kinesis(services[name], is_moto=name == "moto")
            if not kinesis.is_moto:
                kinesis.hold_to_the_model()
            scenario(kinesis, scenario.__name__.replace("_", "-"))
            kept[scenario, name] = kinesis.answers
        return kept[scenario, name]

    return run


@pytest.mark.parametrize("service", ["embedded", "moto"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_the_scenario_holds(answers, scenario, service):
    answers(scenario, service)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_both_services_answer_in_the_same_shape(answers, scenario):
    embedded, moto = answers(scenario, "embedded"), answers(scenario, "moto")
    # Where moto is wrong its scenario ends early; what both have answered is compared.
    for operation in embedded.keys() & moto.keys():
        ours, theirs = members(embedded[operation]), members(moto[operation])
        assert ours - theirs <= MOTO_LEAVES_OUT.get(operation, set()), operation
        assert theirs <= ours, operation

"""The account's settings, which moto does not have, and the warm throughput that depends on them."""

import datetime

from local_kinesis import Kinesis

DAY = datetime.timedelta(days=1)


def commitment(kinesis, status=None):
    """Describes the commitment, or updates it."""
    wanted = {"MinimumThroughputBillingCommitment": {"Status": status}}
    answer = kinesis.call("UpdateAccountSettings", **wanted) if status else kinesis.call("DescribeAccountSettings")
    return answer["MinimumThroughputBillingCommitment"]


def on_demand(kinesis, stream, **more):
    kinesis.call("CreateStream", StreamName=stream, StreamModeDetails={"StreamMode": "ON_DEMAND"}, **more)
    return kinesis.wait_active(stream)


def test_a_commitment_is_enabled_and_ends_after_a_day(sidecar):
    kinesis = Kinesis(sidecar.kinesis_url)
    kinesis.hold_to_the_model()
    assert commitment(kinesis) == {"Status": "DISABLED"}
    enabled = commitment(kinesis, "ENABLED")
    assert enabled["Status"] == "ENABLED" and enabled["EarliestAllowedEndAt"] - enabled["StartedAt"] == DAY
    assert commitment(kinesis) == enabled
    assert commitment(kinesis, "DISABLED") == {**enabled, "Status": "ENABLED_UNTIL_EARLIEST_ALLOWED_END"}
    assert commitment(kinesis, "ENABLED") == enabled
    code, _ = kinesis.fails("UpdateAccountSettings", MinimumThroughputBillingCommitment={"Status": "SOMETIMES"})
    assert code == "ValidationException"


def test_a_warm_throughput_wants_a_commitment_and_a_stream_on_demand(sidecar):
    kinesis = Kinesis(sidecar.kinesis_url)
    kinesis.hold_to_the_model()
    kinesis.create("provisioned")
    assert "WarmThroughput" not in on_demand(kinesis, "s")
    code, message = kinesis.fails("UpdateStreamWarmThroughput", StreamName="s", WarmThroughputMiBps=10)
    assert code == "ValidationException" and "MinimumThroughputBillingCommitment" in message
    commitment(kinesis, "ENABLED")
    code, message = kinesis.fails("UpdateStreamWarmThroughput", StreamName="provisioned", WarmThroughputMiBps=10)
    assert code == "ValidationException" and "ON_DEMAND" in message

    assert kinesis.wait_active("s")["WarmThroughput"] == {"TargetMiBps": 4, "CurrentMiBps": 4}
    answer = kinesis.call("UpdateStreamWarmThroughput", StreamName="s", WarmThroughputMiBps=10)
    assert answer["StreamName"] == "s" and answer["StreamARN"].endswith("stream/s")
    assert answer["WarmThroughput"] == {"TargetMiBps": 10, "CurrentMiBps": 4}
    assert kinesis.wait_active("s")["WarmThroughput"] == {"TargetMiBps": 10, "CurrentMiBps": 10}
    code, _ = kinesis.fails("UpdateStreamWarmThroughput", StreamName="s", WarmThroughputMiBps=10_241)
    assert code == "LimitExceededException"
    assert "WarmThroughput" not in kinesis.wait_active("provisioned")

    assert on_demand(kinesis, "t", WarmThroughputMiBps=20)["WarmThroughput"]["TargetMiBps"] == 20
    arn = kinesis.wait_active("provisioned")["StreamARN"]
    kinesis.call(
        "UpdateStreamMode", StreamARN=arn, StreamModeDetails={"StreamMode": "ON_DEMAND"}, WarmThroughputMiBps=30)
    assert kinesis.wait_active("provisioned")["WarmThroughput"]["TargetMiBps"] == 30


def test_what_was_set_is_there_after_a_restart(sidecars, tmp_path):
    sidecar = sidecars.start(data_dir=tmp_path / "data")
    kinesis = Kinesis(sidecar.kinesis_url)
    enabled = commitment(kinesis, "ENABLED")
    arn = on_demand(kinesis, "s", WarmThroughputMiBps=20)["StreamARN"]
    kinesis.call("EnableEnhancedMonitoring", StreamName="s", ShardLevelMetrics=["IncomingBytes", "OutgoingBytes"])
    kinesis.call("PutResourcePolicy", ResourceARN=arn, Policy='{"Statement": []}')
    before = kinesis.wait_active("s")
    sidecar.restart()
    kinesis = Kinesis(sidecar.kinesis_url)
    assert commitment(kinesis) == enabled
    assert kinesis.wait_active("s") == before
    assert before["EnhancedMonitoring"] == [{"ShardLevelMetrics": ["IncomingBytes", "OutgoingBytes"]}]
    assert kinesis.call("GetResourcePolicy", ResourceARN=arn)["Policy"] == '{"Statement": []}'

"""Consumers with enhanced fan-out, as a client of boto3 sees them at any Kinesis: test_local_kinesis_contract.py runs these
against two services. What moto cannot do (SubscribeToShard, tags of consumers) is in test_local_kinesis_fan_out.py."""

from harness.waiting import eventually
from local_kinesis import SECONDS

NOT_FOUND = "ResourceNotFoundException"


def consumers_come_and_go(kinesis, stream):
    arn = kinesis.create(stream)["StreamARN"]
    assert kinesis.call("ListStreamConsumers", "none", StreamARN=arn)["Consumers"] == []
    for name in ("a", "b"):
        registered = kinesis.call("RegisterStreamConsumer", StreamARN=arn, ConsumerName=name)["Consumer"]
        assert registered["ConsumerName"] == name and registered["ConsumerARN"].startswith(f"{arn}/consumer/{name}")

    def is_active():
        described = kinesis.boto.describe_stream_consumer(ConsumerARN=registered["ConsumerARN"])
        return described["ConsumerDescription"]["ConsumerStatus"] == "ACTIVE"

    eventually(is_active, SECONDS, why="b is ACTIVE")
    by_arn = kinesis.call("DescribeStreamConsumer", ConsumerARN=registered["ConsumerARN"])
    assert kinesis.call("DescribeStreamConsumer", StreamARN=arn, ConsumerName="b") == by_arn
    assert by_arn["ConsumerDescription"]["StreamARN"] == arn
    listed = kinesis.call("ListStreamConsumers", StreamARN=arn)["Consumers"]
    assert [consumer["ConsumerName"] for consumer in listed] == ["a", "b"]
    kinesis.call("DeregisterStreamConsumer", ConsumerARN=registered["ConsumerARN"])
    if kinesis.is_moto:
        return  # moto deregisters by name all others.
    kinesis.call("DeregisterStreamConsumer", StreamARN=arn, ConsumerName="a")
    eventually(
        lambda: kinesis.boto.list_stream_consumers(StreamARN=arn)["Consumers"] == [], SECONDS, why="both are gone")


def a_consumer_that_is_not_there_is_not_found(kinesis, stream):
    arn = kinesis.create(stream)["StreamARN"]
    assert kinesis.fails("DescribeStreamConsumer", StreamARN=arn, ConsumerName="x")[0] == NOT_FOUND
    assert kinesis.fails("DescribeStreamConsumer", ConsumerARN=arn + "/consumer/x:1700000000")[0] == NOT_FOUND


ALL = [consumers_come_and_go, a_consumer_that_is_not_there_is_not_found]

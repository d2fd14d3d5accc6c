"""Records that are pushed: enhanced fan-out of the built program on the embedded Kinesis."""

import time

import pytest

from harness.group import Group, numbers
from harness.records import make_stream
from harness.resharding import split
from harness.rpc import Rpc
from harness.waiting import eventually

PUSHED = {"KINESIS_SIDECAR_USE_ENHANCED_FAN_OUT": "true", "KINESIS_SIDECAR_FAN_OUT_INACTIVITY_TIMEOUT": "6000"}
QUERY = "initialPositionInStream=TRIM_HORIZON"


@pytest.fixture
def pushed(sidecars, tmp_path):
    sidecar = sidecars.start("--local-limits", "off", data_dir=tmp_path / "data", env=PUSHED)
    make_stream(sidecar.boto3(), "s", 2)
    return sidecar


def put(sidecar, texts):
    for text in texts:
        sidecar.put("s", str(text), partitionKey=str(text))


def consumers(kinesis):
    arn = kinesis.describe_stream_summary(StreamName="s")["StreamDescriptionSummary"]["StreamARN"]
    return kinesis.list_stream_consumers(StreamARN=arn)["Consumers"]


def told(reader):
    return sorted(int(record["data"]) for record in reader.records)


def test_records_are_pushed_and_resharding_goes_on_in_order(pushed):
    reader = pushed.follow("s", QUERY)
    put(pushed, range(20))
    reader.wait_records(20)
    split(pushed.boto3(), "s")
    put(pushed, range(20, 40))
    reader.wait_records(40)
    assert told(reader) == list(range(40))
    [consumer] = consumers(pushed.boto3())
    assert consumer["ConsumerName"].startswith("kinesis-sidecar-") and consumer["ConsumerStatus"] == "ACTIVE"
    assert pushed.subscriptions()


@pytest.mark.parametrize("kind", [None, "fail"])
def test_latest_begins_at_the_attachment_also_where_the_first_subscription_fails(pushed, kind):
    put(pushed, range(3))
    if kind:
        pushed.fault(kind, operation="SubscribeToShard", count=2)
    reader = pushed.follow("s")
    put(pushed, range(3, 6))
    reader.wait_records(3)
    assert told(reader) == [3, 4, 5]


@pytest.mark.seconds(120)
def test_a_killed_sidecar_has_its_consumer_back_and_goes_on_behind_what_it_has_stored(pushed):
    reader = pushed.follow("s", QUERY)
    put(pushed, range(10))
    reader.wait_records(10)
    pushed.kill()
    pushed.start()
    put(pushed, range(10, 20))
    reader = pushed.follow("s", QUERY)
    eventually(lambda: set(told(reader)) >= set(range(10, 20)), 30, why="what was put afterwards")
    assert len(consumers(pushed.boto3())) == 1


@pytest.mark.seconds(120)
@pytest.mark.parametrize("kind", ["silence", "badChecksum", "endEarly", "exception", "cutFrame", "splitFrames"])
def test_what_goes_wrong_with_a_subscription_loses_nothing(pushed, kind):
    pushed.fault(kind, operation="SubscribeToShard", count=2)
    reader = pushed.follow("s", QUERY)
    put(pushed, range(10))
    reader.wait_records(10, within=40)
    assert told(reader) == list(range(10))
    metrics = pushed.get("/metrics").body.decode()
    reason = {"silence": "silence", "endEarly": "ended", "splitFrames": None}.get(kind, "failed")
    assert reason is None or metrics.count(f'reason="{reason}"') == 2, "counted, of both shards"


@pytest.mark.seconds(120)
def test_a_consumer_that_was_deregistered_is_registered_anew(pushed):
    reader = pushed.follow("s", QUERY)
    put(pushed, range(4))
    reader.wait_records(4)
    kinesis = pushed.boto3()
    kinesis.deregister_stream_consumer(ConsumerARN=consumers(kinesis)[0]["ConsumerARN"])
    put(pushed, range(4, 8))
    reader.wait_records(8, within=60)
    assert told(reader) == list(range(8))


def test_stats_say_as_which_consumer_and_how_often_shards_were_subscribed_to(pushed):
    reader = pushed.follow("s", QUERY)
    put(pushed, range(4))
    reader.wait_records(4)
    pushed.fault("endEarly", operation="SubscribeToShard", count=1)
    put(pushed, range(4, 8))
    reader.wait_records(8, within=40)
    [consumer] = pushed.get("/streams/s/stats").json["consumers"]
    arn = consumers(pushed.boto3())[0]["ConsumerARN"]
    assert consumer["fanOut"] == {"state": "subscribed", "consumerArn": arn}
    assert all(shard["subscriptions"] >= 1 and shard["pushedBytes"] > 0 for shard in consumer["shards"])
    rpc = Rpc(pushed.ports["http"])
    told = rpc.GetStats(stream_name="s").consumers[0]
    rpc.close()
    assert (told.fan_out.state, told.fan_out.consumer_arn) == ("subscribed", arn)
    assert [shard.subscriptions for shard in told.shards] == [shard["subscriptions"] for shard in consumer["shards"]]


@pytest.mark.seconds(90)
def test_a_subscription_that_is_silent_is_replaced_in_time_and_counted(pushed):
    """The inactivity time-out is 6 s: within 2 s more there is another one."""
    pushed.fault("silence", operation="SubscribeToShard", count=2)
    begun = time.monotonic()
    reader = pushed.follow("s", QUERY)
    put(pushed, range(4))
    reader.wait_records(4, within=20)
    assert time.monotonic() - begun < 6 + 2
    [consumer] = pushed.get("/streams/s/stats").json["consumers"]
    assert [shard["subscriptionEnds"] for shard in consumer["shards"]] == [{"silence": 1}] * 2


@pytest.mark.seconds(120)
def test_where_the_stream_has_as_many_consumers_as_it_may_have(sidecars, tmp_path):
    service = sidecars.start("--local-limits", "off")
    kinesis = service.boto3()
    make_stream(kinesis, "s", 1)
    arn = kinesis.describe_stream_summary(StreamName="s")["StreamDescriptionSummary"]["StreamARN"]
    for n in range(20):
        kinesis.register_stream_consumer(StreamARN=arn, ConsumerName=f"c{n}")
        # Five may be CREATING at a time.
        if n % 5 == 4:
            eventually(lambda: all(each["ConsumerStatus"] == "ACTIVE" for each in consumers(kinesis)))
    for fallback in (False, True):
        sidecar = sidecars.start_against(
            service.kinesis_url, data_dir=tmp_path / str(fallback),
            env=PUSHED | {"KINESIS_SIDECAR_ENHANCED_FAN_OUT_FALLBACK": str(fallback).lower()})
        if not fallback:
            answer = sidecar.get(f"/streams/s/records?{QUERY}", timeout=60)
            assert (answer.status, answer.json["code"]) == (503, "fanOutUnavailable")
            assert "LimitExceededException" in answer.json["detail"]
            continue
        reader = sidecar.follow("s", QUERY)
        put(service, range(3))
        reader.wait_records(3)
        [consumer] = sidecar.get("/streams/s/stats").json["consumers"]
        assert consumer["fanOut"]["state"] == "polling" and "LimitExceededException" in consumer["fanOut"]["problem"]


def test_paused_polling_is_refused_by_name(pushed):
    answer = pushed.get(f"/streams/s/records?{QUERY}&usePausedPolling=true")
    assert answer.status == 409 and "usePausedPolling" in answer.body.decode()


@pytest.mark.seconds(180)
def test_members_share_fewer_consumers_than_they_are(sidecars, ministack, tmp_path):
    group = Group(sidecars, ministack.url, tmp_path)
    make_stream(group.kinesis, "s", 2)
    options = {"useEnhancedFanOut": True, "maxEnhancedConsumers": 1}
    a, b = group.member("a", **options), group.member("b", **options)
    first = a.follow("s")
    group.put(range(10))
    first.wait_records(10)
    second = b.follow("s")
    [record] = group.item()["enhancedConsumers"]["M"].values()
    assert record["M"]["isUsedBy"]["S"] in group.item()["consumers"]["M"]
    active = [member["M"]["isActive"]["BOOL"] for member in group.item()["consumers"]["M"].values()]
    assert sorted(active) == [False, True]
    assert not second.records
    a.terminate()
    group.put(range(10, 20))
    eventually(lambda: len(second.records) >= 10, 60, why="the waiting member takes over")
    assert set(numbers(second)) >= set(range(10, 20))
    assert len(consumers(group.kinesis)) == 1

"""How far checkpoints are behind: of readers that do not acknowledge, that have died, and after a restart."""

import re

import pytest

from harness.records import make_stream, numbers
from harness.resharding import merge, split
from harness.waiting import eventually

MANUAL = "noRecordsPollDelay=250&initialPositionInStream=TRIM_HORIZON&useAutoCheckpoints=false&consumerGroup=billing"
LABELS = '{stream="s",consumer_group="billing",shard="shardId-000000000000"}'


@pytest.fixture
def pair(sidecars, tmp_path):
    service = sidecars.start("--local-limits", "off")
    make_stream(service.boto3(), "s", 1)
    return service, sidecars.start_against(service.kinesis_url, data_dir=tmp_path / "data")


def metric(sidecar, name):
    found = re.search(rf"^kinesis_sidecar_{name}{re.escape(LABELS)} (\S+)$", sidecar.get("/metrics").body.decode(), re.M)
    return float(found[1]) if found else None


def backlog(sidecar):
    return tuple(metric(sidecar, name) for name in (
        "checkpoint_lag_seconds", "unacknowledged_events", "oldest_unacknowledged_seconds"))


def is_behind(sidecar):
    lag, events, oldest = backlog(sidecar)
    return lag and events == 1 and oldest is not None


def group(sidecar):
    return next((c for c in sidecar.get("/streams").json["consumers"] if c["consumerGroup"] == "billing"), None)


def test_what_nobody_acknowledges_is_told_with_a_reader_without_one_and_after_a_restart(pair):
    service, sidecar = pair
    reader = sidecar.follow("s", MANUAL)
    service.put("s", {"n": 0})
    reader.wait_records(1)
    eventually(lambda: is_behind(sidecar), 10, why="the reader does not acknowledge")
    assert metric(sidecar, "shard_lag_seconds") == 0
    reader.close()
    eventually(lambda: not group(sidecar)["readers"], 20, why="the reader has left")
    assert is_behind(sidecar)
    assert sidecar.restart().get("/livez").status == 200
    eventually(lambda: is_behind(sidecar), 20, why="after a restart, with nobody reading")
    assert group(sidecar)["phase"] == "dormant"
    assert sidecar.get("/assignments").json == {}
    shard = sidecar.get("/streams/s/stats").json["consumers"][0]["shards"][0]
    assert shard["unacknowledgedEvents"] == 1 and shard["checkpointMillisBehindLatest"] > 0
    # Once it is done, however old it is, nothing is behind: also after the next restart.
    reader = sidecar.follow("s", MANUAL)
    record = reader.wait_records(1)[0]
    done = {"shardId": record["shardId"], "sequenceNumber": record["sequenceNumber"]}
    assert sidecar.post("/streams/s/checkpoints?consumerGroup=billing", done).status == 200
    eventually(lambda: backlog(sidecar) == (0, 0, None), 10, why="all is acknowledged")
    reader.close()
    sidecar.restart()
    eventually(lambda: backlog(sidecar) == (0, 0, None), 20, why="after a restart, with nothing open")


def test_a_group_that_is_forgotten_is_told_of_no_more_also_after_a_restart(pair):
    service, sidecar = pair
    reader = sidecar.follow("s", MANUAL)
    service.put("s", {"n": 0})
    reader.wait_records(1)
    refused = sidecar.post("/streams/s/forget?consumerGroup=billing", None)
    assert (refused.status, refused.json["code"]) == (409, "consumerInUse")
    reader.close()
    eventually(lambda: not group(sidecar)["readers"], 20, why="the reader has left")
    answer = sidecar.post("/streams/s/forget?consumerGroup=billing", None)
    assert (answer.status, answer.json["forgotten"]) == (200, True)
    assert group(sidecar) is None and backlog(sidecar) == (None, None, None)
    sidecar.restart()
    again = sidecar.post("/streams/s/forget?consumerGroup=billing", None)
    assert (again.status, again.json["forgotten"]) == (200, False)


def test_a_checkpoint_at_a_number_that_no_record_has_is_refused(pair):
    service, sidecar = pair
    reader = sidecar.follow("s", MANUAL)
    for n in range(2):
        service.put("s", {"n": n}, partitionKey="k")
        reader.wait_records(n + 1)
    records = reader.records
    place = {"shardId": records[0]["shardId"]}
    rounded = str(int(float(records[0]["sequenceNumber"])))  # as a client that takes it for a number
    path = "/streams/s/checkpoints?consumerGroup=billing"
    for number in ("4959", rounded):
        for force in (False, True):
            answer = sidecar.post(path, {**place, "sequenceNumber": number, "force": force})
            assert answer.status in (400, 409), answer
            if force:
                assert answer.json["code"] == "unknownSequenceNumber" and number in answer.json["detail"], answer
    assert "checkpoint" not in group(sidecar)["shards"][0]
    assert sidecar.post(path, {**place, "sequenceNumber": records[0]["sequenceNumber"]}).status == 200
    reader.close()
    eventually(lambda: not group(sidecar)["readers"], 20, why="the reader has left")
    again = sidecar.follow("s", MANUAL)
    assert again.wait_records(1)[0]["data"] == {"n": 1}


def test_a_listing_that_the_lag_has_from_before_a_reshard_forgets_nothing_of_it(pair):
    service, sidecar = pair
    kinesis, automatic = service.boto3(), MANUAL.replace("useAutoCheckpoints=false&", "")
    sidecar.put("s", {"n": 0})
    sidecar.follow("s", automatic).wait_records(1)
    sidecar.restart()
    eventually(lambda: metric(sidecar, "checkpoint_lag_seconds") is not None, why="the shards are listed")
    reader = sidecar.follow("s", automatic)
    children = split(kinesis, "s")
    for n in range(1, 9):
        sidecar.put("s", {"n": n}, partitionKey=str(n))
    reader.wait_records(8)
    merge(kinesis, "s", *children)
    sidecar.put("s", {"n": 9})
    reader.wait_records(9)
    reader.close()

    def measured():
        return 'shard="shardId-000000000003"} 0' in sidecar.get("/metrics").body.decode()

    eventually(measured, why="the shards are looked at without a reader")
    # It is in the child of shards that must not be read again.
    sidecar.put("s", {"n": 10})
    again = sidecar.follow("s", automatic)
    again.wait(lambda r: 10 in numbers(r.records), why="the next record")
    assert numbers(again.records) == [10]

"""Checkpoints that the reading service moves itself, and polling that waits for it."""

import pytest

from harness.records import make_stream, numbers
from harness.sidecar import fetch

MANUAL = "pollDelay=20&noRecordsPollDelay=250&initialPositionInStream=TRIM_HORIZON&useAutoCheckpoints=false"
PAUSED = "pollDelay=20&noRecordsPollDelay=250&initialPositionInStream=TRIM_HORIZON&usePausedPolling=true&limit=5"


def records_events(reader):
    return [event for event in reader.events if event.name == "records"]


def checkpoint(sidecar, **body):
    return sidecar.post("/streams/s/checkpoints", body)


def put_one_by_one(sidecar, count, first=0):
    for n in range(first, first + count):
        sidecar.put("s", {"n": n}, partitionKey="k")


@pytest.fixture
def pair(sidecars, tmp_path):
    service = sidecars.start("--local-limits", "off")
    make_stream(service.boto3(), "s", 1)
    return service, sidecars.start_against(service.kinesis_url, data_dir=tmp_path / "data")


def test_what_is_not_acknowledged_comes_again_whatever_the_last_event_id(pair):
    service, sidecar = pair
    reader = sidecar.follow("s", MANUAL)
    for n in range(4):  # an event each
        service.put("s", {"n": n})
        reader.wait(lambda r: len(r.records) == n + 1, 10, f"record {n}")
    events = records_events(reader)
    answer = checkpoint(sidecar, id=events[1].id)
    assert answer.status == 200, answer
    assert answer.json == {
        "streamName": "s", "consumerGroup": "kinesis-sidecar",
        "checkpoints": [{
            "shardId": "shardId-000000000000", "sequenceNumber": events[1].data["records"][-1]["sequenceNumber"]}]}
    reader.close()
    again = sidecar.follow("s", MANUAL, headers={"Last-Event-ID": events[3].id})
    assert numbers(again.wait_records(2)) == [2, 3]
    sidecar.kill()
    sidecar.start()
    again = sidecar.follow("s", MANUAL)
    assert numbers(again.wait_records(2)) == [2, 3]


def test_checkpoints_by_sequence_number(pair):
    service, sidecar = pair
    put_one_by_one(service, 6)
    reader = sidecar.follow("s", MANUAL)
    records = reader.wait_records(6)
    place = {"shardId": records[0]["shardId"]}
    assert checkpoint(sidecar, **place, sequenceNumber=records[3]["sequenceNumber"]).status == 200

    behind = checkpoint(sidecar, **place, sequenceNumber=records[1]["sequenceNumber"])
    assert (behind.status, behind.json["code"]) == (409, "checkpointBehind")
    assert behind.json["sequenceNumber"] == records[3]["sequenceNumber"]
    ahead = checkpoint(sidecar, **place, sequenceNumber="9" * 56)
    assert (ahead.status, ahead.json["code"]) == (409, "checkpointAhead")
    assert ahead.json["sequenceNumber"] == records[5]["sequenceNumber"]
    unknown = checkpoint(sidecar, shardId="shardId-000000000009", sequenceNumber="1")
    assert (unknown.status, unknown.json["code"]) == (404, "unknownShard")
    strange = checkpoint(sidecar, id="00000000-1")
    assert (strange.status, strange.json["code"]) == (404, "unknownEvent")

    # Force moves it back, and the records behind it come again on the same connection.
    assert checkpoint(sidecar, **place, sequenceNumber=records[1]["sequenceNumber"], force=True).status == 200
    reader.wait(lambda r: len(r.records) >= 10, 10, "the records behind the checkpoint")
    assert numbers(reader.records) == [0, 1, 2, 3, 4, 5, 2, 3, 4, 5]
    changes = [event.data["change"] for event in reader.events if event.name == "shard"]
    assert changes == ["assigned", "revoked", "assigned"]


def test_a_checkpoint_needs_its_own_group(pair):
    service, sidecar = pair
    put_one_by_one(service, 1)
    reader = sidecar.follow("s", MANUAL + "&consumerGroup=g")
    reader.wait_records(1)
    body = {"id": records_events(reader)[0].id}
    assert sidecar.post("/streams/s/checkpoints", body).json["code"] == "shardsNotHeld"
    assert sidecar.post("/streams/s/checkpoints?consumerGroup=g", body).status == 200


def test_acknowledgements_are_taken_until_the_very_end(pair):
    """SIGTERM: the reader gets `end`, finishes what it has, and acknowledges it."""
    service, sidecar = pair
    put_one_by_one(service, 3)
    reader = sidecar.follow("s", MANUAL)
    reader.wait_records(3)
    sidecar.process.terminate()
    reader.wait_closed()
    answer = checkpoint(sidecar, id=records_events(reader)[-1].id)
    assert answer.status == 200, answer
    assert sidecar.process.wait(30) == 0, sidecar.log
    sidecar.start()
    put_one_by_one(service, 1, first=3)
    assert numbers(sidecar.follow("s", MANUAL).wait_records(1)) == [3]


def test_conflicting_options_are_told_with_both_values(pair):
    _, sidecar = pair
    sidecar.follow("s", MANUAL)
    answer = sidecar.get("/streams/s/records?useAutoCheckpoints=true")
    assert (answer.status, answer.json["code"]) == (409, "optionConflict")
    assert (answer.json["option"], answer.json["held"], answer.json["asked"]) == ("useAutoCheckpoints", "false", "true")


def test_a_shard_that_pauses_waits_for_continue(pair):
    service, sidecar = pair
    put_one_by_one(service, 12)
    reader = sidecar.follow("s", PAUSED)
    assert numbers(reader.wait_records(5)) == [0, 1, 2, 3, 4]
    shard = sidecar.get("/streams").json["consumers"][0]["shards"][0]
    assert shard["phase"] == "paused"
    assert len(reader.records) == 5

    first = records_events(reader)[0].id
    answer = sidecar.post("/streams/s/continue", {"id": first})
    assert answer.json == {
        "streamName": "s", "consumerGroup": "kinesis-sidecar", "continued": True, "shardId": "shardId-000000000000"}
    reader.wait_records(10)
    # A word that comes late does not let the next batch go.
    assert sidecar.post("/streams/s/continue", {"id": first}).json["continued"] is False
    assert len(reader.records) == 10
    assert sidecar.post("/streams/s/continue", {"shardId": "shardId-000000000000"}).json["continued"] is True
    assert numbers(reader.wait_records(12)) == list(range(12))


def test_continue_without_paused_polling_is_a_conflict(pair):
    _, sidecar = pair
    sidecar.follow("s", MANUAL)
    answer = sidecar.post("/streams/s/continue", {"shardId": "shardId-000000000000"})
    assert (answer.status, answer.json["code"]) == (409, "pollingNeverPauses")


def test_without_a_reader_the_shards_are_let_go_after_the_grace_period(sidecars, tmp_path):
    from harness.waiting import eventually

    sidecar = sidecars.start(
        "--local-limits", "off", data_dir=tmp_path / "data", env={"KINESIS_SIDECAR_READER_GRACE_PERIOD": "300"})
    reader = sidecar.follow("s", MANUAL)
    sidecar.put("s", {"n": 0})
    reader.wait_records(1)
    [assignment] = sidecar.get("/streams/s/assignments").json.values()
    assert assignment["isActive"] and assignment["shards"] == ["shardId-000000000000"]
    reader.close()

    def let_go():
        [assignment] = sidecar.get("/streams/s/assignments").json.values()
        return not assignment["isActive"] and assignment["shards"] == []

    eventually(let_go, 10, why="the shards are let go")
    answer = fetch(sidecar.url + "/streams/s/checkpoints", "POST", {"id": records_events(reader)[0].id})
    assert (answer.status, answer.json["code"]) == (409, "shardsNotHeld")
    again = sidecar.follow("s", MANUAL)
    assert numbers(again.wait_records(1)) == [0]

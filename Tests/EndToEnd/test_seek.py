"""Where reading begins and goes on: AT_TIMESTAMP, POST …/seek, GET …/checkpoints, and records that are passed over."""

import subprocess
import time
from datetime import datetime, timezone

import pytest

from harness.group import Group
from harness.lifion_player import LifionPlayer, set_heartbeat
from harness.records import assert_in_order_while_assigned, make_stream, numbers
from harness.resharding import split
from harness.sidecar import fetch
from harness.waiting import eventually

FAST = "pollDelay=20&noRecordsPollDelay=250&initialPositionInStream=TRIM_HORIZON"
MANUAL = FAST + "&useAutoCheckpoints=false"
FIRST = "shardId-000000000000"


def iso(moment):
    return datetime.fromtimestamp(moment, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment_between(sidecar, before, after):
    """Puts both, and returns a moment between their arrivals, which differ by more than clocks round."""
    for n in before:
        sidecar.put("s", {"n": n}, partitionKey=str(n))
    last = time.time()
    eventually(lambda: time.time() > last + 0.02, 5, why="the clock goes on")
    moment = time.time()
    eventually(lambda: time.time() > moment + 0.02, 5, why="the clock goes on")
    for n in after:
        sidecar.put("s", {"n": n}, partitionKey=str(n))
    return iso(moment)


def seek(sidecar, to, group=None, **fields):
    return sidecar.post("/streams/s/seek" + (f"?consumerGroup={group}" if group else ""), {"to": to, **fields})


def checkpoints(sidecar, group=None):
    answer = sidecar.get("/streams/s/checkpoints" + (f"?consumerGroup={group}" if group else ""))
    assert answer.status == 200, answer
    return {shard["shardId"]: shard for shard in answer.json["shards"]}


def events(reader):
    return [event for event in reader.events if event.name == "records"]


def changes(reader):
    return [event.data["change"] for event in reader.events if event.name == "shard"]


@pytest.fixture
def pair(sidecars, tmp_path):
    service = sidecars.start("--local-limits", "off")
    make_stream(service.boto3(), "s", 1)
    return service, sidecars.start_against(service.kinesis_url, data_dir=tmp_path / "data")


# ---- AT_TIMESTAMP

@pytest.mark.parametrize("as_milliseconds", [False, True])
def test_a_group_begins_at_a_moment_and_keeps_it(pair, as_milliseconds):
    service, sidecar = pair
    moment = moment_between(service, range(3), range(3, 6))
    if as_milliseconds:
        moment = str(round(datetime.fromisoformat(moment).timestamp() * 1000))
    query = f"pollDelay=20&noRecordsPollDelay=250&initialPositionInStream=AT_TIMESTAMP&initialTimestamp={moment}"
    assert numbers(sidecar.follow("s", query + "&tail=true").wait_records(3)) == [3, 4, 5]
    assert numbers(sidecar.follow("s", query + "&useAutoCheckpoints=false").wait_records(3)) == [3, 4, 5]
    sidecar.kill()
    sidecar.start()
    # Nothing was acknowledged: the moment stands, whatever the next reader says.
    again = sidecar.follow("s", "pollDelay=20&noRecordsPollDelay=250&useAutoCheckpoints=false&initialPositionInStream=LATEST")
    assert numbers(again.wait_records(3)) == [3, 4, 5]


@pytest.mark.parametrize("query, option", [
    ("initialPositionInStream=AT_TIMESTAMP", "initialPositionInStream"),
    ("initialTimestamp=2026-01-02T03:04:05Z", "initialTimestamp"),
    ("initialPositionInStream=LATEST&initialTimestamp=1", "initialTimestamp"),
    ("initialPositionInStream=AT_TIMESTAMP&initialTimestamp=soon", "initialTimestamp"),
    ("initialPositionInStream=AT_TIMESTAMP&initialTimestamp=9000-01-01T00:00:00Z", "initialTimestamp"),
])
def test_a_moment_that_is_missing_alone_bad_or_to_come_is_refused(pair, query, option):
    for path in [f"/streams/s/records?{query}", f"/streams/s/start?{query}"]:
        answer = fetch(pair[1].url + path, "POST" if "start" in path else "GET")
        assert (answer.status, answer.json["code"], answer.json["option"]) == (400, "badOption", option), answer
        assert answer.json["accepted"]


# ---- seek, one sidecar

def test_a_seek_under_a_reader_reads_from_there_and_a_dry_run_says_the_same(pair):
    service, sidecar = pair
    moment = moment_between(service, range(3), range(3, 6))
    reader = sidecar.follow("s", FAST)
    reader.wait_records(6)
    eventually(lambda: checkpoints(sidecar)[FIRST].get("sequenceNumber") == reader.records[5]["sequenceNumber"], 5)
    before = checkpoints(sidecar)
    dry = seek(sidecar, moment, dryRun=True)
    assert dry.status == 200 and dry.json["dryRun"] is True, dry
    assert checkpoints(sidecar) == before and changes(reader) == ["assigned"]
    real = seek(sidecar, moment)
    assert real.status == 200, real
    [planned], [done] = dry.json["shards"], real.json["shards"]
    assert done["from"] == f"AFTER_SEQUENCE_NUMBER {reader.records[5]['sequenceNumber']}"
    assert done["to"] == f"AT_TIMESTAMP {moment}"
    assert [planned[name] for name in ("shardId", "from", "to")] == [done[name] for name in ("shardId", "from", "to")]
    # The record behind the moment is older by what has passed in between.
    assert 0 < planned["milliseconds"] <= done["milliseconds"] < planned["milliseconds"] + 10_000
    reader.wait(lambda r: len(r.records) == 9, 10, "what lies behind the moment")
    assert numbers(reader.records) == [0, 1, 2, 3, 4, 5, 3, 4, 5]
    assert changes(reader) == ["assigned", "revoked", "assigned"]
    service.put("s", {"n": 6})
    reader.wait(lambda r: numbers(r.records)[-1] == 6, 10, "reading goes on")


def test_a_seek_while_nobody_reads_holds_for_who_comes_next_also_after_a_crash(pair):
    service, sidecar = pair
    moment = moment_between(service, range(3), range(3, 6))
    assert seek(sidecar, "LATEST").json["code"] == "unknownGroup"
    assert sidecar.get("/streams/s/checkpoints").json["code"] == "unknownGroup"
    sidecar.follow("s", FAST).wait_records(6)
    sidecar.terminate()
    sidecar.start()
    assert seek(sidecar, moment).status == 200
    shard = checkpoints(sidecar)[FIRST]
    assert shard == {
        "shardId": FIRST, "approximateArrivalTimestamp": None, "depleted": False, "position": f"AT_TIMESTAMP {moment}"}
    sidecar.kill()
    sidecar.start()
    assert numbers(sidecar.follow("s", FAST).wait_records(3)) == [3, 4, 5]


def test_latest_and_the_beginning_and_a_record(pair):
    service, sidecar = pair
    for n in range(4):
        service.put("s", {"n": n})
    reader = sidecar.follow("s", MANUAL)
    reader.wait_records(4)
    assert seek(sidecar, "LATEST").json["shards"][0]["milliseconds"] == 0
    service.put("s", {"n": 4})
    reader.wait(lambda r: numbers(r.records) == [0, 1, 2, 3, 4], 10, "only what came since")
    assert seek(sidecar, {"sequenceNumber": reader.records[2]["sequenceNumber"]}, shardId=FIRST).status == 200
    reader.wait(lambda r: numbers(r.records[5:]) == [2, 3, 4], 10, "that record is the next one")
    assert seek(sidecar, "TRIM_HORIZON").json["shards"][0]["to"] == "TRIM_HORIZON"
    reader.wait(lambda r: numbers(r.records[8:]) == [0, 1, 2, 3, 4], 10, "everything")


@pytest.mark.parametrize("body, status, code, field", [
    ({}, 400, "missingField", "to"), ({"to": "yesterday"}, 400, "badField", "to"), ({"to": 5}, 400, "badField", "to"),
    ({"to": "9000-01-01T00:00:00Z"}, 400, "badField", "to"), ({"to": {}}, 400, "missingField", "to.sequenceNumber"),
    ({"to": {"sequenceNumber": "1"}}, 400, "missingField", "shardId"),
    ({"to": {"sequenceNumber": 1}, "shardId": FIRST}, 400, "badField", "to.sequenceNumber"),
    ({"to": {"time": "x"}, "shardId": FIRST}, 400, "unknownField", "to.time"),
    ({"to": {"sequenceNumber": "7" * 56}, "shardId": FIRST}, 400, "unknownSequenceNumber", None),
    ({"to": "LATEST", "shardId": "shardId-000000000009"}, 404, "unknownShard", "shardId"),
    ({"to": "LATEST", "dryRun": "yes"}, 400, "badField", "dryRun"), ({"to": "LATEST", "force": True}, 400, "unknownField", "force"),
])
def test_what_is_no_seek_is_refused_and_changes_nothing(pair, body, status, code, field):
    service, sidecar = pair
    service.put("s", {"n": 0})
    sidecar.follow("s", FAST).wait_records(1)
    answer = sidecar.post("/streams/s/seek", body)
    assert (answer.status, answer.json["code"], answer.json.get("field")) == (status, code, field), answer
    assert checkpoints(sidecar)[FIRST].get("position", "").startswith("A"), "it stands where it stood"


def test_what_was_sent_before_a_seek_moves_nothing_and_comes_again_no_more(pair):
    service, sidecar = pair
    for n in range(4):
        service.put("s", {"n": n})
    reader = sidecar.follow("s", MANUAL + "&limit=1")
    reader.wait_records(4)
    old = events(reader)
    assert seek(sidecar, "LATEST").status == 200
    at_the_tip = checkpoints(sidecar)
    late = sidecar.post("/streams/s/checkpoints", {"id": old[3].id})
    assert (late.status, late.json["code"], late.json["shardId"]) == (409, "checkpointBeforeSeek", FIRST), late
    number = old[3].data["records"][-1]["sequenceNumber"]
    late = sidecar.post("/streams/s/checkpoints", {"shardId": FIRST, "sequenceNumber": number})
    assert (late.status, late.json["code"]) == (409, "checkpointBeforeSeek"), late
    assert checkpoints(sidecar) == at_the_tip
    sidecar.kill()
    sidecar.start()
    # Not after a crash either, where the log alone knows it.
    again = sidecar.follow("s", MANUAL)
    late = sidecar.post("/streams/s/checkpoints", {"id": old[3].id})
    assert (late.status, late.json["code"]) == (409, "checkpointBeforeSeek"), late
    service.put("s", {"n": 4})
    assert numbers(again.wait_records(1)) == [4]
    assert sidecar.post("/streams/s/checkpoints", {"id": events(again)[0].id}).status == 200


def test_a_last_event_id_of_before_a_seek_and_a_lost_reader_bring_nothing_back(pair):
    service, sidecar = pair
    for n in range(4):
        service.put("s", {"n": n})
    reader = sidecar.follow("s", FAST + "&limit=1")
    reader.wait_records(4)
    first = events(reader)[0].id
    assert seek(sidecar, "LATEST").status == 200
    reader.close()
    back = sidecar.follow("s", FAST, headers={"Last-Event-ID": first})
    service.put("s", {"n": 4})
    assert numbers(back.wait_records(1)) == [4]
    assert seek(sidecar, "LATEST").status == 200
    sidecar.kill()
    sidecar.start()
    back = sidecar.follow("s", FAST)
    service.put("s", {"n": 5})
    assert numbers(back.wait_records(1)) == [5], "what a lost reader may not have read was before the seek"


def test_a_parent_that_was_open_then_is_read_again_before_its_children(pair):
    service, sidecar = pair
    moment = moment_between(service, range(3), range(3, 6))
    children = split(service.boto3(), "s")
    for n in range(6, 12):
        service.put("s", {"n": n}, partitionKey=str(n))
    reader = sidecar.follow("s", FAST)
    reader.wait_records(12)
    answer = seek(sidecar, moment)
    assert {shard["shardId"] for shard in answer.json["shards"]} == {FIRST, *children}
    reader.wait(lambda r: len(r.records) == 21, 20, "all from the moment on")
    again = reader.records[12:]
    assert numbers(again[:3]) == [3, 4, 5] and sorted(numbers(again[3:])) == list(range(6, 12))
    assert_in_order_while_assigned(reader.events)


def test_at_latest_closed_parents_hold_nobody_up(pair):
    service, sidecar = pair
    for n in range(3):
        service.put("s", {"n": n})
    # Nothing is acknowledged: the parent is not done, and the children would wait.
    reader = sidecar.follow("s", MANUAL)
    reader.wait_records(3)
    children = split(service.boto3(), "s")
    answer = seek(sidecar, "LATEST")
    assert {shard["shardId"]: shard["to"] for shard in answer.json["shards"]} == {
        FIRST: "DEPLETED", **{child: "LATEST" for child in children}}
    assert checkpoints(sidecar)[FIRST]["depleted"] is True
    for n in range(3, 9):
        service.put("s", {"n": n}, partitionKey=str(n))
    reader.wait(lambda r: sorted(numbers(r.records[3:])) == list(range(3, 9)), 20, "the children are read")
    # One shard alone goes back with its descendants.
    answer = seek(sidecar, "TRIM_HORIZON", shardId=FIRST)
    assert {shard["shardId"] for shard in answer.json["shards"]} == {FIRST, *children}
    reader.wait(lambda r: numbers(r.records[9:12]) == [0, 1, 2], 20, "the parent comes first")
    assert len(reader.records) == 12, "and its children wait until it is acknowledged"


# ---- skip

def test_a_record_that_cannot_be_worked_off_is_passed_over_and_counted(pair):
    service, sidecar = pair
    for n in range(4):
        service.put("s", {"n": n})
    reader = sidecar.follow("s", MANUAL + "&limit=1")
    reader.wait_records(4)
    poison = events(reader)[2]
    assert sidecar.post("/streams/s/checkpoints", {"id": poison.id, "skip": True, "force": True}).json["code"] == "conflictingFields"
    for _ in range(2):  # said twice it counts once
        answer = sidecar.post("/streams/s/checkpoints", {"id": poison.id, "skip": True})
        assert answer.status == 200, answer
        assert answer.json["checkpoints"][0]["sequenceNumber"] == poison.data["records"][0]["sequenceNumber"]
    [shard] = sidecar.get("/streams/s/stats").json["consumers"][0]["shards"]
    assert shard["skippedRecords"] == 1
    rows = sidecar.get("/metrics").body.decode().splitlines()
    assert [row.split()[-1] for row in rows if row.startswith("kinesis_sidecar_skipped_records_total{")] == ["1"]
    reader.close()
    assert numbers(sidecar.follow("s", MANUAL).wait_records(1)) == [3]


def test_automatic_checkpoints_skip_nothing(pair):
    service, sidecar = pair
    service.put("s", {"n": 0})
    reader = sidecar.follow("s", FAST)
    reader.wait_records(1)
    answer = sidecar.post("/streams/s/checkpoints", {"id": events(reader)[0].id, "skip": True})
    assert (answer.status, answer.json["code"]) == (409, "checkpointsAreAutomatic")


# ---- curl, as the documents have it

def test_the_documents_curl_lines(pair):
    service, sidecar = pair
    service.put("s", {"n": 0})
    sidecar.follow("s", FAST).wait_records(1)
    for arguments in [[f"{sidecar.url}/streams/s/checkpoints"], ["-d", '{"to": "TRIM_HORIZON", "dryRun": true}', f"{sidecar.url}/streams/s/seek"]]:
        done = subprocess.run(["curl", "-sSf", *arguments], capture_output=True, text=True, timeout=20)
        assert done.returncode == 0 and FIRST in done.stdout, done


# ---- groups

@pytest.fixture
def group(sidecars, moto, tmp_path):
    group = Group(sidecars, moto.url, tmp_path)
    make_stream(group.kinesis, "s", 4)
    return group


def sequence(group, shard, record=0):
    """The number of one of the shard's records, as boto3 has it."""
    iterator = group.kinesis.get_shard_iterator(StreamName="s", ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    return group.kinesis.get_records(ShardIterator=iterator["ShardIterator"])["Records"][record]["SequenceNumber"]


def seen(*readers):
    return sorted(n for reader in readers for n in numbers(reader.records))


def test_two_sidecars_go_on_where_one_was_told(group):
    a, b = group.member(), group.member()
    group.put(range(40))
    first, second = a.follow("s"), b.follow("s")
    group.wait_shares(2, 2)
    eventually(lambda: set(seen(first, second)) == set(range(40)), 20, why="all is read")
    owners = {name: shard["leaseOwner"] for name, shard in checkpoints(a, "g").items()}
    assert len(set(owners.values())) == 2 and None not in owners.values()
    eventually(lambda: all("sequenceNumber" in shard for shard in checkpoints(b, "g").values()), 10, why="stored")
    before = group.item()
    assert len(seek(a, "TRIM_HORIZON", "g", dryRun=True).json["shards"]) == 4
    came = len(seen(first, second))
    answer = seek(a, "TRIM_HORIZON", "g")
    assert answer.status == 200 and len(answer.json["shards"]) == 4, answer
    assert before["shards"]["M"].keys() == group.shards().keys()
    eventually(lambda: len(seen(first, second)) >= came + 40, 30, why="everything comes again")
    group.wait_shares(2, 2)
    group.put(range(40, 60))
    eventually(lambda: set(range(40, 60)) <= set(seen(first, second)), 20, why="and reading goes on")
    for reader in first, second:
        assert "revoked" in changes(reader)
        assert_in_order_while_assigned(reader.events)
    tip = {name: sequence(group, name, -1) for name in owners}
    eventually(lambda: {name: shard.get("sequenceNumber") for name, shard in checkpoints(a, "g").items()} == tip, 20, why="the checkpoints are at the tip again")


def test_a_member_refuses_what_it_sent_before_another_one_was_told(group):
    a, b = group.member(useAutoCheckpoints=False), group.member(useAutoCheckpoints=False)
    group.put(range(40))
    first = a.follow("s")
    first.wait_records(40)
    old = events(first)[-1]
    # A process that reads nothing of the group here tells who does.
    assert seek(b, "LATEST", "g").status == 200
    eventually(lambda: "revoked" in changes(first), 20, why="the owner has seen it")
    eventually(lambda: changes(first).count("assigned") >= 8, 20, why="and has its shards again")
    late = a.post("/streams/s/checkpoints?consumerGroup=g", {"id": old.id})
    assert (late.status, late.json["code"]) == (409, "checkpointBeforeSeek"), late
    group.put(range(40, 44))
    eventually(lambda: set(range(40, 44)) <= set(seen(first)), 20, why="what came since")
    assert seen(first) == list(range(44))


def test_a_group_that_nobody_serves_is_put_elsewhere(group):
    a = group.member("a")
    group.put(range(20))
    a.follow("s").wait_records(20)
    a.terminate()
    b = group.member("b")
    assert seek(b, "TRIM_HORIZON", "g").status == 200
    assert {shard["leaseOwner"] if "leaseOwner" in shard else None for shard in checkpoints(b, "g").values()} == {None}
    # The member that knew the former places goes by the item.
    a.start()
    assert sorted(numbers(a.follow("s").wait_records(20))) == list(range(20))


def test_shards_of_a_player_are_left_alone(group):
    a = group.member()
    reader = a.follow("s")
    group.put(range(40))
    reader.wait_records(40)
    player = LifionPlayer(group)
    try:
        player.start()
        group.wait_shares(2, 2)
        mine = {name for name, shard in group.shards().items() if shard["leaseOwner"]["S"] != player.id}
        places = {name: shard["checkpoint"] for name, shard in group.shards().items()}
        answer = seek(a, "TRIM_HORIZON", "g")
        assert (answer.status, answer.json["code"], answer.json["owner"]) == (409, "shardsHeldElsewhere", player.id), answer
        assert "host" in answer.json and {shard["shardId"] for shard in answer.json["shards"]} == set(places) - mine
        assert {name: shard["checkpoint"] for name, shard in group.shards().items()} == places, "nothing was changed"
        # What it does not have may be put elsewhere.
        assert seek(a, "TRIM_HORIZON", "g", shardId=min(mine)).status == 200
        eventually(lambda: len(reader.records) > 40, 20, why="that shard comes again")
    finally:
        player.kill()

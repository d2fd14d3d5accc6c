"""A group's member whose SQLite is in trouble goes on with DynamoDB alone: it reads, stores what is acknowledged, and says so."""

import sqlite3

import pytest

from harness.cutting_proxy import CuttingProxy
from harness.disk import fill_up
from harness.group import Group, numbers
from harness.records import make_stream
from harness.waiting import eventually

SHARD = "shardId-000000000000"


@pytest.fixture
def group(sidecars, ministack, tmp_path):
    return one_shard(Group(sidecars, ministack.url, tmp_path))


def one_shard(group):
    make_stream(group.kinesis, "s", 1)
    return group


def problems(reader):
    return [event.data["code"] for event in list(reader.events) if event.name == "problem"]


def state_warnings(member):
    readyz = member.get("/readyz")
    assert readyz.status == 200, readyz
    return [warning["detail"] for warning in readyz.json["warnings"] if warning["component"] == "state"]


def storage(member):
    [consumer] = member.get("/streams/s/stats").json["consumers"]
    return consumer["storage"]


def acknowledge(group, member, body):
    """What is acknowledged is in the item by the time of the answer."""
    answer = member.post("/streams/s/checkpoints", body)
    assert answer.status == 200, answer
    [checkpoint] = answer.json["checkpoints"]
    assert group.shards()[SHARD]["checkpoint"] == {"S": checkpoint["sequenceNumber"]}, "it is not in DynamoDB"
    return checkpoint["sequenceNumber"]


def full_disk(folder):
    fill_up(folder)
    return lambda: (folder / "fill").unlink()


def moved_folder(folder):
    (folder / "data").rename(folder / "elsewhere")
    return lambda: (folder / "elsewhere").rename(folder / "data")


@pytest.mark.seconds(90)
@pytest.mark.parametrize("trouble", [full_disk, moved_folder])
def test_what_cannot_be_written_here_is_acknowledged_once_dynamodb_has_it(group, small_disk, trouble):
    member = group.member("disk/data", useAutoCheckpoints=False)
    reader = member.follow("s")
    group.put(range(2), shards=1)
    reader.wait_records(2)
    assert not state_warnings(member) and storage(member) == {
        "checkpoints": ["sqlite", "dynamoDb"], "lastEventId": True, "unreadBytes": True}
    acknowledge_id = reader.ids[0]

    mend = trouble(small_disk)
    put = 2

    def is_told():
        nonlocal put
        group.put([put], shards=1)
        put += 1
        return problems(reader)

    # Until what is left in SQLite's own files is used up.
    assert eventually(is_told, 40, every=0.02, why="the reader hears of it") == ["deliveryLogOff"]
    reader.wait_records(put)
    assert state_warnings(member), member.get("/readyz")
    told = storage(member)
    assert "SQLite" in told.pop("problem")
    assert told == {"checkpoints": ["dynamoDb"], "lastEventId": False, "unreadBytes": False}
    assert member.log.count("groups go on with DynamoDB alone") == 1
    # An event from before, the last one, and a record by its number.
    acknowledge(group, member, {"id": acknowledge_id})
    acknowledge(group, member, {"id": reader.ids[-2]})
    last = reader.records[-1]
    assert acknowledge(group, member, {"shardId": SHARD, "sequenceNumber": last["sequenceNumber"]}) == last["sequenceNumber"]
    late = member.follow("s")
    eventually(lambda: problems(late) == ["deliveryLogOff"], 10, why="who comes later hears of it too")

    mend()
    eventually(lambda: not state_warnings(member), 20, why="SQLite is written again")
    eventually(lambda: problems(reader) == ["deliveryLogOff", "deliveryLogOn"], 10, why="the reader hears of that")
    assert storage(member)["checkpoints"] == ["sqlite", "dynamoDb"]
    member.kill()
    member.start()
    again = member.follow("s")
    group.put([put], shards=1)
    again.wait_records(1)
    assert numbers(again) == [put], "what was acknowledged does not come again"


def damage(file, good):
    file.write_bytes(b"not a database at all" * 100)


def damage_pages(file, good):
    file.write_bytes(good[:4096] + b"\xff" * (len(good) - 4096))


def make_newer(file, good):
    with sqlite3.connect(file) as database:
        database.execute("PRAGMA user_version = 1000")
    database.close()


@pytest.mark.parametrize("trouble", [damage, damage_pages, make_newer])
def test_a_file_that_cannot_be_read_keeps_no_reader_out(group, trouble):
    member = group.member("volume", useAutoCheckpoints=False)
    reader = member.follow("s")
    group.put(range(4), shards=1)
    reader.wait_records(4)
    done = reader.records[1]["sequenceNumber"]
    assert member.post("/streams/s/checkpoints", {"shardId": SHARD, "sequenceNumber": done}).status == 200
    eventually(lambda: group.shards()[SHARD]["checkpoint"] == {"S": done}, 10, why="the checkpoint in the item")
    assert member.terminate() == 0
    file = group.folder / "volume/state.db"
    good = file.read_bytes()
    trouble(file, good)

    member.start()
    again = member.follow("s")
    again.wait_records(2)
    assert numbers(again) == [2, 3], "it goes on where the item says"
    assert state_warnings(member)
    eventually(lambda: problems(again) == ["deliveryLogOff"], 10, why="the reader hears of it")
    acknowledge(group, member, {"id": again.ids[0]})
    acknowledge(group, member, {"shardId": SHARD, "sequenceNumber": again.records[-1]["sequenceNumber"]})
    unknown = member.post("/streams/s/checkpoints", {"id": reader.ids[0]})
    assert (unknown.status, unknown.json["code"]) == (503, "stateFailed")
    assert "shardId and sequenceNumber" in unknown.json["detail"]
    none = member.post("/streams/s/checkpoints", {"shardId": SHARD, "sequenceNumber": again.records[-1]["sequenceNumber"] + "1"})
    assert (none.status, none.json["code"]) == (400, "unknownSequenceNumber")
    assert member.terminate() == 0

    for name in file.parent.glob("state.db*"):
        name.unlink()
    member.start()
    assert not state_warnings(member)
    last = member.follow("s")
    group.put([4], shards=1)
    last.wait_records(1)
    assert numbers(last) == [4] and not problems(last)


def test_with_neither_of_the_two_it_is_not_ready(sidecars, tmp_path, ministack):
    proxy = CuttingProxy(int(ministack.url.rpartition(":")[2]))
    group = one_shard(Group(sidecars, f"http://127.0.0.1:{proxy.port}", tmp_path))
    (tmp_path / "volume").mkdir()
    damage(tmp_path / "volume/state.db", b"")
    member = group.member("volume")
    eventually(lambda: member.get("/readyz").status == 200, 10, why="the table is there")
    member.follow("s")
    eventually(group.owners, 10, why="leases")
    proxy.go_down()
    eventually(lambda: member.get("/readyz").status == 503, 20, why="neither can be written")
    assert {cause["component"] for cause in member.get("/readyz").json["causes"]} == {"state", "dynamoDb"}
    assert storage(member)["checkpoints"] == []
    proxy.come_back()
    eventually(lambda: member.get("/readyz").status == 200, 20, why="one of the two is enough")
    assert state_warnings(member)

"""Several sidecars share a stream over DynamoDB: each shard has one reader, and what was done stays done."""

import pytest

from harness.cutting_proxy import CuttingProxy
from harness.group import Group, numbers
from harness.lifion_player import moment_of, now
from harness.records import make_stream
from harness.resharding import split
from harness.throttling_proxy import ThrottlingProxy
from harness.waiting import eventually


@pytest.fixture(params=["moto", "ministack"])
def group(request, sidecars, tmp_path):
    group = Group(sidecars, request.getfixturevalue(request.param).url, tmp_path)
    make_stream(group.kinesis, "s", 4)
    return group


@pytest.fixture
def atomic_group(sidecars, ministack, tmp_path):
    """moto's conditional writes are not atomic: races count on ministack alone."""
    group = Group(sidecars, ministack.url, tmp_path)
    make_stream(group.kinesis, "s", 4)
    return group


def test_a_lone_member_reads_all_and_its_item_is_lifions(group):
    a = group.member()
    reader = a.follow("s")
    group.put(range(40))
    reader.wait_records(40)
    item = group.item()
    [(member, record)] = item["consumers"]["M"].items()
    record = record["M"]
    assert set(record) == {
        "appName", "host", "pid", "startedOn", "heartbeat", "isActive", "isStandalone", "leaseDuration"}
    assert record["pid"] == {"N": str(a.process.pid)} and record["leaseDuration"] == {"N": "5000"}
    assert record["isActive"] == {"BOOL": True} and record["isStandalone"] == {"BOOL": False}
    assert item["enhancedConsumers"] == {"M": {}} and set(item["streamCreatedOn"]) == {"S"} and set(item["version"]) == {"S"}
    def stored():
        shards = group.shards()
        return shards and all(
            shard["leaseOwner"] == {"S": member} and "S" in shard["checkpoint"] and "S" in shard["leaseExpiration"]
            and shard["depleted"] == {"BOOL": False} and shard["parent"] == {"NULL": True}
            and "S" in shard["approximateArrivalTimestamp"] for shard in shards.values())

    eventually(stored, 10, why="checkpoints and leases in the item")


def test_a_member_that_is_alone_says_how_far_it_is_each_second(atomic_group):
    group = atomic_group
    a = group.member(leaseDuration=40_000)
    reader = a.follow("s")
    eventually(lambda: len(group.owners()) == 1, 10, why="leases")
    group.put(range(40))
    reader.wait_records(40)
    # A renewal comes only 13 s after the one before.
    eventually(lambda: all("S" in shard["checkpoint"] for shard in group.shards().values()), 6, why="checkpoints")


def test_a_second_member_gets_its_share_and_nothing_is_lost_or_read_twice(group):
    a, b = group.member(), group.member()
    first = a.follow("s")
    group.put(range(100))
    first.wait_records(100)
    second = b.follow("s")
    group.wait_shares(2, 2)
    group.put(range(100, 300))
    eventually(lambda: len(numbers(first, second)) >= 300, 20, why="the records")
    assert numbers(first, second) == list(range(300)), "what is handed over is settled first"

    def assigned():
        members = a.get("/streams/s/assignments").json.values()
        # Readers are known of the process itself alone.
        return (sorted(len(member["shards"]) for member in members), sum("readers" in member for member in members))

    eventually(lambda: assigned() == ([2, 2], 1), 10, why="both members with their shares")


def test_a_member_that_ends_leaves_its_shards_at_once(group):
    a, b = group.member(), group.member()
    first, second = a.follow("s"), b.follow("s")
    group.wait_shares(2, 2)
    group.put(range(40))
    eventually(lambda: len(numbers(first, second)) >= 40, 20, why="the records")
    assert a.terminate() == 0
    group.wait_shares(4, within=3)
    assert len(group.item()["consumers"]["M"]) == 1, "it has removed itself"
    group.put(range(40, 80))
    eventually(lambda: len(numbers(first, second)) >= 80, 20, why="the rest")
    assert numbers(first, second) == list(range(80))


def test_a_member_that_was_killed_is_taken_over_and_one_on_the_same_volume_goes_on_at_once(atomic_group):
    group = atomic_group
    a, b = group.member("a"), group.member("b")
    first, second = a.follow("s"), b.follow("s")
    group.wait_shares(2, 2)
    group.put(range(40))
    eventually(lambda: len(numbers(first, second)) >= 40, 20, why="the records")
    owners = group.owners()
    a.kill()
    a.start()
    again = a.follow("s")
    group.put(range(40, 80))
    eventually(lambda: set(range(80)) <= set(numbers(first, second, again)), 10, why="the rest, from both")
    assert group.owners() == owners, "the same member has the same shards"
    a.kill()
    group.wait_shares(4, within=15)
    group.put(range(80, 120))
    eventually(lambda: set(range(120)) <= set(numbers(first, second, again)), 20, why="what b took over")


def test_a_member_without_a_reader_leaves_the_shards_to_those_that_read(group):
    a, b = group.member(readerGracePeriod=500), group.member()
    first, second = a.follow("s"), b.follow("s")
    group.wait_shares(2, 2)
    first.close()
    group.wait_shares(4)
    assert sorted(m["M"]["isActive"]["BOOL"] for m in group.item()["consumers"]["M"].values()) == [False, True]
    a.follow("s")
    group.wait_shares(2, 2)


@pytest.mark.parametrize("ends", [False, True], ids=["lets go", "ends"])
def test_what_a_members_last_reader_left_unread_comes_to_who_has_the_shards_next(atomic_group, ends):
    group = atomic_group
    a, b = group.member(readerGracePeriod=30_000 if ends else 500), group.member()
    lost = a.follow_by_socket("s")
    group.put(range(40))
    eventually(lambda: all("S" in shard["checkpoint"] for shard in group.shards().values()), 10, why="checkpoints")
    lost.reset()
    if ends:
        eventually(lambda: '"ending":"lost"' in a.log, why="the reader is lost")
        assert a.terminate() == 0
    second = b.follow("s")
    second.wait_records(40, within=20)
    assert sorted(set(numbers(second))) == list(range(40))


@pytest.mark.parametrize("ends", [False, True], ids=["lets go", "ends"])
def test_what_it_left_unread_of_a_shard_that_is_read_out_comes_too(atomic_group, ends):
    group = atomic_group
    a, b = group.member(readerGracePeriod=30_000 if ends else 500), group.member()
    lost = a.follow_by_socket("s")
    group.put(range(40))
    split(group.kinesis, "s")
    eventually(lambda: group.shards()["shardId-000000000000"]["depleted"]["BOOL"], 10, why="the parent is read out")
    lost.reset()
    if ends:
        eventually(lambda: '"ending":"lost"' in a.log, why="the reader is lost")
        assert a.terminate() == 0
    second = b.follow("s")
    second.wait_records(40, within=20)
    assert sorted(set(numbers(second))) == list(range(40))


def test_a_checkpoint_of_a_shard_that_another_has_is_refused_with_its_owner(group):
    a, b = group.member(useAutoCheckpoints=False), group.member(useAutoCheckpoints=False)
    first = a.follow("s")
    group.put(range(8))
    first.wait_records(8)
    second = b.follow("s")
    group.wait_shares(2, 2, within=30)
    shards = {name: record["leaseOwner"]["S"] for name, record in group.shards().items()}
    mine = next(iter(a.get("/streams/s/stats").json["consumers"]))["group"]["memberId"]
    lost = next(name for name, owner in shards.items() if owner != mine)
    last = [record["sequenceNumber"] for record in first.records if record["shardId"] == lost][-1]
    body = {"shardId": lost, "sequenceNumber": last}


    def refused():
        answer = a.post("/streams/s/checkpoints", body)
        assert (answer.status, answer.json["code"]) == (409, "leaseLost"), answer
        assert answer.json["shardId"] == lost
        # It was given up, and then taken by the other.
        return answer.json.get("owner") == shards[lost]

    eventually(refused, 10, why="the owner's name")
    second.wait_records(1)


def test_children_are_read_after_their_parents_by_whoever_has_them(group):
    a, b = group.member(), group.member()
    first, second = a.follow("s"), b.follow("s")
    group.wait_shares(2, 2)
    group.put(range(40))
    group.kinesis.split_shard(
        StreamName="s", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**125))
    eventually(
        lambda: group.kinesis.describe_stream_summary(StreamName="s")["StreamDescriptionSummary"]["StreamStatus"]
        == "ACTIVE", 20, why="the split")
    group.put(range(40, 80))
    eventually(lambda: len(numbers(first, second)) >= 80, 30, why="the records")
    assert numbers(first, second) == list(range(80))
    eventually(lambda: group.shards()["shardId-000000000000"]["depleted"]["BOOL"], 10, why="the parent is read out")
    group.wait_shares(2, 3)


def test_the_last_event_of_a_shard_that_is_read_out_may_be_acknowledged_twice(atomic_group):
    group = atomic_group
    a = group.member(useAutoCheckpoints=False)
    reader = a.follow("s")
    group.put([0])
    reader.wait_records(1)
    split(group.kinesis, "s")
    assert a.post("/streams/s/checkpoints", {"id": reader.ids[-1]}).status == 200
    eventually(lambda: group.shards()["shardId-000000000000"]["depleted"]["BOOL"], 10, why="the parent is read out")
    again = a.post("/streams/s/checkpoints", {"id": reader.ids[-1]})
    assert again.status == 200, again


def test_the_places_of_a_lone_sidecar_go_into_the_item(group):
    a = group.member("volume", dynamoDb={"enabled": False})
    reader = a.follow("s")
    group.put(range(40))
    reader.wait_records(40)
    assert a.terminate() == 0
    b = group.member("volume")
    again = b.follow("s")
    group.put(range(40, 48))
    again.wait_records(8)
    assert numbers(again) == list(range(40, 48))


def test_latest_is_fixed_for_the_group_before_the_head_is_sent(group):
    group.put(range(20))
    a = group.member(initialPositionInStream="LATEST")
    reader = a.follow("s")
    assert all("since" in shard["sidecar"]["M"] for shard in group.shards().values()), group.shards()
    a.kill()
    group.put(range(20, 40))
    b = group.member(initialPositionInStream="LATEST")
    second = b.follow("s")
    second.wait_records(20)
    assert numbers(second) == list(range(20, 40)) and not reader.records


@pytest.mark.parametrize("clock", [420, -420], ids=["ahead", "behind"])
def test_a_wrong_clock_is_no_part_of_what_latest_means_for_the_group(atomic_group, clock):
    group = atomic_group
    a = group.member(clock=clock, initialPositionInStream="LATEST")
    a.follow("s")
    apart = [moment_of(shard["sidecar"]["M"]["since"]["S"]) - now() for shard in group.shards().values()]
    # The service tells its time to the second.
    assert len(apart) == 4 and all(abs(each.total_seconds()) < 5 for each in apart), apart


def test_members_whose_clocks_are_minutes_apart_share_and_hand_over_as_others_do(atomic_group):
    group = atomic_group
    a, b = group.member(clock=420), group.member(clock=-420)
    first, second = a.follow("s"), b.follow("s")
    group.wait_shares(2, 2)
    group.put(range(40))
    eventually(lambda: len(numbers(first, second)) >= 40, 20, why="the records")
    beats = [moment_of(member["M"]["heartbeat"]["S"]) - now() for member in group.item()["consumers"]["M"].values()]
    assert all(abs(each.total_seconds()) < 10 for each in beats), beats
    assert a.terminate() == 0
    group.wait_shares(4, within=3)
    group.put(range(40, 80))
    eventually(lambda: len(numbers(first, second)) >= 80, 20, why="the rest")
    assert numbers(first, second) == list(range(80))


def test_a_throttled_table_is_named_and_costs_no_record(sidecars, tmp_path, ministack):
    proxy = ThrottlingProxy(port(ministack.url))
    group = Group(sidecars, f"http://127.0.0.1:{proxy.port}", tmp_path)
    make_stream(group.kinesis, "s", 4)
    a, b = group.member(), group.member()
    first, second = a.follow("s"), b.follow("s")
    group.wait_shares(2, 2)
    proxy.share = 1
    group.put(range(40))
    eventually(lambda: a.get("/readyz").json["warnings"], 10, why="a warning")
    eventually(lambda: proxy.refused >= 10, 20, why="requests that were refused")
    proxy.share = 0
    eventually(lambda: set(range(40)) <= set(numbers(first, second)), 20, why="the records")

    def stored():
        return all("S" in shard["checkpoint"] for shard in group.shards().values())

    # The interval is 32 s by now; a renewal says them.
    eventually(stored, 12, why="checkpoints")
    eventually(lambda: not a.get("/readyz").json["warnings"], 10, why="what is over is no warning")


def test_an_unreachable_table_is_named_and_recovers(sidecars, tmp_path, ministack):
    proxy = CuttingProxy(port(ministack.url))
    group = Group(sidecars, f"http://127.0.0.1:{proxy.port}", tmp_path)
    make_stream(group.kinesis, "s", 4)
    a = group.member()
    reader = a.follow("s")
    group.put(range(8))
    reader.wait_records(8)
    proxy.go_down()
    eventually(lambda: a.get("/readyz").json["warnings"], 10, why="a warning")
    assert a.get("/readyz").status == 200, "SQLite keeps the checkpoints"
    lost = 'kinesis_sidecar_leases_lost_total{stream="s",consumer_group="g"} 4'
    eventually(lambda: lost in a.get("/metrics").body.decode(), 20, why="the leases end by our own clock")
    proxy.come_back()
    group.put(range(8, 16))
    reader.wait(lambda r: set(range(16)) <= set(numbers(r)), 20, "the rest")
    eventually(lambda: not a.get("/readyz").json["warnings"], 10, why="what is over is no warning")


def port(url):
    return int(url.rpartition(":")[2])


def test_a_checkpoint_that_never_reached_dynamodb_holds_on_the_same_volume(sidecars, tmp_path, ministack):
    proxy = CuttingProxy(port(ministack.url))
    group = Group(sidecars, f"http://127.0.0.1:{proxy.port}", tmp_path)
    make_stream(group.kinesis, "s", 4)
    a = group.member(leaseDuration=20000, useAutoCheckpoints=False)
    reader = a.follow("s")
    group.put(range(8))
    reader.wait_records(8)
    proxy.go_down()
    group.put(range(8, 16))
    reader.wait_records(16)
    answer = a.post("/streams/s/checkpoints", {"id": reader.ids[-1]})
    assert answer.status == 200, answer
    a.kill()
    proxy.come_back()
    a.start()
    again = a.follow("s")
    group.put(range(16, 24))
    again.wait_records(8)
    assert numbers(again) == list(range(16, 24)), "nothing comes again"

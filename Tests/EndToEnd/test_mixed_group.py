"""A lifion-kinesis process is a member beside sidecars: nothing is lost, and each leaves alone what the other has."""

from datetime import timedelta

import pytest

from harness.cutting_proxy import CuttingProxy
from harness.group import Group, numbers
from harness.lifion_player import LifionPlayer, moment_of, now, set_heartbeat
from harness.records import make_stream
from harness.resharding import merge, split
from harness.waiting import eventually


@pytest.fixture
def group(sidecars, ministack, tmp_path):
    group = Group(sidecars, ministack.url, tmp_path)
    make_stream(group.kinesis, "s", 4)
    return group


@pytest.fixture
def player(group):
    """It has not begun."""
    player = LifionPlayer(group)
    yield player
    player.kill()


def wait_all(count, *members):
    """Everything has come to one of them; what came to two of them, or twice, is returned."""
    def came():
        return set(range(count)) <= set(numbers(*members))

    eventually(came, 20, why=f"{count} records")
    seen = numbers(*members)
    return sorted({n for n in seen if seen.count(n) > 1})


def follow_beside(group, player, a, b):
    """Readers of two sidecars that have one shard each; the player has two. It comes before the second: where two sidecars
    have two each, that is no more than lifion-kinesis's cap."""
    first = a.follow("s")
    player.start()
    group.wait_shares(2, 2)
    second = b.follow("s")
    group.wait_shares(1, 1, 2)
    return first, second


def test_a_player_takes_its_share_and_nothing_is_read_twice(group, player):
    a = group.member()
    reader = a.follow("s")
    group.put(range(100))
    reader.wait_records(100)
    player.start()
    group.wait_shares(2, 2)
    ours = {name: shard for name, shard in group.shards().items() if shard["leaseOwner"]["S"] != player.id}
    group.put(range(100, 200))
    assert wait_all(200, reader, player) == [], "it goes on behind the checkpoints of what it was given"
    eventually(lambda: all(lease_of(shard) > 200 for shard in group.shards().values()), 10, why="leases as long as lifion's")
    assert {name for name, shard in group.shards().items() if shard["leaseOwner"]["S"] != player.id} == set(ours)
    assert sum(record["shardId"] in ours for record in player.records) == 0, "what is ours it leaves alone"


def test_a_sidecar_leaves_alone_what_a_player_has_and_takes_the_rest(group, player):
    group.put(range(40))
    player.start()
    eventually(lambda: len(player.records) == 40, 20, why="the player reads all")
    a = group.member()
    reader = a.follow("s")
    group.put(range(40, 80))
    # lifion-kinesis gives nothing up: the sidecar has nothing until leases lapse.
    assert wait_all(80, player) == [] and not reader.records
    assert group.owners() == {player.id: 4}
    split(group.kinesis, "s")
    group.put(range(80, 120))
    assert wait_all(120, reader, player) == []


def test_checkpoints_that_a_player_stores_of_our_shards_lose_nothing(group, player):
    a = group.member()
    reader = a.follow("s")
    group.put(range(100))
    reader.wait_records(100)
    player.start()
    group.wait_shares(2, 2)
    ours = next(name for name, shard in group.shards().items() if shard["leaseOwner"]["S"] != player.id)
    of_ours = [record["sequenceNumber"] for record in reader.records if record["shardId"] == ours]
    eventually(lambda: group.shards()[ours]["checkpoint"] == {"S": of_ours[-1]}, 10, why="our checkpoint")
    # A former owner that was stopped writes what it knows: far back, and without a condition.
    player.store_checkpoint(ours, of_ours[0])
    group.put(range(100, 140))
    assert wait_all(140, reader, player) == []
    last = [record["sequenceNumber"] for record in reader.records if record["shardId"] == ours][-1]
    eventually(lambda: group.shards()[ours]["checkpoint"] == {"S": last}, 10, why="our next one holds")
    assert group.shards()[ours]["leaseOwner"]["S"] != player.id, "a changed version is no lost lease"


def test_children_of_a_shard_that_a_player_marks_read_out_are_read(group, player):
    a = group.member()
    reader = a.follow("s")
    group.put(range(40))
    reader.wait_records(40)
    player.start()
    group.wait_shares(2, 2)
    theirs = sorted(name for name, shard in group.shards().items() if shard["leaseOwner"]["S"] == player.id)
    children = split(group.kinesis, "s", theirs[0])
    group.put(range(40, 120), shards=8)
    assert wait_all(120, reader, player) == []
    shards = group.shards()
    assert shards[theirs[0]]["depleted"] == {"BOOL": True} and shards[theirs[0]]["leaseOwner"] == {"S": player.id}
    assert all(shards[child]["leaseOwner"].get("S") for child in children), "somebody has each of them"


def test_a_shard_of_a_sidecar_and_one_of_a_player_that_are_merged_go_on_in_their_child(group, player):
    a = group.member()
    reader = a.follow("s")
    group.put(range(40))
    reader.wait_records(40)
    player.start()
    group.wait_shares(2, 2)
    owners = {name: shard["leaseOwner"]["S"] for name, shard in sorted(group.shards().items())}
    names = list(owners)
    one, other = next((one, other) for one, other in zip(names, names[1:]) if owners[one] != owners[other])
    child = merge(group.kinesis, "s", one, other)
    group.put(range(40, 120))
    assert wait_all(120, reader, player) == []
    eventually(lambda: all(group.shards()[name]["depleted"]["BOOL"] for name in (one, other)), 10, why="both are read out")
    assert group.shards()[child]["leaseOwner"].get("S")


@pytest.mark.seconds(90)
def test_what_a_killed_player_leaves_is_taken_once_it_is_cleared(group, player):
    a = group.member()
    reader = a.follow("s")
    player.start()
    group.wait_shares(2, 2)
    group.put(range(40))
    wait_all(40, reader, player)
    player.kill()
    group.put(range(40, 80))
    # Another lifion-kinesis process starts, by whose clock the first one's time is over.
    set_heartbeat(group, player, now() - timedelta(seconds=41))
    second = LifionPlayer(group).start()
    eventually(lambda: player.id not in group.item()["consumers"]["M"], 10, why="it is cleared")
    assert wait_all(80, reader, player, second) == []
    second.kill()
    # One that was silent for longer than clocks may be apart is cleared by a sidecar that has never seen it move.
    set_heartbeat(group, second, now() - timedelta(minutes=6))
    assert a.terminate() == 0
    group.put(range(80, 120))
    again = group.member().follow("s")
    assert wait_all(120, reader, player, second, again) == []
    assert list(group.owners().values()) == [4] and len(group.item()["consumers"]["M"]) == 1


def test_a_sidecar_that_is_killed_beside_a_player_is_cleared_and_its_shards_are_read(group, player):
    """Leases are 300 s there: it is the member's heartbeat that is looked at."""
    a, b = group.member(), group.member()
    first, second = follow_beside(group, player, a, b)
    group.put(range(40))
    wait_all(40, first, second, player)
    b.kill()
    group.put(range(40, 80))
    wait_all(80, first, second, player)
    group.wait_shares(2, 2)
    assert len(group.item()["consumers"]["M"]) == 2


def test_a_sidecar_that_is_cut_off_beside_a_player_reads_nothing_any_more_once_it_is_cleared(group, player):
    """Its leases are 300 s, but the others clear a sidecar that is silent for its `leaseDuration`."""
    proxy = CuttingProxy(int(group.url.rpartition(":")[2]))
    a, b = group.member(dynamoDb={"endpoint": f"http://127.0.0.1:{proxy.port}"}), group.member()
    first, second = follow_beside(group, player, a, b)
    group.put(range(40))
    wait_all(40, first, second, player)
    proxy.go_down()
    group.wait_shares(2, 2)
    group.put(range(40, 80))
    # What it had read comes again or not, as its checkpoints were written or not before it was cut off.
    eventually(lambda: set(range(40, 80)) <= set(numbers(second, player)), 20, why="what was put afterwards")
    assert [n for n in numbers(second, player) if n >= 40] == list(range(40, 80)), "each once"
    assert set(numbers(first, second, player)) == set(range(80))
    assert max(numbers(first)) < 40, "others have what it had"


def test_sidecars_that_have_nothing_to_say_beside_a_player_are_not_cleared_by_each_other(group, player):
    """Their leases are 300 s, and what others go by is still their `leaseDuration`, 5 s."""
    a, b = group.member(), group.member()
    follow_beside(group, player, a, b)
    begun = now()

    def is_later():
        beats = [moment_of(member["M"]["heartbeat"]["S"]) for member in group.item()["consumers"]["M"].values()]
        return len(beats) == 3 and min(beats) > begun + timedelta(seconds=8)

    eventually(is_later, 30, why="heartbeats of all three")
    lost = 'kinesis_sidecar_leases_lost_total{stream="s",consumer_group="g"} 0'
    assert all(lost in member.get("/metrics").body.decode() for member in (a, b))


def test_a_sidecar_without_a_reader_leaves_its_shards_to_a_player_and_has_them_again_only_from_it(group, player):
    a = group.member(readerGracePeriod=500)
    reader = a.follow("s")
    player.start()
    group.wait_shares(2, 2)
    reader.close()
    eventually(lambda: group.owners() == {player.id: 4}, 20, why="the player reads all")
    group.put(range(40))
    assert wait_all(40, player) == []
    again = a.follow("s")
    group.put(range(40, 80))
    assert wait_all(80, player) == [] and not again.records
    assert group.owners() == {player.id: 4}, "lifion-kinesis gives nothing up while its leases hold"


@pytest.mark.parametrize("ends_early", [True, False])
def test_a_player_that_does_not_find_the_stream_and_takes_the_item_away_loses_nothing_of_ours(group, player, ends_early):
    a, b = group.member(), group.member()
    first, second = a.follow("s"), b.follow("s")
    group.wait_shares(2, 2)
    group.put(range(80))
    wait_all(80, first, second)
    created_on = group.item()["streamCreatedOn"]

    def stored():
        return all("S" in shard["checkpoint"] for shard in group.shards().values())

    eventually(stored, 10, why="checkpoints")
    player.start_while_the_stream_is_missing(ends_early)
    group.put(range(80, 160))
    eventually(lambda: (group.item() or {}).get("streamCreatedOn") == created_on, 20, why="the time that the service says")
    wait_all(160, first, second)
    group.wait_shares(2, 2, within=30)
    group.put(range(160, 200))
    assert len(wait_all(200, first, second)) < 160, "what SQLite knows does not begin again"


def test_a_player_whose_clock_is_ahead_clears_the_sidecars_and_has_all_shards_and_nothing_is_lost(group):
    """By its clock their heartbeats, which are up to 13 s old, are older than 40 s."""
    a = group.member(leaseDuration=40_000)
    reader = a.follow("s")
    group.put(range(40))
    reader.wait_records(40)
    player = LifionPlayer(group, clock=60).start()
    try:
        eventually(lambda: group.owners() == {player.id: 4}, 10, why="the player has all")
        lost = 'kinesis_sidecar_leases_lost_total{stream="s",consumer_group="g"} 4'
        eventually(lambda: lost in a.get("/metrics").body.decode(), 10, why="the sidecar sees it")
        group.put(range(40, 80))
        wait_all(80, reader, player)
        assert max(numbers(reader)) < 40
    finally:
        player.kill()


def test_a_player_whose_clock_is_minutes_behind_is_a_member_as_any(group):
    a = group.member()
    reader = a.follow("s")
    group.put(range(40))
    reader.wait_records(40)
    player = LifionPlayer(group, clock=-200).start()
    try:
        group.wait_shares(2, 2)
        group.put(range(40, 80))
        assert wait_all(80, reader, player) == []
    finally:
        player.kill()


def lease_of(shard):
    """Seconds that are left of a lease."""
    return (moment_of(shard["leaseExpiration"]["S"]) - now()).total_seconds()

"""Children of several sidecars in one group over DynamoDB: a shard has one child, and what was checkpointed stays so."""

import signal

import pytest

from harness.group import Group
from harness.multilang import Notes, is_alive, processor
from harness.records import make_stream
from harness.waiting import eventually

LAST = ["shutdownRequested", "checkpoint", "checkpointed", "leaseLost", "end"]


class Hosts:
    """Members of the group `g` whose children process the stream `s`; each has its notes."""

    def __init__(self, group):
        self.group = group
        self.notes = {}

    def start(self, name, *settings, **more):
        notes = self.notes[name] = Notes(self.group.folder / f"notes-{name}")
        command = processor(notes.folder, *settings)
        return self.group.member(name, processors=[{"command": command, "streamName": "s", "consumerGroup": "g", **more}])

    def numbers(self):
        return sorted(n for notes in self.notes.values() for n in notes.numbers())

    def wait_numbers(self, expected, within=30):
        expected = set(expected)
        eventually(lambda: expected <= set(self.numbers()), within, why=f"{len(expected)} records")


@pytest.fixture(params=["moto", "ministack"])
def hosts(request, sidecars, tmp_path):
    group = Group(sidecars, request.getfixturevalue(request.param).url, tmp_path)
    make_stream(group.kinesis, "s", 4)
    return Hosts(group)


@pytest.fixture
def atomic_hosts(sidecars, ministack, tmp_path):
    """moto's conditional writes are not atomic: races count on ministack alone."""
    group = Group(sidecars, ministack.url, tmp_path)
    make_stream(group.kinesis, "s", 4)
    return Hosts(group)


def test_a_second_host_gets_its_share_behind_the_last_checkpoints_of_the_first(hosts):
    # Nothing is checkpointed but at shutdownRequested.
    hosts.start("a", "checkpoint=never")
    hosts.group.put(range(40))
    hosts.wait_numbers(range(40))
    hosts.start("b", "checkpoint=never")
    hosts.group.wait_shares(2, 2, within=30)
    eventually(lambda: len({path.stem for path in hosts.notes["b"].folder.glob("shardId*")}) == 2, 10)
    moved = {path.stem for path in hosts.notes["b"].folder.glob("shardId*")}
    for shard in moved:
        assert hosts.notes["a"].kinds(shard)[-5:] == LAST
        begun = hosts.notes["b"].met("initialize", shard=shard)[0]
        assert begun["sequenceNumber"] == hosts.notes["a"].records(shard)[-1][0]
        asked = hosts.notes["a"].met("checkpointed", shard=shard)[-1]
        assert asked["error"] is None and asked["at"] < begun["at"]
    hosts.group.put(range(40, 80))
    hosts.wait_numbers(range(80))
    assert hosts.numbers() == list(range(80)), "nothing twice"


def test_a_host_that_ends_leaves_its_shards_and_one_that_is_killed_loses_them(hosts):
    a = hosts.start("a")
    b = hosts.start("b")
    hosts.group.wait_shares(2, 2, within=30)
    hosts.group.put(range(40))
    hosts.wait_numbers(range(40))
    eventually(lambda: all("S" in shard["checkpoint"] for shard in hosts.group.shards().values()), 10)
    assert a.terminate() == 0
    hosts.group.wait_shares(4, within=10)
    hosts.group.put(range(40, 80))
    hosts.wait_numbers(range(80))
    assert hosts.numbers() == list(range(80))
    hosts.start("c")
    hosts.group.wait_shares(2, 2, within=30)
    b.kill()
    hosts.group.wait_shares(4, within=20)
    hosts.group.put(range(80, 120))
    hosts.wait_numbers(range(120))
    assert set(hosts.numbers()) == set(range(120))


def test_a_child_of_a_host_that_lost_its_leases_may_not_checkpoint(atomic_hosts):
    """As in the recording 05-lease-lost: the host stands still for longer than its leases, while its children work."""
    hosts, go = atomic_hosts, atomic_hosts.group.folder / "go"
    a = hosts.start("a", f"until={go}", "lost=checkpoint")
    hosts.group.put(range(40))
    hosts.notes["a"].wait_met("processRecords", 4)
    a.process.send_signal(signal.SIGSTOP)
    hosts.start("b")
    try:
        hosts.notes["b"].wait_numbers(range(40))
    finally:
        a.process.send_signal(signal.SIGCONT)
    go.touch()
    for shard in {entry["shard"] for entry in hosts.notes["a"].met("processRecords")}:
        hosts.notes["a"].wait_met("leaseLost", shard=shard)
        hosts.notes["a"].wait_met("checkpointed", 2, shard=shard)
        errors = [entry["error"] for entry in hosts.notes["a"].met("checkpointed", shard=shard)[:2]]
        assert errors == ["ShutdownException", "InvalidStateException"]


def test_a_shard_whose_children_keep_failing_goes_to_another_host(atomic_hosts):
    hosts = atomic_hosts
    # The balance alone would leave this one where it is: the last ones by name go first.
    shard = "shardId-000000000000"
    hosts.start("a", f"shard={shard}", "at=processRecords:1-1000:exit", maxChildRestarts=2)
    hosts.notes["a"].wait_met("initialize", shard=shard)
    hosts.start("b")
    hosts.group.wait_shares(2, 2, within=30)
    hosts.group.put(range(40))
    hosts.wait_numbers(range(40))
    hosts.notes["a"].wait_met("processRecords", 3, shard=shard)
    eventually(lambda: len(set(hosts.notes["b"].numbers(shard))) == 10, 40, why="the shard at the other host")
    hosts.group.put(range(40, 80))
    hosts.wait_numbers(range(80))
    eventually(lambda: len(set(hosts.notes["b"].numbers(shard))) == 20, 20, why="it stays there")


def test_a_shard_that_no_host_gets_on_with_is_told_by_each(atomic_hosts):
    hosts, shard = atomic_hosts, "shardId-000000000000"
    sidecars = [
        hosts.start(name, f"shard={shard}", "at=processRecords:1-1000:exit", maxChildRestarts=1) for name in "ab"]
    hosts.group.wait_shares(2, 2, within=30)
    hosts.group.put(range(40))

    def each_tells():
        for sidecar in sidecars:
            [consumer] = sidecar.get("/streams").json["consumers"]
            assert f"nobody reads {shard}: the work on it fails here (" in consumer.get("problem", "")
            assert "no other member has taken it" in consumer["problem"]
            assert f"nobody reads {shard}" in sidecar.get("/readyz").body.decode()
        return True

    eventually(each_tells, 60)


def test_POST_drain_hands_shards_over_behind_the_last_checkpoints_of_children_that_take_their_time(atomic_hosts):
    hosts = atomic_hosts
    # Nothing is checkpointed but at shutdownRequested, and longer behind it than acknowledgements of readers are waited for.
    a = hosts.start("a", "checkpoint=never", "pause=7", shutdownGrace=15000)
    hosts.start("b", "checkpoint=never")
    hosts.group.wait_shares(2, 2, within=30)
    hosts.group.put(range(40))
    busy = {entry["shard"] for entry in hosts.notes["a"].wait_met("processRecords", 2)}
    assert len(busy) == 2
    assert a.post("/drain", b"").status == 202
    hosts.group.wait_shares(4, within=20)
    assert all(hosts.notes["a"].kinds(shard)[-5:] == LAST for shard in busy)
    hosts.group.put(range(40, 80))
    hosts.wait_numbers(range(80))
    assert hosts.numbers() == list(range(80)), "nothing twice"


def test_children_of_a_killed_host_are_gone(atomic_hosts):
    a = atomic_hosts.start("a", "deaf=1")
    atomic_hosts.group.put(range(8))
    atomic_hosts.wait_numbers(range(8))
    pids = atomic_hosts.notes["a"].living()
    assert len(pids) == 4
    a.kill()
    eventually(lambda: not any(map(is_alive, pids)), 5)

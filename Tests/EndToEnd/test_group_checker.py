"""Some seeds of the checker of groups (Tests/Checker), and that it sees what it is there to see."""

import os
import re
import subprocess
import sys
import time

import pytest

from harness.sidecar import PROGRAM, ROOT

CHECKER = ROOT / "Tests" / "Checker"
sys.path.insert(0, str(CHECKER))

from group_plan import GroupPlan  # noqa: E402
from group_verdict import Disturbance, GroupLedger, judge  # noqa: E402
from ledger import Sequence  # noqa: E402


STEPS = 7
# Seeds of enhanced fan-out.
PUSHED = (8, 31)


@pytest.mark.seconds(180)
@pytest.mark.parametrize("seed", [20, 31])
def test_nothing_is_lost_whatever_is_disturbed(seed):
    """Manual and automatic checkpoints, clocks apart and a throttled table; `make soak SEEDS=n` runs more and longer ones."""
    check(seed)


@pytest.mark.seconds(180)
@pytest.mark.parametrize("seed", PUSHED)
def test_nothing_is_lost_of_what_is_pushed(seed):
    check(seed, "--fan-out")


def test_what_is_pushed_comes_to_more_members_than_there_are_consumers():
    plans = [GroupPlan(seed, STEPS, fan_out=True) for seed in PUSHED]
    assert {plan.manual for plan in plans} == {False, True}
    assert all(plan.consumers < plan.members for plan in plans)
    assert {"cutFrame", "silence", "badChecksum", "exception", "splitFrames", "deregister", "split", "merge", "kill"} <= {
        step.kind for plan in plans for step in plan.steps}


def check(seed, *options):
    checker = subprocess.run(
        [sys.executable, str(CHECKER), "--groups", "--seed", str(seed), "--steps", str(STEPS), *options],
        env={**os.environ, "KINESIS_SIDECAR": str(PROGRAM)}, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=170)
    print(checker.stdout)
    assert checker.returncode == 0, checker.stdout
    if not options:  # readers stay longer with enhanced fan-out, and few of them speak gRPC
        assert re.search(r", [1-9]\d* of them gRPC,", checker.stdout)


class Story:
    """Ten records of shard "a", n at sequence number n, and two of its child "b"; a test tells who got them when. Time goes
    on by 10 s from one telling to the next."""

    def __init__(self):
        self.ledger, self.parents = GroupLedger(), {"a": [], "b": ["a"]}
        self.stored = {("a", Sequence(n)): (n, 0) for n in range(10)} | {("b", Sequence(n)): (n, 0) for n in (100, 101)}
        self.now = time.time() - 1000
        self.readers = [self.ledger.reader_of(member) for member in range(3)]

    def reader(self, member, how=None):
        connection = self.ledger.connected(self.readers[member])
        connection.opened, connection.how = self.now, how
        return connection

    def assigned(self, connection, shard="a"):
        self.ledger.told(connection, shard, "assigned")
        connection.assigned[shard] = (self.now, self.ledger.events)
        return self

    def sent(self, connection, numbers, shard="a"):
        self.now += 10
        for n in numbers:
            connection.received += 100
            self.ledger.delivered(connection, connection.received, shard, [{"sequenceNumber": str(n), "data": {"n": n}}])
            self.ledger.deliveries[-1].at = self.now
        return self

    def turn(self, member, numbers, shard="a", how=None):
        """A connection of the member gets the shard, and these of its records; then it ends."""
        self.now += 10
        connection = self.reader(member, how)
        self.assigned(connection, shard).sent(connection, numbers, shard)
        connection.ended = self.now if how else None
        return self

    def acknowledged(self, upto, shard="a"):
        self.now += 10
        self.ledger.stored(shard, Sequence(upto))
        self.ledger.acknowledgements[-1].answered = self.now
        return self

    def disturbed(self, reason, member, seconds=0):
        self.ledger.disturbances.append(Disturbance(reason, member, self.now, self.now + seconds))
        return self

    def end(self):
        return self.turn(0, (100, 101), "b", "end")

    def findings(self, manual=False):
        found = judge(self.ledger, self.stored, self.parents, {}, manual).findings
        return {title: len(where) for title, where in found.items() if where}


def test_a_shard_that_goes_from_one_member_to_the_next_is_no_finding():
    assert Story().turn(0, range(4), how="end").turn(1, range(4, 10), how="end").end().findings() == {}


def test_what_was_passed_over_at_a_hand_over_is_lost():
    story = Story().turn(0, range(4), how="end").turn(1, range(6, 10), how="end").end()
    assert story.findings() == {"begun behind a gap": 1, "lost": 2}


def test_what_was_passed_over_and_came_later_is_a_gap():
    story = Story().turn(0, range(4), how="end").turn(1, range(6, 10), how="end")
    story.disturbed("killed", 1).turn(2, range(4, 10), how="end").end()
    assert story.findings() == {"begun behind a gap": 1}


def test_what_is_left_out_within_a_turn_is_a_gap():
    assert Story().turn(0, [0, 1, 2, 5, 6, 7, 8, 9], how="end").end().findings()["begun behind a gap"] == 1


def test_two_members_that_send_a_shard_at_the_same_time_are_seen():
    story = Story()
    one, other = story.reader(0), story.reader(1)
    story.assigned(one).sent(one, [0, 1])
    story.assigned(other).sent(other, [2, 3])
    story.sent(one, range(4, 10))
    assert story.end().findings() == {"begun behind a gap": 1, "two members at a time": 1}


def test_a_member_that_gets_a_shard_back_has_it_anew():
    story = Story()
    one, other = story.reader(0), story.reader(1)
    story.assigned(one).sent(one, [0, 1])
    story.ledger.told(one, "a", "revoked")
    story.assigned(other).sent(other, [2, 3])
    story.now += 10
    story.assigned(one).sent(one, range(4, 10))
    assert story.end().findings() == {}


def test_a_child_before_its_parents_end_is_disorder():
    story = Story().turn(0, range(4), how="end").turn(1, (100, 101), "b", "end").turn(0, range(4, 10), how="end")
    assert story.findings() == {"out of order": 1}


@pytest.mark.parametrize("reason", ["killed", "stopped by SIGSTOP", "cut off from DynamoDB", "throttled by DynamoDB"])
def test_a_repetition_needs_something_that_kept_a_member_from_saying_how_far_it_is(reason):
    def again(story):
        return story.turn(1, range(8, 10), how="end").end().findings()

    assert again(Story().turn(0, range(10), how="end")) == {"twice for no reason": 2}
    assert again(Story().turn(0, range(10), how="end").disturbed(reason, 0, 1)) == {}
    assert again(Story().turn(0, range(10), how="end").disturbed(reason, 2, 1)) == {"twice for no reason": 2}, "not its own"
    late = Story().turn(0, range(10), how="end")
    late.now += 60
    assert again(late.disturbed(reason, 0, 1)) == {"twice for no reason": 2}, "it was written by then"


def test_a_lost_connection_of_the_member_is_a_reason():
    assert Story().turn(0, range(10), how="killed").turn(1, range(8, 10), how="end").end().findings() == {}


def test_what_is_acknowledged_does_not_come_to_another_member_and_what_is_not_does():
    def story(upto):
        return Story().turn(0, range(10), how="end").acknowledged(upto)

    def rest(story, first):
        return story.turn(1, range(first, 10), how="end").acknowledged(9).end().acknowledged(101, "b").findings(manual=True)

    assert rest(story(5), 6) == {}
    assert rest(story(5), 4) == {"twice for no reason": 2}
    assert rest(story(5), 8) == {"begun behind a gap": 1}
    killed = story(5)
    killed.disturbed("killed", 0)
    assert rest(killed, 4) == {}, "it may have been killed before the item had it"


def test_what_is_never_acknowledged_is_seen():
    story = Story().turn(0, range(10), how="end").acknowledged(7).end().acknowledged(101, "b")
    assert story.findings(manual=True) == {"delivered, never acknowledged, and not again": 2}

"""A seed of the checker of record processors (Tests/Checker), and that it sees what it is there to see."""

import os
import subprocess
import sys

import pytest

from harness.sidecar import PROGRAM, ROOT

CHECKER = ROOT / "Tests" / "Checker"
sys.path.insert(0, str(CHECKER))

from group_verdict import Disturbance  # noqa: E402
from ledger import Sequence  # noqa: E402
from multilang.verdict import Run, judge  # noqa: E402


@pytest.mark.seconds(180)
def test_nothing_is_lost_whatever_is_disturbed():
    """`make soak SEEDS=n` runs more and longer ones."""
    checker = subprocess.run(
        [sys.executable, str(CHECKER), "--multilang", "--seed", "3", "--steps", "11"],
        env={**os.environ, "KINESIS_SIDECAR": str(PROGRAM)}, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=170)
    print(checker.stdout)
    assert checker.returncode == 0, checker.stdout


class Story:
    """Ten records of shard "a", n at sequence number n, an aggregate of five behind them at 10, and two of its child "b"; a
    test tells what their processes met. Time goes on by 10 s from one telling to the next."""

    def __init__(self):
        self.stored = {("a", Sequence(n)): (n, 0) for n in range(10)}
        self.stored |= {("a", Sequence(10, sub)): (10 + sub, 0) for sub in range(5)}
        self.stored |= {("b", Sequence(n)): (n, 0) for n in (100, 101)}
        self.entries, self.seen = [], Run()
        self.now, self.pid = 1000.0, 0
        self.checkpoints = {"a": "10", "b": "101"}

    def note(self, what, shard="a", **details):
        self.now += 10
        self.entries.append({"shard": shard, "what": what, "at": self.now, "pid": self.pid, "host": 0, **details})
        return self

    def begin(self, number="TRIM_HORIZON", sub=0, shard="a"):
        self.pid += 1
        return self.note("initialize", shard, sequenceNumber=str(number), subSequenceNumber=sub)

    def tell(self, numbers, shard="a"):
        places = [(10, n - 10) if shard == "a" and n >= 10 else (n, 0) for n in numbers]
        return self.note("processRecords", shard, records=[[str(at), sub, n] for (at, sub), n in zip(places, numbers)])

    def checkpoint(self, number=None, sub=None, shard="a", error=None, answered=True):
        place = {"sequenceNumber": None if number is None else str(number), "subSequenceNumber": sub}
        self.note("checkpoint", shard, **place)
        return self.note("checkpointed", shard, **place, error=error) if answered else self

    def finish(self):
        """All is done, as it should be."""
        self.tell(range(15)).checkpoint()
        self.note("shardEnded").checkpoint()
        return self.begin(shard="b").tell([100, 101], "b").checkpoint(shard="b")

    def findings(self):
        verdict = judge(
            self.entries, self.stored, {"a": [], "b": ["a"]}, {n: place for place, (n, _) in self.stored.items()}, self.seen,
            self.checkpoints)
        return {title: len(found) for title, found in verdict.findings.items() if found}


def test_a_run_without_faults_holds():
    assert Story().begin().finish().findings() == {}


def test_what_is_lost_or_out_of_order_is_seen():
    story = Story().begin().tell([0, 1, 3])
    assert story.findings()["out of order"] == 1 and story.findings()["lost"] == 13
    assert "out of order" in Story().begin().tell([0, 1, 1]).findings()
    assert "not in the stream" in Story().begin().tell([50]).findings()


def test_what_was_checkpointed_does_not_come_again():
    def story(begin, **more):
        told = Story().begin().tell(range(10)).checkpoint(4, 0, **more)
        told.seen.signalled.add(told.pid)
        return told.begin(begin).tell(range(begin + 1, 15)).findings()

    assert "checkpointed, and again" not in story(4)
    assert story(3)["checkpointed, and again"] == 1
    assert story(3)["begun where no checkpoint was"] == 1
    assert "begun where no checkpoint was" in story(5)
    # What had no answer may be stored, or not.
    assert "begun where no checkpoint was" not in story(4, answered=False)
    assert "begun where no checkpoint was" in story(4, error="ShutdownException")


def test_what_was_checkpointed_right_before_its_host_was_killed_may_be_unknown_to_the_next():
    story = Story().begin().tell(range(10)).checkpoint(4, 0)
    story.seen.disturbances.append(Disturbance("killed", 0, since=story.now + 1, until=story.now + 1))
    story.begin().tell(range(15))
    assert "checkpointed, and again" not in story.findings() and "twice for no reason" not in story.findings()
    story.seen.disturbances[0].member = 1
    assert {"checkpointed, and again", "twice for no reason"} <= story.findings().keys()


def test_a_process_begins_inside_an_aggregate_where_its_checkpoint_says():
    def story(sub, begin):
        told = Story().begin().tell(range(15)).checkpoint(10, sub)
        told.seen.signalled.add(told.pid)
        return told.begin(10, sub or 0).tell(range(begin, 15)).findings()

    assert "out of order" not in story(2, 13) and "twice for no reason" not in story(2, 13)
    assert "out of order" in story(2, 12)
    assert "out of order" not in story(None, 11), "without a sub-sequence number the first is done"
    idle = Story().begin().tell(range(15)).checkpoint(10)
    idle.seen.signalled.add(idle.pid)
    idle.begin(10).note("shutdownRequested").checkpoint().begin(10).tell(range(11, 15))
    assert idle.findings() == {"lost": 2}, "which of the two it was is known of the checkpoint; b is not told"
    whole = Story().begin().tell(range(15)).checkpoint(10, 4).begin(10, 0).note("shardEnded").checkpoint()
    assert "ended early" not in whole.findings(), "of a whole aggregate nobody knows how many it had"


def test_a_repetition_needs_a_reason():
    story = Story().begin().tell(range(10)).begin().tell(range(15))
    assert story.findings()["twice for no reason"] == 1
    story.seen.signalled.add(1)
    assert "twice for no reason" not in story.findings()
    crashed = Story().begin().tell(range(10)).note("crash").begin().tell(range(15))
    assert "twice for no reason" not in crashed.findings()


def test_two_processes_of_a_shard_at_a_time_are_seen():
    story = Story().begin().tell(range(5))
    story.begin().tell(range(5))
    story.pid = 1
    story.tell(range(5, 8))
    assert "two at a time" in story.findings()


def test_a_shard_begins_behind_its_parents_end_which_begins_no_more():
    early = Story().begin().tell(range(15)).checkpoint().begin(shard="b").tell([100, 101], "b").checkpoint(shard="b")
    assert early.findings() == {"begun before a parent's end": 1}
    assert Story().begin().finish().begin(10, 4).findings() == {"begun behind its end": 1}
    assert "ended early" in Story().begin().tell(range(9)).note("shardEnded").findings()


def test_a_checkpoint_that_may_not_be_refused_is_seen():
    assert Story().begin().tell(range(5)).checkpoint(4, 0, error="IllegalArgumentException").findings()["wrong errors"] == 1
    refused = Story().begin().tell(range(5)).checkpoint(4, error="IllegalArgumentException").findings()
    assert "wrong errors" not in refused


def test_the_end_of_a_run_leaves_each_shard_at_its_last_record():
    story = Story().begin().finish()
    story.checkpoints["b"] = "100"
    assert story.findings() == {"not checkpointed in the end": 1}

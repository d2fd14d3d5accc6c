"""Some seeds of the checker (Tests/Checker), and that the checker sees what it is there to see."""

import os
import subprocess
import sys
import time

import pytest

from harness.sidecar import PROGRAM, ROOT

CHECKER = ROOT / "Tests" / "Checker"
sys.path.insert(0, str(CHECKER))

from ledger import Ledger, Put  # noqa: E402
from verdict import judge  # noqa: E402


# Seeds that are run at the same time: a run waits more than it works.
AT_ONCE = 2


@pytest.mark.seconds(900)
def test_nothing_is_lost_whatever_is_disturbed():
    """Ten seeds of 50,000 records; `make soak SEEDS=n` runs more."""
    waiting, running, failed = list(range(1, 11)), {}, []
    try:
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                seed = waiting.pop(0)
                running[seed] = check(seed)
            seed = next((seed for seed, checker in running.items() if checker.poll() is not None), None)
            if seed is None:
                time.sleep(0.2)  # the pause between two looks
                continue
            checker = running.pop(seed)
            told = checker.communicate()[0]
            print(told)
            if checker.returncode != 0:
                failed.append(told)
    finally:
        for checker in running.values():
            checker.terminate()  # it ends its processes
    assert not failed, "\n".join(failed)


def check(seed):
    command = [sys.executable, str(CHECKER), "--seed", str(seed)]
    return subprocess.Popen(
        command, env={**os.environ, "KINESIS_SIDECAR": str(PROGRAM)}, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


class Story:
    """Ten records, n at sequence number n of shard "a"; a test tells what happened to them."""

    def __init__(self):
        self.ledger, self.parents = Ledger(), {"a": [], "b": ["a"]}
        self.stored = {("a", n): (n, time.time()) for n in range(10)}
        for n in range(10):
            self.put(n, ("a", n))

    def put(self, n, *places):
        self.ledger.puts[n] = Put(n, 0, list(places), [(time.time(), time.time(), "acknowledged")])

    def connection(self, numbers, how=None, shard="a", resumed=None):
        connection = self.ledger.connected(0, resumed)
        self.tell(connection, numbers, shard)
        connection.how, connection.ended = how, time.time() if how else None
        return self

    def tell(self, connection, numbers, shard="a"):
        """The shard is the connection's from here on, and these of its records come."""
        self.ledger.told(connection, shard, "assigned")
        for n in numbers:
            connection.received += 100
            self.ledger.delivered(connection, connection.received, shard, [{"sequenceNumber": str(n), "data": {"n": n}}])

    def settle(self):
        """So much time goes by that nothing that came before lies in a socket any more."""
        for d in self.ledger.deliveries:
            d.at -= 60
        for c in self.ledger.connections:
            c.opened -= 60
            c.ended = c.ended and c.ended - 60
        return self

    def findings(self, manual=False):
        found = judge(self.ledger, self.stored, self.parents, manual).findings
        return {title: len(where) for title, where in found.items() if where}


def test_the_checker_is_content_when_all_came_once_and_in_order():
    assert Story().connection(range(10)).findings() == {}


@pytest.mark.parametrize("how", ["end", "left", "cut", "killed"])
def test_the_checker_misses_what_was_passed_over(how):
    assert Story().connection(range(4), how).connection(range(6, 10)).findings() == {"lost": 2}


def test_the_checker_misses_the_last_records():
    assert Story().connection(range(8)).findings() == {"lost": 2}


def test_the_checker_sees_disorder_on_a_connection():
    assert Story().connection([0, 2, 1, *range(3, 10)]).findings() == {"out of order": 1}
    # Where the shard is assigned anew it may go back, for a reason.
    story = Story().connection([0, 1], "killed").connection([2, 3, 4])
    story.tell(story.ledger.connections[1], range(10))
    assert story.findings() == {}


def test_the_checker_sees_records_of_a_shard_that_the_connection_has_not():
    story = Story().connection(range(10))
    connection = story.ledger.connections[0]
    story.ledger.told(connection, "a", "revoked")
    story.ledger.delivered(connection, 2000, "a", [{"sequenceNumber": "9", "data": {"n": 9}}])
    assert story.findings()["else"] == 1


def test_a_child_before_its_parents_end_is_disorder():
    def story():
        told = Story().connection(range(5))
        told.stored["b", 100] = (100, time.time())
        told.put(100, ("b", 100))
        told.tell(told.ledger.connections[0], [100], "b")
        return told

    same = story()
    same.tell(same.ledger.connections[0], range(5, 10))
    assert same.findings() == {"out of order": 1}
    # Another reader may have left it in its socket, or have been killed over it.
    other = story()
    other.ledger.connections[0].opened -= 1
    other.connection(range(5, 10))
    other.ledger.connections[1].opened -= 2
    assert other.findings() == {}
    late = story().settle().connection(range(5, 10))
    assert late.findings() == {"out of order": 1}
    assert other.findings(manual=True)["out of order"] == 1


def test_a_repetition_needs_a_reason():
    assert Story().connection(range(10), "end").connection([9]).findings() == {"twice for no reason": 1}
    assert Story().connection(range(10), "killed").connection([9]).findings() == {}
    once_more = Story().connection(range(10), "killed").settle().connection([9], "end")
    assert once_more.findings() == {}
    assert once_more.connection([9]).findings() == {"twice for no reason": 1}
    killed = Story().connection(range(10), "end")
    killed.ledger.kills.append(time.time())
    assert killed.connection([8, 9]).findings() == {}
    long_ago = Story().connection(range(10), "end").settle()
    long_ago.ledger.kills.append(time.time())
    assert long_ago.connection([8, 9]).findings() == {"twice for no reason": 2}


def test_what_was_read_more_than_the_unread_bytes_ago_does_not_come_again():
    story = Story().connection(range(10), "killed").settle()
    story.ledger.connections[0].ended = time.time()
    story.ledger.connections[0].received += 9 * 1024 * 1024
    assert story.connection([9]).findings() == {"twice for no reason": 1}


def test_last_event_id_is_a_reason_for_what_lies_behind_that_event():
    story = Story().connection(range(10), "end")
    fifth = (story.ledger.deliveries[5].event, story.ledger.connections[0])
    assert story.settle().connection(range(6, 10), resumed=fifth).findings() == {}
    story = Story().connection(range(10), "end")
    fifth = (story.ledger.deliveries[5].event, story.ledger.connections[0])
    assert story.settle().connection(range(5, 10), resumed=fifth).findings() == {"twice for no reason": 1}


def test_what_is_acknowledged_does_not_come_again_and_what_is_not_does():
    story = Story().connection(range(10), "killed")
    story.ledger.stored("a", 5)
    time.sleep(0.001)  # a later time
    assert story.connection(range(6, 10)).findings(manual=True) == {
        "delivered, never acknowledged, and not again": 4}
    story.ledger.stored("a", 9)
    assert story.findings(manual=True) == {}
    story.connection([5])
    assert story.findings(manual=True) == {"twice for no reason": 1}


def test_the_checker_knows_what_was_put():
    story = Story().connection(range(10))
    story.put(4, ("a", 44))
    assert story.findings() == {"acknowledged, not stored": 1}
    story = Story().connection(range(10))
    story.stored["a", 3] = (33, time.time())
    assert story.findings() == {"acknowledged, not stored": 1, "changed": 2}


def test_two_copies_of_a_record_need_a_reason():
    story = Story()
    story.stored["a", 10] = (9, time.time())
    connection = story.connection(range(10)).ledger.connections[0]
    story.ledger.delivered(connection, 2000, "a", [{"sequenceNumber": "10", "data": {"n": 9}}])
    assert story.findings() == {"stored twice for no reason": 1}
    story.ledger.lost_answers.append(time.time() - 5)
    assert story.findings() == {}

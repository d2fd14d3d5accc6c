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


@pytest.mark.parametrize("seed", range(1, 6))
def test_nothing_is_lost_whatever_is_disturbed(seed):
    command = [
        sys.executable, str(CHECKER), "--seed", str(seed), "--records", "2500", "--guarantee", "issue3",
        "--stuck", "20"]
    checker = subprocess.Popen(
        command, env={**os.environ, "KINESIS_SIDECAR": str(PROGRAM)}, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        told, _ = checker.communicate(timeout=50)
    except subprocess.TimeoutExpired:
        checker.terminate()  # it ends its processes
        raise AssertionError(f"seed {seed} took longer than 50 s:\n{checker.communicate(timeout=8)[0]}") from None
    assert checker.returncode == 0, told


class Story:
    """Ten records, n at sequence number n of shard "a"; a test tells what happened to them."""

    def __init__(self):
        self.ledger, self.parents = Ledger(), {"a": [], "b": ["a"]}
        self.stored = {("a", n): (n, time.time()) for n in range(10)}
        for n in range(10):
            self.put(n, ("a", n))

    def put(self, n, *places):
        self.ledger.puts[n] = Put(n, 0, list(places), [(time.time(), time.time(), "acknowledged")])

    def connection(self, numbers, how=None, shard="a"):
        connection = self.ledger.connected(0, None)
        for n in numbers:
            connection.received += 100
            self.ledger.delivered(connection, connection.received, shard, [{"sequenceNumber": str(n), "data": {"n": n}}])
        connection.how, connection.ended = how, time.time() if how else None
        return self

    def findings(self, guarantee="issue4"):
        found = judge(self.ledger, self.stored, self.parents, guarantee).findings
        return {title: len(where) for title, where in found.items() if where}


def test_the_checker_is_content_when_all_came_once_and_in_order():
    assert Story().connection(range(10)).findings() == {}


@pytest.mark.parametrize("guarantee", ["issue3", "issue4"])
@pytest.mark.parametrize("how", ["end", "left", "cut"])
def test_the_checker_misses_what_was_passed_over(how, guarantee):
    story = Story().connection(range(4), how).connection(range(6, 10))
    assert story.findings(guarantee) == {"lost": 2}


def test_the_checker_misses_the_last_records():
    assert Story().connection(range(8)).findings("issue3") == {"lost": 2}


def test_what_a_killed_reader_had_not_read_is_lost_unless_issue3_is_asked_for():
    story = Story().connection(range(4), "killed").connection(range(6, 10))
    assert story.findings("issue3") == {}
    assert story.findings("issue4") == {"lost": 2}


def test_a_kill_does_not_excuse_what_one_connection_passed_over_later():
    story = Story().connection(range(4), "killed").connection([4, 5, 8, 9])
    assert story.findings("issue3") == {"lost": 2}


def test_the_checker_sees_disorder_on_a_connection_and_over_two():
    assert Story().connection([0, 2, 1, *range(3, 10)]).findings()["out of order"]
    assert Story().connection([0, *range(4, 10)], "left").connection(range(1, 4)).findings()["out of order"]


def test_a_child_before_its_parents_end_is_disorder():
    story = Story().connection(range(5))
    story.stored["b", 100] = (100, time.time())
    story.put(100, ("b", 100))
    connection = story.ledger.connections[0]
    story.ledger.delivered(connection, 600, "b", [{"sequenceNumber": "100", "data": {"n": 100}}])
    for n in range(5, 10):
        story.ledger.delivered(connection, 700, "a", [{"sequenceNumber": str(n), "data": {"n": n}}])
    assert story.findings() == {"out of order": 1}


def test_a_repetition_needs_a_reason():
    assert Story().connection(range(10), "end").connection([9]).findings() == {"twice for no reason": 1}
    assert Story().connection([*range(10), 9]).findings()["twice for no reason"] == 1
    assert Story().connection(range(10), "killed").connection([9]).findings() == {}
    killed = Story().connection(range(10), "cut")
    killed.ledger.kills.append(time.time())
    assert killed.connection([8, 9]).findings("issue3") == {}


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

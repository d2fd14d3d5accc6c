"""Some seeds of the checker (Tests/Checker), and that the checker sees what it is there to see."""

import os
import re
import subprocess
import sys
import time

import pytest

from harness.sidecar import PROGRAM, ROOT

CHECKER = ROOT / "Tests" / "Checker"
sys.path.insert(0, str(CHECKER))

from formats import Items, item  # noqa: E402
from ledger import WHOLE, Ledger, Put, Sequence  # noqa: E402
from plan import Plan  # noqa: E402
from verdict import judge  # noqa: E402


# Seeds that are run at the same time: a run waits more than it works.
AT_ONCE = 2


@pytest.mark.seconds(600)
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


# Small seeds of enhanced fan-out, with checkpoints of either kind.
PUSHED, PUSHED_RECORDS = (1, 2), 4000


@pytest.mark.seconds(240)
@pytest.mark.parametrize("seed", PUSHED)
def test_nothing_is_lost_of_what_is_pushed(seed):
    checker = check(seed, "--fan-out", "--records", str(PUSHED_RECORDS))
    try:
        told = checker.communicate(timeout=230)[0]
    finally:
        checker.terminate()
    print(told)
    assert checker.returncode == 0, told


def test_what_is_pushed_is_disturbed_by_all_that_happens_to_subscriptions():
    plans = [Plan(seed, PUSHED_RECORDS, 3, fan_out=True) for seed in PUSHED]
    assert {plan.manual for plan in plans} == {False, True}
    assert {
        "cutFrame", "silence", "badChecksum", "exception", "endEarly", "splitFrames", "deregister", "split", "merge",
        "kill sidecar", "kill Kinesis"} <= {step.kind for plan in plans for step in plan.steps}


# A small seed with acknowledgements, whose sidecar aggregates and compresses.
MIXED, MIXED_RECORDS = 12, 3000


@pytest.mark.seconds(180)
def test_nothing_is_lost_of_what_is_aggregated_compressed_or_in_s3():
    plan = Plan(MIXED, MIXED_RECORDS, 3, formats=True)
    assert plan.manual and plan.formats.aggregates and plan.formats.compresses
    assert {"delete items", "split", "kill sidecar", "stop sidecar"} <= {step.kind for step in plan.steps}
    checker = check(MIXED, "--formats", "--records", str(MIXED_RECORDS))
    try:
        told = checker.communicate(timeout=170)[0]
    finally:
        checker.terminate()
    print(told)
    assert checker.returncode == 0, told
    # Where a turn begins is a matter of moments, and told only: test_aggregates.py has it happen.
    happened = re.search(r"(\d+) stored in aggregates, .* (\d+) acknowledgements inside of them, .* (\d+) records came as", told)
    assert all(int(count) > 0 for count in happened.groups()), told


def check(seed, *options):
    command = [sys.executable, str(CHECKER), "--seed", str(seed), *options]
    return subprocess.Popen(
        command, env={**os.environ, "KINESIS_SIDECAR": str(PROGRAM)}, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


class Story:
    """Ten records, n at sequence number n of shard "a"; a test tells what happened to them."""

    def __init__(self):
        self.ledger, self.parents = Ledger(), {"a": [], "b": ["a"]}
        self.stored = {("a", Sequence(n)): (n, time.time()) for n in range(10)}
        for n in range(10):
            self.put(n, ("a", Sequence(n)))

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
        self.more(connection, numbers, shard)

    def more(self, connection, numbers, shard="a"):
        """These records come, of a shard that the connection has."""
        for n in numbers:
            connection.received += 100
            self.ledger.delivered(connection, connection.received, shard, [{"sequenceNumber": str(n), "data": {"n": n}}])

    def settle(self):
        """So much time goes by that nothing that came before lies in a socket any more."""
        for d in self.ledger.deliveries:
            d.at -= 60
            d.assigned_at -= 60
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


class Family(Story):
    """Ten records of "a", and three of its child "b", whose numbers begin at 100; "c" is the child's child."""

    def __init__(self):
        super().__init__()
        self.parents["c"] = ["b"]
        for n in range(100, 103):
            self.stored["b", Sequence(n)] = (n, time.time())
            self.put(n, ("b", Sequence(n)))

    def reader(self, resumed=None):
        return self.ledger.connected(len(self.ledger.connections), resumed)

    def end(self, connection, how):
        connection.how, connection.ended = how, time.time()

    def event(self, place):
        """What a client that comes back names: the serial and connection of an event."""
        return self.ledger.deliveries[place].event, self.ledger.deliveries[place].connection


def test_a_child_before_its_parents_end_is_disorder():
    story = Family()
    reader = story.reader()
    story.tell(reader, range(5))
    story.tell(reader, range(100, 103), "b")
    story.tell(reader, range(5, 10))
    assert story.findings() == {"out of order": 1}
    assert story.findings(manual=True)["out of order"] == 2


def test_what_a_reader_that_stalled_had_in_its_socket_is_no_disorder():
    story = Family()
    stalled, other = story.reader(), story.reader()
    stalled.opened -= 2
    story.tell(stalled, range(5))
    story.tell(other, range(100, 103), "b")
    story.tell(stalled, range(5, 10))
    assert story.findings() == {}
    # Longer than any stall lasts.
    for d in story.ledger.deliveries[:8]:
        d.at -= 60
        d.assigned_at -= 60
    stalled.opened -= 60
    assert story.findings() == {"out of order": 1}


@pytest.mark.parametrize("how", ["killed", "cut", "left"])
def test_a_parent_that_goes_back_takes_its_child_back(how):
    """Reader A has the parent and is lost, B has got the child by then."""
    def story():
        told = Family()
        told.a, told.b = told.reader(), told.reader()
        told.tell(told.a, range(10))
        told.tell(told.b, [100, 101], "b")
        told.settle()
        told.end(told.a, how)
        told.tell(told.b, range(4, 10))
        return told

    stays = story()
    stays.more(stays.b, [102], "b")  # it goes on where it was
    assert stays.findings() == {"out of order": 1}
    anew = story()
    anew.tell(anew.b, [102], "b")
    assert anew.findings() == {"out of order": 1}
    again = story()
    again.tell(again.b, range(100, 103), "b")
    assert again.findings() == {}


def test_a_reader_that_has_a_child_while_its_parent_is_read_again_has_it_too_early():
    story = Family()
    lost, child, other = story.reader(), story.reader(), story.reader()
    story.tell(lost, range(10))
    story.tell(child, [], "b")
    story.settle()
    child.assigned["b"] = (child.assigned["b"][0] - 60, child.assigned["b"][1])
    story.end(lost, "killed")
    story.tell(other, range(4, 10))
    story.more(child, range(100, 103), "b")
    assert story.findings() == {"out of order": 1}


def test_a_parent_that_goes_back_takes_the_childs_children_back():
    story = Family()
    story.stored["c", Sequence(200)] = (200, time.time())
    story.put(200, ("c", Sequence(200)))
    lost, reader = story.reader(), story.reader()
    for connection, shard, numbers in ((lost, "a", range(10)), (reader, "b", range(100, 103)), (reader, "c", [200])):
        story.tell(connection, numbers, shard)
    story.settle()
    story.end(lost, "killed")
    story.tell(reader, range(10))
    story.tell(reader, range(100, 103), "b")
    assert story.findings() == {"out of order": 2}  # behind its parent, and behind that one's
    # Such a repetition has the ancestor's reason.
    story.tell(reader, [200], "c")
    assert story.findings() == {}
    lost.how = "end"
    assert story.findings() == {"twice for no reason": 14}


def test_a_child_that_was_sent_before_its_parent_went_back_may_be_read_after():
    """The reader of the parent is lost between the sending of the child's first records and the moment at which their
    reader, which stalls, takes them; they come again."""
    story = Family()
    lost, stalled = story.reader(), story.reader()
    story.tell(lost, range(8))
    story.settle()
    story.end(lost, "killed")
    lost.ended -= 1
    story.tell(stalled, [100, 101], "b")
    time.sleep(0.001)  # a later time
    story.tell(story.reader(), range(5, 10))
    story.tell(stalled, range(100, 103), "b")
    assert story.findings() == {}


def test_what_a_client_asks_for_comes_again():
    def story(upto, how=None):
        told = Story().connection(range(10), "end")
        fifth = (told.ledger.deliveries[5].event, told.ledger.connections[0])
        return told.settle().connection(range(6, upto), how, resumed=fifth)

    assert story(10).findings() == {}
    assert story(9).findings() == {"not sent again": 1}
    # Another reader gets it, while its client is there: that is not what it asked for.
    assert story(9).connection([9]).findings() == {"not sent again": 1}
    # The client has gone: whoever gets the shard gets the rest.
    assert story(9, "killed").findings() == {"not sent again": 1}
    assert story(9, "killed").connection([9]).findings() == {}
    # The sidecar has ended: the client may ask again.
    assert story(9, "end").findings() == {}
    killed = story(9, "cut")
    killed.ledger.kills.append(time.time())
    assert killed.findings() == {}
    # Where readers acknowledge, that decides.
    assert "not sent again" not in story(9).findings(manual=True)


def test_what_two_clients_ask_for_comes_again_to_each():
    """Each has worked off a part of parent and child; one after the other comes back."""
    def story(*second):
        told = Family()
        one, two = told.reader(), told.reader()
        told.tell(one, range(5))
        told.tell(two, range(5, 10))
        told.tell(one, [100, 101], "b")
        told.tell(two, [102], "b")
        told.settle()
        told.end(one, "killed")
        told.end(two, "killed")
        first = told.reader(told.event(1))
        told.tell(first, range(2, 10))
        told.tell(first, [100, 101, 102], "b")
        again = told.reader(told.event(7))
        told.tell(again, range(8, 10))
        told.tell(again, second, "b")
        return told

    assert story(100, 101, 102).findings() == {}
    assert story(100, 101).findings()["not sent again"] == 1
    assert "not sent again" in story().findings()


def test_what_the_sidecar_forgot_when_it_was_killed_comes_again_to_anybody():
    def story():
        told = Story().connection(range(10), "cut")
        told.ledger.kills.append(time.time())
        time.sleep(0.001)  # a later time
        eighth = (told.ledger.deliveries[7].event, told.ledger.connections[0])
        return told.connection([9], resumed=eighth)

    told = story().connection([8])
    for c in told.ledger.connections[1:]:
        c.opened += 1
    assert told.findings() == {}
    told = story()
    for c in told.ledger.connections[1:]:
        c.opened += 1
    assert told.findings() == {"not sent again": 1}


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


def test_what_a_reader_left_in_its_socket_unread_goes_back_too():
    """It had the shard, and has taken nothing of it: nobody but the sidecar knows what it was sent."""
    def story(shard):
        return Story().connection(range(10), "end").settle().connection([], "left", shard).connection([9])

    assert story("a").findings() == {}
    assert story("b").findings() == {"twice for no reason": 1}


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
    story.ledger.stored("a", Sequence(5))
    time.sleep(0.001)  # a later time
    assert story.connection(range(6, 10)).findings(manual=True) == {
        "delivered, never acknowledged, and not again": 4}
    story.ledger.stored("a", Sequence(9))
    assert story.findings(manual=True) == {}
    story.connection([5])
    assert story.findings(manual=True) == {"twice for no reason": 1}


class Aggregates(Story):
    """Two records of "a", 0 and 1, that hold five user records each: n is 5 times the record, and the place in it."""

    def __init__(self):
        super().__init__()
        self.stored = {("a", Sequence(n // 5, n % 5)): (n, time.time()) for n in range(10)}
        for n, place in zip(range(10), list(self.stored)):
            self.put(n, place)

    def more(self, connection, numbers, shard="a"):
        for n in numbers:
            connection.received += 100
            self.ledger.delivered(connection, connection.received, shard, [
                {"sequenceNumber": str(n // 5), "subSequenceNumber": n % 5, "data": {"n": n}}])


def test_user_records_of_an_aggregate_are_told_apart():
    assert Aggregates().connection(range(10)).findings() == {}
    assert Aggregates().connection([0, 1, 2, 4, *range(5, 10)]).findings() == {"lost": 1}
    assert Aggregates().connection([0, 2, 1, *range(3, 10)]).findings() == {"out of order": 1}
    assert Aggregates().connection(range(5)).connection(range(7, 10)).findings() == {"lost": 2}
    # A part comes again for a reason, and only so.
    assert Aggregates().connection(range(8), "end").connection(range(7, 10)).findings() == {"twice for no reason": 1}
    assert Aggregates().connection(range(8), "killed").connection(range(6, 10)).findings() == {}


def test_an_acknowledgement_inside_an_aggregate_is_of_what_lies_before_it():
    story = Aggregates().connection(range(8), "killed")
    story.ledger.stored("a", Sequence(1, 1))
    time.sleep(0.001)  # a later time
    story.connection(range(7, 10))
    assert story.findings(manual=True) == {"delivered, never acknowledged, and not again": 3}
    story.ledger.stored("a", Sequence(1, WHOLE))
    assert story.findings(manual=True) == {}
    counts = judge(story.ledger, story.stored, story.parents, manual=True).counts
    assert (counts["of aggregates"], counts["begun inside"], counts["acknowledged inside"]) == (10, 1, 1)
    story.connection([6])
    assert story.findings(manual=True) == {"twice for no reason": 1}


def test_what_is_wrong_with_a_record_s_data_is_told():
    items = Items("http://127.0.0.1:1")
    items.gone.add("gone")
    pointer = {"@S3Item": {"bucket": "b", "key": "gone"}, "n": 23}
    assert items.problem({"data": item(23)}) is None
    assert items.problem({"data": item(23) | {"pad": ""}})
    assert items.problem({"data": pointer}), "a pointer without a word"
    assert items.problem({"data": pointer, "dataError": {"code": "itemGone"}}) is None and items.pointers == {23}
    assert items.problem({"data": pointer, "dataError": {"code": "itemFailed"}})
    items.gone.clear()
    assert items.problem({"data": pointer, "dataError": {"code": "itemGone"}})


def test_an_acknowledgement_without_an_answer_may_be_stored():
    story = Story().connection(range(10), "killed")
    (connection,) = story.ledger.connections
    story.ledger.maybe_stored(connection, "a", Sequence(7))
    assert story.findings(manual=True) == {"delivered, never acknowledged, and not again": 2}
    story.ledger.maybe_stored(connection)
    assert story.findings(manual=True) == {}


def test_the_checker_knows_what_was_put():
    story = Story().connection(range(10))
    story.put(4, ("a", Sequence(44)))
    assert story.findings() == {"acknowledged, not stored": 1}
    story = Story().connection(range(10))
    story.stored["a", Sequence(3)] = (33, time.time())
    assert story.findings() == {"acknowledged, not stored": 1, "changed": 2}


def test_two_copies_of_a_record_need_a_reason():
    story = Story()
    story.stored["a", Sequence(10)] = (9, time.time())
    connection = story.connection(range(10)).ledger.connections[0]
    story.ledger.delivered(connection, 2000, "a", [{"sequenceNumber": "10", "data": {"n": 9}}])
    assert story.findings() == {"stored twice for no reason": 1}
    story.ledger.lost_answers.append(time.time() - 5)
    assert story.findings() == {}

"""The rules of a group: what was lost, read by two at a time, out of order or twice, and which of it is allowed."""

import math
import time
from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import accumulate

from ledger import Ledger
from verdict import Lineage, Verdict, WhyAgain, check_order, inside, missing, unacknowledged

# From the moment at which one process sends to that at which its reader has noted it, at most: this machine is busy.
LATE = 1.0
# What a member has sent or stored so long before it was disturbed may not be in the group's item: `checkpointInterval`
# (1 s), the write, a busy machine.
UNWRITTEN = 3.0
# How long after the end of a disturbance it still cannot: who was cut off or refused tries again after 5 s at the latest.
CUT_OFF = "cut off from DynamoDB"
THROTTLED = "throttled by DynamoDB"
RECOVERING = {CUT_OFF: 6.0, THROTTLED: 6.0}
# The member that is a lifion-kinesis process.
PLAYER = "lifion"


@dataclass
class Disturbance:
    """Something that keeps a member from saying in the group's item how far it is."""

    reason: str
    member: int
    since: float = field(default_factory=time.time)
    until: float | None = None

    def __enter__(self):
        self.since = time.time()

    def __exit__(self, *_):
        self.until = time.time()

    def hides(self, at):
        """Whether the item may not say what the member did at that time."""
        return self.since - UNWRITTEN <= at <= (self.until or at) + RECOVERING.get(self.reason, LATE)


class GroupLedger(Ledger):
    """What was seen, with what happened to whom, and whose reader is whose."""

    def __init__(self, problem=lambda record: None):
        super().__init__(problem)
        self.disturbances = []
        self._members = []

    def reader_of(self, member):
        """The number of a new reader of that member."""
        self._members.append(member)
        return len(self._members) - 1

    def member(self, connection):
        return self._members[connection.reader]

    def unacknowledged(self):
        with self.lock:
            return unacknowledged(self, self.deliveries)


def judge(ledger, stored, parents, put, manual):
    """`stored`: (shard, sequence number) → (n, arrival time); `parents`: shard → its parents; `put`: n → its place;
    `manual`: whether the readers acknowledge."""
    verdict = Verdict()
    with ledger.lock:
        deliveries = sorted(ledger.deliveries, key=lambda d: d.event)
    first = check_order(verdict, deliveries, stored)
    lineage = Lineage(parents)
    by_shard = defaultdict(list)
    for d in deliveries:
        by_shard[d.shard].append(d)
    for n, place in put.items():
        if stored.get(place, (None,))[0] != n:
            verdict.findings["put, not stored"].append(f"n={n} {place}")
    for shard, its in by_shard.items():
        verdict.findings["two members at a time"] += two_at_a_time(ledger, its)
        numbers = sorted(sequence for name, sequence in stored if name == shard)
        verdict.findings["begun behind a gap"] += gaps(ledger, its, numbers, manual)
    verdict.findings["out of order"] += children_before_parents(ledger, first, lineage)
    _repetitions(verdict, ledger, deliveries, by_shard, first, lineage, manual)
    lost = missing(ledger, deliveries, stored)
    verdict.findings["lost"] += [f"n={stored[place][0]} {place[0]} {place[1]}: {why}" for place, why in lost.items()]
    if manual:
        verdict.findings["delivered, never acknowledged, and not again"] += unacknowledged(ledger, deliveries)
    verdict.findings["else"] += ledger.complaints
    verdict.counts = inside(ledger, deliveries, stored) | {
        "stored": len(stored), "delivered": len(deliveries), "distinct": len(first), "shards": len(parents),
        "hand-overs": sum(_hand_overs(ledger, its) for its in by_shard.values()),
        "endings": dict(Counter(c.how for c in ledger.connections)),
        "gRPC": sum(c.speaks_grpc for c in ledger.connections)}
    return verdict


def _hand_overs(ledger, its):
    members = [ledger.member(d.connection) for d in its]
    return sum(one != other for one, other in zip(members, members[1:]))


def _whose(ledger, d):
    return f"connection {d.connection.number} ({d.connection.how}) of member {ledger.member(d.connection)}"


def _turn(d):
    return d.connection.number, d.shard, d.turn


def two_at_a_time(ledger, its):
    """Nothing of a shard comes from a member that has it since before another one was sent something of it. Returns what
    does, as text: once for each turn."""
    found = {}
    last = {}  # member → when something of the shard came from it
    for d in its:
        member = ledger.member(d.connection)
        for other, times in last.items():
            if other == member or _turn(d) in found:
                continue
            # The last that had certainly come before this one.
            place = bisect_left(times, d.at - LATE)
            if place and times[place - 1] > d.assigned_at + LATE:
                found[_turn(d)] = (
                    f"{d.shard} n={d.n} at {d.at:.3f}, {_whose(ledger, d)}, assigned at {d.assigned_at:.3f}; member {other} "
                    f"has sent at {times[place - 1]:.3f}")
        last.setdefault(member, []).append(d.at)
    return list(found.values())


def gaps(ledger, its, numbers, manual):
    """A turn has one record of the shard after the other, and begins where everything before has come; where another
    member had the shard, and its readers acknowledge, where everything before is acknowledged. Returns what does not."""
    place = {sequence: index for index, sequence in enumerate(numbers)}
    arrivals = {}
    for d in its:
        arrivals.setdefault(d.sequence, d.at)
    arrivals = [arrivals.get(sequence, math.inf) for sequence in numbers]
    complete = list(accumulate(arrivals, max, initial=0))  # from when everything before had come
    found, last, member = [], {}, None
    for d in its:
        if d.sequence not in place:
            continue  # said by `check_order`
        index, before, member = place[d.sequence], member, ledger.member(d.connection)
        problem = None
        if _turn(d) in last:
            if index > last[_turn(d)] + 1:
                problem = f"{index - last[_turn(d)] - 1} records are left out"
        elif complete[index] > d.at + LATE:
            problem = f"{sum(at > d.at + LATE for at in arrivals[:index])} records had not come"
        elif manual and index and before not in (None, member) and not _acknowledged(ledger, d, numbers[index - 1]):
            problem = "not everything is acknowledged"
        if problem:
            found.append(f"{problem} before {d.shard} n={d.n} at {d.at:.3f}, {_whose(ledger, d)}")
        last[_turn(d)] = index
    return found


def _acknowledged(ledger, d, upto):
    """Whether everything of the shard up to there was acknowledged before, or may have been: a member that was stopped
    answers later."""
    if any(a.shard == d.shard and a.sequence >= upto for a in ledger.unanswered):
        return True
    pauses = [each for each in ledger.disturbances if each.since <= d.at <= (each.until or d.at) + LATE]
    latest = max([d.at, *(each.until or d.at for each in pauses)]) + 2 * LATE
    return any(a.shard == d.shard and a.sequence >= upto and a.answered <= latest for a in ledger.acknowledgements)


def children_before_parents(ledger, first, lineage):
    """Nothing of a shard comes for the first time while something of an ancestor is still to come for the first time.
    Members that go back do not take along what others have (decision 19); lifion-kinesis does not look at the second
    parent. Returns what does."""
    begins, ends = {}, {}
    for (shard, _), d in first.items():
        begins.setdefault(shard, d)
        ends[shard] = d
    return [
        f"{shard} began at {begins[shard].at:.3f}, n={begins[shard].n}; its ancestor {ancestor} had n={ends[ancestor].n} at "
        f"{ends[ancestor].at:.3f}"
        for shard in begins for ancestor in sorted(lineage.ancestors(shard))
        if ancestor in ends and ends[ancestor].at > begins[shard].at + LATE
        and ledger.member(begins[shard].connection) != PLAYER]


def _repetitions(verdict, ledger, deliveries, by_shard, first, lineage, manual):
    """A record that came before may come again only when something happened in between that allows it."""
    why = _Why(ledger, by_shard, first, lineage, manual)
    earlier = defaultdict(list)
    for d in deliveries:
        its = earlier[d.shard, d.sequence]
        if its:
            if reason := why.reason(its, d):
                verdict.duplicates[reason] += 1
            else:
                verdict.findings["twice for no reason"].append(
                    f"n={d.n} {d.shard} {d.sequence} at {d.at:.3f}, {_whose(ledger, d)}, before at {its[-1].at:.3f}, "
                    f"{_whose(ledger, its[-1])}")
        its.append(d)


class _Why:
    """The group goes on where its item says; a member where a connection of its own was lost, as a sidecar alone does."""

    def __init__(self, ledger, by_shard, first, lineage, manual):
        self.ledger, self.manual = ledger, manual
        self.acknowledged = defaultdict(list)
        for a in ledger.acknowledgements:
            self.acknowledged[a.shard].append(a)
        members = {ledger.member(c) for c in ledger.connections}
        self.lost = {
            member: WhyAgain(
                _Part(ledger, member),
                {shard: [d for d in its if ledger.member(d.connection) == member] for shard, its in by_shard.items()},
                first, lineage)
            for member in members}

    def reason(self, its, again):
        if self.ledger.member(again.connection) == PLAYER:
            return "lifion-kinesis goes by `checkpoint` alone"
        done_at = its[-1].at
        if self.manual:
            covering = [
                a.answered for a in self.acknowledged[again.shard]
                if a.sequence >= again.sequence and a.answered < again.assigned_at - LATE]
            if not covering:
                return "it was not acknowledged"
            done_at = min(covering)
        for member in {self.ledger.member(d.connection) for d in its}:
            for each in self.ledger.disturbances:
                if each.member == member and each.since <= again.at and each.hides(done_at):
                    return f"its member was {each.reason}"
        return None if self.manual else self.lost[self.ledger.member(its[-1].connection)].reason(its[-1], again)


class _Part:
    """What a member alone has seen of the group."""

    def __init__(self, ledger, member):
        self.kills = []
        self.connections = [c for c in ledger.connections if ledger.member(c) == member]
